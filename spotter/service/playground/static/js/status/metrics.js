// Prometheus' text format, and what can be computed from two samples of it.

// name -> [{labels, value}] of an exposition (text format 0.0.4).
export function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (!match) continue; // comments and empty lines
    const [, name, inside, value] = match;
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({ labels: labelsOf(inside ?? ""), value: numberOf(value) });
  }
  return found;
}

const SPECIAL = { "+Inf": Infinity, "-Inf": -Infinity, NaN };
const numberOf = (text) => SPECIAL[text] ?? Number(text);
const ESCAPES = { n: "\n", '"': '"', "\\": "\\" };

function labelsOf(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, escaped) => ESCAPES[escaped] ?? escaped);
  }
  return labels;
}

const fits = (labels, wanted) => Object.entries(wanted).every(([name, value]) => labels[name] === value);

// The sum of a metric's series that have these labels; `otherwise` where there is none.
export function value(sample, name, wanted = {}, otherwise = 0) {
  const series = (sample.get(name) ?? []).filter(({ labels }) => fits(labels, wanted));
  return series.length ? series.reduce((sum, each) => sum + each.value, 0) : otherwise;
}

// The values of a label among a metric's series, in their order.
export const values = (sample, name, label) => [...new Set((sample.get(name) ?? []).map(({ labels }) => labels[label]))];

// A counter's increase between two samples; a counter that is lower was reset.
export function growth(before, after, name, wanted = {}) {
  const grown = value(after, name, wanted) - value(before, name, wanted);
  return grown < 0 ? value(after, name, wanted) : grown;
}

// [{le, count}] of a histogram's observations between two samples; counts are of each bucket alone.
export function buckets(before, after, name, wanted = {}) {
  const bounds = values(after, `${name}_bucket`, "le").sort((a, b) => numberOf(a) - numberOf(b));
  let below = 0;
  return bounds.map((le) => {
    const upTo = growth(before, after, `${name}_bucket`, { ...wanted, le });
    const count = Math.max(0, upTo - below);
    below = upTo;
    return { le: numberOf(le), count };
  });
}

// The share-quantile of such buckets by linear interpolation, as Prometheus' histogram_quantile; null without any.
export function quantile(share, found) {
  const total = found.reduce((sum, { count }) => sum + count, 0);
  if (!total) return null;
  const rank = share * total;
  let seen = 0;
  let lower = 0;
  for (const { le, count } of found) {
    if (count && seen + count >= rank) return le === Infinity ? lower : lower + ((rank - seen) / count) * (le - lower);
    seen += count;
    lower = le;
  }
  return lower;
}
