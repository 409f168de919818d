"""The file of one signal: what it is of, its coded numbers, a checksum.

"mnr", version            4 bytes
fingerprint of the base   4 bytes
kind, bits                2 bytes
axes, shape, channels, rate, level, symbols    varints
place of a placed solid   4 doubles
coded symbols             the rest
CRC-32 of all that        4 bytes
"""

import math
import struct
import zlib
from typing import NamedTuple

from metainr.codec.quantiser import BITS
from metainr.errors import UserError

SUFFIX = ".mnr"
MAGIC, VERSION = b"mnr", 1
PLACED = "placed solid"
KINDS = (
    *("array", "colour", "grey", "deep colour", "deep grey", "sound", "clip", "solid"),
    PLACED,
)
FINGERPRINT_BYTES = 4
MOST_VALUES = 2**30
"""Of a signal, so many numbers at most."""

_START, _END = len(MAGIC) + 1 + FINGERPRINT_BYTES + 2, 4
_MOST_AXES = 4
_PLACE = struct.Struct("<4d")


class Header(NamedTuple):
    """What a file says of its signal.

    base: fingerprint of the weights and statistics that it was written with.
    kind: which of `KINDS` it was.
    bits: of a number.
    shape, channels: of the signal.
    rate, level: of sounds in Hz, and their peak in 65535ths; of clips in frames per 1000 s; else 0.
    symbols: numbers that are coded.
    place: of a placed solid centre and scale, as `metainr.signals.Cloud` has them; else ().
    """

    base: bytes
    kind: str
    bits: int
    shape: tuple[int, ...]
    channels: int
    rate: int
    level: int
    symbols: int
    place: tuple[float, ...] = ()


def packed(header: Header, payload: bytes) -> bytes:
    """The file of a header and its coded symbols."""
    numbers = (
        *(len(header.shape), *header.shape, header.channels, header.rate, header.level),
        header.symbols,
    )
    start = MAGIC + bytes([VERSION]) + header.base + bytes([KINDS.index(header.kind), header.bits])
    told = b"".join(map(_varint, numbers)) + (_PLACE.pack(*header.place) if header.place else b"")
    data = start + told + payload
    return data + zlib.crc32(data).to_bytes(_END, "little")


def unpacked(data: bytes) -> tuple[Header, bytes]:
    """(header, coded symbols) of a file.

    Nothing is taken from the header before the checksum was right. Raises UserError for what is no
    such file, of another version, cut off, damaged, or claims what cannot be.
    """
    if not data.startswith(MAGIC):
        raise UserError("it is no compressed field: it does not begin as one; leave it out")
    if len(data) < _START + _END:
        raise UserError(f"it is cut off after {len(data)} bytes; take it from its source again")
    if data[len(MAGIC)] != VERSION:
        raise UserError(
            f"it is of version {data[len(MAGIC)]} of the format, and this metainr reads "
            f"{VERSION}; install the metainr that wrote it"
        )
    body, checksum = data[:-_END], data[-_END:]
    if zlib.crc32(body).to_bytes(_END, "little") != checksum:
        raise UserError("it is cut off or damaged: its checksum differs; take it again")
    base, (kind, bits) = body[4 : 4 + FINGERPRINT_BYTES], body[_START - 2 : _START]
    try:
        numbers, place = [], _START
        axes, place = _read_varint(body, place)
        if not 1 <= axes <= _MOST_AXES:
            raise ValueError(f"{axes} axes")
        for _ in range(axes + 4):
            number, place = _read_varint(body, place)
            numbers.append(number)
        *shape, channels, rate, level, symbols = numbers
        BITS.plain(bits)
        if kind >= len(KINDS):
            raise ValueError(f"kind {kind}")
        if not 1 <= math.prod(shape) * channels <= MOST_VALUES:
            raise ValueError(f"{' × '.join(map(str, shape))} points of {channels} channels")
        where = _read_place(body, place) if KINDS[kind] == PLACED else ()
    except (ValueError, struct.error) as error:
        raise UserError(f"it claims what cannot be: {error}; take it from its source again") from (
            error
        )
    header = Header(base, KINDS[kind], bits, tuple(shape), channels, rate, level, symbols, where)
    return header, body[place + _PLACE.size * bool(where) :]


def _read_place(data, start):
    found = _PLACE.unpack_from(data, start)
    if not (all(map(math.isfinite, found)) and found[-1] > 0):
        raise ValueError("a place that is none")
    return found


def _varint(number):
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    found = bytearray()
    while number >= 128:
        found.append(number % 128 + 128)
        number //= 128
    return bytes([*found, number])


def _read_varint(data, place):
    number = 0
    for index in range(5):
        if place + index >= len(data):
            raise ValueError("a header that goes on after its end")
        byte = data[place + index]
        number |= byte % 128 << 7 * index
        if byte < 128:
            return number, place + index + 1
    raise ValueError("a number of more than 35 bits")
