// The operators' page: fetches /metrics regularly, and shows the last minutes.

import { ask, Problem } from "../api.js";
import { $, el } from "../dom.js";
import { keys } from "../keys.js";
import { problemCard } from "../problem.js";
import { cards } from "./cards.js";
import { parse, value } from "./metrics.js";
import { History } from "./window.js";

const EVERY = 2000; // milliseconds
const MODEL_EVERY = 10; // readings

const processes = new Map(); // start of a process -> its history: behind a balancer there may be several
let models = [];
let readings = 0;
let paused = false;
let refused = false;

const demandKey = keys("v1/model", () => {
  refused = false;
  readings = 0;
  tick();
});

async function read() {
  const text = await (await ask("metrics", { cache: "no-store" })).text();
  const metrics = parse(text);
  const began = value(metrics, "process_start_time_seconds");
  if (!processes.has(began)) processes.set(began, new History());
  processes.get(began).add(performance.now() / 1000, metrics);
  if (processes.size > 1) choices();
  if (readings % MODEL_EVERY === 0) await askModels();
  readings += 1;
}

async function askModels() {
  try {
    const named = (await (await ask("v1/models")).json()).models.map(({ model }) => model);
    models = await Promise.all(
      named.map(async (label) => ({ label, ...(await (await ask(`v1/model?model=${encodeURIComponent(label)}`)).json()) })),
    );
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    models = []; // without a key, or before a model is loaded: the metrics give the rest
    if (problem.status === 401) $("key-open").hidden = false;
  }
}

function choices() {
  const select = $("process");
  for (const began of processes.keys()) {
    if ([...select.options].some(({ value: each }) => Number(each) === began)) continue;
    select.append(el("option", { value: began, text: `begun ${new Date(began * 1000).toLocaleTimeString()}` }));
  }
  $("process-choice").hidden = false;
}

function shown() {
  const began = processes.size > 1 && $("process").value ? Number($("process").value) : [...processes.keys()].at(-1);
  return [began, processes.get(began)];
}

function show() {
  const [began, history] = shown();
  if (!history) return;
  const now = history.last.metrics;
  const ready = value(now, "spotter_ready") === 1;
  $("state").textContent = ready ? "Ready" : "Not ready";
  $("state").className = `pill ${ready ? "good" : "bad"}`;
  $("since").textContent = `up ${age(Date.now() / 1000 - began)}, since ${new Date(began * 1000).toLocaleString()}`;
  if (history.samples.length > 1) $("cards").replaceChildren(...cards(history, Number($("window").value), models));
}

function age(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"]].map(([size, unit]) => {
    const number = Math.floor(seconds / size);
    seconds -= number * size;
    return number ? `${number} ${unit}` : "";
  });
  return parts.filter(Boolean).slice(0, 2).join(" ") || `${Math.round(seconds)} s`;
}

let last = null;
async function tick() {
  try {
    await read();
    last = null;
    $("problem").hidden = true;
    show();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401 && !refused) {
      refused = true;
      demandKey();
    }
    const told = problem.status === 404 ? new Problem({ ...problem, title: "Metrics are not served at this address", remedy: "A balancer keeps them from outside: open /status at the replica itself, or look at Grafana." }) : problem;
    if (told.title !== last) $("problem").replaceChildren(...problemCard(told, null));
    last = told.title;
    $("problem").hidden = false;
    $("state").textContent = problem.status ? "No figures" : "Not reached";
    $("state").className = "pill bad";
  }
}

$("window").addEventListener("change", show);
$("process").addEventListener("change", show);
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", paused);
  $("pause").textContent = paused ? "Go on" : "Pause";
});

for (;;) {
  if (!paused && !document.hidden) await tick();
  await new Promise((resolve) => setTimeout(resolve, EVERY));
}
