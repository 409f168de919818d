"""Classes of pictures: curves, text, photographs, and a user's own."""

from metainr.signals.images.digits import digits
from metainr.signals.images.folder import folder, picture_paths
from metainr.signals.images.noise import noise
from metainr.signals.images.one_image import camera, grey_images, image
from metainr.signals.images.options import ImageOptions, PictureOptions
from metainr.signals.images.photos import photos
from metainr.signals.images.sdf import sdf
from metainr.signals.images.sdf_mixed import sdf_mixed
from metainr.signals.images.text import text
from metainr.signals.images.text_on_photos import text_on_photos
from metainr.signals.images.textured import textured
from metainr.signals.images.tfds_images import celeba, imagenette

__all__ = [
    "ImageOptions",
    "PictureOptions",
    "camera",
    "celeba",
    "digits",
    "folder",
    "grey_images",
    "image",
    "imagenette",
    "noise",
    "photos",
    "picture_paths",
    "sdf",
    "sdf_mixed",
    "text",
    "text_on_photos",
    "textured",
]
