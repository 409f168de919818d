"""Noise with the spectrum of photographs: signals that are related to nothing."""

import numpy as np

from metainr.signals.access import generated
from metainr.signals.images.options import ImageOptions
from metainr.types import SignalClass

_BAND = 64  # frequencies below, in waves per side
_CONTRAST = 0.18  # standard deviation of a channel
_COMMON = 0.8  # part of its amplitude that the channels share


def noise(options: ImageOptions) -> SignalClass:
    """Images 0.5 + z, clipped to [0, 1], where z is Gaussian and its amplitudes fall as 1/f.

    The power of photographs falls as 1/f², too, but nothing in these images is in a place of its
    own: an init that is learned on them knows the spectrum alone. Channels are alike but not equal.
    """
    return generated("noise", options, _draw)


def _draw(rng, resolution):
    numbers = np.fft.fftfreq(2 * _BAND, 1 / (2 * _BAND)).astype(int)
    distance = np.hypot(numbers[:, None], numbers)
    amplitude = np.divide(1, distance, where=distance > 0, out=np.zeros_like(distance))
    amplitude *= _CONTRAST / np.sqrt(np.sum(amplitude**2))
    parts = rng.normal(size=(2, 4, 2 * _BAND, 2 * _BAND))
    spectrum = amplitude * (parts[0] + 1j * parts[1])
    # A coarser grid shows the same waves, as far as it can.
    known = np.abs(numbers) < min(_BAND, resolution / 2)
    seen = np.zeros((4, resolution, resolution), complex)
    places = numbers[known] % resolution
    seen[:, places[:, None], places] = spectrum[:, known][:, :, known]
    common, *own = np.fft.ifft2(seen).real * resolution**2
    mixed = [_COMMON * common + (1 - _COMMON**2) ** 0.5 * channel for channel in own]
    return np.clip(0.5 + np.stack(mixed, axis=-1), 0, 1).astype(np.float32)
