// One picture as large as the window allows, wiped between the fit and its target.
let chosen = null; // the cell that is enlarged

function enlarge(cell) {
  chosen = cell;
  find("enlarged").showModal();
  showEnlarged();
}

function showEnlarged() {
  const canvas = find("enlarged-picture");
  const step = steps[slider.value];
  const value = chosen.value.textContent;
  const number = value && `, ${data.settings[setting].label} ${value}`;
  find("enlarged-title").textContent = chosen.init ? `${chosen.about}, step ${step}${number}` : chosen.about;
  canvas.setAttribute("aria-label", chosen.about);
  const wiped = chosen.init !== undefined && !showsErrors(chosen);
  find("wipe-label").hidden = !wiped;
  find("wipe-name").textContent = chosen.init ?? "";
  const { width, height } = placeOf(chosen, step);
  canvas.style.width = `min(100%, ${(70 * width) / height}vh)`;
  if (!paint(canvas, chosen, step) || !wiped) return;
  const edge = (find("wipe").value / 1000) * canvas.width;
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "source-over";
  const rest = [edge, 0, canvas.width - edge, canvas.height];
  if (rest[2] > 0) context.drawImage(chosen.target, ...rest, ...rest);
}

find("wipe").addEventListener("input", showEnlarged);
find("enlarged-picture").addEventListener("pointermove", (event) => {
  if (find("wipe-label").hidden) return;
  find("wipe").value = (1000 * event.offsetX) / event.target.clientWidth;
  showEnlarged();
});
find("enlarged").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close(); // beside the picture
});
