"""The front door: `metainr.learn_prior`, which learns to generate fields of a set."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.checks import SEED, Range, check, checked
from metainr.devices import own_settings
from metainr.errors import Option, UserError
from metainr.files import expanded
from metainr.generation import Predict, Prior, PriorOptions, PriorState, make_prior, make_sampler
from metainr.json_files import parsed
from metainr.keys import branch
from metainr.progress import progress
from metainr.runs.as_data.reading import FieldSet
from metainr.training.interrupts import Interrupted, deferred_interrupts
from metainr.weights import load_metadata, load_weights, match_structure, save_weights

FILE = "prior.safetensors"
_DEFAULT = PriorOptions()
_AT_ONCE = 50  # steps between two looks at the clock, and at Ctrl-C
_COUNT = Range(1, 10**6)
_FEWEST = 8  # training vectors


class Generator(NamedTuple):
    """What was learned of a set of fields, and generates more of them.

    fields: the set.
    prior: what learned it.
    state: its weights after so many steps.
    losses: mean squared error of denoising, by steps [n, 2] that this call took.
    """

    fields: FieldSet
    prior: Prior
    state: PriorState
    losses: np.ndarray

    @property
    def predict(self) -> Predict:
        """What normalised vectors were before noise, by the averaged weights."""
        return self.prior.predict(self.state.average)

    def sample(
        self, count: int, label: str | None = None, *, seed: int = 0, steps: int = 50
    ) -> np.ndarray:
        """Vectors [count, d] of new fields; `fields.render` shows them.

        Args:
            count: of samples.
            label: of the class to draw from; None: all.
            seed: other seeds give other samples.
            steps: of DDIM.

        Raises UserError for a label that the set has not.
        """
        check("count", count, _COUNT)
        number = self.fields.label_number(label)
        sampler = make_sampler(self.predict, self.prior.schedule, self.fields.about.size, steps)
        key = branch(jax.random.key(check("seed", seed, SEED)), "sample")
        found = sampler(key, jnp.full(count, number))
        return np.asarray(self.fields.standard.restored(np.asarray(found)))


@own_settings()
def learn_prior(
    fields: FieldSet,
    *,
    options: PriorOptions = _DEFAULT,
    train_steps: int = 5000,
    checkpoint_every: int = 500,
    seed: int = 0,
    workdir: str | Path | None = None,
) -> Generator:
    """Learns a diffusion prior over the training vectors of a set of fields.

    Args:
        fields: the set.
        options: of the prior.
        train_steps: in all.
        checkpoint_every: steps between saves.
        seed: of weights and noise.
        workdir: keeps prior.safetensors; the same call goes on with what it holds, bit for bit.
            None: nothing is kept.

    Raises:
        UserError: the set is too small, or the folder holds the prior of another one.

    >>> fields = metainr.read_fields("fields")
    >>> few = metainr.generation.PriorOptions(width=8, blocks=1, batch=4)
    >>> metainr.learn_prior(fields, options=few, train_steps=2)
    Traceback (most recent call last):
    ...
    metainr.errors.UserError: fields: 3 training vectors are too few for a prior; give 8 or more
    """
    train = fields.splits["train"]
    if len(train) < _FEWEST:
        raise UserError(
            f"fields: {len(train)} training vectors are too few for a prior; give {_FEWEST} or more"
        )
    options = checked(options)
    vectors = jnp.asarray(fields.standard.normalised(train.vectors()))
    prior = make_prior(fields.about.size, len(fields.about.classes), options)
    root = jax.random.key(check("seed", seed, SEED))
    state, path = prior.init(branch(root, "init")), None
    record = {
        "fields": fields.digest(),
        "seed": str(seed),
        "options": json.dumps(options._asdict()),
    }
    if workdir is not None:
        path = expanded(workdir) / FILE
        state = _restored(path, state, record) if path.exists() else state
    first, losses = int(state.step), []
    labels, key = jnp.asarray(train.labels), branch(root, "train")
    with (
        deferred_interrupts() as requested,
        progress(train_steps, "step", "prior", initial=min(first, train_steps)) as bar,
    ):
        while (step := int(state.step)) < train_steps:
            signum = requested()
            # Steps end where a save is due, so that a run that goes on takes the same ones.
            count = min(_AT_ONCE, train_steps - step, checkpoint_every - step % checkpoint_every)
            if signum is None:
                state, loss = prior.advance(state, vectors, labels, key, count)
                losses.append((step + count, float(loss)))
                bar.update(count)
            due = signum is not None or (step + count) % checkpoint_every == 0
            if path is not None and (due or step + count == train_steps):
                save_weights(path, state, record)
            if signum is not None:
                kept = f"; {path} keeps them" if path is not None else ""
                raise Interrupted(f"stopped after {step} of {train_steps} steps{kept}", signum)
    return Generator(fields, prior, state, np.reshape(losses, (-1, 2)))


def _restored(path: Path, like: PriorState, record: dict[str, Any]) -> PriorState:
    """The state in a file. Raises UserError if it is of another set, seed or network."""
    found = load_metadata(path)
    for name, value in record.items():
        if found.get(name) != str(value):
            told = _told(found.get(name)) if name == "options" else found.get(name)
            raise UserError(
                f"{path} is the prior of another run: {name} was {told} and is now {value}; use "
                "another ",
                Option("workdir"),
            )
    return match_structure(load_weights(path), like, str(path))


def _told(text):
    try:
        return parsed(text or "{}")
    except ValueError:
        return text
