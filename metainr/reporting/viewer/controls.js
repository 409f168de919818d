"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const add = (a, b, s = 1) => a.map((x, i) => x + s * b[i]);
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const cross = (a, b) => [0, 1, 2].map((i) => a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3]);
const unit = (a) => a.map((x) => x / Math.hypot(...a));
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const INKS = [[0.79, 0.31, 0], [0.5, 0.5, 0.5]]; // of cameras that were seen, and of others
const FIELD = 0.7; // radians of the view's height
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Calls `moved(dx, dy, event)` while a pointer drags, and for the arrow keys; `zoomed(factor)` for
 * the wheel, two fingers, + and -. */
function draggable(element, moved, zoomed) {
  const pointers = new Map();
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const apart = pointers.size === 2 ? spread() : 0;
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (apart) zoomed(apart / Math.max(spread(), 1));
    else moved(event.clientX - before[0], event.clientY - before[1], event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    element.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  element.addEventListener("keydown", (event) => {
    const factor = { "+": 0.9, "-": 1 / 0.9 }[event.key];
    if (KEYS[event.key]) moved(...KEYS[event.key].map((x) => 24 * x), event);
    else if (factor) zoomed(factor);
    else return;
    event.preventDefault();
  });
  element.addEventListener("wheel", (event) => {
    zoomed(Math.exp(clamp(event.deltaY, -200, 200) / 800));
    event.preventDefault();
  }, { passive: false });
}

/** A part of a sheet of pictures as an element's background. */
function showTile(element, sheet, index) {
  const rows = Math.ceil(sheet.count / sheet.columns);
  const share = (i, n) => `${n > 1 ? (100 * i) / (n - 1) : 0}%`;
  element.style.backgroundImage = `url(${sheet.sheet})`;
  element.style.backgroundSize = `${100 * sheet.columns}% ${100 * rows}%`;
  element.style.backgroundPosition =
    `${share(index % sheet.columns, sheet.columns)} ${share(Math.floor(index / sheet.columns), rows)}`;
}

function turnRenders(renders) {
  const element = byId("turn");
  let [row, column] = [Math.floor(renders.rows / 2), 0.825 * renders.columns]; // as the scene's yaw
  const show = () => {
    const around = ((Math.round(column) % renders.columns) + renders.columns) % renders.columns;
    showTile(element, renders, Math.round(row) * renders.columns + around);
  };
  element.parentNode.style.aspectRatio = `${renders.width} / ${renders.height}`;
  draggable(element, (dx, dy) => {
    column -= (dx / element.clientWidth) * renders.columns * 1.2;
    row = clamp(row - (dy / element.clientHeight) * renders.rows * 1.2, 0, renders.rows - 1);
    show();
  }, () => {});
  show();
}

function listPhotographs(photographs, chosen) {
  for (let i = 0; i < photographs.count; i++) {
    const button = document.createElement("button");
    const kind = i < photographs.seen ? "fitted" : "not seen";
    Object.assign(button, { type: "button", className: i < photographs.seen ? "seen" : "" });
    button.setAttribute("aria-label", `photograph ${i + 1}, ${kind}`);
    Object.assign(button.style, { width: `${photographs.width + 6}px`, height: `${photographs.height + 6}px` });
    showTile(button, photographs, i);
    button.addEventListener("click", () => chosen(i));
    byId("photographs").append(button);
  }
}
