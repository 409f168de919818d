"""The front door: `metainr.write_fields`, which fits a whole class and keeps what was adapted."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging

from metainr.checks import SEED, Range, check
from metainr.devices import own_settings
from metainr.errors import UserError
from metainr.evaluation.fitting import SLOTS, Score
from metainr.evaluation.streaming import Request, make_stream
from metainr.fieldsets import (
    BASE,
    SHARD,
    Fitted,
    Index,
    Layout,
    Rows,
    Skipped,
    is_whole,
    layout_of,
    shard_sizes,
    standard_of,
    write_index,
    write_shard,
)
from metainr.files import expanded, remove_unfinished, write_bytes
from metainr.keys import branch
from metainr.media.numpy_files import npy_bytes
from metainr.progress import progress
from metainr.runs.as_data.reading import NORMALISATION, FieldSet, read_fields
from metainr.runs.fits import make_contenders
from metainr.runs.options import Machine
from metainr.runs.run import Run
from metainr.signals.access import SPLITS
from metainr.training.workdir import open_workdir
from metainr.types import Adapted, Contender, Params, SignalClass, Task
from metainr.weights import fingerprint
from metainr.weights.naming import shown

_AT_ONCE = 32  # steps
_STEPS = Range(0, 10**6)
_SIZE = Range(0, 2**28)


class _Found(NamedTuple):
    """What a fit comes to: what its loop adapted, and the field's weights."""

    adapted: Adapted
    params: Params


@own_settings()
def write_fields(
    run: Run,
    signals: SignalClass,
    path: str | Path,
    *,
    steps: int | None = None,
    sizes: Mapping[str, int] = {},
    seed: int = 0,
    source: Mapping[str, Any] = {},
) -> FieldSet:
    """Fits every signal of a class from one init, and writes what was adapted as a data set.

    Fits stream through a fixed number of slots, and memory does not grow with the signals. A call
    that was stopped or killed goes on when it is repeated, bit for bit. Signals that cannot be
    read, and fits that diverge, are left out: notes in the set say which, and why.

    Args:
        run: what was learned. Vectors are what its loop adapts: the latents of modulations, or all
            of a field's weights.
        signals: the class, of which `label` says what kind each signal is.
        path: the folder of the set; made if it is missing.
        steps: of a fit; None: as many as the init was learned for.
        sizes: at most so many signals of a split.
        seed: of random draws.
        source: where signals come from, as the command line's flags say it.

    Raises:
        UserError: the run does not say how signals are fitted, none of the training signals could
            be, or the folder holds another set.

    >>> curves = metainr.signals.make("sdf", metainr.signals.ImageOptions(resolution=12))
    >>> run = metainr.learn(curves, width=16, depth=2, train_steps=1)
    1 steps in ...
    >>> sizes = {"train": 3, "validation": 1, "test": 1}
    >>> fields = metainr.write_fields(run, curves, "fields", sizes=sizes)
    >>> len(fields.splits["train"])
    3
    """
    if run.problem is None:
        raise UserError(
            "write_fields: this run does not say how signals are fitted; load it with problem="
        )
    taken = run.init.learner.inner_steps if steps is None else steps
    taken = int(check("steps", taken, _STEPS))
    most = {split: check(split, sizes.get(split, _SIZE.most), _SIZE) for split in SPLITS}
    counts = {split: min(signals.sizes[split], most[split]) for split in SPLITS}
    base = fingerprint(run.init.meta_params)
    flags = {"base": base, "steps": taken, "signals": counts, "seed": check("seed", seed, SEED)}
    flags |= {"source": dict(source)}
    with open_workdir(expanded(path), flags, (), flag="path") as folder:
        remove_unfinished(folder)
        run.save(folder / BASE)
        layout = _layout(run)
        _write_shards(run, signals, folder, counts, taken, seed, layout)
        labels = _finish(folder, counts, layout.size)
        index = Index(
            base=base,
            size=layout.size,
            steps=taken,
            classes=labels,
            shards={split: len(shard_sizes(count)) for split, count in counts.items()},
            source=dict(source),
        )
        write_index(folder, index)
        return read_fields(folder, run=run)


def _layout(run: Run) -> Layout:
    contender = _contender(run)
    inner = contender.make_inner(contender.hyper)
    return layout_of(jax.eval_shape(inner.init, contender.meta_params).adapted)


def _contender(run: Run) -> Contender:
    assert run.problem is not None
    objective = next(iter(run.problem.settings.values())).objective
    return make_contenders({"meta": run.init}, run.field, objective, Machine())["meta"]


def _write_shards(run, signals, folder, counts, steps, seed, layout):
    """Fits what no whole shard tells of, and writes shards as they are full."""
    missing = [
        (split, number, size)
        for split, count in counts.items()
        for number, size in enumerate(shard_sizes(count))
        if not is_whole(folder / split, number)
    ]
    total, left = sum(counts.values()), sum(size for *_, size in missing)
    unread: dict[tuple[str, int], str] = {}
    places = ((split, SHARD * n + i) for split, n, size in missing for i in range(size))
    fits = _fits(run, signals, places, steps, seed, layout, unread)
    with progress(total, "field", initial=total - left) as bar:
        ahead = next(fits, None)
        for split, number, size in missing:
            rows: list[Fitted | Skipped] = []
            for index in range(SHARD * number, SHARD * number + size):
                name, place = _name(signals, split, index), (split, index)
                if ahead is None or ahead[0] != place:
                    rows.append(Skipped(name, unread[place]))
                    continue
                _, vector, reached = ahead
                ahead = next(fits, None)
                if np.isfinite(vector).all():
                    label = signals.label(split, index)
                    rows.append(Fitted(index, name, label, vector, reached))
                else:
                    rows.append(Skipped(name, "its fit diverged; take fewer steps"))
            write_shard(folder / split, number, rows)
            bar.update(size)


def _fits(run, signals, places, steps, seed, layout, unread) -> Iterator[tuple[Any, Any, Any]]:
    """Yields ((split, index), vector, PSNR or None) of all signals that can be read, in order."""
    setting = next(iter(run.problem.settings.values()))
    key = branch(jax.random.key(seed), "test")
    make_task = jax.jit(setting.make_task)
    contender = _contender(run)

    def telling(hyper):
        inner = contender.make_inner(hyper)
        return inner._replace(params=lambda s: _Found(s.adapted, inner.params(s)))

    def requests():
        for split, index in places:
            try:
                signal = signals.get(split, index)
            except UserError as error:
                unread[split, index] = str(error)
                continue
            task = jax.tree.map(np.asarray, make_task(signal, key))
            number = SPLITS.index(split) << 28 | index
            yield Request((split, index), Task(task.support, signal), number, steps)

    stream = make_stream(
        # Steps need no PSNR: that of the fit is told.
        Score(_psnr(setting.score), lambda loss: {"psnr": jnp.full_like(loss, jnp.nan)}),
        lambda found: layout.flatten(found.adapted),
        slots=SLOTS,
        steps_per_dispatch=_AT_ONCE,
    )
    teller = contender._replace(make_inner=telling)
    for place, (fit,) in stream([teller], requests(), key):
        last = float(fit.metrics["psnr"][-1])
        yield place, fit.view, None if np.isnan(last) else last


def _psnr(score):
    """(found, task) -> the PSNR of a field as tests measure it; NaN where they do not."""

    def measured(found, task):
        return {"psnr": score.full(found.params, task.query).get("psnr", jnp.nan)}

    return measured


def _finish(folder, counts, size):
    """Writes the normalisation, warns of what was left out, and returns the classes."""
    splits = {
        split: Rows(folder / split, len(shard_sizes(count)), size, ())
        for split, count in counts.items()
    }
    skipped = {f"{s}/{n}": why for s, rows in splits.items() for n, why in rows.skipped.items()}
    if skipped:
        name, why = next(iter(skipped.items()))
        logging.warning(
            "%s: left out %d of %d signals (the first, %s: %s)",
            *(folder, len(skipped), sum(counts.values()), shown(name), shown(why, 300)),
        )
    if not len(splits["train"]):
        reason = f": {next(iter(skipped.values()))}" if skipped else ""
        raise UserError(f"{folder}: there is no fit of any training signal{reason}")
    parts = splits["train"].parts()
    standard = standard_of(parts, size)
    values = np.stack([standard.mean, standard.std]).astype(np.float32)
    write_bytes(folder / NORMALISATION, npy_bytes(values))
    labels = itertools.chain.from_iterable(rows.label_names for rows in splits.values())
    return tuple(sorted({label for label in labels if label is not None}))


def _name(signals, split, index):
    names = signals.names.get(split, ())
    return names[index] if index < len(names) else f"{split}-{index:06d}"
