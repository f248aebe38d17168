// Files and their sheets (a picture, or each page of a document), and their reading.

import { ask, objects, Problem, stages } from "./api.js";
import { FLOOR } from "./answer.js";
import { forget } from "./pictures.js";

const AT_ONCE = 2;

// "sheets": some were added or removed, or one has changed. "active": another one is shown.
export const events = new EventTarget();
const tell = (what) => events.dispatchEvent(new Event(what));

export const files = [];
let active = null;
let number = 0;

// The parameters of every request: set by the options and by the choice of a model.
export const asked = new Map();

export const current = () => active;
export const sheets = () => files.flatMap((file) => file.sheets);

export function look(sheet) {
  active = sheet;
  tell("active");
}

export function add(blobs) {
  const fresh = [...blobs].map((blob) => {
    number += 1;
    const file = { id: number, name: blob.name || "picture", blob, state: "waiting", sheets: [] };
    file.sheets.push(sheet(file, null));
    return file;
  });
  if (!fresh.length) return;
  files.push(...fresh);
  look(fresh[0].sheets[0]);
  tell("sheets");
  next();
}

export function remove(file) {
  const all = sheets();
  const place = all.indexOf(file.sheets[0]);
  file.abort?.abort();
  for (const each of file.sheets) forget(each);
  files.splice(files.indexOf(file), 1);
  if (active?.file === file) look(sheets()[Math.min(place, sheets().length - 1)] ?? null);
  tell("sheets");
  next();
}

// Reads files again: one that failed, or all of them with other options.
export function again(which = files) {
  for (const file of which) {
    file.abort?.abort();
    file.state = "waiting";
  }
  tell("sheets");
  next();
}

export function parameters() {
  const query = new URLSearchParams();
  for (const [name, value] of asked) query.set(name, value);
  return query;
}

function sheet(file, page) {
  return { id: `${file.id}-${page ?? 1}`, file, page, answer: null, problem: null };
}

function next() {
  const busy = files.filter((file) => file.state === "reading").length;
  for (const file of files.filter((each) => each.state === "waiting").slice(0, AT_ONCE - busy)) read(file);
}

async function read(file) {
  const abort = new AbortController();
  Object.assign(file, { state: "reading", abort, stages: [], problem: null, seen: 0 });
  for (const each of file.sheets) Object.assign(each, { problem: null });
  tell("sheets");
  const began = performance.now();
  const query = parameters();
  query.set("detail", "blocks");
  query.set("min_score", FLOOR);
  try {
    const response = await ask(`spot?${query}`, {
      method: "POST",
      body: file.blob,
      signal: abort.signal,
      headers: { "Content-Type": "application/octet-stream", Accept: "application/x-ndjson" },
    });
    file.took = performance.now() - began;
    file.stages = stages(response);
    file.request = response.headers.get("x-request-id");
    for await (const answer of objects(response)) take(file, answer);
    drop(file.sheets.splice(file.seen));
    file.state = "read";
  } catch (error) {
    if (abort.signal.aborted) return; // it was removed, or is being read again
    file.state = "failed";
    file.problem = error instanceof Problem ? error : new Problem({ title: "The answer broke off", detail: error.message });
    if (file.seen < file.sheets.length) drop(file.sheets.splice(file.seen + 1));
    else file.sheets.push(sheet(file, file.sheets.at(-1).page + 1));
    Object.assign(file.sheets.at(-1), { answer: null, problem: file.problem });
  }
  tell("sheets");
  next();
}

function take(file, answer) {
  const page = answer.page ?? null;
  const own = file.sheets[file.seen] ?? sheet(file, page);
  const failed = answer.status !== undefined;
  if (file.seen === file.sheets.length) file.sheets.push(own);
  if ((own.page ?? 1) !== (page ?? 1)) forget(own);
  Object.assign(own, {
    id: `${file.id}-${page ?? 1}`,
    page,
    answer: failed ? null : answer,
    problem: failed ? new Problem(answer) : null,
  });
  file.seen += 1;
  tell("sheets");
}

function drop(left) {
  for (const each of left) {
    forget(each);
    if (active === each) look(each.file.sheets[0]);
  }
}
