"use strict";

// Curves over steps, with axes and their titles, drawn to the width that there is.
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const BOX = { left: 58, top: 12, bottom: 46 };
const SVG = ["g", "line", "path", "circle", "text", "polygon"];

function element(name, attributes = {}, text = "") {
  const made = SVG.includes(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  return made;
}

const inkOf = (name) => `--init: var(--init-${data.names.indexOf(name)})`;
const classOf = (base, name) => (name === "meta" ? `${base} meta` : base);

function niceTicks(low, high, count) {
  const rough = (high - low) / Math.max(2, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
  const ticks = [];
  for (let i = Math.ceil(low / size); i * size <= high; i++) ticks.push(+(i * size).toPrecision(9));
  return ticks;
}

// curves: [{name, points: [{x, y, error}], turn}], where `turn` is the x of a best value that is
// lost again. The chart's `draw` fits it to its window, `mark` moves its line, `toX` reads a place.
function makeChart(svg, curves, xTitle, yTitle) {
  const all = curves.flatMap((curve) => curve.points);
  const low = Math.min(...all.map((p) => p.y - p.error));
  const high = Math.max(...all.map((p) => p.y + p.error));
  const pad = 0.04 * (high - low) || 1;
  const [bottom, top] = [low - pad, high + pad];
  const first = Math.min(...all.map((p) => p.x));
  const last = Math.max(first + 1, ...all.map((p) => p.x));
  const longest = Math.max(...curves.map((curve) => curve.name.length));
  let width, height, right;

  const x = (value) => BOX.left + ((right - BOX.left) * (value - first)) / (last - first);
  const y = (value) => BOX.top + ((height - BOX.top - BOX.bottom) * (top - value)) / (top - bottom);
  const toX = (pixels) => first + ((last - first) * (pixels - BOX.left)) / (right - BOX.left);

  function draw() {
    ({ clientWidth: width, clientHeight: height } = svg);
    right = width - Math.min(0.4 * width, 18 + 7.8 * longest);
    svg.replaceChildren();
    drawAxes();
    svg.append(element("line", { class: "marker", y1: y(top), y2: y(bottom), visibility: "hidden" }));
    curves.forEach(drawCurve);
    drawNames();
  }

  function drawAxes() {
    for (const value of niceTicks(bottom, top, height / 50)) {
      svg.append(element("line", { class: "grid", x1: BOX.left, x2: right, y1: y(value), y2: y(value) }));
      svg.append(element("text", { x: BOX.left - 8, y: y(value) + 4, "text-anchor": "end" }, value));
    }
    const foot = height - BOX.bottom;
    for (const value of niceTicks(first, last, width / 110).filter(Number.isInteger)) {
      svg.append(element("text", { x: x(value), y: foot + 19, "text-anchor": "middle" }, value));
    }
    const middle = (BOX.left + right) / 2;
    svg.append(element("text", { x: middle, y: height - 6, "text-anchor": "middle" }, xTitle));
    const place = `translate(13 ${(BOX.top + foot) / 2}) rotate(-90)`;
    svg.append(element("text", { transform: place, "text-anchor": "middle" }, yTitle));
  }

  function drawCurve({ name, points, turn }) {
    const style = inkOf(name);
    const edge = (sign) => points.map((p) => `${x(p.x)},${y(p.y + sign * p.error)}`);
    const around = [...edge(1), ...edge(-1).reverse()].join(" ");
    svg.append(element("polygon", { class: "band", style, points: around }));
    const path = points.map((p) => `${x(p.x)},${y(p.y)}`).join("L");
    svg.append(element("path", { class: classOf("line", name), style, d: `M${path}` }));
    if (points.length === 1) {
      svg.append(element("circle", { class: "dot", style, r: 5, cx: x(points[0].x), cy: y(points[0].y) }));
    }
    const best = points.find((p) => p.x === turn);
    if (best) svg.append(element("circle", { class: "turn", style, r: 7, cx: x(best.x), cy: y(best.y) }));
    svg.append(element("circle", { class: "dot marked", "data-init": name, style, r: 5, visibility: "hidden" }));
  }

  // Names stand beside the ends of their curves, moved apart where they would overlap.
  function drawNames() {
    const ends = curves
      .map(({ name, points }) => ({ name, place: y(points[points.length - 1].y) }))
      .sort((a, b) => a.place - b.place);
    for (let round = 0; round < 100; round++) {
      ends[0].place = Math.max(ends[0].place, BOX.top);
      for (let i = 1; i < ends.length; i++) {
        const overlap = Math.max(0, 17 - (ends[i].place - ends[i - 1].place)) / 2;
        ends[i - 1].place -= overlap;
        ends[i].place += overlap;
      }
    }
    for (const { name, place } of ends) {
      const attributes = { class: classOf("name", name), style: inkOf(name), y: place + 5 };
      svg.append(element("text", { ...attributes, x: right + 10 }, name));
    }
  }

  function mark(step) {
    const marker = svg.querySelector(".marker");
    for (const side of ["x1", "x2"]) marker.setAttribute(side, x(step));
    marker.setAttribute("visibility", "visible");
    for (const dot of svg.querySelectorAll(".marked")) {
      const { points } = curves.find((curve) => curve.name === dot.dataset.init);
      const point = points.find((p) => p.x === step);
      dot.setAttribute("visibility", point ? "visible" : "hidden");
      if (!point) continue;
      dot.setAttribute("cx", x(step));
      dot.setAttribute("cy", y(point.y));
    }
  }

  return { draw, mark, toX };
}
