// The last minutes of one process: samples, and series of the changes between them.

import { value } from "./metrics.js";

const LONGEST = 900; // seconds
const POINTS = 90; // most points of a series

export class History {
  constructor() {
    this.samples = []; // {at, metrics}, `at` in seconds
  }

  add(at, metrics) {
    this.samples.push({ at, metrics });
    while (this.samples[0].at < at - LONGEST - 10) this.samples.shift();
  }

  get last() {
    return this.samples.at(-1);
  }

  // The first and last sample of the last `seconds`.
  ends(seconds) {
    const from = this.samples.find(({ at }) => at >= this.last.at - seconds);
    return [from, this.last];
  }

  // [{at, value}] of `tell(before, after, seconds)` for spans of the last `seconds`, each as long as the other.
  series(seconds, tell) {
    const inside = this.samples.filter(({ at }) => at >= this.last.at - seconds);
    const stride = Math.max(1, Math.ceil((inside.length - 1) / POINTS));
    const points = [];
    for (let place = inside.length - 1; place - stride >= 0; place -= stride) {
      const [before, after] = [inside[place - stride], inside[place]];
      points.unshift({ at: after.at, value: tell(before.metrics, after.metrics, after.at - before.at) });
    }
    return points;
  }

  // The same of a gauge.
  gauge(seconds, name, labels = {}) {
    return this.series(seconds, (_, after) => value(after, name, labels));
  }
}
