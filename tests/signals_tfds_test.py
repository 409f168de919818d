"""CelebA and Imagenette, read from small data sets that TFDS itself wrote under their names."""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tfds_sets import SIZES, Faces, face, png, write_tfds_sets

from metainr import signals
from metainr.errors import UserError


class _NewerFaces(Faces, skip_registration=True):
    name = "celeb_a"
    VERSION = tfds.core.Version("2.10.0")
    splits = ("train", "validation", "test")

    def example(self, split, index):
        return super().example(split, index) | {"image": png(255 - face(split, index))}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return write_tfds_sets(tmp_path_factory.mktemp("tfds"))


def _make(name, data_dir, resolution=178):
    return signals.make(name, signals.ImageOptions(resolution, data_dir=str(data_dir)))


def test_celeba_cuts_rows_20_to_198(data_dir):
    signal = _make("celeba", data_dir)
    assert signal.sizes == SIZES
    for number, split in enumerate(SIZES):
        images = np.stack([signal.get(split, index) for index in range(SIZES[split])])
        assert images.dtype == np.float32
        assert images.shape == (SIZES[split], 178, 178, 3)
        rows = np.arange(20, 198, dtype=np.float32)[:, None] / 255
        assert (images[..., 0] == rows).all()
        assert (images[..., 1] == np.float32(number) / 255).all()
        assert sorted(255 * images[:, 0, 0, 2]) == list(range(SIZES[split]))


def test_celeba_is_scaled_to_other_resolutions(data_dir):
    image = _make("celeba", data_dir, 89).get("test", 0)
    expected = (20.5 + 2 * np.arange(89)) / 255
    np.testing.assert_allclose(image[2:-2, 40, 0], expected[2:-2], atol=1e-5)


def test_the_newest_prepared_version_is_read(data_dir, tmp_path):
    # As text, 2.9.0 would come after 2.10.0.
    shutil.copytree(data_dir / "celeb_a" / "2.1.0", tmp_path / "celeb_a" / "2.9.0")
    _NewerFaces(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    red = 255 * _make("celeba", tmp_path).get("train", 0)[0, 0, 0]
    assert round(float(red)) == 255 - 20


def test_imagenette_is_cut_to_the_middle_and_its_validation_is_halved(data_dir):
    signal = _make("imagenette", data_dir, 40)
    assert signal.sizes == {"train": 5, "validation": 3, "test": 4}
    greys = {}
    for split, size in signal.sizes.items():
        images = np.stack([signal.get(split, index) for index in range(size)])
        assert images.shape == (size, 40, 40, 3)
        assert (np.ptp(images, axis=(1, 2, 3)) == 0).all()
        greys[split] = np.rint(255 * images[:, 0, 0, 0]).astype(int).tolist()
    assert sorted(greys["train"]) == [0, 10, 20, 30, 40]
    assert sorted(greys["validation"] + greys["test"]) == [100, 110, 120, 130, 140, 150, 160]
    again = _make("imagenette", data_dir, 40)
    np.testing.assert_array_equal(again.get("test", 2), signal.get("test", 2))


def test_threads_may_read_at_once(data_dir):
    signal = _make("celeba", data_dir, 16)
    with ThreadPoolExecutor(6) as pool:
        images = list(pool.map(lambda index: signal.get("train", index), [*range(5)] * 10))
    for index, image in enumerate(images):
        np.testing.assert_array_equal(image, signal.get("train", index % 5))


@pytest.mark.parametrize("name", ["celeba", "imagenette"])
def test_indices_are_checked(data_dir, name):
    signal = _make(name, data_dir, 16)
    for split, size in signal.sizes.items():
        with pytest.raises(IndexError):
            signal.get(split, size)


@pytest.mark.parametrize(
    "name, tfds_name", [("celeba", "celeb_a"), ("imagenette", "imagenette/320px-v2")]
)
def test_missing_data_is_told_with_the_command(tmp_path, name, tfds_name):
    with pytest.raises(UserError) as caught:
        _make(name, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert f"it is not in {tmp_path}; install metainr[tf] and run: python -c" in message
    assert (
        f"tfds.builder('{tfds_name}', data_dir='{tmp_path}', file_format='array_record')" in message
    )
    compile(message.split('python -c "')[1].rstrip('"'), "command", "exec")
    assert not list(tmp_path.iterdir())


def test_other_formats_are_told(data_dir, tmp_path):
    folder = shutil.copytree(data_dir / "celeb_a", tmp_path / "celeb_a") / "2.1.0"
    for path in folder.glob("*.array_record*"):
        path.rename(path.with_name(path.name.replace("array_record", "tfrecord")))
    with pytest.raises(UserError, match="2.1.0 has no array_record files.*delete that folder"):
        _make("celeba", tmp_path)


@pytest.mark.parametrize("library", ["tensorflow_datasets", "array_record"])
def test_missing_libraries_are_told(data_dir, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match="pip install tensorflow-datasets array_record"):
        _make("celeba", data_dir)
