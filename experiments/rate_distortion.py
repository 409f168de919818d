"""Rate and distortion of compressed fields beside other codecs, on signals never learned from.

    metainr rate_distortion --bases=runs/small,runs/large --workdir=runs/curves

Every base has a curve over --bits. The first one is also fitted with each of --ablation_steps, and
by weights that nobody learned. Beside them stand JPEG, WebP and AVIF; for sounds MP3, Opus and FLAC
(where ffmpeg is installed); for meshes such of rounded vertices, packed by zlib and by Draco (where
DracoPy is installed): at all of their qualities. Signals are the first --num_test of
the test split of the class that the first base was learned on. In --workdir:

    report.html, figures/                       the page
    rate_distortion.json, .csv, .md             its numbers
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from absl import flags

from experiments import cli
from experiments.cli import command
from experiments.compressing.bases import class_of, opened_base
from experiments.compressing.choosing import Aim, written
from experiments.compressing.curves import Signals, bytes_at, nobody_learned, own_curve, rival_curve
from experiments.compressing.mesh_rivals import mesh_rivals
from experiments.compressing.rivals import Rival, picture_rivals, sound_rivals
from experiments.config import PATH
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.reading import made
from experiments.signal_files.kind import Kind
from metainr.checks import Each, Range
from metainr.codec import Base, Codec, make_codec, save_base, with_statistics
from metainr.codec.making import NUM_SIGNALS
from metainr.codec.quantiser import BITS
from metainr.errors import UserError
from metainr.output import say
from metainr.reporting import to_text
from metainr.reporting.rate_distortion import equal_table, write_rate_distortion_report
from metainr.reporting.tables import in_steps
from metainr.runs.run import Run
from metainr.training.data import first_signals
from metainr.training.workdir import check_no_run, environment

_SHOWN, _SHOWN_BITS = 6, 5
_SHOWN_RIVALS = ("WebP", "JPEG", "Opus", "mesh, zlib, 32³", "mesh, Draco, 32³")


class CurveOptions(NamedTuple):
    """Which curves there are.

    bases: workdirs, files of weights or bases.
    bits: of a number, one for each point of a curve.
    ablation_steps: of fits of the first base, for more curves.
    num_train: training signals that statistics are of.
    """

    bases: Annotated[tuple[str, ...], Each(PATH, "runs/small,runs/large", range(1000))] = ()
    bits: Annotated[tuple[int, ...], Each(BITS, "3,5,8")] = (2, 3, 4, 5, 6, 7, 8)
    ablation_steps: Annotated[tuple[int, ...], Each(Range(1, 10**6), "1,10", range(20))] = ()
    num_train: Annotated[int, Range(2, 10**6)] = NUM_SIGNALS


_OWN = (
    define(CurveOptions, "bases", "workdirs or bases, each a curve; say of several latent sizes"),
    define(CurveOptions, "bits", "of a number, the points of a curve"),
    define(CurveOptions, "ablation_steps", "gradient steps of more curves of the first base"),
    define(CurveOptions, "num_train", "training signals that statistics are of"),
)
for holder in (shared_flags.WORKDIR, shared_flags.NUM_TEST, shared_flags.SEED):
    flags.declare_key_flag(holder.name)


def main() -> None:
    """Measures every curve and writes the page."""
    began = time.perf_counter()
    if not _OWN[0].value:
        raise UserError("--bases names none; give e.g. --bases=runs/small,runs/large")
    options = made(CurveOptions, {flag.name: flag.value for flag in _OWN})
    workdir = Path(shared_flags.WORKDIR.value)
    check_no_run(workdir)
    opened = [opened_base(path, None, options.num_train, None) for path in options.bases]
    (base, kind), first = opened[0], options.bases[0]
    found = class_of(base.record, first, kind)
    signals = [
        (values, kind.told(values))
        for values in first_signals(found, "test", shared_flags.NUM_TEST.value)
    ]
    curves = _own_curves(options, opened, found, signals, workdir)
    rivals = _rivals(kind, base)
    for name, settings in rivals.items():
        curves[name] = _curve(list(rival_curve(settings, base.frame, signals)))
    record = {
        "experiment": "rate_distortion",
        "signal": base.record["signal"],
        "num_test": len(signals),
        "points": int(np.prod(signals[0][0].shape[:-1])),
        "curves": curves,
        "equal": _equal(curves),
        "seconds": {"total": time.perf_counter() - began},
        "config": {flag.name: flag.value for flag in _OWN},
        "environment": environment(),
        "command": command(),
    }
    pictures = _pictures(make_codec(base), kind, signals, rivals, curves)
    say(to_text(equal_table(record)))
    say(f"report: {write_rate_distortion_report(workdir, record, pictures)[-1]}")


def _own_curves(options, opened, found, signals: Signals, workdir) -> dict[str, Any]:
    """Curves of all bases, and of what the first one depends on."""
    base, kind = opened[0]
    training = [found.get("train", i) for i in range(min(options.num_train, found.sizes["train"]))]

    def curve(base: Base, steps: int, **told):
        codec = make_codec(base)
        return _curve(list(own_curve(codec, kind, signals, options.bits, steps)), True, **told)

    curves = {}
    for path, (one, _) in zip(options.bases, opened):
        file = workdir / "bases" / f"{len(curves)}.safetensors"
        save_base(file, one)
        size = file.stat().st_size
        curves[f"{Path(path).stem}: {make_codec(one).loop.size} numbers"] = curve(
            one, one.steps, base_bytes=size
        )
    for steps in options.ablation_steps:
        curves[in_steps(steps)] = curve(base, steps, ablation=True)
    start = nobody_learned(base, shared_flags.SEED.value)
    run = Run(start.field, start.init, None, start.frame.shape, start.record)
    unlearned = with_statistics(run, start.frame, training, start.steps)
    curves["nothing learned"] = curve(unlearned, base.steps, ablation=True)
    return curves


def _curve(points, is_own=False, ablation=False, base_bytes=None) -> dict[str, Any]:
    return {"is_own": is_own, "ablation": ablation, "base_bytes": base_bytes, "points": points}


def _rivals(kind: Kind, base: Base):
    if kind.what == "picture":
        return picture_rivals()
    if kind.what == "mesh":
        return mesh_rivals(base.frame)
    return sound_rivals(int(base.record["sample_rate"])) if kind.what == "sound" else {}


def _equal(curves):
    rivals = {name: curve["points"] for name, curve in curves.items() if not curve["is_own"]}
    return [
        {
            "name": name,
            **point,
            "rivals": {rival: bytes_at(points, point["psnr"]) for rival, points in rivals.items()},
        }
        for name, curve in curves.items()
        if curve["is_own"] and not curve["ablation"]
        for point in curve["points"]
    ]


def _pictures(
    codec: Codec,
    kind: Kind,
    signals: Signals,
    rivals: Mapping[str, Sequence[tuple[str, Rival]]],
    curves: Mapping[str, Any],
) -> dict[str, list[np.ndarray]]:
    """The first signals, what our files make of them, and those of others whose PSNR is nearest."""
    shown = signals[:_SHOWN]
    fits = codec.fits(enumerate(values for values, _ in shown), codec.base.steps)
    ours = []
    for (_, vectors), (values, about) in zip(fits, shown):
        found = written(codec, kind, vectors, values, about, Aim(_SHOWN_BITS))
        _, decoded = codec.read(found.data)
        shape = values.shape[:-1]
        ours.append(codec.render(decoded, shape, shape))
    rows = {"original": [values for values, _ in shown], f"ours, {_SHOWN_BITS} bits": ours}
    frame = codec.base.frame
    reached = np.mean([frame.psnr(found, values) for found, (values, _) in zip(ours, shown)])
    for name in (name for name in _SHOWN_RIVALS if name in rivals):
        psnr = np.array([point["psnr"] for point in curves[name]["points"]])
        setting, code = rivals[name][int(np.argmin(np.abs(psnr - reached)))]
        rows[f"{name}, {setting}"] = [code(values).values for values, _ in shown]
    return {
        name: [np.round(255 * np.clip(kind.picture(x), 0, 1)).astype(np.uint8) for x in row]
        for name, row in rows.items()
    }


if __name__ == "__main__":
    cli.run(main)
