// Downloads in every form that the service offers; each is requested again, so that it is the service's own answer.

import { address, ask, Problem } from "./api.js";
import { $, el } from "./dom.js";
import { copy } from "./clipboard.js";
import { parameters } from "./sheets.js";

// The usual names of the forms; one that is not here is offered under its media type.
const FORMS = {
  "application/json": ["JSON", ".json", "words, lines and blocks, with polygons"],
  "application/x-ndjson": ["JSON lines", ".ndjson", "a page a line"],
  "text/plain": ["Plain text", ".txt", "in reading order, tabs in tables"],
  "text/vnd.hocr+html": ["hOCR", ".hocr", "HTML with places, for OCR tools"],
  "application/alto+xml": ["ALTO 4", ".xml", "XML for libraries and archives"],
  "text/tab-separated-values": ["TSV", ".tsv", "a word a row, as Tesseract's"],
  "image/png": ["Picture", ".png", "with the words drawn on it"],
  "application/pdf": ["Searchable PDF", ".pdf", "the picture over invisible text"],
};
const DETAILED = ["application/json", "application/x-ndjson"];
const ONE_PAGE = ["image/png"];

export function exportPane(sheet, writes, least) {
  const pane = $("pane-export");
  const pages = sheet.file.sheets.length > 1;
  const scope = pane.querySelector("input[name=scope]:checked")?.value ?? "file";
  const note = el("p", { class: "fine", role: "status" });
  const rows = writes.map((type) => {
    const [name, suffix, what] = FORMS[type] ?? [type, "", ""];
    const button = el("button", { type: "button", "aria-label": `Download ${name}`, text: suffix || "Download" });
    button.addEventListener("click", () => download(sheet, type, suffix, least, pages ? chosen(pane) : "file", button, note));
    return el("li", {}, el("span", {}, el("strong", { text: name }), el("span", { class: "fine", text: what })), button);
  });
  const command = curl(sheet, least);
  pane.replaceChildren(
    ...(pages ? [scopes(scope)] : []),
    el("ul", { class: "forms" }, rows),
    note,
    el("h3", { text: "The same from a shell" }),
    el("pre", { class: "command", text: command }),
    el("button", { type: "button", text: "Copy the command", onclick: () => copy(command).then(() => (note.textContent = "Copied.")) }),
  );
}

const chosen = (pane) => pane.querySelector("input[name=scope]:checked").value;

function scopes(value) {
  const choice = (name, label) =>
    el("label", {}, el("input", { type: "radio", name: "scope", value: name, checked: name === value }), el("span", { text: label }));
  return el("fieldset", { class: "segments" }, el("legend", { class: "unseen", text: "Pages" }), choice("file", "All pages"), choice("page", "This page"));
}

function query(sheet, least, type, scope) {
  const found = parameters();
  found.set("min_score", least.toFixed(2));
  if (DETAILED.includes(type)) found.set("detail", "blocks");
  if (sheet.page !== null && (scope === "page" || ONE_PAGE.includes(type))) found.set("pages", sheet.page);
  return found;
}

async function download(sheet, type, suffix, least, scope, button, note) {
  button.disabled = true;
  note.textContent = "Being written …";
  try {
    const response = await ask(`spot?${query(sheet, least, type, scope)}`, {
      method: "POST",
      body: sheet.file.blob,
      headers: { "Content-Type": "application/octet-stream", Accept: type },
    });
    save(await response.blob(), sheet.file.name.replace(/\.\w{2,5}$/, "") + (suffix || ".bin"));
    note.textContent = "";
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    note.textContent = [error.title, error.detail, error.remedy].filter(Boolean).join(". ");
  } finally {
    button.disabled = false;
  }
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function curl(sheet, least) {
  const name = `'${sheet.file.name.replaceAll("'", "'\\''")}'`;
  return `curl --data-binary @${name} \\\n  '${address("spot")}?${query(sheet, least, "application/json", "file")}'`;
}
