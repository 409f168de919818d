"""viewer.html: what it carries is the mesh, and a real browser draws it without a complaint."""

import base64
import io
import re
import shutil
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from metainr.camera_paths import turntable
from metainr.cameras import opengl_inverse_intrinsics
from metainr.reporting.fit_links import fit_links
from metainr.reporting.viewer import Mesh, Photographs, viewer_page
from metainr.reporting.viewer.packing import coarsened, packed


def _sphere(rings, radius=1.0, centre=(3.0, -2.0, 1.0)):
    """A closed sphere of 4 · rings² triangles: red above, blue below."""
    up, round_ = np.meshgrid(
        np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings + 1), indexing="ij"
    )
    level = np.sin(up)
    places = np.stack([level * np.cos(round_), level * np.sin(round_), np.cos(up)], -1)
    numbers = np.arange(places[..., 0].size).reshape(up.shape)
    a, b, c, d = (numbers[i : i + rings, j : j + 2 * rings] for i in (0, 1) for j in (0, 1))
    faces = np.concatenate([np.stack(x, -1).reshape(-1, 3) for x in ((a, c, b), (b, c, d))])
    colours = np.where(places[..., 2:].reshape(-1, 1) > 0, (220, 30, 30), (30, 30, 220))
    return Mesh(radius * places.reshape(-1, 3) + centre, faces, colours.astype(np.uint8))


def test_a_packed_mesh_is_the_mesh():
    mesh, size = _sphere(12), 2.0
    found = packed(mesh)
    data = zlib.decompress(base64.b64decode(found["bytes"]))
    ends = np.cumsum([12 * len(mesh.faces), 6 * len(mesh.vertices), 3 * len(mesh.vertices)])
    assert ends[-1] == len(data)
    parts = zip(np.split(np.frombuffer(data, np.uint8), ends[:-1]), ("<u4", "<u2", "u1"), (1, 3, 3))
    faces, places, colours = (
        np.cumsum(part.view(kind).reshape(-1, width), axis=0, dtype=kind)
        for part, kind, width in parts
    )
    np.testing.assert_array_equal(faces.reshape(-1, 3), mesh.faces)
    np.testing.assert_array_equal(colours, mesh.colours)
    at = found["low"] + places / 65535 * found["size"]
    np.testing.assert_allclose(at, mesh.vertices, atol=0.51 * size / 65535)


def test_a_coarsened_sphere_is_a_sphere_of_fewer_triangles():
    mesh = _sphere(60)
    found = coarsened(mesh, most=4000)
    assert 1000 < len(found.faces) <= 4000 and len(np.unique(found.faces)) == len(found.vertices)
    distances = np.linalg.norm(found.vertices - (3, -2, 1), axis=1)
    np.testing.assert_allclose(distances, 1, atol=0.02)
    assert coarsened(mesh, most=len(mesh.faces)) is mesh


def test_reports_link_to_the_pages_of_fits(tmp_path):
    assert fit_links(tmp_path) == ""
    for name in ("views=1/000_a&b.html", "views=4/000_meta.html", "views=4/000_meta.ply"):
        (tmp_path / "fits" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fits" / name).touch()
    found = re.findall(r'<a href="(.*?)">(.*?)</a>', fit_links(tmp_path))
    assert found == [
        ("fits/views%3D1/000_a%26b.html", "views=1: 000_a&amp;b"),
        ("fits/views%3D4/000_meta.html", "views=4: 000_meta"),
    ]


webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="chromium and chromedriver are not both installed"
)


@pytest.fixture
def browser(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        *("--headless=new", "--no-sandbox", "--disable-background-networking", "--no-first-run"),
        *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--window-size=1280,1400"),
        f"--user-data-dir={tmp_path / 'browser'}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(CHROMEDRIVER))
    yield driver
    driver.quit()


@pytest.mark.slow  # a browser that draws by its processor
@needs_browser
def test_a_browser_draws_the_scene(browser, tmp_path):
    poses = turntable(4.0, 0.4, 9)
    poses[:, :, 3] += (3, -2, 1)
    inverse = np.repeat(opengl_inverse_intrinsics(40, 32, 32)[None], 9, 0)
    green = np.full((9, 32, 32, 3), (20, 160, 60), np.uint8)
    renders = np.zeros((3, 8, 16, 16, 3), np.uint8)
    renders[...] = 10 * np.arange(24).reshape(3, 8, 1, 1, 1)
    path = tmp_path / "viewer.html"
    page = viewer_page(
        "</script>", "A ball", {}, _sphere(150), Photographs(green, poses, inverse, 4), renders
    )
    path.write_text(page, encoding="utf-8")
    assert path.stat().st_size < 3e6
    browser.get(path.as_uri())
    canvas = browser.find_element("id", "scene")
    end = time.monotonic() + 30
    while canvas.get_attribute("data-drawn") is None or not browser.execute_script(
        "return document.querySelectorAll('#photographs button').length"
    ):
        assert time.monotonic() < end, browser.get_log("browser")
        time.sleep(0.05)
    time.sleep(1)  # the photographs are decoded
    shares = _shares(canvas)
    assert shares["red"] > 0.2 and shares["blue"] > 0.05, shares
    browser.find_element("id", "all").click()
    time.sleep(0.5)
    shares = _shares(canvas)
    assert 0.005 < shares["red"] < 0.1 and shares["green"] > 0.001, shares
    browser.find_element("id", "cameras").click()
    time.sleep(0.5)
    assert _shares(canvas)["green"] == 0
    turn = browser.find_element("id", "turn")
    before = _grey(turn)
    webdriver.ActionChains(browser).drag_and_drop_by_offset(turn, 90, 0).perform()
    assert _grey(turn) < before  # to the right: the camera goes back
    browser.find_element("css selector", "#photographs button.seen").click()
    time.sleep(0.5)
    assert 0.1 < _shares(canvas)["red"] < 0.3  # from 4 away
    assert len(browser.find_elements("css selector", "#photographs button.seen")) == 4
    assert browser.get_log("browser") == []


def _pixels(element):
    image = Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")
    return np.asarray(image).astype(int)


def _grey(element):
    pixels = _pixels(element)
    return pixels[pixels.shape[0] // 2, pixels.shape[1] // 2, 0]


def _shares(element):
    """How much of a picture is red, blue and green."""
    red, green, blue = np.moveaxis(_pixels(element), -1, 0)
    masks = {
        "red": red > 2 * np.maximum(green, blue) + 20,
        "blue": blue > 2 * np.maximum(red, green) + 20,
        "green": green > 2 * np.maximum(red, blue) + 20,
    }
    return {name: float(mask.mean()) for name, mask in masks.items()}
