"""Networks beside one another, each from random weights, in place of inits of one network."""

from types import SimpleNamespace

from absl import flags

from experiments import shared_flags
from metainr import fields
from metainr.errors import UserError


def network_flags(config: SimpleNamespace) -> dict[str, SimpleNamespace]:
    """The run's flags with each of the fields that `config.networks` names, by those names.

    A name is FIELD or FIELD:ACTIVATION. Raises UserError for an unknown field, or if an init was to
    be learned or tested, too.
    """
    if not config.networks:
        return {}
    if config.algorithm != "none" or config.init is not None:
        raise UserError(
            "--networks compares networks from random weights: give it with --algorithm=none, and "
            "without --init"
        )
    for name in ("field", "activation"):
        if flags.FLAGS[name].present:
            raise UserError(f"--{name} and --networks both choose the network; leave one out")
    return {text: _with_network(config, text) for text in config.networks}


def _with_network(config, text):
    field, colon, activation = text.partition(":")
    if field not in fields.REGISTRY or (colon and not activation):
        raise UserError(
            f"--networks={text} is not FIELD or FIELD:ACTIVATION; fields are "
            f"{', '.join(fields.REGISTRY)}, activations those of --activation"
        )
    chosen = {"field": field} | ({"activation": activation} if activation else {})
    return SimpleNamespace(**vars(config) | chosen | {shared_flags.NETWORKS.name: []})
