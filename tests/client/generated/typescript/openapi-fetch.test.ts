// openapi-fetch with the types that openapi-typescript generates. Binary bodies are strings to these types.
import assert from "node:assert/strict";
import { test } from "node:test";

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";
import { broken, form, key, missing, side, street, url } from "./sent.js";

type Problem = components["schemas"]["Problem"];

const client = createClient<paths>({ baseUrl: url, headers: { "X-Api-Key": key } });
const raw = {
  headers: { "Content-Type": "application/octet-stream" },
  bodySerializer: (body: unknown) => body,
};

test("a raw body is read", async () => {
  const { data, error } = await client.POST("/spot", {
    params: { query: { detail: "characters", max_side: side } },
    body: street as unknown as string,
    ...raw,
  });
  assert.equal(error, undefined);
  assert(typeof data === "object" && "words" in data); // text, for the other forms
  assert.deepEqual(missing(data.words), []);
  const [word] = data.words;
  assert(word);
  assert.equal(word.characters?.map((character) => character.text).join(""), word.text);
});

test("several files are read each with its own kind of answer", async () => {
  const files = [street, form, Buffer.from("no picture")];
  const { data } = await client.POST("/spot", {
    params: { query: { max_side: side } },
    body: { images: files as unknown as string[] },
    bodySerializer: () => {
      const body = new FormData();
      for (const file of files) body.append("images", new Blob([new Uint8Array(file)]));
      return body;
    },
  });
  assert(typeof data === "object" && "results" in data);
  const [picture, document, problem] = data.results;
  assert(picture && "words" in picture);
  assert.deepEqual(missing(picture.words), []);
  assert(document && "pages" in document);
  assert.equal(document.page_count, document.pages.length);
  assert(problem && "fault" in problem);
  assert.equal(problem.status, 415);
});

test("a bad picture is a typed problem", async () => {
  const { data, error, response } = await client.POST("/spot", { body: broken as unknown as string, ...raw });
  assert.equal(data, undefined);
  assert(error);
  const problem: Problem = error;
  assert.equal(response.status, 422);
  assert.equal(problem.type, "urn:spotter:problem:broken-picture");
  assert.equal(problem.fault, "client");
});

test("the service tells of itself", async () => {
  const { data: room } = await client.GET("/v1/capacity");
  assert(room && room.pictures.room > 0);
  const { data: able } = await client.GET("/v1/capabilities");
  assert(able?.reads.some((kind) => kind.name === "JPEG" && kind.read));
  const { error } = await client.GET("/v1/model", { params: { query: { model: "nobody" } } });
  assert.equal(error?.type, "urn:spotter:problem:model-not-found");
});
