// Requests to the service: keys, problems, answers as JSON lines, and timings.

const ROOT = new URL("../../", import.meta.url); // wherever the service is mounted
const KEY = "spotter-key";

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

export const address = (path) => new URL(path, ROOT);

// Why a request failed, with the members of RFC 9457's problem.
export class Problem extends Error {
  constructor(members) {
    super(members.detail ?? members.title);
    Object.assign(this, { status: 0, detail: "", remedy: "" }, members);
  }
}

async function problemOf(response) {
  const text = await response.text().catch(() => "");
  let members = {};
  if ((response.headers.get("content-type") ?? "").includes("json")) {
    try {
      members = JSON.parse(text);
    } catch {
      // a proxy's own page: only the status is known
    }
  }
  const after = Number(response.headers.get("retry-after"));
  return new Problem({
    title: `The answer was ${response.status} ${response.statusText}`.trim(),
    detail: members.title ? "" : text.slice(0, 200),
    ...(after ? { retry_after: after } : {}),
    ...members,
    status: response.status,
  });
}

// Returns a successful response. Throws Problem, or AbortError if `signal` aborted the request.
export async function ask(path, { headers = {}, ...options } = {}) {
  const own = key.get();
  let response;
  try {
    response = await fetch(address(path), {
      credentials: "same-origin",
      ...options,
      headers: { ...(own ? { Authorization: `Bearer ${own}` } : {}), ...headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "The service cannot be reached",
      detail: error.message,
      remedy: "See whether it runs, and whether this computer is connected.",
    });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

// The objects of an answer in JSON lines, as they arrive.
export async function* objects(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = done ? "" : lines.pop();
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
    if (done) return;
  }
}

// [{stage, ms}] of a Server-Timing header, in its order.
export function stages(response) {
  const header = response.headers.get("server-timing") ?? "";
  return header
    .split(",")
    .map((part) => /^\s*([\w-]+)\s*;\s*dur=([\d.]+)/.exec(part))
    .filter(Boolean)
    .map(([, stage, ms]) => ({ stage, ms: Number(ms) }));
}
