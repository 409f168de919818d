"""Generates signals from a set of fields: learns a diffusion prior over what was adapted to each.

    python -m experiments.fit --init=runs/curves --input=class:sdf --as_dataset=fields/curves
    python -m experiments.generate --fields=fields/curves --workdir=runs/generated

Samples are new fields, shown beside the nearest training signal, and written as files of the kind
that the set is of: pictures, sounds, clips, meshes or arrays. How good they are is told by
distances between rendered fields: minimum matching distance (MMD), coverage (COV), how well the
nearest neighbour tells samples from held-out signals (1-NNA, ½ is best), and novelty, which is
below 1 if samples are nearer to training signals than held-out signals are. Samples that are not
finite count, and are told. --label draws from one class.

--complete=views:2,pixels:0.05 completes held-out signals of which only two views of a scanner, or a
twentieth of the pixels, are seen: samples of the posterior, their mean and spread, beside the fit
from the learned init alone. The noise that the measurement is taken to have, and rate and steps of
that fit, are chosen on validation signals.

The same command goes on where it was stopped. Writes prior.safetensors, samples/, generation.json,
generation.md, figures/ and report.html.
"""

import time

import numpy as np
from absl import flags

from experiments import cli
from experiments.generating.completed import check_complete, completed
from experiments.generating.generate_options import GenerateOptions, prior_options
from experiments.generating.sampled import classes, sampled
from experiments.run import shared_flags
from experiments.run.define import define
from experiments.run.reading import made
from experiments.signal_files.kinds import kind_of_record
from metainr.errors import UserError
from metainr.files import expanded
from metainr.output import say
from metainr.reporting import to_text, write_json
from metainr.reporting.generation import generation_tables, write_generation_report
from metainr.runs.as_data.generating import learn_prior
from metainr.runs.as_data.reading import FieldSet, read_fields
from metainr.training.workdir import environment, open_workdir

_OWN = (
    define(GenerateOptions, "fields", "the set of fields, as fit --as_dataset writes it"),
    define(GenerateOptions, "prior_steps", "of the prior's training, in all"),
    define(GenerateOptions, "prior_width", "hidden units of the prior's layers"),
    define(GenerateOptions, "prior_blocks", "of its residual network"),
    define(GenerateOptions, "prior_rate", "of its Adam"),
    define(GenerateOptions, "prior_batch", "vectors of a step"),
    define(GenerateOptions, "prior_jitter", "std of noise on normalised training vectors"),
    define(GenerateOptions, "samples", "to draw, score and write"),
    define(GenerateOptions, "sample_steps", "of DDIM"),
    define(GenerateOptions, "label", "of the class to draw from; default: all"),
    define(GenerateOptions, "complete", "what is seen of held-out signals: views:N, pixels:SHARE"),
    define(GenerateOptions, "num_complete", "held-out signals to complete"),
    define(GenerateOptions, "complete_samples", "of each of them"),
)
_SHARED = (shared_flags.WORKDIR, shared_flags.SEED)
for _holder in (*_OWN, *_SHARED):
    flags.declare_key_flag(_holder.name)
_CHANGEABLE = (
    "workdir", "prior_steps", "samples", "sample_steps", "label", "complete", "num_complete",
    "complete_samples",
)  # fmt: skip


def main() -> None:
    """Learns, samples, completes and reports."""
    began = time.perf_counter()
    values = {holder.name: holder.value for holder in _OWN}
    options = made(GenerateOptions, values)
    if options.fields is None:
        raise UserError(
            "--fields is missing; give a set of fields, such as one that fit --as_dataset wrote"
        )
    fields = read_fields(options.fields)
    if fields.frame is None:
        raise UserError(
            f"--fields={options.fields} does not say how its fields are laid over signals; "
            "generate them from Python"
        )
    kind = kind_of_record(fields.run.record, fields.frame)
    fields.label_number(options.label)
    check_complete(fields, options)
    seed = shared_flags.SEED.value
    record = {**values, "seed": seed, "workdir": shared_flags.WORKDIR.value}
    identity = {**record, "fields": fields.digest()}
    with open_workdir(shared_flags.WORKDIR.value, identity, _CHANGEABLE) as workdir:
        _say_of(fields)
        generator = learn_prior(
            fields,
            options=prior_options(options),
            train_steps=options.prior_steps,
            seed=seed,
            workdir=workdir,
        )
        drawn = sampled(generator, kind, options, seed, expanded(workdir))
        completions = completed(generator, options, seed)
        seconds = {"total": time.perf_counter() - began}
        result = {
            "experiment": "generate",
            "set": {split: len(rows) for split, rows in fields.splits.items()},
            "numbers": fields.about.size,
            "classes": list(fields.about.classes),
            "psnr": {s: _mean(rows.psnr) for s, rows in fields.splits.items() if len(rows)},
            "losses": generator.losses.tolist(),
            "quality": drawn.quality,
            "completion": {name: done.record for name, done in completions.items()},
            "seconds": seconds,
            "command": cli.command(),
            "config": record,
            "environment": environment(),
        }
        write_json(workdir / "generation.json", result)
        for table in generation_tables(result):
            say(to_text(table))
        shown = {name: done.pictures for name, done in completions.items()}
        by_class = classes(generator, kind, options, seed)
        paths = write_generation_report(workdir, result, drawn.sheet, by_class, shown, drawn.files)
        say(f"report: {paths[-1]}")


def _say_of(fields: FieldSet) -> None:
    """What caps everything: how well the vectors stand for their signals."""
    told = ", ".join(
        f"{_mean(rows.psnr):.2f} dB ({len(rows)} {split})"
        for split, rows in fields.splits.items()
        if len(rows)
    )
    say(f"fields of {fields.about.size} numbers; PSNR of the signals that they stand for: {told}")


def _mean(psnr):
    return float(np.mean(psnr))


if __name__ == "__main__":
    cli.run(main)
