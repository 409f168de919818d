"""What keeps a page from being read by everybody, found by a script in the page."""

_LUMINANCE = """
const luminance = ([r, g, b]) => {
  const linear = [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const channels = (colour) => {
  const numbers = colour.match(/[\\d.]+/g).map(Number);
  const scale = colour.startsWith("color(") ? 255 : 1;
  return [...numbers.slice(0, 3).map((v) => v * scale), numbers[3] ?? 1];
};
const ground = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const colour = channels(getComputedStyle(e).backgroundColor);
    if (colour[3] === 1) return colour;
  }
  return [255, 255, 255, 1];
};
"""

_CONTRAST = (
    _LUMINANCE
    + """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const weak = [];
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || !element.checkVisibility() || element.closest("script, style")) continue;
  const style = getComputedStyle(element);
  const ink = channels(element.closest("svg") ? style.fill : style.color);
  const [low, high] = [luminance(ink), luminance(ground(element))].sort((a, b) => a - b);
  const contrast = (high + 0.05) / (low + 0.05);
  if (contrast < 4.5) weak.push(`${node.data.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
}
return weak;
"""
)

_NAMES = """
const named = (e) => e.getAttribute("aria-label") || e.labels?.[0]?.textContent.trim()
  || e.getAttribute("alt") || e.textContent.trim()
  || e.querySelector("[aria-label]")?.getAttribute("aria-label") || e.querySelector("[alt]")?.alt
  || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent.trim();
const kinds = "a, button, input, select, img, canvas, [role], audio, video, summary, dialog[open]";
const nameless = [...document.querySelectorAll(kinds)]
  .filter((e) => e.checkVisibility() && !named(e));
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
return [...nameless.map((e) => e.outerHTML.slice(0, 80)), ...twice.map((id) => `twice: ${id}`)];
"""


def complaints(browser) -> list[str]:
    """Texts of a contrast below 4.5 : 1, in the light and in the dark; what has no name."""
    found = browser.execute_script(_NAMES)
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        found += [f"{scheme}: {text}" for text in browser.execute_script(_CONTRAST)]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return found
