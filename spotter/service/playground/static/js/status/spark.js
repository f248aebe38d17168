// Lines over the last minutes as SVG.

import { el, svg } from "../dom.js";

const [WIDTH, HEIGHT] = [300, 56];

// lines: [{name, points: [{at, value or null}], tone}]. until, seconds: the time axis. text(value) formats a value.
export function spark({ label, lines, until, seconds, text, least = 0 }) {
  const all = lines.flatMap(({ points }) => points.map((point) => point.value).filter((value) => value !== null));
  const most = Math.max(least, ...all, 1e-9) * 1.08;
  const x = (at) => ((at - (until - seconds)) / seconds) * WIDTH;
  const y = (value) => HEIGHT - 1 - (value / most) * (HEIGHT - 4);
  const drawn = lines.flatMap(({ points, tone }) => {
    const parts = runs(points);
    return parts.flatMap((part) => {
      const along = part.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      const area = tone === "main" && part.length > 1;
      const ground = `${x(part.at(-1).at).toFixed(1)},${HEIGHT} ${x(part[0].at).toFixed(1)},${HEIGHT}`;
      return [
        area ? svg("polygon", { class: "area", points: `${along} ${ground}` }) : null,
        part.length > 1
          ? svg("polyline", { class: `line ${tone}`, points: along })
          : svg("circle", { class: `dot ${tone}`, cx: x(part[0].at), cy: y(part[0].value), r: 1.5 }),
      ].filter(Boolean);
    });
  });
  const told = lines.map(({ name, points }) => `${name} ${points.length && points.at(-1).value !== null ? text(points.at(-1).value) : "none"}`);
  const chart = svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${label}: ${told.join(", ")}` },
    svg("line", { class: "ground", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
    drawn,
  );
  return el("div", { class: "chart" }, chart, el("span", { class: "most", text: all.length ? `most ${text(Math.max(...all))}` : "" }));
}

function runs(points) {
  const found = [];
  let run = [];
  for (const point of [...points, { value: null }]) {
    if (point.value !== null) run.push(point);
    else if (run.length) {
      found.push(run);
      run = [];
    }
  }
  return found;
}

// Bars of a distribution: [{name, count}].
export function bars(label, parts) {
  const most = Math.max(1, ...parts.map(({ count }) => count));
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  return el(
    "ul",
    { class: "bars", "aria-label": label },
    parts.map(({ name, count }) => {
      const bar = el("i", {});
      bar.style.height = `${(count / most) * 100}%`;
      const share = total ? Math.round((count / total) * 100) : 0;
      return el("li", {}, el("span", { class: "bar-room" }, bar), el("span", { class: "bar-name", text: name }), el("span", { class: "bar-share", text: total ? `${share}%` : "–" }));
    }),
  );
}
