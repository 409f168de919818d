"""What is known of metrics: names for people, units, and which end of them is the good one."""

from typing import NamedTuple


class Measure(NamedTuple):
    """A metric as reports show it.

    key: its name in results.json.
    name: for people.
    unit: "" if it has none.
    decimals: how many are shown; None: three significant digits.
    lower_is_better: whether inits with less of it are the better ones.
    """

    key: str
    name: str
    unit: str = ""
    decimals: int | None = None
    lower_is_better: bool = False

    @property
    def label(self) -> str:
        """The name with the unit, "PSNR [dB]"."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    def written(self, mean: float, stderr: float | None = None) -> str:
        """A mean, with its standard error "30.12 ± 0.31", without its unit."""
        specs = ("#.3g", ".1g") if self.decimals is None else (f".{self.decimals}f",) * 2
        found = f"{mean:{specs[0]}}".removesuffix(".")  # of 100 and more
        return found + ("" if stderr is None else f" ± {stderr:{specs[1]}}")


_KNOWN = {
    measure.key: measure
    for measure in (
        Measure("psnr", "PSNR", "dB", 2),
        Measure("ssim", "SSIM", decimals=3),
        Measure("snr", "SNR", "dB", 2),
        Measure("chamfer", "Chamfer distance", lower_is_better=True),
        Measure("normal_consistency", "normal consistency", decimals=3),
        Measure("projection_error", "mean squared error of projections", lower_is_better=True),
        Measure("relative_error", "relative error", lower_is_better=True),
    )
}


def measure(key: str) -> Measure:
    """What is known of a metric; of an unknown one, that more of it is better."""
    return _KNOWN.get(key, Measure(key, key.replace("_", " ")))
