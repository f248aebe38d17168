// A picture with outlines over it: zoom and pan by wheel, pinch, drag, buttons and keys.

import { step } from "./answer.js";
import { el, svg } from "./dom.js";

const MOST = 40; // largest zoom: screen pixels for each pixel of the picture
const MARGIN = 16;
const CLICK = 4; // pixels that the pointer may move during a click

export class Stage {
  // shapes are {polygon, text, score, words}; handlers get one's index, or null.
  constructor(root, { hover, choose, zoomed }) {
    this.root = root;
    this.handlers = { hover, choose, zoomed };
    this.view = { x: 0, y: 0, scale: 1 };
    this.size = null;
    this.shapes = [];
    this.pointers = new Map();
    this.picture = el("img", { class: "picture", alt: "", draggable: "false" });
    this.overlay = svg("svg", { class: "overlay", role: "img" });
    this.sheet = el("div", { class: "sheet", hidden: true }, this.picture, this.overlay);
    this.tip = el("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.root.append(this.sheet, this.tip);
    this.listen();
    new ResizeObserver(() => this.resized()).observe(this.root);
  }

  // Shows a picture on a sheet of the given size in the polygons' pixels; the sheet is empty until there is a url.
  show({ url, width, height }, name) {
    const same = this.size && this.size.width === width && this.size.height === height && this.name === name;
    if (!url) this.picture.removeAttribute("src");
    else if (this.picture.getAttribute("src") !== url) this.picture.src = url;
    this.picture.hidden = !url;
    this.sheet.classList.toggle("bare", !url);
    this.sheet.hidden = this.root.classList.toggle("without", false);
    if (same) return;
    this.name = name;
    this.size = { width, height };
    this.sheet.style.width = `${width}px`;
    this.sheet.style.height = `${height}px`;
    this.overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.fit();
  }

  // Shows nothing; the panel gives the reason.
  without() {
    this.clear();
    this.root.classList.add("without");
  }

  clear() {
    this.root.classList.remove("without");
    this.sheet.hidden = true;
    this.tip.hidden = true;
    this.size = this.name = null;
    this.picture.removeAttribute("src");
    this.outline([], "", false);
  }

  outline(shapes, label, inPlace) {
    this.shapes = shapes;
    this.overlay.setAttribute("aria-label", label);
    this.overlay.classList.toggle("in-place", inPlace);
    this.outlines = shapes.map((shape, index) =>
      svg("polygon", {
        class: `shape c${step(shape.score)}`,
        points: shape.polygon.map((point) => point.join()).join(" "),
        "data-index": index,
      }),
    );
    this.overlay.replaceChildren(...this.outlines, ...(inPlace ? shapes.map(lettering) : []));
    this.tip.hidden = true;
  }

  mark(hovered, chosen) {
    this.outlines?.forEach((outline, index) => {
      outline.classList.toggle("hovered", index === hovered);
      outline.classList.toggle("chosen", chosen.has(index));
    });
  }

  fit() {
    if (!this.size) return;
    const { clientWidth, clientHeight } = this.root;
    const least = Math.min((clientWidth - 2 * MARGIN) / this.size.width, (clientHeight - 2 * MARGIN) / this.size.height);
    this.least = Math.max(0.01, least);
    this.fitted = Math.min(this.least, 2);
    this.place({
      scale: this.fitted,
      x: (clientWidth - this.size.width * this.fitted) / 2,
      y: (clientHeight - this.size.height * this.fitted) / 2,
    });
  }

  get isFitted() {
    return Math.abs(this.view.scale / this.fitted - 1) < 0.001;
  }

  // x, y: the fixed point, in pixels of the stage.
  zoom(factor, x = this.root.clientWidth / 2, y = this.root.clientHeight / 2) {
    if (!this.size) return;
    const scale = Math.min(MOST, Math.max(this.fitted / 2, this.view.scale * factor));
    const grown = scale / this.view.scale;
    this.place({ scale, x: x - (x - this.view.x) * grown, y: y - (y - this.view.y) * grown });
  }

  pan(dx, dy) {
    this.place({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
  }

  // Brings a shape into view, large enough to be read.
  reveal(index) {
    const shape = this.shapes[index];
    if (!shape) return;
    const box = boxOf(shape.polygon);
    const { clientWidth, clientHeight } = this.root;
    const high = (box.bottom - box.top) * this.view.scale;
    const scale = high < 14 ? Math.min(MOST, (this.view.scale * 22) / high) : this.view.scale;
    const [cx, cy] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const [x, y] = [cx * this.view.scale + this.view.x, cy * this.view.scale + this.view.y];
    const inside = x > 40 && y > 40 && x < clientWidth - 40 && y < clientHeight - 40;
    if (inside && scale === this.view.scale) return;
    this.place({ scale, x: clientWidth / 2 - cx * scale, y: clientHeight / 2 - cy * scale });
  }

  place(view) {
    const { clientWidth, clientHeight } = this.root;
    const [width, height] = [this.size.width * view.scale, this.size.height * view.scale];
    const within = (at, length, room) =>
      length + 2 * MARGIN <= room ? (room - length) / 2 : Math.min(room / 2, Math.max(room / 2 - length, at));
    this.view = { scale: view.scale, x: within(view.x, width, clientWidth), y: within(view.y, height, clientHeight) };
    this.sheet.style.transform = `translate(${this.view.x}px, ${this.view.y}px) scale(${view.scale})`;
    this.sheet.style.setProperty("--scale", view.scale);
    this.sheet.classList.toggle("near", view.scale >= 4);
    this.root.classList.toggle("zoomed", !this.isFitted);
    this.tip.hidden = true;
    this.handlers.zoomed(view.scale);
  }

  resized() {
    if (!this.size) return;
    if (this.isFitted) this.fit();
    else {
      const { view } = this;
      this.fit();
      this.place(view);
    }
  }

  listen() {
    const { root } = this;
    root.addEventListener(
      "wheel",
      (event) => {
        if (!this.size) return;
        event.preventDefault();
        const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
        const { x, y } = this.local(event);
        this.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), x, y);
      },
      { passive: false },
    );
    root.addEventListener("pointerdown", (event) => this.press(event));
    root.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, (event) => this.release(event));
    root.addEventListener("pointerleave", () => this.hover(null));
    root.addEventListener("dblclick", (event) => {
      const { x, y } = this.local(event);
      if (this.size) this.zoom(event.shiftKey ? 0.5 : 2, x, y);
    });
    root.addEventListener("keydown", (event) => this.key(event));
  }

  local(event) {
    const box = this.root.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  press(event) {
    if (!this.size || event.button !== 0 || event.target.closest("button, label, input")) return;
    this.pointers.set(event.pointerId, this.local(event));
    if (this.pointers.size === 1) this.pressed = { ...this.local(event), shape: shapeAt(event.target), moved: false };
    else this.pressed.moved = true;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    const now = this.local(event);
    if (!before) {
      if (event.pointerType === "mouse") this.hover(shapeAt(event.target), now);
      return;
    }
    if (this.pointers.size === 1) {
      if (!this.pressed.moved && Math.hypot(now.x - this.pressed.x, now.y - this.pressed.y) < CLICK) return;
      if (!this.pressed.moved) {
        this.pressed.moved = true;
        this.root.setPointerCapture(event.pointerId);
        this.root.classList.add("dragged");
      }
      this.pan(now.x - before.x, now.y - before.y);
    } else if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const spread = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      const middle = (point) => ({ x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
      const [from, to] = [middle(before), middle(now)];
      this.pan(to.x - from.x, to.y - from.y);
      this.zoom(spread(now) / spread(before), to.x, to.y);
    }
    this.pointers.set(event.pointerId, now);
  }

  release(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.root.classList.remove("dragged");
    if (this.pointers.size || this.pressed.moved || event.type === "pointercancel") return;
    this.root.focus({ preventScroll: true });
    const { shape } = this.pressed;
    this.handlers.choose(shape, event.shiftKey || event.ctrlKey || event.metaKey);
    if (event.pointerType !== "mouse") this.hover(shape, this.local(event));
  }

  hover(index, at) {
    if (index === null || !this.shapes[index]) this.tip.hidden = true;
    else {
      const { text, score } = this.shapes[index];
      this.tip.replaceChildren(
        el("span", { class: "tip-text", text: text.length > 80 ? `${text.slice(0, 80)}…` : text }),
        el("span", { class: `tip-score c${step(score)}`, text: score.toFixed(2) }),
      );
      this.tip.hidden = false;
      const room = this.root.clientWidth - this.tip.offsetWidth - 8;
      const below = at.y + 20 + this.tip.offsetHeight < this.root.clientHeight;
      this.tip.style.left = `${Math.max(8, Math.min(room, at.x + 14))}px`;
      this.tip.style.top = `${below ? at.y + 18 : at.y - this.tip.offsetHeight - 12}px`;
    }
    this.handlers.hover(index);
  }

  key(event) {
    if (!this.size || event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit();
    else if (event.key === "1") this.zoom(1 / this.view.scale);
    else if (event.key === "Escape") this.handlers.choose(null, false);
    else if (moves[event.key]) this.pan(...moves[event.key]);
    else return;
    event.preventDefault();
  }
}

function shapeAt(target) {
  const index = target.dataset?.index;
  return index === undefined ? null : Number(index);
}

function boxOf(polygon) {
  const [xs, ys] = [polygon.map(([x]) => x), polygon.map(([, y]) => y)];
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

// A word's text at its place: the first half of the points is the upper edge, in reading direction.
function lettering({ polygon, text }) {
  const half = polygon.length / 2;
  const [a, b, d] = [polygon[0], polygon[half - 1], polygon.at(-1)];
  const width = Math.hypot(b[0] - a[0], b[1] - a[1]);
  const height = Math.hypot(d[0] - a[0], d[1] - a[1]);
  const angle = (Math.atan2(b[1] - a[1], b[0] - a[0]) * 180) / Math.PI;
  const [x, y] = [d[0] + (a[0] - d[0]) * 0.22, d[1] + (a[1] - d[1]) * 0.22];
  return svg("text", {
    x,
    y,
    "font-size": height * 0.78,
    textLength: width * 0.94,
    lengthAdjust: "spacingAndGlyphs",
    transform: `rotate(${angle} ${x} ${y})`,
    text,
  });
}
