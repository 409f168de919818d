"""Text over photographs: a combination of two classes, for inits that are composed of theirs."""

from metainr.signals.images.options import ImageOptions
from metainr.signals.images.photos import of_photos
from metainr.signals.images.text import with_strings
from metainr.types import SignalClass


def text_on_photos(options: ImageOptions) -> SignalClass:
    """Crops of photographs as those of `photos`, with strings over them as those of `text`."""
    return of_photos("text_on_photos", options, with_strings)
