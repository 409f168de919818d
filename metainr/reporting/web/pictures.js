// Rows of pictures, one per signal, with their numbers and what can be heard or watched of them.
let cells = []; // {canvas, value, image, target, samples, init, about, numbers}; a target has no init

function loaded(source, then) {
  const image = new Image();
  image.onload = then;
  image.src = source;
  return image;
}

function buildPictures(setting) {
  const samples = data.pictures[setting];
  cells = [];
  const rows = (samples ? samples.signals : []).map((signal, i) => buildRow(setting, signal, i));
  const others = Object.keys(data.pictures);
  if (!samples && others.length) {
    rows.push(element("p", { class: "note" }, `Pictures were kept for: ${others.join(", ")}.`));
  }
  find("pictures").replaceChildren(...rows);
  find("errors-label").hidden = !samples;
}

function buildRow(setting, signal, i) {
  const row = element("div", { class: "signal" });
  row.style.setProperty("--columns", Object.keys(signal.frames).length + 1);
  row.append(element("h3", {}, signal.label));
  const target = loaded(signal.target, showPictures);
  const files = data.files[setting]?.[i] ?? {};
  for (const init of data.names.filter((name) => name in signal.frames)) {
    const image = loaded(signal.frames[init], showPictures);
    const samples = data.pictures[setting];
    const numbers = data.settings[setting].inits[init]?.signals[i];
    const about = `${signal.label}, fitted from ${init}`;
    row.append(buildCell({ image, target, samples, init, about, numbers }, files[init]));
  }
  const about = `${signal.label}, target`;
  row.append(buildCell({ image: target, target, about }, files.target));
  return row;
}

function buildCell(cell, files = []) {
  const name = cell.init ?? "target";
  const figure = element("figure", { "data-init": name, style: cell.init ? inkOf(name) : "" });
  cell.canvas = element("canvas", { role: "img", "aria-label": cell.about });
  cell.value = element("b");
  const button = element("button", { type: "button", class: "picture", title: "Enlarge" });
  button.append(cell.canvas);
  button.addEventListener("click", () => enlarge(cell));
  const caption = element("figcaption");
  caption.append(element("span", {}, name), cell.value);
  figure.append(button, caption, ...files.map((file) => buildFile(file, cell.about)));
  cells.push(cell);
  return figure;
}

function buildFile(file, about) {
  const { name, href, tag, src } = file;
  if (!tag) return element("a", { href }, name);
  if (tag === "img") return element("img", { src, alt: `${about}, moving` });
  const player = element(tag, { src, controls: "", preload: "auto", "aria-label": about });
  if (tag === "video") {
    player.loop = player.muted = true;
    player.setAttribute("playsinline", "");
  }
  return player;
}

const showsErrors = (cell) => find("errors").checked && cell.init !== undefined;

// The size of a picture, and where it lies on its sheet at a step. Where pictures are rarer than
// numbers, the latest one up to this step stays.
function placeOf({ image, samples }, step) {
  if (!samples) return { left: 0, top: 0, width: image.width, height: image.height };
  const at = Math.max(0, samples.steps.filter((s) => s <= step).length - 1);
  const width = image.width / samples.columns;
  const height = image.height / Math.ceil(samples.steps.length / samples.columns);
  return { left: (at % samples.columns) * width, top: Math.floor(at / samples.columns) * height, width, height };
}

// Paints the picture of a cell, or its distance from the target, on a canvas of its size.
function paint(canvas, cell, step) {
  const { image, target } = cell;
  if (![image, target].every((each) => each.complete && each.width)) return false;
  const { left, top, width, height } = placeOf(cell, step);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "copy";
  context.drawImage(image, left, top, width, height, 0, 0, width, height);
  if (showsErrors(cell)) {
    context.globalCompositeOperation = "difference";
    context.drawImage(target, 0, 0, width, height);
  }
  canvas.classList.toggle("errors", showsErrors(cell));
  sharpen(canvas);
  return true;
}

// Enlarged pixels are shown as they are; a reduced picture without smoothing would lose lines.
function sharpen(canvas) {
  const shown = canvas.clientWidth * window.devicePixelRatio;
  canvas.classList.toggle("pixelated", shown > 1.5 * canvas.width);
}

function showPictures() {
  const step = steps[slider.value];
  const at = data.settings[setting].steps.indexOf(step);
  for (const cell of cells) {
    paint(cell.canvas, cell, step);
    if (cell.init) cell.value.textContent = written(cell.numbers?.[at]);
  }
  if (find("enlarged").open) showEnlarged();
}
