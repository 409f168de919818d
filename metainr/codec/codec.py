"""Signals as bytes and back, with a base."""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from metainr.checks import check
from metainr.codec import container, entropy
from metainr.codec.base import Base
from metainr.codec.container import Header
from metainr.codec.loop import Loop
from metainr.codec.quantiser import BITS, quantised, reach_of, restored
from metainr.codec.statistics import frequencies
from metainr.codec.tiles import cut, parts, tile_counts
from metainr.errors import UserError
from metainr.evaluation.fitting import SLOTS, Score
from metainr.evaluation.streaming import Request, Stream, make_stream
from metainr.keys import branch
from metainr.objectives import Samples
from metainr.types import Array, Task

DEFAULT_BITS = 5
_STEPS_AT_ONCE = 16


class About(NamedTuple):
    """What a file says of a signal beside its shape: see `metainr.codec.container.Header`."""

    kind: str = "array"
    rate: int = 0
    level: int = 0
    place: tuple[float, ...] = ()


ARRAY = About()


class Codec(NamedTuple):
    """A coder and decoder of signals of one class.

    base: what both share.
    fingerprint: of it.
    loop: that fits.
    stream: through which fits go.
    values: (vector [size], coords [n, d]) -> the field's values [n, c]; n is always the number of
        the frame's points.
    """

    base: Base
    fingerprint: bytes
    loop: Loop
    stream: Stream
    values: Callable[[Array, Array], Array]

    def encode(
        self, signal: np.ndarray, bits: int = DEFAULT_BITS, steps: int | None = None
    ) -> bytes:
        """A signal [*shape, c] as a file.

        Args:
            signal: in the frame's range of values, of any shape: what is larger than the base's is
                cut into tiles.
            bits: of a number, 2 to 16.
            steps: of the fit; None: the base's.

        Raises:
            UserError: the signal is of another kind, or its fit diverged.
        """
        signal = self.checked(signal)
        ((_, vectors),) = self.fits([(None, signal)], self.base.steps if steps is None else steps)
        return self.write(vectors, signal.shape[:-1], bits)

    def decode(self, data: bytes, shape: Sequence[int] | None = None) -> np.ndarray:
        """The signal of a file: float32 [*shape, c], clipped to the range of values.

        Args:
            data: what `encode` gave with the same base.
            shape: of the grid to sample; None: the signal's own.

        Raises:
            UserError: the file is damaged, or of another base or version.
        """
        header, vectors = self.read(data)
        return self.render(vectors, header.shape, shape or header.shape)

    def checked(self, signal: np.ndarray) -> np.ndarray:
        """A signal as float32. Raises UserError if it is none that this base is for."""
        frame, signal = self.base.frame, np.asarray(signal)
        axes = len(frame.shape)
        if signal.ndim != axes + 1 or signal.shape[-1] != frame.channels or not signal.size:
            raise UserError(
                f"a signal of shape {list(signal.shape)}, and the base is for {axes} axes and "
                f"{frame.channels} channels; give [{', '.join('n' * axes)}, {frame.channels}]"
            )
        signal = signal.astype(np.float32)
        least, most = signal.min(), signal.max()
        if not (frame.least <= least and most <= frame.most):  # nor if one is NaN
            raise UserError(
                f"a signal with values from {least:g} to {most:g}, and the base is for "
                f"{frame.least:g} to {frame.most:g}; scale it"
            )
        return signal

    def fits(
        self, signals: Iterable[tuple[Any, np.ndarray]], steps: int
    ) -> Iterator[tuple[Any, np.ndarray]]:
        """Yields (tag, vectors [tiles, size]) of every (tag, signal), in order.

        Tiles of all signals stream through the same slots. A fit that diverged has NaN.
        """
        key = branch(jax.random.key(0), "test")
        requests = itertools.chain.from_iterable(
            _requests(tag, signal, self.base.frame.shape, steps) for tag, signal in signals
        )
        vectors = []
        for (tag, last), (fit,) in self.stream([self.loop.contender], requests, key):
            vectors.append(self.loop.vector(fit.params))
            if last:
                yield tag, np.stack(vectors)
                vectors = []

    def write(
        self, vectors: np.ndarray, shape: Sequence[int], bits: int, about: About = ARRAY
    ) -> bytes:
        """The file of a signal's vectors [tiles, size]. Raises UserError if one is not finite."""
        check("bits", bits, BITS)
        if not np.isfinite(vectors).all():
            raise UserError(
                "its fit diverged; take fewer steps, or a base that goes with a lower inner "
                "learning rate"
            )
        scales = self.base.statistics.scales
        symbols = quantised(vectors, scales, bits, reach_of(bits)).ravel()
        payload = entropy.encoded(symbols, frequencies(self.base.statistics, bits), bits)
        header = Header(
            self.fingerprint,
            about.kind,
            bits,
            tuple(shape),
            self.base.frame.channels,
            about.rate,
            about.level,
            len(symbols),
            about.place,
        )
        return container.packed(header, payload)

    def read(self, data: bytes) -> tuple[Header, np.ndarray]:
        """(header, vectors [tiles, size]) of a file. Raises UserError as `decode` does."""
        header, payload = container.unpacked(data)
        self._check(header, payload)
        model = frequencies(self.base.statistics, header.bits)
        try:
            symbols = entropy.decoded(payload, header.symbols, model, header.bits)
        except ValueError as error:
            raise UserError("its symbols are damaged; take it from its source again") from error
        symbols = symbols.reshape(-1, self.loop.size)
        scales = self.base.statistics.scales
        return header, restored(symbols, scales, header.bits, reach_of(header.bits))

    def render(
        self, vectors: np.ndarray, shape: Sequence[int], points: Sequence[int]
    ) -> np.ndarray:
        """A signal's values [*points, c] of its vectors, clipped to the range.

        Args:
            vectors: of its tiles [tiles, size].
            shape: of the signal.
            points: of the grid to sample; with the signal's shape, where it was fitted.
        """
        frame = self.base.frame
        found = np.empty((*points, frame.channels), np.float32)
        for part in parts(shape, frame.shape, points):
            coords = frame.coords(part.positions)
            values = [
                np.asarray(self.values(vectors[part.tile], _filled(piece, frame.points)))
                for piece in np.split(coords, range(frame.points, len(coords), frame.points))
            ]
            size = [len(positions) for positions in part.positions]
            found[part.places] = np.concatenate(values)[: len(coords)].reshape(*size, -1)
        return np.clip(found, frame.least, frame.most)

    def _check(self, header, payload):
        """Raises UserError unless the base and the file's length bear out what it claims."""
        if header.base != self.fingerprint:
            raise UserError(
                f"it was written with the base {header.base.hex()}, and this is base "
                f"{self.fingerprint.hex()}; give that one"
            )
        frame = self.base.frame
        claims = len(header.shape) == len(frame.shape) and header.channels == frame.channels
        tiles = math.prod(tile_counts(header.shape, frame.shape)) if claims else 0
        model = frequencies(self.base.statistics, header.bits)
        most = entropy.most_symbols(len(payload), model, header.bits)
        if not claims or header.symbols != tiles * self.loop.size or header.symbols > most:
            raise UserError(
                f"it claims {header.symbols} numbers for a signal of shape {list(header.shape)} in "
                f"{len(payload)} bytes, which cannot be; take it from its source again"
            )


def make_codec(base: Base) -> Codec:
    """The coder and decoder of a base."""
    loop = base.loop()

    @jax.jit
    def values(vector: Array, coords: Array) -> Array:
        return base.field.apply(loop.params(vector), coords)

    return Codec(base, base.fingerprint, loop, _stream(SLOTS), values)


@functools.lru_cache(maxsize=4)
def _stream(slots):
    nothing = Score(lambda params, task: {}, lambda loss: {})
    return make_stream(nothing, lambda params: (), slots=slots, steps_per_dispatch=_STEPS_AT_ONCE)


def _requests(tag, signal, shape, steps):
    """A fit for each tile; padding repeats the border and does not count."""
    tiles = cut(signal, shape, mode="edge")
    seen = cut(np.ones(signal.shape[:-1], np.float32), shape)
    for index, (tile, weights) in enumerate(zip(tiles, seen)):
        support = Samples(tile.reshape(-1, tile.shape[-1]), weights.ravel())
        yield Request((tag, index == len(tiles) - 1), Task(support, None), index, steps)


def _filled(coords, count):
    """Coordinates followed by others, so that all calls are of one shape."""
    return np.pad(coords, [(0, count - len(coords)), (0, 0)], mode="edge")
