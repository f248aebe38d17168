// The playground: connects files, stage and panel.

import { ask, Problem } from "./api.js";
import { from, pretty, textOf, units } from "./answer.js";
import { camera } from "./camera.js";
import { copy } from "./clipboard.js";
import { $, announce, coalesced, el } from "./dom.js";
import { exportPane } from "./exports.js";
import { count, sheetName, short } from "./format.js";
import { intake, takes } from "./intake.js";
import { keys } from "./keys.js";
import { modelChoice, options } from "./options.js";
import { Panel } from "./panel.js";
import { pictureOf } from "./pictures.js";
import { problemCard } from "./problem.js";
import { again, current, events, files, look, sheets } from "./sheets.js";
import { Stage } from "./stage.js";
import { showCurrent, strip } from "./strip.js";
import { Threshold } from "./threshold.js";

const state = { level: "words", inPlace: false, hovered: null, chosen: new Set(), last: null, shown: null, units: [] };
let capabilities = null;

const stage = new Stage($("stage"), {
  hover: (index) => hover(index),
  choose: (index, more) => choose(index, more, false),
  zoomed: (scale) => ($("zoom-fit").textContent = `${Math.round(scale * 100)}%`),
});
const panel = new Panel({
  show: () => contents(),
  hover: (index) => hover(index),
  choose,
  retry: (file) => again([file]),
});
const threshold = new Threshold(coalesced(() => contents()));
const demandKey = keys("v1/capabilities", () => {
  begin();
  const refused = files.filter((file) => file.problem?.status === 401);
  if (refused.length) again(refused);
});

function hover(index) {
  if (index === state.hovered) return;
  state.hovered = index;
  mark();
}

// Chooses a unit by its index, replacing the choice or adding to it; null clears the choice.
function choose(index, more, reveal) {
  const unit = state.units[index];
  const words = unit?.words ?? [];
  const had = words.length > 0 && words.every((word) => state.chosen.has(word));
  if (!more) state.chosen.clear();
  for (const word of words) {
    if (more && had) state.chosen.delete(word);
    else state.chosen.add(word);
  }
  state.last = unit ? words[0] : null;
  if (reveal && unit) stage.reveal(index);
  mark();
}

function mark() {
  const chosen = new Set(state.units.flatMap(({ words }, index) => (words.every((word) => state.chosen.has(word)) ? [index] : [])));
  const at = state.last === null ? -1 : state.units.findIndex(({ words }) => words.includes(state.last));
  stage.mark(state.hovered, chosen);
  panel.mark(state.hovered, chosen, at < 0 ? null : at);
  $("copy-text").textContent = state.chosen.size ? `Copy ${count(state.chosen.size, "word")}` : "Copy text";
}

// What depends on the threshold, the level or the tab.
function contents() {
  const sheet = current();
  const answer = sheet?.answer;
  if (!answer) {
    state.units = [];
    stage.outline([], "", false);
    return;
  }
  const least = threshold.value;
  state.units = units(answer, state.level, least);
  for (const word of state.chosen) if (answer.words[word].score < least) state.chosen.delete(word);
  stage.outline(state.units, `${count(state.units.length, state.level.slice(0, -1))} outlined`, state.inPlace && state.level === "words");
  panel.contents(sheet, state.units, state.level, least);
  if (panel.tab === "export") exportPane(sheet, capabilities?.writes ?? ["application/json"], least);
  state.hovered = null;
  mark();
}

async function picture(sheet) {
  try {
    if (sheet.answer && !stage.size) stage.show({ url: null, ...sheet.answer.image }, sheet.id);
    const found = await pictureOf(sheet);
    if (current() !== sheet) return;
    const { width, height } = sheet.answer?.image ?? found;
    stage.show({ url: found.url, width, height }, sheet.id);
    $("stage").classList.toggle("busy", !sheet.answer && !sheet.problem);
  } catch {
    if (current() === sheet) stage.without();
  }
}

function render() {
  const sheet = current();
  $("empty").hidden = Boolean(sheet);
  $("tools").hidden = !sheet;
  $("stage").classList.toggle("busy", Boolean(sheet) && !sheet.problem && (!sheet.answer || !stage.size));
  strip();
  panel.frame(sheet);
  if (!sheet) {
    stage.clear();
    state.shown = null;
    return;
  }
  picture(sheet);
  if (state.shown !== sheet.answer) {
    state.shown = sheet.answer;
    state.chosen.clear();
    state.last = null;
    if (sheet.answer) {
      threshold.draw(sheet.answer.words.map(({ score }) => score));
      const found = sheet.answer.words.filter(({ score }) => score >= threshold.value).length;
      announce(`${count(found, "word")} read in ${sheetName(sheet)}`);
    }
  }
  contents();
}

const soon = coalesced(render);
events.addEventListener("sheets", () => {
  const refused = files.find((file) => file.problem?.status === 401 && !file.told);
  if (refused) {
    refused.told = true;
    demandKey();
  }
  soon();
});
events.addEventListener("active", () => {
  stage.clear();
  state.shown = null;
  soon();
  requestAnimationFrame(showCurrent);
});

function controls() {
  for (const input of document.querySelectorAll("input[name=level]")) {
    input.addEventListener("change", () => {
      state.level = input.value;
      contents();
    });
  }
  $("in-place").addEventListener("click", () => {
    state.inPlace = !state.inPlace;
    $("in-place").setAttribute("aria-pressed", state.inPlace);
    if (state.inPlace && state.level !== "words") document.querySelector("input[name=level][value=words]").click();
    contents();
  });
  $("zoom-in").addEventListener("click", () => stage.zoom(1.4));
  $("zoom-out").addEventListener("click", () => stage.zoom(1 / 1.4));
  $("zoom-fit").addEventListener("click", () => stage.fit());
  $("copy-text").addEventListener("click", () => copied(chosenText(), "Text"));
  $("copy-json").addEventListener("click", () => copied(pretty(from(current().answer, threshold.value)), "JSON"));
  document.addEventListener("copy", (event) => {
    if (!current()?.answer || !getSelection().isCollapsed || event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", chosenText());
    note("Text copied");
  });
  document.addEventListener("keydown", turnPage);
}

function turnPage(event) {
  const by = { PageDown: 1, PageUp: -1 }[event.key];
  if (!by || event.target.closest?.("input, select, dialog, .pane, pre")) return;
  const all = sheets();
  const next = all[all.indexOf(current()) + by];
  if (!next) return;
  event.preventDefault();
  look(next);
}

function chosenText() {
  const { answer } = current();
  const kept = state.chosen.size ? (index) => state.chosen.has(index) : (index) => answer.words[index].score >= threshold.value;
  return textOf(answer, kept);
}

async function copied(text, what) {
  try {
    await copy(text);
    note(`${what} copied`);
  } catch (error) {
    note(`Not copied: ${error.message}`);
  }
}

let fading = 0;
function note(message) {
  $("copied").textContent = message;
  clearTimeout(fading);
  fading = setTimeout(() => ($("copied").textContent = ""), 3000);
}

// Asks the service for its models and capabilities; again after a key was given.
async function begin() {
  try {
    capabilities = await (await ask("v1/capabilities")).json();
    takes(capabilities);
    if (!$("options-fields").hasChildNodes()) options(capabilities.parameters);
    const digest = el("span", { class: "digest" });
    const tell = async (path) => {
      const model = await (await ask(path)).json();
      threshold.default(model.score_threshold);
      digest.textContent = short(model.digest);
      return el("span", { title: model.digest, text: `${model.name} ${model.version}` });
    };
    const name = await tell("v1/model");
    const choice = modelChoice(capabilities.parameters, (model) =>
      tell(`v1/model?model=${encodeURIComponent(model)}`).catch((problem) => note(problem.message)),
    );
    $("model").replaceChildren(choice ?? name, digest);
    $("empty").querySelector(".problem")?.remove();
    contents();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401) {
      demandKey();
      return;
    }
    const card = el("div", { class: "problem", role: "alert" }, problemCard(problem, begin));
    $("empty").querySelector(".problem")?.remove();
    $("empty").firstElementChild.prepend(card);
  }
}

$("stage").tabIndex = 0;
$("stage").setAttribute("role", "group");
$("stage").setAttribute("aria-label", "Picture: plus and minus zoom, arrows move, 0 fits");
intake();
camera();
controls();
begin();
render();
