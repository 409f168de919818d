"""Small data sets that TFDS itself writes, under the names and in the form of the real ones."""

import io
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

SIZES = {"train": 5, "validation": 7, "test": 3}


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


class _Small(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """The parts that both have in common; images come as the bytes of files."""

    features: dict

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(self.features)
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in self.splits}

    def _generate_examples(self, split):
        for index in range(SIZES[split]):
            yield f"{split}{index}", self.example(split, index)


def face(split, index):
    """Row r has the red value r; green and blue tell the split and the index."""
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[..., 0] = np.arange(218)[:, None]
    pixels[..., 1] = list(SIZES).index(split)
    pixels[..., 2] = index
    return pixels


class Faces(_Small, skip_registration=True):
    name = "celeb_a"
    VERSION = tfds.core.Version("2.1.0")
    splits = ("train", "validation", "test")
    features = {
        "image": tfds.features.Image(shape=(218, 178, 3), encoding_format="png"),
        "landmarks": {"lefteye_x": np.int64},
        "attributes": {"Bald": np.bool_},
    }

    def example(self, split, index):
        return {
            "image": png(face(split, index)),
            "landmarks": {"lefteye_x": 69},
            "attributes": {"Bald": False},
        }


def thing(split, index):
    """Left third black, middle third of one grey value, right third white; maybe on its side."""
    grey = 10 * index + (100 if split == "validation" else 0)
    pixels = np.repeat(np.repeat([[0, grey, 255]], 40, axis=1), 40, axis=0).astype(np.uint8)
    return pixels if index % 2 else pixels.T


class Things(_Small, skip_registration=True):
    name = "imagenette"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="320px-v2")]
    splits = ("train", "validation")
    features = {
        "image": tfds.features.Image(encoding_format="jpeg"),
        "label": tfds.features.ClassLabel(num_classes=10),
    }

    def example(self, split, index):
        # Imagenette does have grey pictures among its coloured ones.
        return {"image": png(thing(split, index)), "label": index}


def write_tfds_sets(root: Path) -> Path:
    """Prepares both sets in `root`, and returns it."""
    for builder in (Faces, Things):
        builder(data_dir=root, file_format="array_record").download_and_prepare()
    return root
