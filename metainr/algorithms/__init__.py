"""Meta-learning algorithms by name; a new one is one file and one line here."""

from metainr.algorithms.anil import anil
from metainr.algorithms.arithmetic import arithmetic
from metainr.algorithms.bootstrapped import BootstrappedOptions, bootstrapped
from metainr.algorithms.first_order_maml import first_order_maml
from metainr.algorithms.gradncp import GradncpOptions, gradncp
from metainr.algorithms.imaml import ImamlOptions, imaml
from metainr.algorithms.inner import adapt, gradient_inner
from metainr.algorithms.joint import joint
from metainr.algorithms.maml import maml
from metainr.algorithms.maml_plus_plus import MamlPlusPlusOptions, maml_plus_plus
from metainr.algorithms.meta_sgd import MetaSgdOptions, meta_sgd
from metainr.algorithms.modulations import ModulationsOptions, modulations
from metainr.algorithms.nearest import NearestOptions, nearest
from metainr.algorithms.optimizers import make_optimizer
from metainr.algorithms.options import Entry, NoOptions
from metainr.algorithms.parts import make_parts
from metainr.algorithms.plain import plain_inner
from metainr.algorithms.reptile import reptile
from metainr.algorithms.spatial_latents import SpatialLatentsOptions, spatial_latents
from metainr.algorithms.strainer import StrainerOptions, strainer
from metainr.checks import AnyOptions
from metainr.registry import look_up
from metainr.types import Algorithm, Parts

REGISTRY: dict[str, Entry] = {
    "maml": Entry(maml),
    "first_order_maml": Entry(first_order_maml, settles=False),
    "maml_plus_plus": Entry(maml_plus_plus, MamlPlusPlusOptions),
    "reptile": Entry(reptile),
    "arithmetic": Entry(arithmetic, takes_cycles=True),
    "meta_sgd": Entry(meta_sgd, MetaSgdOptions),
    "anil": Entry(anil),
    "imaml": Entry(imaml, ImamlOptions),
    "gradncp": Entry(gradncp, GradncpOptions, takes_coupled=False),
    "bootstrapped": Entry(bootstrapped, BootstrappedOptions),
    "modulations": Entry(modulations, ModulationsOptions),
    "spatial_latents": Entry(spatial_latents, SpatialLatentsOptions, field="latent_siren"),
    "joint": Entry(joint),
    "nearest": Entry(nearest, NearestOptions, kept_signals=lambda options: options.signals),
    "strainer": Entry(strainer, StrainerOptions, kept_signals=lambda options: options.heads),
}


def make(name: str, parts: Parts, options: AnyOptions | None = None) -> Algorithm:
    """The algorithm called `name`, made from the parts of a problem and its own options.

    `options`: of its type in the registry; None: its defaults. Raises UserError for an unknown
    name.
    """
    entry = look_up("algorithm", name, REGISTRY)
    return entry.make(parts, entry.options() if options is None else options)


__all__ = [
    "REGISTRY",
    "Entry",
    "MetaSgdOptions",
    "ModulationsOptions",
    "NoOptions",
    "adapt",
    "first_order_maml",
    "gradient_inner",
    "make",
    "make_optimizer",
    "make_parts",
    "maml",
    "meta_sgd",
    "modulations",
    "plain_inner",
    "reptile",
]
