"use strict";

// One slider moves every picture, the chart's marker and the readout through the steps of a fit.
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const slider = find("step");
const PLAY_MS = 3500; // a whole fit, however many steps it has

let setting = data.opening;
let steps = []; // of the slider: all steps at which there is a number or a picture
let cells = []; // {context, image, samples}: the pictures that move
let timer = null;

function element(name, attributes = {}, text = "") {
  const svg = ["line", "path", "circle", "text", "polygon"].includes(name);
  const made = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

const inkOf = (init) => `--init: var(--init-${data.inits.indexOf(init)})`;
const classOf = (base, init) => (init === "meta" ? `${base} meta` : base);

// ---- the state: a setting and a step ----

function choose(name) {
  setting = name;
  const pictures = data.pictures[name];
  const all = [...data.settings[name].steps, ...(pictures ? pictures.steps : [])];
  steps = [...new Set(all)].sort((a, b) => a - b);
  slider.max = steps.length - 1;
  const opening = steps.indexOf(data.settings[name].match_step);
  slider.value = opening < 0 ? steps.length - 1 : opening;
  for (const part of document.querySelectorAll("[data-setting]")) {
    part.hidden = part.dataset.setting !== name;
  }
  buildPictures(pictures);
  drawChart();
  show();
}

function show() {
  const step = steps[slider.value];
  const label = `step ${step} of ${steps[steps.length - 1]}`;
  find("at").textContent = label;
  slider.setAttribute("aria-valuetext", label);
  showReadout(step);
  for (const cell of cells) drawCell(cell, step);
  moveMarker(step);
}

function showReadout(step) {
  const { inits, steps: known, label, decimals } = data.settings[setting];
  const written = (x) => (decimals == null ? x.toPrecision(3) : x.toFixed(decimals));
  const items = Object.entries(inits).map(([init, values]) => {
    const value = values.mean[known.indexOf(step)];
    const item = element("li", { "data-init": init, style: inkOf(init) }, init);
    item.append(element("b", {}, value == null ? "–" : written(value)));
    return item;
  });
  find("readout").replaceChildren(element("li", {}, `mean ${label}`), ...items);
}

// ---- pictures ----

function buildPictures(samples) {
  cells = [];
  const rows = (samples ? samples.signals : []).map((signal) => {
    const row = element("div", { class: "signal" });
    row.style.setProperty("--columns", Object.keys(signal.frames).length + 1);
    row.append(element("h3", {}, signal.label));
    for (const init of data.inits.filter((name) => name in signal.frames)) {
      const about = `${signal.label}, fitted from ${init}`;
      row.append(buildCell(signal.frames[init], init, about, inkOf(init), samples));
    }
    row.append(buildCell(signal.target, "target", `${signal.label}, target`, "", null));
    return row;
  });
  const others = Object.keys(data.pictures);
  if (!samples && others.length) {
    rows.push(element("p", { class: "note" }, `Pictures were kept for: ${others.join(", ")}.`));
  }
  find("pictures").replaceChildren(...rows);
}

function buildCell(source, name, about, style, samples) {
  const figure = element("figure", { style });
  const canvas = element("canvas", { role: "img", "aria-label": about });
  figure.append(canvas, element("figcaption", {}, name));
  const image = new Image();
  const cell = { canvas, image, samples };
  image.onload = () => {
    canvas.width = image.width / (samples ? samples.columns : 1);
    canvas.height = image.height / (samples ? Math.ceil(samples.steps.length / samples.columns) : 1);
    sharpen(canvas);
    drawCell(cell, steps[slider.value]);
  };
  image.src = source;
  cells.push(cell);
  return figure;
}

function drawCell({ canvas, image, samples }, step) {
  if (!image.complete || !image.width) return;
  // Where pictures are rarer than numbers, the latest picture up to this step stays.
  const at = samples ? Math.max(0, samples.steps.filter((s) => s <= step).length - 1) : 0;
  const columns = samples ? samples.columns : 1;
  const { width, height } = canvas;
  const [left, top] = [(at % columns) * width, Math.floor(at / columns) * height];
  canvas.getContext("2d").drawImage(image, left, top, width, height, 0, 0, width, height);
}

// Enlarged pixels are shown as they are; a reduced picture without smoothing would lose lines.
function sharpen(canvas) {
  const shown = canvas.clientWidth * window.devicePixelRatio;
  canvas.classList.toggle("pixelated", shown > 1.5 * canvas.width);
}

// ---- the chart ----

const chart = find("chart");
let scale = null; // {x, y}: from a step and a mean to pixels

function points(values) {
  const known = data.settings[setting].steps;
  return known
    .map((step, i) => ({ step, mean: values.mean[i], error: values.stderr[i] ?? 0 }))
    .filter((point) => point.mean != null);
}

function niceTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
  const ticks = [];
  for (let i = Math.ceil(low / size); i * size <= high; i++) ticks.push(+(i * size).toPrecision(9));
  return ticks;
}

function drawChart() {
  const curves = Object.entries(data.settings[setting].inits)
    .map(([init, values]) => [init, points(values)])
    .filter(([, known]) => known.length);
  chart.closest("figure").hidden = !curves.length;
  chart.replaceChildren();
  if (!curves.length) return;
  const box = { left: 34, right: 76, top: 12, bottom: 34 };
  setScale(curves.flatMap(([, known]) => known), box);
  drawAxes(box);
  chart.append(element("line", { class: "marker", id: "marker" }));
  for (const [init, known] of curves) drawCurve(init, known);
  nameCurves(curves);
}

function setScale(all, box) {
  const { clientWidth: width, clientHeight: height } = chart;
  const low = Math.min(...all.map((p) => p.mean - p.error));
  const high = Math.max(...all.map((p) => p.mean + p.error));
  const pad = 0.04 * (high - low) || 1;
  const [first, last] = [steps[0], Math.max(steps[steps.length - 1], steps[0] + 1)];
  const [bottom, top] = [low - pad, high + pad];
  const across = width - box.left - box.right;
  const down = height - box.top - box.bottom;
  scale = {
    width, height, bottom, top, first, last,
    x: (step) => box.left + (across * (step - first)) / (last - first),
    y: (value) => box.top + (down * (top - value)) / (top - bottom),
  };
}

function drawAxes(box) {
  const { x, y, width, height } = scale;
  const right = width - box.right;
  for (const value of niceTicks(scale.bottom, scale.top, scale.height / 50)) {
    chart.append(element("line", { class: "grid", x1: box.left, x2: right, y1: y(value), y2: y(value) }));
    chart.append(element("text", { x: box.left - 8, y: y(value) + 4, "text-anchor": "end" }, value));
  }
  for (const step of niceTicks(scale.first, scale.last, width / 110).filter(Number.isInteger)) {
    const attributes = { x: x(step), y: height - box.bottom + 20, "text-anchor": "middle" };
    chart.append(element("text", attributes, step));
  }
}

function drawCurve(init, known) {
  const { x, y } = scale;
  const style = inkOf(init);
  const edge = (sign) => known.map((p) => `${x(p.step)},${y(p.mean + sign * p.error)}`);
  const around = [...edge(1), ...edge(-1).reverse()].join(" ");
  chart.append(element("polygon", { class: "band", style, points: around }));
  const path = known.map((p) => `${x(p.step)},${y(p.mean)}`).join("L");
  chart.append(element("path", { class: classOf("line", init), style, d: `M${path}` }));
  chart.append(element("circle", { "data-init": init, style, r: 5 }));
}

// Names stand beside the ends of their curves, moved apart where they would overlap.
function nameCurves(curves) {
  const ends = curves
    .map(([init, known]) => ({ init, y: scale.y(known[known.length - 1].mean) }))
    .sort((a, b) => a.y - b.y);
  for (let round = 0; round < 100; round++) {
    for (let i = 1; i < ends.length; i++) {
      const overlap = Math.max(0, 17 - (ends[i].y - ends[i - 1].y)) / 2;
      ends[i - 1].y -= overlap;
      ends[i].y += overlap;
    }
  }
  for (const { init, y } of ends) {
    const attributes = { class: classOf("name", init), style: inkOf(init), y: y + 5 };
    chart.append(element("text", { ...attributes, x: scale.x(scale.last) + 10 }, init));
  }
}

function moveMarker(step) {
  const marker = find("marker");
  if (!marker) return;
  const x = scale.x(step);
  const [y1, y2] = [scale.y(scale.top), scale.y(scale.bottom)];
  for (const [key, value] of Object.entries({ x1: x, x2: x, y1, y2 })) marker.setAttribute(key, value);
  for (const dot of chart.querySelectorAll("circle")) {
    const values = data.settings[setting].inits[dot.dataset.init];
    const point = points(values).find((p) => p.step === step);
    dot.setAttribute("visibility", point ? "visible" : "hidden");
    if (!point) continue;
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", scale.y(point.mean));
  }
}

function pick(event) {
  if (event.type === "pointermove" && !event.buttons) return;
  const x = event.clientX - chart.getBoundingClientRect().left;
  const away = steps.map((step) => Math.abs(scale.x(step) - x));
  slider.value = away.indexOf(Math.min(...away));
  stop();
  show();
}

// ---- playing ----

function stop() {
  clearInterval(timer);
  timer = null;
  find("play").textContent = "▶\ufe0e"; // the second character asks for text, not a coloured symbol
  find("play").setAttribute("aria-label", "Play");
}

function play() {
  if (timer) return stop();
  if (slider.value === slider.max) slider.value = 0;
  show();
  find("play").textContent = "❚❚";
  find("play").setAttribute("aria-label", "Pause");
  const stride = Math.ceil(steps.length / 120);
  timer = setInterval(() => {
    slider.value = +slider.value + stride;
    show();
    if (slider.value === slider.max) stop();
  }, (PLAY_MS * stride) / steps.length);
}

slider.addEventListener("input", () => { stop(); show(); });
find("play").addEventListener("click", play);
find("setting").addEventListener("change", (event) => { stop(); choose(event.target.value); });
chart.addEventListener("pointerdown", pick);
chart.addEventListener("pointermove", pick);
window.addEventListener("resize", () => {
  drawChart();
  show();
  for (const { canvas } of cells) sharpen(canvas);
});
find("setting").value = setting;
choose(setting);
