// The least score: a slider below a histogram of the words' scores.

import { FLOOR, histogram, step } from "./answer.js";
import { $, svg } from "./dom.js";

const BINS = 45;
const [WIDTH, HEIGHT] = [450, 44];

export class Threshold {
  constructor(change) {
    this.slider = $("least");
    this.slider.min = FLOOR;
    this.own = 0.5;
    this.touched = false;
    this.slider.addEventListener("input", () => {
      this.touched = true;
      this.show();
      change();
    });
    $("least-reset").addEventListener("click", () => {
      this.touched = false;
      this.slider.value = this.own;
      this.show();
      change();
    });
    $("floor").textContent = FLOOR.toFixed(2);
  }

  get value() {
    return Number(this.slider.value);
  }

  // The model's own threshold, which holds until the slider is moved.
  default(score) {
    this.own = Math.max(FLOOR, score);
    if (!this.touched) this.slider.value = this.own;
    this.show();
  }

  show() {
    $("least-value").textContent = this.value.toFixed(2);
    $("least-reset").textContent = `the model's own: ${this.own.toFixed(2)}`;
    $("least-reset").hidden = Math.abs(this.value - this.own) < 0.005;
    for (const bar of this.bars ?? []) bar.element.classList.toggle("below", bar.to <= this.value + 1e-9);
  }

  draw(scores) {
    const counts = histogram(scores, BINS);
    const most = Math.sqrt(Math.max(1, ...counts));
    const wide = WIDTH / BINS;
    this.bars = counts.map((count, bin) => {
      const from = FLOOR + ((1 - FLOOR) * bin) / BINS;
      const height = count ? Math.max(2, (Math.sqrt(count) / most) * HEIGHT) : 0;
      const element = svg("rect", { class: `c${step(from)}`, x: bin * wide + 0.5, y: HEIGHT - height, width: wide - 1, height });
      return { to: from + (1 - FLOOR) / BINS, element };
    });
    $("histogram").replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `Scores of ${scores.length} words` },
        this.bars.map(({ element }) => element),
      ),
    );
    this.show();
  }
}
