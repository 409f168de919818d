"""The site builds from the pages without a warning, and what it links to within itself is there."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class _Page(HTMLParser):
    """What a page links to and loads, and the places in it that can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.places = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.places.add(found.get("id"))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in ("link", "script", "img"):
            self.loads.append(found.get("src", found.get("href")))


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    pages = {path.resolve(): _Page(path) for path in site.rglob("*.html")}
    assert site / "index.html" in pages and site / "api" / "metainr.types.html" in pages
    for path, page in pages.items():
        assert not any(urlsplit(load or "").scheme.startswith("http") for load in page.loads), path
        for link in (*page.links, *filter(None, page.loads)):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name}: {link}"
            place = unquote(parts.fragment)
            assert not place or target not in pages or place in pages[target].places, (
                f"{path.name}: {link}"
            )
