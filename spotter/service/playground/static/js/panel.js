// The panel next to the picture: the sheet's reading as text, list, JSON and details.

import { arrangement, from, keptPieces, pretty, step, textOf } from "./answer.js";
import { $, el } from "./dom.js";
import { count, ms, sheetName, short } from "./format.js";
import { problemCard } from "./problem.js";

const TABS = ["text", "list", "json", "export", "about"];
const NAMES = { words: "Words", lines: "Lines", blocks: "Blocks" };
const STAGES = { upload: "Upload", decode: "Decode", queue: "Queue", infer: "Model", postprocess: "Words" };

export class Panel {
  // show(tab) is called when another tab is opened; hover and choose get a unit's index; retry reads a file again.
  constructor({ show, hover, choose, retry }) {
    this.tab = "text";
    this.handlers = { show, hover, choose, retry };
    for (const name of TABS) {
      const tab = $(`tab-${name}`);
      tab.addEventListener("click", () => this.select(name));
      tab.addEventListener("keydown", (event) => this.step(event, name));
    }
    this.list = el("ul", { role: "listbox", "aria-multiselectable": "true", tabindex: "0", "aria-label": "Words" });
    $("pane-list").append(this.list);
    this.list.addEventListener("click", (event) => {
      const index = indexOf(event.target);
      if (index !== null) choose(index, event.shiftKey || event.ctrlKey || event.metaKey, true);
    });
    this.list.addEventListener("keydown", (event) => this.walk(event));
    for (const pane of [this.list, $("pane-text")]) {
      pane.addEventListener("pointerover", (event) => hover(indexOf(event.target)));
      pane.addEventListener("pointerleave", () => hover(null));
    }
    $("pane-text").addEventListener("click", (event) => {
      const index = indexOf(event.target);
      if (index !== null && getSelection().isCollapsed) choose(index, event.shiftKey || event.ctrlKey || event.metaKey, true);
    });
  }

  select(name) {
    this.tab = name;
    for (const each of TABS) {
      $(`tab-${each}`).setAttribute("aria-selected", each === name);
      $(`tab-${each}`).tabIndex = each === name ? 0 : -1;
      $(`pane-${each}`).hidden = each !== name;
    }
    this.handlers.show(name);
  }

  step(event, name) {
    const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -TABS.length, End: TABS.length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const far = Math.abs(moves[event.key]) > 1;
    const place = far ? (moves[event.key] > 0 ? TABS.length - 1 : 0) : TABS.indexOf(name) + moves[event.key] + TABS.length;
    const next = TABS[place % TABS.length];
    this.select(next);
    $(`tab-${next}`).focus();
  }

  // Arrow keys move through the list, and the picture follows.
  walk(event) {
    const last = this.units.length - 1;
    const at = this.units.findIndex((unit) => unit === this.at);
    const moves = { ArrowDown: Math.min(last, at + 1), ArrowUp: Math.max(0, at - 1), Home: 0, End: last };
    if (!(event.key in moves) || last < 0) return;
    event.preventDefault();
    this.handlers.choose(moves[event.key], event.shiftKey, true);
  }

  // sheet: the one that is shown, or null.
  frame(sheet) {
    const problem = sheet?.problem ?? null;
    const answer = sheet?.answer ?? null;
    $("nothing").hidden = Boolean(problem || answer);
    $("nothing").classList.toggle("reading", Boolean(sheet) && !problem && !answer);
    $("nothing").firstElementChild.textContent = sheet
      ? `Reading ${sheetName(sheet)} …`
      : "The result appears here: text, words with their confidence, JSON, and every form to download.";
    $("problem").hidden = !problem;
    if (problem && problem !== this.problem) $("problem").replaceChildren(...problemCard(problem, () => this.handlers.retry(sheet.file)));
    this.problem = problem;
    $("found").hidden = !answer;
    if (!answer) return;
    $("sheet-name").textContent = sheetName(sheet);
    $("warnings").replaceChildren(...answer.warnings.map((warning) => el("li", { text: warning })));
    this.timing(sheet.file);
    this.about(sheet);
  }

  contents(sheet, units, level, least) {
    this.units = units;
    const { answer } = sheet;
    const numbers = answer.words.filter(({ score }) => score >= least).length;
    $("counts").textContent = level === "words" ? count(numbers, "word") : `${count(numbers, "word")} in ${count(units.length, level.slice(0, -1))}`;
    $("tab-list").textContent = NAMES[level];
    if (this.tab === "text") this.text(answer, units, least);
    if (this.tab === "list") this.rows(units, level);
    if (this.tab === "json") $("json").textContent = pretty(from(answer, least));
  }

  text(answer, units, least) {
    const owner = new Map(units.flatMap(({ words }, index) => words.map((word) => [word, index])));
    const blocks = arrangement(answer)
      .map((pieces) => keptPieces(pieces, (index) => answer.words[index].score >= least))
      .filter((pieces) => pieces.length);
    $("pane-text").replaceChildren(
      ...blocks.map((pieces) =>
        el(
          "p",
          {},
          pieces.flatMap(({ index, gap }) => {
            const { text, score, script } = answer.words[index];
            const title = script ? `${score.toFixed(2)}, probably of a script that the model does not know` : score.toFixed(2);
            return [gap, el("span", { class: `word c${step(score)}`, "data-index": owner.get(index), title, text })];
          }),
        ),
      ),
    );
    if (!blocks.length) {
      const any = textOf(answer, () => true);
      $("pane-text").replaceChildren(el("p", { class: "fine", text: any ? "No word has this score." : "No words were found." }));
    }
  }

  rows(units, level) {
    this.list.setAttribute("aria-label", NAMES[level]);
    this.list.replaceChildren(
      ...units.map(({ text, score }, index) =>
        el(
          "li",
          { role: "option", id: `unit-${index}`, "data-index": index, "aria-selected": "false" },
          el("span", { class: "unit-text", text }),
          el("span", { class: `unit-score c${step(score)}` }, el("i", { class: "bar-of-score", "data-score": score.toFixed(2) }), score.toFixed(2)),
        ),
      ),
    );
    for (const bar of this.list.querySelectorAll(".bar-of-score")) bar.style.width = `${Number(bar.dataset.score) * 100}%`;
  }

  // hovered: a unit's index or null. chosen: a set of them. at: the one that was chosen last.
  mark(hovered, chosen, at) {
    this.at = at === null ? null : this.units?.[at];
    for (const element of $("pane-text").querySelectorAll("[data-index]")) {
      const index = Number(element.dataset.index);
      element.classList.toggle("hovered", index === hovered);
      element.classList.toggle("chosen", chosen.has(index));
    }
    for (const element of this.list.children) {
      const index = Number(element.dataset.index);
      element.classList.toggle("hovered", index === hovered);
      element.setAttribute("aria-selected", chosen.has(index));
    }
    if (at === null) this.list.removeAttribute("aria-activedescendant");
    else {
      this.list.setAttribute("aria-activedescendant", `unit-${at}`);
      $(`unit-${at}`)?.scrollIntoView({ block: "nearest" });
    }
  }

  timing(file) {
    const server = file.stages.reduce((sum, { ms: each }) => sum + each, 0);
    const parts = [...file.stages, { stage: "network", ms: Math.max(0, file.took - server) }];
    const total = parts.reduce((sum, part) => sum + part.ms, 0) || 1;
    const name = (stage) => STAGES[stage] ?? (stage === "network" ? "Network, browser" : stage);
    const bars = parts.map(({ stage, ms: each }) => {
      const bar = el("i", { class: `stage-${stage}`, title: `${name(stage)}: ${ms(each)}` });
      bar.style.flexGrow = Math.max(each / total, 0.004);
      return bar;
    });
    $("timing").replaceChildren(
      el("div", { class: "timing-bar", "aria-hidden": "true" }, bars),
      el(
        "dl",
        { class: "timing-parts", "aria-label": "Time by stage" },
        el("div", { class: "timing-total" }, el("dt", { text: file.sheets.length > 1 ? "First page" : "Total" }), el("dd", { text: ms(file.took) })),
        parts.map(({ stage, ms: each }) =>
          el("div", {}, el("dt", { class: `stage-${stage}`, text: name(stage) }), el("dd", { text: ms(each) })),
        ),
      ),
    );
  }

  about({ answer, file }) {
    const { reading, model, image, source } = answer;
    const looks = { taken: "taken", not_needed: "not needed", skipped: "skipped" };
    const facts = [["Size of the picture", `${image.width} × ${image.height} pixels`]];
    if (source) facts.push(["Source", source === "text" ? "the text that the PDF carries" : "the page's picture"]);
    if (reading) {
      facts.push(
        ["Read at", `${reading.width} × ${reading.height} pixels${reading.downscaled ? ", scaled down" : ""}`],
        ["Closer look", `${looks[reading.closer_look] ?? reading.closer_look}: ${reading.reason}`],
        ["Letters are looked for", `from about ${reading.least_height} pixels of height`],
      );
      if (reading.candidates_cut) facts.push(["Candidates", "so many that some may have been dropped"]);
    }
    facts.push(["Model", `${model.name}, version ${model.version}`], ["Digest", short(model.digest)]);
    if (file.request) facts.push(["Request", file.request]);
    $("pane-about").replaceChildren(el("dl", {}, facts.map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", { text: value })))));
  }
}

function indexOf(target) {
  const own = target.closest?.("[data-index]");
  return own && own.dataset.index !== "undefined" ? Number(own.dataset.index) : null;
}
