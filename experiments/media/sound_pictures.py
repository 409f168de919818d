"""How a sound is shown: its spectrogram over its waveform."""

import jax.numpy as jnp
import numpy as np

from metainr.types import Array

COLUMNS = 256
_WINDOW = 256  # samples, or all there are
_FLOOR = -70.0  # dB: of a sine at full scale, what is black
_WAVE_ROWS = 63
_INK = (0.15, 0.35, 0.65)
# Black, violet, red, orange, pale yellow: lightness grows evenly from 0 to about 95 % (CIE L*).
_MAP = np.array(
    [
        [0.00, 0.00, 0.01],
        [0.17, 0.07, 0.36],
        [0.45, 0.12, 0.50],
        [0.73, 0.22, 0.46],
        [0.95, 0.42, 0.36],
        [0.99, 0.68, 0.44],
        [0.99, 0.94, 0.72],
    ]
)


def picture(sound: Array) -> Array:
    """The spectrogram of a sound [n, channels] over its waveform: [h, 256, 3] in [0, 1].

    The spectrogram has a row for every bin of the discrete Fourier transform of 256 samples (of
    all, if there are fewer), the highest above, and spans 70 dB; channels are averaged. The
    waveform, 63 rows, spans [−1, 1].
    """
    mono = sound.mean(axis=-1)
    levels = 1 - jnp.clip(spectrogram(mono)[::-1] / _FLOOR, 0, 1)
    stops = np.linspace(0, 1, len(_MAP))
    spectrum = jnp.stack([jnp.interp(levels, stops, column) for column in _MAP.T], axis=-1)
    white = jnp.ones((2, COLUMNS, 3))
    return jnp.concatenate([spectrum, white, _waveform(mono)])


def spectrogram(mono: Array) -> Array:
    """Levels in dB [w/2, 256] of a sound [n], a sine at full scale being 0; row 0 is the lowest.

    The window of w = 256 samples (all, an even number, if there are fewer) is Hann's; 256 places of
    it are spread evenly over the sound. The bin of frequency 0 is left out.
    """
    size = min(_WINDOW, len(mono) // 2 * 2)
    starts = np.round(np.linspace(0, len(mono) - size, COLUMNS)).astype(int)
    window = np.sin(np.pi * np.arange(size) / size) ** 2
    frames = mono[starts[:, None] + np.arange(size)] * (2 / window.sum() * window)[None]
    power = jnp.square(jnp.abs(jnp.fft.rfft(frames, axis=-1)))
    return 10 * jnp.log10(power[:, 1:].T + 1e-12)


def _waveform(mono):
    """What every column's samples reach, and what joins it to the next column: [63, 256, 3]."""
    edges = np.linspace(0, len(mono) - 1, COLUMNS + 1)
    first, last = np.floor(edges[:-1]).astype(int), np.ceil(edges[1:]).astype(int)
    longest = (last - first).max() + 1
    samples = mono[np.minimum(first[:, None] + np.arange(longest), last[:, None])]
    height = 2 / _WAVE_ROWS
    rows = jnp.linspace(1, -1, _WAVE_ROWS)[:, None]
    low, high = jnp.clip(samples.min(axis=1), -1, 1), jnp.clip(samples.max(axis=1), -1, 1)
    inked = (rows >= low[None] - height / 2) & (rows <= high[None] + height / 2)
    return jnp.where(inked[..., None], np.asarray(_INK)[None, None], 1.0)
