"""report.html in a real browser: it loads alone, moves, plays, fits its window, is legible."""

import csv
import io
import json
import shutil
import time
import wave
from urllib.parse import unquote

import numpy as np
import pytest
from legibility import complaints
from PIL import Image

from experiments.fitting import fit_page
from metainr.reporting import report, write_json, write_samples
from metainr.reporting.object_page import write_object_report

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
if not (CHROMIUM and CHROMEDRIVER):
    pytest.skip("chromium and chromedriver are not both installed", allow_module_level=True)

INITS = ("standard", "mean", "matched", "shuffled", "meta")
STEPS, SIGNALS, SIZE = 21, 2, 16
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


def write_sound(workdir, number):
    """A tenth of a second of silence among the fits."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(1600))
    path = workdir / "fits" / "default" / f"{number:03d}_meta.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())
    return path


def make_setting(workdir, name, shift):
    """Frames whose grey value tells their init and step, and PSNR that tells its setting too."""
    inits, frames = {}, {}
    for i, init in enumerate(INITS):
        psnr = [10.0 + 4 * i + 0.5 * step + shift for step in range(STEPS)]
        metric = {"mean": psnr, "stderr": [0.3] * STEPS, "per_signal": [psnr] * 120}
        fit = {"optimizer": "adam", "learning_rate": 1e-4, "metrics": {"psnr": metric}}
        inits[init] = {**fit, "steps_to_match": 12.5, "missed": 3}
        grey = (np.arange(STEPS, dtype=np.float32) * 10 + i) / 255
        shape = (SIGNALS, STEPS, SIZE, SIZE, 3)
        frames[init] = np.broadcast_to(grey[None, :, None, None, None], shape)
    targets = [np.ones((SIZE, SIZE, 3), np.float32)] * SIGNALS
    labels = [HOSTILE, "plain"]
    files = [{"meta": [write_sound(workdir, i)], "target": []} for i in range(SIGNALS)]
    write_samples(workdir / "samples", name, range(STEPS), labels, targets, frames, files)
    return {"steps": list(range(STEPS)), "match_step": 2, "inits": inits}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("workdir")
    results = {
        "experiment": "image_regression",
        "signal": HOSTILE,
        "num_test": 120,
        "train_steps": 30,
        "command": f"metainr x {HOSTILE}",
        "config": {"hostile": HOSTILE, "long": "x" * 2000, HOSTILE: [1, None, True]},
        "environment": {"device": "cpu"},
        "seconds": {"total": 240.0},
        "settings": {n: make_setting(workdir, n, i) for i, n in enumerate(("default", HOSTILE))},
    }
    write_json(workdir / "results.json", results)
    records = [{"step": 10 * i, "train_psnr": 20.0 + i} for i in range(4)]
    records += [{"step": 15 * i, "validation_psnr": 19.0 + i} for i in range(3)]
    (workdir / "metrics").mkdir()
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (workdir / "metrics" / "metrics.jsonl").write_text(lines)
    return report(workdir)[-1]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(CHROMEDRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    browser.get(page.as_uri())
    wait_until(lambda: greys(browser)["meta"] == 24)
    return browser


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the page did not get there in time"
        time.sleep(0.05)


def greys(browser):
    """The grey value that each init's picture shows, read from the first signal's canvases."""
    return browser.execute_script(
        """return Object.fromEntries(
          [...document.querySelectorAll(".signal:first-child figure")].map((figure) => {
            const canvas = figure.querySelector("canvas");
            const pixel = canvas.getContext("2d").getImageData(8, 8, 1, 1).data;
            return [figure.dataset.init, pixel[0]];
          }));"""
    )


def readout(browser):
    return browser.execute_script(
        """return Object.fromEntries([...document.querySelectorAll("#readout [data-init]")].map(
          (item) => [item.dataset.init, item.querySelector("b").textContent]));"""
    )


def text(browser, element):
    return browser.execute_script(f"return document.getElementById('{element}').textContent")


def errors(browser):
    """What the console complains about, but for its advice on how this test reads pixels."""
    log = [entry["message"] for entry in browser.get_log("browser")]
    return [message for message in log if "willReadFrequently" not in message]


def move_to(browser, step):
    browser.execute_script(
        "const s = document.getElementById('step'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('input'));",
        step,
    )


def test_it_loads_alone_and_without_errors(opened, page):
    assert page.stat().st_size <= 20_000_000
    entries = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    urls = [
        entry["params"]["request"]["url"]
        for entry in entries
        if entry["method"] == "Network.requestWillBeSent"
    ]
    browsers_own = ("data:", "chrome:", "chrome-extension:", "devtools:")
    assert {url for url in urls if not url.startswith(browsers_own)} == {page.as_uri()}
    assert errors(opened) == []


@pytest.mark.parametrize("step", [0, 7, 20])
def test_the_slider_moves_everything(opened, step):
    move_to(opened, step)
    assert text(opened, "at") == f"step {step} of 20"
    expected = {init: 10 * step + i for i, init in enumerate(INITS)}
    assert greys(opened) == {**expected, "target": 255}
    expected = {init: f"{10 + 4 * i + 0.5 * step:.2f}" for i, init in enumerate(INITS)}
    assert readout(opened) == expected
    captions = opened.find_elements("css selector", ".signal:first-child figcaption b")
    assert [b.text for b in captions] == [*expected.values(), ""]


def test_errors_stand_in_the_place_of_pictures(opened):
    move_to(opened, 7)
    opened.find_element("id", "errors").click()
    expected = {init: 255 - (70 + i) for i, init in enumerate(INITS)}
    assert greys(opened) == {**expected, "target": 255}
    opened.find_element("id", "errors").click()
    assert greys(opened)["standard"] == 70


def test_a_picture_is_enlarged_and_wiped(opened):
    opened.find_element("css selector", "[data-init=meta] .picture").click()
    dialog = opened.find_element("id", "enlarged")
    assert dialog.is_displayed() and "fitted from meta, step 2" in dialog.text
    row = """return [2, 6, 10, 14].map((x) => document.getElementById("enlarged-picture")
        .getContext("2d").getImageData(x, 8, 1, 1).data[0]);"""
    for share, expected in ((500, [24, 24, 255, 255]), (1000, [24] * 4), (0, [255] * 4)):
        script = """const wipe = document.getElementById("wipe"); wipe.value = arguments[0];
            wipe.dispatchEvent(new Event("input"));"""
        opened.execute_script(script, share)
        assert opened.execute_script(row) == expected
    opened.find_element("css selector", "#enlarged button").click()
    assert not dialog.is_displayed()


def test_sounds_play_in_the_page(opened):
    sound = "document.querySelector('[data-init=meta] audio')"
    wait_until(lambda: opened.execute_script(f"return {sound}.readyState") >= 1)
    assert opened.execute_script(f"return {sound}.duration") == pytest.approx(0.1)


def test_learning_has_its_curves(opened):
    names = "return [...document.querySelectorAll('[data-course] .name')].map((n) => n.textContent)"
    assert sorted(opened.execute_script(names)) == ["training", "validation"]
    assert "outer step" in opened.find_element("css selector", "[data-course]").text


def test_the_numbers_can_be_saved(opened):
    link = opened.find_element("css selector", "a[download='results.csv']")
    data = unquote(link.get_attribute("href").partition(",")[2])
    rows = list(csv.DictReader(io.StringIO(data)))
    assert len(rows) == 2 * len(INITS) * STEPS
    first = {"setting": "default", "init": "standard", "metric": "psnr", "step": "0"}
    assert rows[0] == {**first, "mean": "10.0", "stderr": "0.3"}


def test_the_marker_follows_the_slider(opened):
    places = []
    for step in (0, 10, 20):
        move_to(opened, step)
        marker = "document.querySelector('#chart .marker')"
        places.append(opened.execute_script(f"return +{marker}.getAttribute('x1')"))
    assert places[1] - places[0] == pytest.approx(places[2] - places[1])
    assert places[2] > places[0] + 300


def test_the_keyboard_moves_the_slider(opened):
    opened.find_element("id", "step").send_keys(webdriver.Keys.ARROW_RIGHT)
    assert text(opened, "at") == "step 3 of 20"
    assert greys(opened)["meta"] == 34


def test_a_click_on_the_chart_chooses_a_step(opened):
    chart = opened.find_element("id", "chart")
    webdriver.ActionChains(opened).move_to_element(chart).click().perform()
    assert 8 <= int(text(opened, "at").split()[1]) <= 13


def test_play_runs_to_the_end_and_again(opened):
    move_to(opened, 17)
    button = opened.find_element("id", "play")
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    wait_until(lambda: text(opened, "at") == "step 20 of 20")
    assert button.get_attribute("aria-label") == "Play"
    button.click()
    wait_until(lambda: text(opened, "at") in ("step 1 of 20", "step 2 of 20"))
    button.click()
    assert button.get_attribute("aria-label") == "Play"


def test_the_selector_changes_the_setting(opened):
    tables = opened.find_elements("css selector", "[data-setting]")
    assert [table.is_displayed() for table in tables] == [True, False]
    opened.find_element("css selector", "#setting option:nth-child(2)").click()
    assert [table.is_displayed() for table in tables] == [False, True]
    wait_until(lambda: greys(opened)["meta"] == 24)
    assert readout(opened)["standard"] == "12.00"  # after 2 steps, 1 dB above the default setting


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_its_window_and_is_legible(opened, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened.execute_script("document.querySelector('details').open = true")
    script = "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]"
    page_width, window_width = opened.execute_script(script)
    assert page_width == window_width > width - 20  # a scrollbar may take some
    assert complaints(opened) == []
    assert errors(opened) == []
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def write_folder_page(folder):
    """Of three pictures, one of them without a fit."""
    for kind in ("meta", "target"):
        picture = Image.fromarray(np.full((40, 60, 3), 90, np.uint8))
        for name in ("a b.png", "c.png"):
            (folder / kind).mkdir(exist_ok=True)
            picture.save(folder / kind / f"{name}.png")
    entries = [
        {"name": name, "seconds": 1.0, "tiles": 1, "psnr": {"seen": {"meta": [10.0, last]}}}
        for name, last in (("a b.png", 20.0), ("c.png", None))
    ]
    entries.append({"name": HOSTILE, "failed": HOSTILE})
    fit_page.write_page(folder, entries, {}, {"config": {"input": HOSTILE}, "command": HOSTILE})


def write_object_page(folder):
    grey = Image.fromarray(np.full((40, 60), 90, np.uint8))
    grey.save(folder / "comparison.png")
    grey.save(folder / "turntable.gif")
    inits = {"meta": 20.0, "standard": 10.0}
    metrics = {n: {"metrics": {"psnr": {"mean": [v], "stderr": [None]}}} for n, v in inits.items()}
    settings = {"default": {"steps": [3], "inits": metrics}}
    results = {"config": {"seen_views": 2}, "settings": settings}
    write_object_report(folder, results, "turntable.gif", ["turntable.gif", "viewer.html"])


def write_unmeasured_page(folder):
    """Of three photographs, all of which were fitted."""
    write_object_page(folder)
    write_object_report(folder, {"config": {"seen_views": 3}}, "turntable.gif", ["turntable.gif"])


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    "write, shown",
    [
        (write_folder_page, "2 pictures were fitted, some of them exactly; 1 has no fit."),
        (write_object_page, "2 photographs: 20.00 dB from the learned init, 10.00 dB from random"),
        (write_unmeasured_page, "Fitted to 3 photographs; none was left to measure the fit."),
    ],
    ids=["folder", "object", "unmeasured"],
)
def test_pages_of_fits_are_legible(browser, tmp_path, write, shown, width):
    write(tmp_path)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get((tmp_path / "report.html").as_uri())
    assert shown in browser.find_element("css selector", ".verdict").text.replace("\xa0", " ")
    script = "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
    assert browser.execute_script(script) == 0
    loaded = "return [...document.images].every((image) => image.naturalWidth > 0)"
    assert browser.execute_script(loaded) and len(browser.find_elements("css selector", "img")) > 1
    assert complaints(browser) == [] and errors(browser) == []
    assert browser.execute_script("return window.hacked") is None
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_weak_contrasts_and_missing_names_are_found(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<body style='background: #fff'><p style='color: #777'>dark enough is #767676</p>"
        "<p style='color: #767676'>so it is</p><img src='data:,'><button></button>"
    )
    browser.get(page.as_uri())
    found = complaints(browser)
    assert [text.partition(" ")[0] for text in found] == [
        "<img",
        "<button></button>",
        "light:",
        "dark:",
    ]
    assert "dark enough is #767676: 4.48" in found[2]


def test_without_javascript_figures_stand_in_for_what_moves(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(page.as_uri())
    figures = browser.find_elements("css selector", "noscript img")
    shown = [figure.get_attribute("alt") for figure in figures]
    tables = browser.find_elements("css selector", "[data-setting]")
    both = [table.is_displayed() for table in tables]
    moving = browser.find_element("id", "play").is_displayed()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert {"psnr", "signals", "learning"} <= set(shown)
    assert both == [True, True] and not moving


def test_text_is_escaped(opened):
    assert opened.execute_script("return window.hacked") is None
    assert opened.find_elements("css selector", "body img") == []
    assert opened.title == f"Image regression: {HOSTILE}"
    flags = opened.execute_script("return document.querySelector('.run').textContent")
    assert flags.count(HOSTILE) == 3
    assert (
        opened.execute_script("return document.querySelector('.signal h3').textContent") == HOSTILE
    )


def test_results_without_numbers_or_pictures(browser, tmp_path):
    fit = {"metrics": {}}
    settings = {"views=4": {"steps": [0, 50], "inits": {"standard": fit}}}
    write_json(tmp_path / "results.json", {"settings": settings})
    browser.get(report(tmp_path)[-1].as_uri())
    assert text(browser, "at") == "step 50 of 50"
    assert readout(browser) == {"standard": "–"}
    assert not browser.find_element("id", "chart").is_displayed()
    assert errors(browser) == []


def test_a_setting_without_pictures_names_those_with(browser, tmp_path):
    settings = {"train_signals=10": make_setting(tmp_path, "train_signals=10", 0)}
    settings["train_signals=100"] = settings["train_signals=10"]
    write_json(tmp_path / "results.json", {"settings": settings})
    browser.get(report(tmp_path)[-1].as_uri())
    assert text(browser, "pictures") == "Pictures were kept for: train_signals=10."
