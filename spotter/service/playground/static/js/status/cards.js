// The page's view of a process: a card each for traffic, latency, stages, queue, batches, refusals, models, process.

import { el } from "../dom.js";
import { bytes, ms, short } from "../format.js";
import { buckets, growth, quantile, value, values } from "./metrics.js";
import { bars, spark } from "./spark.js";

const STAGES = { upload: "Upload", decode: "Decode", queue: "Queue", infer: "Model", postprocess: "Words" };
const REFUSALS = [
  ["spotter_rejections_total", "reason", "Not admitted"],
  ["spotter_expirations_total", "stage", "Deadline passed"],
  ["spotter_cancellations_total", "stage", "Client left"],
  ["spotter_failed_parts_total", "type", "Failed within an answer"],
];

const LEAST = 20; // shortest time axis of a chart, seconds

const whole = (number) => Math.round(number).toLocaleString("en");
const rate = (number) => (number >= 100 ? whole(number) : number.toFixed(number >= 10 ? 1 : 2));
const time = (seconds) => (seconds === null ? "–" : ms(seconds * 1000));
const percent = (share) => (Number.isFinite(share) ? `${Math.round(share * 100)}%` : "–");

// history: a History with at least two samples. told: /v1/model's answers with their labels; empty if unknown.
export function cards(history, seconds, told) {
  const [from, last] = history.ends(seconds);
  const span = Math.max(1e-9, last.at - from.at);
  // A page that was just opened need not show five empty minutes.
  const axis = Math.min(seconds, Math.max(LEAST, last.at - history.samples[1].at));
  const view = { history, seconds, axis, before: from.metrics, now: last.metrics, span, until: last.at };
  return [traffic(view), latency(view), stages(view), queue(view), batches(view), refusals(view), ...models(view, told), resources(view)];
}

function card(title, figures, ...content) {
  return el(
    "section",
    { class: "card", "aria-label": title },
    el("h2", { text: title }),
    figures.length
      ? el(
          "dl",
          { class: "figures" },
          figures.map(([name, number, tone]) => el("div", { class: tone ?? "" }, el("dt", { text: name }), el("dd", { text: number }))),
        )
      : null,
    ...content,
  );
}

const line = (view, label, lines, text, least) => spark({ label, lines, until: view.until, seconds: view.axis, text, least });

function traffic(view) {
  const codes = (first) => values(view.now, "spotter_requests_total", "code").filter((code) => code.startsWith(first));
  const of = (first) => (before, after, span) =>
    codes(first).reduce((sum, code) => sum + growth(before, after, "spotter_requests_total", { path: "/spot", code }), 0) / span;
  const [good, theirs, ours] = ["2", "4", "5"].map((first) => view.history.series(view.seconds, of(first)));
  const words = growth(view.before, view.now, "spotter_words_total") / view.span;
  const [answered, refused, failed] = ["2", "4", "5"].map((first) => of(first)(view.before, view.now, view.span));
  return card(
    "Traffic",
    [
      ["answered/s", rate(answered), "main"],
      ["4xx/s", rate(refused), refused ? "warn" : ""],
      ["5xx/s", rate(failed), failed ? "bad" : ""],
      ["words/s", rate(words)],
    ],
    line(
      view,
      "Requests a second to /spot",
      [
        { name: "answered", points: good, tone: "main" },
        { name: "4xx", points: theirs, tone: "warn" },
        { name: "5xx", points: ours, tone: "bad" },
      ],
      rate,
    ),
  );
}

const ofHistogram = (share, name, labels) => (before, after) => quantile(share, buckets(before, after, name, labels));

function latency(view) {
  const name = "spotter_request_seconds";
  const labels = { path: "/spot" };
  const found = buckets(view.before, view.now, name, labels);
  const shares = [["p50", 0.5, "main"], ["p95", 0.95, "second"], ["p99", 0.99, "third"]];
  return card(
    "Latency of /spot",
    shares.map(([title, share, tone]) => [title, time(quantile(share, found)), tone]),
    line(
      view,
      "Seconds of a request",
      shares.map(([title, share, tone]) => ({ name: title, tone, points: view.history.series(view.seconds, ofHistogram(share, name, labels)) })),
      time,
    ),
  );
}

function stages(view) {
  const name = "spotter_stage_seconds";
  const all = values(view.now, `${name}_count`, "stage");
  const means = all.map((stage) => {
    const count = growth(view.before, view.now, `${name}_count`, { stage });
    return count ? growth(view.before, view.now, `${name}_sum`, { stage }) / count : 0;
  });
  const total = means.reduce((sum, mean) => sum + mean, 0);
  const rows = all.map((stage, place) => {
    const found = buckets(view.before, view.now, name, { stage });
    const points = view.history.series(view.seconds, ofHistogram(0.5, name, { stage }));
    return el(
      "tr",
      {},
      el("th", { scope: "row", text: STAGES[stage] ?? stage }),
      el("td", { class: "of-chart" }, line(view, `Median of ${stage}`, [{ name: "p50", points, tone: "main" }], time)),
      el("td", { text: time(quantile(0.5, found)) }),
      el("td", { text: time(quantile(0.95, found)) }),
      el("td", { text: total ? percent(means[place] / total) : "–" }),
    );
  });
  const head = ["Stage", "Median over time", "p50", "p95", "Share of time"].map((text) => el("th", { scope: "col", text }));
  return card(
    "Latency by stage",
    [],
    rows.length ? el("table", { class: "stages" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)) : nothing("No picture was read yet."),
  );
}

const nothing = (text) => el("p", { class: "fine", text });

function queue(view) {
  const [pictures, waiting] = ["spotter_queue_pictures", "spotter_batch_queue_pictures"];
  const busy = value(view.now, "spotter_decoders", { kind: "busy" });
  return card(
    "Queue",
    [
      ["inside", whole(value(view.now, pictures)), "main"],
      ["waiting", whole(value(view.now, waiting)), "second"],
      ["megapixels", (value(view.now, "spotter_queue_pixels") / 1e6).toFixed(1)],
      ["decoders busy", `${whole(busy)} of ${whole(value(view.now, "spotter_decoders", { kind: "all" }))}`],
    ],
    line(
      view,
      "Pictures inside",
      [
        { name: "inside", points: view.history.gauge(view.seconds, pictures), tone: "main" },
        { name: "waiting for a batch", points: view.history.gauge(view.seconds, waiting), tone: "second" },
      ],
      whole,
      4,
    ),
  );
}

function batches(view) {
  const name = "spotter_batch_pictures";
  const found = buckets(view.before, view.now, name);
  const count = growth(view.before, view.now, `${name}_count`);
  const pictures = growth(view.before, view.now, `${name}_sum`);
  const padding = growth(view.before, view.now, "spotter_batch_padding_ratio_sum") / growth(view.before, view.now, "spotter_batch_padding_ratio_count");
  const reasons = values(view.now, "spotter_dispatches_total", "reason")
    .map((reason) => [reason, growth(view.before, view.now, "spotter_dispatches_total", { reason })])
    .filter(([, number]) => number);
  const lower = (place) => (place ? found[place - 1].le + 1 : 1);
  const named = ({ le }, place) => (le === Infinity ? `>${found[place - 1].le}` : lower(place) === le ? `${le}` : `${lower(place)}–${le}`);
  return card(
    "Batches",
    [
      ["batches/s", rate(count / view.span), "main"],
      ["pictures each", count ? (pictures / count).toFixed(2) : "–"],
      ["padding", percent(padding)],
      ["p95 each", time(quantile(0.95, buckets(view.before, view.now, "spotter_batch_seconds")))],
    ],
    bars("Sizes of batches", found.map((bucket, place) => ({ name: named(bucket, place), count: bucket.count }))),
    reasons.length ? nothing(`Run because: ${reasons.map(([reason, number]) => `${reason} ${whole(number)}`).join(", ")}`) : null,
  );
}

function refusals(view) {
  const rows = REFUSALS.flatMap(([name, label, title]) =>
    values(view.now, name, label).map((cause) => [title, cause, growth(view.before, view.now, name, { [label]: cause }), value(view.now, name, { [label]: cause })]),
  );
  for (const code of values(view.now, "spotter_requests_total", "code").filter((each) => Number(each) >= 400)) {
    const labels = { path: "/spot", code };
    if (value(view.now, "spotter_requests_total", labels)) {
      rows.push(["Answered", code, growth(view.before, view.now, "spotter_requests_total", labels), value(view.now, "spotter_requests_total", labels)]);
    }
  }
  const sum = (wanted) => rows.reduce((all, [title, cause, grown]) => all + (wanted(title, cause) ? grown : 0), 0);
  const [theirs, ours] = ["4", "5"].map((first) => sum((title, cause) => title === "Answered" && cause.startsWith(first)));
  const kept = sum((title) => title === "Not admitted");
  const head = ["What", "Why", "Window", "Ever"].map((text) => el("th", { scope: "col", text }));
  return card(
    "Refusals",
    [
      ["4xx in the window", whole(theirs), theirs ? "warn" : ""],
      ["5xx", whole(ours), ours ? "bad" : ""],
      ["not admitted", whole(kept), kept ? "warn" : ""],
    ],
    rows.length
      ? el(
          "table",
          {},
          el("thead", {}, el("tr", {}, head)),
          el(
            "tbody",
            {},
            rows.map(([title, cause, grown, ever]) =>
              el("tr", {}, el("th", { scope: "row", text: title }), el("td", { class: "mono", text: cause }), el("td", { text: whole(grown) }), el("td", { text: whole(ever) })),
            ),
          ),
        )
      : nothing("Nothing was refused since the process began."),
  );
}

function models(view, told) {
  const loaded = (view.now.get("spotter_model_info") ?? []).map(({ labels }) => labels);
  const labels = [...new Set([...told.map(({ label }) => label), ...loaded.map(({ model }) => model)])];
  if (!labels.length) return [card("Model", [], facts([["Live", "none is loaded yet"]]))];
  return labels.map((label) => {
    const title = labels.length > 1 ? `Model ${label}` : "Model";
    return modelCard(view, title, label, loaded.findLast(({ model }) => model === label), told.find((each) => each.label === label));
  });
}

function modelCard(view, title, label, live, model) {
  const rows = live ? [["Live", `${live.name}, version ${live.version}`], ["Digest", live.digest, "mono"]] : [["Live", "not loaded yet"]];
  if (model) {
    rows.push(["Follows", model.alias], ["Loaded", new Date(model.since).toLocaleString()]);
    rows.push(["Operators", model.operators.run === "native" ? "native kernels" : `${model.operators.run}${model.operators.reason ? `: ${model.operators.reason}` : ""}`]);
    rows.push(["Kept for a rollback", model.previous ? `version ${model.previous.version}, ${short(model.previous.digest)}` : "none"]);
    if (model.refused) rows.push(["Refused", `version ${model.refused.version}: ${model.refused.reason}`, "bad"]);
  }
  const pictures = growth(view.before, view.now, "spotter_pictures_total", { model: label });
  rows.push(["Pictures in this time", whole(pictures)]);
  const reloads = values(view.now, "spotter_reloads_total", "outcome")
    .map((outcome) => [outcome, value(view.now, "spotter_reloads_total", { model: label, outcome })])
    .filter(([, count]) => count);
  rows.push(["Loads", reloads.map(([outcome, count]) => `${outcome} ${whole(count)}`).join(", ") || "none yet"]);
  return card(title, [], facts(rows));
}

const facts = (rows) => el("dl", { class: "facts" }, rows.map(([name, text, tone]) => el("div", { class: tone ?? "" }, el("dt", { text: name }), el("dd", { text }))));

function resources(view) {
  const memory = "process_resident_memory_bytes";
  const cpu = (before, after, span) => growth(before, after, "process_cpu_seconds_total") / span;
  const open = value(view.now, "spotter_connections", { kind: "open" });
  const limit = value(view.now, "spotter_connections", { kind: "limit" });
  const used = value(view.now, "spotter_gpu_memory_bytes", { kind: "used" }, null);
  return card(
    "Process",
    [
      ["memory", bytes(value(view.now, memory)), "main"],
      ["cores in use", cpu(view.before, view.now, view.span).toFixed(2), "second"],
      ["connections", `${whole(open)} of ${whole(limit)}`],
      ["uploads held", bytes(value(view.now, "spotter_upload_bytes"))],
      ...(used === null ? [] : [["GPU memory", `${bytes(used)} of ${bytes(value(view.now, "spotter_gpu_memory_bytes", { kind: "total" }))}`]]),
    ],
    line(view, "Memory", [{ name: "memory", points: view.history.gauge(view.seconds, memory), tone: "main" }], bytes),
    line(view, "Cores in use", [{ name: "cores", points: view.history.series(view.seconds, cpu), tone: "second" }], (number) => number.toFixed(2), 1),
  );
}
