"""What the vendors publish of their chips: dense products, no sparsity, and memory bandwidth."""

from typing import NamedTuple


class Chip(NamedTuple):
    """Peaks of one chip.

    products: way of multiplying -> TFLOP/s at best, by the rules of docs/devices.md.
    gigabytes: GB/s of its memory.
    source: the data sheet.
    """

    products: dict[str, float]
    gigabytes: float
    source: str


def _tpu(bfloat16: float, gigabytes: float, name: str) -> Chip:
    # Three passes of bfloat16 make a float32 product.
    products = {"float32": bfloat16 / 3, "bfloat16": bfloat16}
    return Chip(products, gigabytes, f"Google Cloud TPU documentation, TPU {name}")


def _gpu(float32: float, tensorfloat: float, bfloat16: float, gigabytes: float, name: str) -> Chip:
    # metainr multiplies float32 without TensorFloat-32; its rate is for comparison.
    products = {"float32": float32, "TensorFloat-32": tensorfloat, "bfloat16": bfloat16}
    return Chip(products, gigabytes, f"NVIDIA {name} data sheet")


CHIPS = {
    "v5e": _tpu(197, 819, "v5e"),
    "v5p": _tpu(459, 2765, "v5p"),
    "A100": _gpu(19.5, 156, 312, 2039, "A100 80GB SXM"),
    "H100": _gpu(67, 494.5, 989, 3350, "H100 SXM"),
    "H200": _gpu(67, 494.5, 989, 4800, "H200 SXM"),
}
