// The strip of pictures and pages below the stage.

import { $, el } from "./dom.js";
import { sheetName } from "./format.js";
import { smallPictureOf } from "./pictures.js";
import { current, files, look, remove, sheets } from "./sheets.js";

const entries = new Map(); // sheet -> its element

const seen = new IntersectionObserver(
  (found) => {
    for (const { isIntersecting, target } of found) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      const sheet = [...entries].find(([, entry]) => entry === target)?.[0];
      if (sheet) picture(sheet, target);
    }
  },
  { rootMargin: "0px 400px" },
);

async function picture(sheet, entry) {
  try {
    const url = await smallPictureOf(sheet);
    if (url) entry.querySelector("button.open").prepend(el("img", { src: url, alt: "", loading: "lazy", draggable: "false" }));
  } catch {
    // the sheet itself shows what is wrong
  }
}

export function strip() {
  const all = sheets();
  $("strip").hidden = !all.length;
  for (const [sheet, entry] of entries) {
    if (all.includes(sheet)) continue;
    seen.unobserve(entry);
    entries.delete(sheet);
  }
  const list = $("sheets");
  const order = all.map((sheet) => entries.get(sheet) ?? made(sheet));
  if (order.length !== list.children.length || order.some((entry, place) => list.children[place] !== entry)) list.replaceChildren(...order);
  for (const sheet of all) state(sheet);
}

function made(sheet) {
  const entry = el(
    "li",
    {},
    el("button", { class: "open", type: "button", onclick: () => look(sheet) }, el("span", { class: "label" }), el("span", { class: "mark" })),
  );
  entries.set(sheet, entry);
  seen.observe(entry);
  return entry;
}

function state(sheet) {
  const entry = entries.get(sheet);
  const { file, page } = sheet;
  const first = file.sheets[0] === sheet;
  const how = sheet.problem ? "failed" : sheet.answer ? "read" : file.state;
  entry.className = how;
  entry.classList.toggle("first", first && files[0] !== file);
  const open = entry.querySelector(".open");
  open.querySelector(".label").textContent = page === null ? file.name : `${page}`;
  open.setAttribute("aria-label", `${sheetName(sheet)}: ${how}`);
  open.title = sheetName(sheet);
  if (current() === sheet) open.setAttribute("aria-current", "true");
  else open.removeAttribute("aria-current");
  const cross = entry.querySelector(".remove");
  if (first && !cross) {
    entry.append(
      el("button", { class: "remove", type: "button", "aria-label": `Remove ${file.name}`, onclick: () => remove(file) }, el("span", { "aria-hidden": "true", text: "×" })),
    );
  } else if (!first) cross?.remove();
}

export function showCurrent() {
  entries.get(current())?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
