// The client that @hey-api/openapi-ts generates.
import assert from "node:assert/strict";
import { test } from "node:test";

import { form, key, missing, side, street, broken, url } from "./sent.js";
import { client } from "./spotter/client.gen.js";
import { capabilities, capacity, model, pagePicture, ready, spot } from "./spotter/sdk.gen.js";
import type { Problem, WordAnswer } from "./spotter/types.gen.js";

client.setConfig({ baseUrl: url, auth: (scheme) => (scheme.scheme === "bearer" ? key : undefined) });
const base64 = (bytes: Buffer): string => bytes.toString("base64");

test("a picture is read", async () => {
  const { data, error } = await spot({
    body: { image: base64(street) },
    query: { detail: "blocks", max_side: side, ignore: ["0,0,1,1", "2,2,1,1"] },
  });
  assert.equal(error, undefined);
  assert(data && "words" in data);
  const found: WordAnswer[] = data.words;
  assert.deepEqual(missing(found), []);
  for (const word of found) {
    const [[left, top] = [0, 0]] = word.polygon;
    assert(left <= data.image.width && top <= data.image.height);
    assert(word.score > 0 && word.score <= 1);
    assert.equal(word.characters?.length, undefined);
  }
  assert.equal(data.reading?.turned, 0);
  assert(data.lines && data.lines.length > 0);
  assert(data.blocks?.every((block) => block.text.length > 0));
});

test("a document is read by page", async () => {
  const { data } = await spot({ body: { image: base64(form) }, query: { pages: "1", pdf: "ocr", max_side: side } });
  assert(data && "pages" in data);
  const [page] = data.pages;
  assert(page && "words" in page);
  assert.equal(page.source, "picture");
  assert(page.words.length > 10);
});

test("a bad picture is a typed problem", async () => {
  const { data, error, response } = await spot({ body: { image: base64(broken) } });
  assert.equal(data, undefined);
  assert(error);
  const problem: Problem = error;
  assert.equal(response?.status, 422);
  assert.equal(problem.type, "urn:spotter:problem:broken-picture");
  assert.equal(problem.fault, "client");
  assert(problem.remedy.length > 0);
  const retry: number | undefined = problem.retry_after;
  assert.equal(retry, undefined);
});

test("who has no key is refused by a typed problem", async () => {
  const { error } = await capacity({ auth: "not-the-key" });
  assert.equal(error?.status, 401);
});

test("the service tells of itself", async () => {
  const room = await capacity({ throwOnError: true });
  assert(room.data.pictures.room > 0 && room.data.pictures.room <= room.data.pictures.most);
  const able = await capabilities({ throwOnError: true });
  assert(able.data.reads.some((kind) => kind.name === "JPEG" && kind.read));
  assert(able.data.parameters.some((parameter) => parameter.name === "max_side"));
  const served = await model({ throwOnError: true });
  assert(Date.now() - Date.parse(served.data.since) < 3_600_000);
  const state = await ready({ throwOnError: true });
  const status: "live" | "ready" = state.data.status;
  assert.equal(status, "ready");
  const nobody = await model({ query: { model: "nobody" } });
  assert.equal(nobody.error?.type, "urn:spotter:problem:model-not-found");
});

test("the picture of a page is a blob", async () => {
  const { data } = await pagePicture({ body: { image: base64(form) }, query: { side: 300 } });
  assert(data instanceof Blob);
  const bytes = Buffer.from(await data.arrayBuffer());
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
});
