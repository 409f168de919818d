// One slider moves every picture, the chart's marker and the readout through the steps of a fit.
const slider = find("step");
const PLAY_MS = 3500; // a whole fit, however many steps it has

let setting = data.opening;
let steps = []; // of the slider: all steps at which there is a number or a picture
let chart = null; // of the setting; null if it has no numbers
let timer = null;

// ---- the state: a setting and a step ----

function choose(name) {
  setting = name;
  const all = [...data.settings[name].steps, ...(data.pictures[name]?.steps ?? [])];
  steps = [...new Set(all)].sort((a, b) => a - b);
  slider.max = steps.length - 1;
  const opening = steps.indexOf(data.settings[name].match_step);
  slider.value = opening < 0 ? steps.length - 1 : opening;
  for (const part of document.querySelectorAll("[data-setting]")) {
    part.hidden = part.dataset.setting !== name;
  }
  chart = chartOf(name);
  find("chart").closest("figure").hidden = !chart;
  chart?.draw();
  buildPictures(name);
  show();
}

function show() {
  const step = steps[slider.value];
  const label = `step ${step} of ${steps[steps.length - 1]}`;
  find("at").textContent = label;
  slider.setAttribute("aria-valuetext", label);
  showReadout(step);
  showPictures();
  chart?.mark(step);
}

function written(value) {
  const { decimals } = data.settings[setting];
  if (value == null) return "–";
  return decimals == null ? value.toPrecision(3) : value.toFixed(decimals);
}

function showReadout(step) {
  const { inits, steps: known, label } = data.settings[setting];
  const items = Object.entries(inits).map(([init, values]) => {
    const item = element("li", { "data-init": init, style: inkOf(init) }, init);
    item.append(element("b", {}, written(values.mean[known.indexOf(step)])));
    return item;
  });
  find("readout").replaceChildren(element("li", {}, `mean ${label}`), ...items);
}

// ---- charts ----

function chartOf(name) {
  const { inits, steps: known, label } = data.settings[name];
  const curves = Object.entries(inits).map(([init, { mean, stderr, turn }]) => {
    const points = known.map((x, i) => ({ x, y: mean[i], error: stderr[i] ?? 0 }));
    return { name: init, points: points.filter((point) => point.y != null), turn };
  });
  const drawn = curves.filter((curve) => curve.points.length);
  return drawn.length ? makeChart(find("chart"), drawn, "inner step", label) : null;
}

const courses = [...document.querySelectorAll("[data-course]")].map((svg) => {
  const { label, curves } = data.courses[svg.dataset.course];
  const drawn = Object.entries(curves).map(([name, points]) => {
    return { name, points: points.map(([x, y]) => ({ x, y, error: 0 })) };
  });
  return makeChart(svg, drawn, "outer step", label);
});

function pick(event) {
  if (!chart || (event.type === "pointermove" && !event.buttons)) return;
  const place = chart.toX(event.clientX - find("chart").getBoundingClientRect().left);
  const away = steps.map((step) => Math.abs(step - place));
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
find("errors").addEventListener("change", showPictures);
find("setting").addEventListener("change", (event) => { stop(); choose(event.target.value); });
find("chart").addEventListener("pointerdown", pick);
find("chart").addEventListener("pointermove", pick);
window.addEventListener("resize", () => {
  chart?.draw();
  for (const course of courses) course.draw();
  show();
});
find("setting").value = setting;
for (const course of courses) course.draw();
choose(setting);
