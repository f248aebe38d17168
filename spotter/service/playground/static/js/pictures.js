// The pictures to be shown: the file itself where the browser can open it, otherwise as rendered by the service.

import { ask } from "./api.js";

const LARGEST = 3000; // pixels of the long side of pictures that the service renders
const SMALL = 200; // of a page in the strip
const HEAVY = 8 << 20; // bytes; a larger document is not sent again for each small picture
const KEPT = 40;

const large = new Map(); // sheet -> promise of {url, width, height}, the oldest first
const small = new Map();

// The sheet's picture: {url, width, height}. Throws Problem.
export function pictureOf(sheet) {
  if (!large.has(sheet)) {
    large.set(sheet, opened(sheet));
    large.get(sheet).catch(() => large.delete(sheet));
    for (const old of [...large.keys()].slice(0, -KEPT)) release(large, old);
  }
  return large.get(sheet);
}

// The address of a small picture for the strip, or null where it would cost too much.
export async function smallPictureOf(sheet) {
  if (large.has(sheet) || sheet.page === null) return (await pictureOf(sheet)).url;
  if (sheet.file.blob.size > HEAVY) return null;
  if (!small.has(sheet)) {
    const made = line.then(() => drawn(sheet, SMALL, "jpeg"));
    line = made.catch(() => {});
    small.set(sheet, made);
  }
  return (await small.get(sheet)).url;
}

let line = Promise.resolve(); // small pictures are requested one after the other

export function forget(sheet) {
  release(large, sheet);
  release(small, sheet);
}

function release(from, sheet) {
  from.get(sheet)?.then(({ url }) => URL.revokeObjectURL(url)).catch(() => {});
  from.delete(sheet);
}

async function opened(sheet) {
  if (sheet.page === null) {
    const url = URL.createObjectURL(sheet.file.blob);
    try {
      return { url, ...(await measured(url)) };
    } catch {
      URL.revokeObjectURL(url); // a kind of file that this browser does not know
    }
  }
  const lossless = sheet.file.blob.type === "application/pdf" || /\.pdf$/i.test(sheet.file.name);
  return drawn(sheet, LARGEST, lossless ? "png" : "jpeg");
}

async function drawn(sheet, side, format) {
  const query = new URLSearchParams({ page: sheet.page ?? 1, side, format });
  const response = await patiently(() =>
    ask(`v1/page?${query}`, {
      method: "POST",
      body: sheet.file.blob,
      headers: { "Content-Type": "application/octet-stream", Accept: "*/*" },
    }),
  );
  const url = URL.createObjectURL(await response.blob());
  return { url, ...(await measured(url)) };
}

// A service that is busy, perhaps with this same document, can render pages a little later.
async function patiently(work) {
  for (let left = 10; ; left -= 1) {
    try {
      return await work();
    } catch (problem) {
      if (![429, 503].includes(problem.status) || !left) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 1000 * (problem.retry_after ?? 1)));
    }
  }
}

async function measured(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}
