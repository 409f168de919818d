"""What can be said of any class of objects that are seen from several sides."""

from typing import NamedTuple

from metainr.errors import UserError


class ObjectOptions(NamedTuple):
    """The pictures of an object and where they come from; each class reads what concerns it.

    resolution: side of the square pictures in pixels, the longer one if they are not square; at
        least 2.
    seed: of the generated classes and of a folder's split; other seeds give other objects.
    object_folder: where the classes `shapenet` and `nerf_folder` find theirs.
    near, far: the depths between which all objects lie, in lengths of the rays' directions.
    num_views: pictures per object. Those of a smaller number are the first of a larger one's,
        except for `nerf_folder`, which spreads them evenly.
    """

    resolution: int
    seed: int = 0
    object_folder: str | None = None
    near: float = 2.0
    far: float = 6.0
    num_views: int = 50


def checked(options: ObjectOptions) -> ObjectOptions:
    """The options themselves. Raises UserError if there is no view or no depth in them."""
    if not 0 <= options.near < options.far < float("inf"):
        raise UserError(
            f"near {options.near} and far {options.far} hold no depths; "
            "they must be finite, with 0 <= near < far"
        )
    if options.num_views < 1:
        raise UserError(f"num_views {options.num_views} is too small; it must be at least 1")
    return options
