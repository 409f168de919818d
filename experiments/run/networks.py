"""Networks beside one another, each from random weights, in place of inits of one network."""

from experiments.config import Config
from experiments.experiment import Experiment
from experiments.run.reading import changed
from metainr import fields
from metainr.errors import UserError


def with_networks(experiment: Experiment, config: Config) -> dict[str, Config]:
    """The configuration with each of the fields that --networks names, by those names.

    A name is FIELD or FIELD:ACTIVATION. Raises UserError for an unknown field, or if an init was to
    be learned or tested, too.
    """
    if not config.run.networks:
        return {}
    if not config.run.only_tests or config.run.init is not None:
        raise UserError(
            "--networks compares networks from random weights: give it with --algorithm=none, and "
            "without --init"
        )
    for name in ("field", "activation"):
        if name in config.run.given:
            raise UserError(f"--{name} and --networks both choose the network; leave one out")
    return {text: _with_network(experiment, config, text) for text in config.run.networks}


def _with_network(experiment, config, text):
    field, colon, activation = text.partition(":")
    if field not in fields.REGISTRY or (colon and not activation):
        raise UserError(
            f"--networks={text} is not FIELD or FIELD:ACTIVATION; fields are "
            f"{', '.join(fields.REGISTRY)}, activations those of --activation"
        )
    chosen = {"field": field} | ({"activation": activation} if activation else {})
    return changed(experiment, config, **chosen, networks=[])
