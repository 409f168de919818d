"""Pages of text: the fonts' letters are letters, and pages look like pages."""

import string

import numpy as np
import pytest

from metainr import signals
from metainr.signals.images.text import FONTS, font


@pytest.mark.parametrize("name", FONTS)
def test_every_font_draws_every_letter(name):
    typeface = font(name, 48)
    glyphs = [bytes(typeface.getmask(letter)) for letter in string.ascii_letters]
    assert all(any(glyph) for glyph in glyphs)
    # A font without letters shows the same box for all.
    assert len(set(glyphs)) >= 51


def test_fonts_differ():
    pages = {bytes(font(name, 32).getmask("metaINR")) for name in FONTS}
    assert len(pages) == len(FONTS)


def test_pages_are_white_with_coloured_strings():
    signal = signals.make("text", signals.ImageOptions(178))
    for index in range(20):
        image = signal.get("train", index)
        ink = (image < 1).any(axis=-1)
        assert 0.005 < ink.mean() < 0.7
        # A string's colour is at most 0.75 in each channel, and full inside its strokes.
        assert image.max(axis=-1).min() <= 0.75
        assert len(np.unique(image[ink], axis=0)) > 50


def test_strings_are_clipped_at_every_border():
    signal = signals.make("text", signals.ImageOptions(64))
    pages = np.stack([signal.get("train", index) for index in range(100)]).min(axis=-1) < 0.9
    for border in (pages[:, 0], pages[:, -1], pages[:, :, 0], pages[:, :, -1]):
        assert 0.05 < border.any(axis=-1).mean()


def test_small_pages_still_carry_ink():
    signal = signals.make("text", signals.ImageOptions(16))
    assert all(signal.get("test", index).min() < 0.95 for index in range(20))
