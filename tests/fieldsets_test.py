"""Sets of fields: what is read is what was written, killed writings go on, damage is told."""

import json

import grain
import numpy as np
import pytest

import metainr
from metainr.errors import UserError
from metainr.fieldsets import shards, standard_of
from metainr.signals import ImageOptions, of_arrays

SIZES = {"train": 7, "validation": 2, "test": 2}


@pytest.fixture(scope="module")
def curves():
    signals = metainr.signals.make("sdf", ImageOptions(12))
    return signals._replace(label=lambda split, index: "even" if index % 2 == 0 else "odd")


@pytest.fixture(scope="module")
def run(curves):
    return metainr.learn(
        curves, width=8, depth=3, omega=30, first_omega=30, algorithm="modulations",
        algorithm_options={"latent": 5}, train_steps=1,
    )  # fmt: skip


def _bytes(folder):
    names = ("*.npy", "*/*.npy", "*/*.json", "index.json")
    paths = sorted(path for name in names for path in folder.glob(name))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def written(run, curves, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fields")
    return folder, metainr.write_fields(run, curves, folder, sizes=SIZES)


def test_a_row_is_what_a_fit_alone_comes_to(run, curves, written):
    """The field of a vector is that of `run.fit`, by another path through the library."""
    fields = metainr.read_fields(written[0])
    vector, label, render = fields.get("train", 3)
    fit = run.fit(curves.get("train", 3), steps=run.init.learner.inner_steps)
    np.testing.assert_allclose(render((20, 20)), fit.render((20, 20)), atol=1e-5)
    assert (vector.shape, label) == ((5,), "odd")
    assert fields.splits["train"].psnr[3] == pytest.approx(fit.psnr, abs=1e-3)
    assert fields.splits["test"].names == ["test-000000", "test-000001"]


def test_whatever_the_loop_adapts_is_the_vector(curves, tmp_path):
    run = metainr.learn(curves, width=8, depth=2, train_steps=1)
    fields = metainr.write_fields(run, curves, tmp_path / "set", sizes=SIZES, steps=0)
    assert fields.about.size == 2 * 8 + 8 + 8 * 3 + 3
    assert np.array_equal(fields.params(fields.splits["train"][0].vector)["dense_0"]["kernel"],
                          run.init.meta_params["dense_0"]["kernel"])  # fmt: skip


def test_normalisation_is_that_of_the_training_split(written):
    fields = written[1]
    vectors = fields.splits["train"].vectors().astype(np.float64)
    np.testing.assert_allclose(fields.standard.mean, vectors.mean(0), rtol=1e-6)
    np.testing.assert_allclose(fields.standard.std, vectors.std(0), rtol=1e-5)
    back = fields.standard.restored(fields.standard.normalised(vectors))
    np.testing.assert_allclose(back, vectors, rtol=1e-5, atol=1e-6)
    constant = standard_of([np.full((3, 2), 1e6)], 2)
    assert constant.std.tolist() == [1, 1]


def test_grain_and_numpy_read_it(written):
    folder, fields = written
    batch = next(iter(grain.MapDataset.source(fields.splits["train"]).batch(4)))
    plain = np.load(folder / "train" / "00000.npy")
    assert np.array_equal(batch.vector, plain[:4])
    assert batch.label.tolist() == [0, 1, 0, 1]


def test_a_killed_writing_goes_on_bit_for_bit(run, curves, written, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 3)
    monkeypatch.setattr("metainr.runs.as_data.writing.SHARD", 3)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    sizes = {"train": 22, "validation": 2, "test": 2}
    metainr.write_fields(run, curves, whole, sizes=sizes)
    calls = []

    def get(split, index):
        calls.append((split, index))
        if len(calls) == 20:
            raise KeyboardInterrupt
        return curves.get(split, index)

    with pytest.raises(KeyboardInterrupt):
        metainr.write_fields(run, curves._replace(get=get), killed, sizes=sizes)
    assert (killed / "train" / "00001.json").exists()
    with pytest.raises(UserError, match="not finished"):
        metainr.read_fields(killed)
    (killed / "train" / "00000.npy").write_bytes(b"")  # and a damaged shard is written anew
    metainr.write_fields(run, curves, killed, sizes=sizes)
    assert _bytes(whole) == _bytes(killed)
    before = len(calls)
    metainr.write_fields(run, curves._replace(get=get), killed, sizes=sizes)
    assert len(calls) == before  # nothing is left to do


def test_what_cannot_be_read_is_left_out_and_said(run, curves, tmp_path):
    def get(split, index):
        if (split, index) == ("train", 1):
            raise UserError("no picture")
        return curves.get(split, index)

    fields = metainr.write_fields(run, curves._replace(get=get), tmp_path, sizes=SIZES)
    assert len(fields.splits["train"]) == 6
    assert fields.splits["train"].skipped == {"train-000001": "no picture"}
    assert fields.splits["train"].names[1] == "train-000002"


def test_another_set_in_the_folder_is_refused(run, curves, written):
    with pytest.raises(UserError, match="other options"):
        metainr.write_fields(run, curves, written[0], sizes=SIZES, steps=3)


@pytest.fixture
def copy(written, tmp_path):
    for name, content in _bytes(written[0]).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "base.safetensors").write_bytes((written[0] / "base.safetensors").read_bytes())
    return tmp_path


def _changed(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_damage_is_told_in_one_line(copy):
    def refused(match):
        with pytest.raises(UserError, match=match) as told:
            metainr.read_fields(copy).splits["train"].vectors()
        assert "\n" not in str(told.value)

    shard = copy / "train" / "00000.npy"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    refused("cannot be read")
    shard.write_bytes(content[:100])
    refused("bytes where 7 vectors of 5")
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused("not as it was written")
    shard.write_bytes(content)
    normalisation = (copy / "normalisation.npy").read_bytes()
    (copy / "normalisation.npy").write_bytes(normalisation[:50])
    refused("normalisation.npy")
    (copy / "normalisation.npy").write_bytes(normalisation)
    index = copy / "index.json"
    saved = index.read_text()
    for values, match in (
        ({"version": 2}, "version 2"),
        ({"format": "else"}, "no index"),
        ({"size": 2**30}, "told by 5"),
        ({"size": 2**70}, "damaged"),
        ({"shards": {"train": 10**9, "validation": 1, "test": 1}}, "00001.json"),
        ({"shards": None}, "damaged"),
        ({"classes": 3}, "damaged"),
        ({"base": "0" * 12}, "were fitted from 000000000000"),
    ):
        _changed(index, **values)
        refused(match)
        index.write_text(saved)
    _changed(copy / "train" / "00000.json", names=["a"] * 7, psnr=["x"] * 7)
    refused("no note of a shard")


def test_random_damage_is_told_or_does_no_harm(copy, written):
    """What a damaged set says is one line, or the vectors are those that were written."""
    rng = np.random.default_rng(0)
    expected = written[1].splits["train"].vectors()
    files = ["index.json", "normalisation.npy", "train/00000.npy", "train/00000.json"]
    refused = 0
    for trial in range(60):
        path = copy / files[trial % len(files)]
        content = bytearray(whole := path.read_bytes())
        if trial % 3:
            for place in rng.integers(0, len(content), 3):
                content[place] = rng.integers(256)
        else:
            del content[rng.integers(len(content)) :]
        path.write_bytes(content)
        try:
            fields = metainr.read_fields(copy, run=written[1].run)
            assert np.array_equal(fields.splits["train"].vectors(), expected)
        except UserError as error:
            assert str(error).isprintable()
            refused += 1
        path.write_bytes(whole)
    assert refused > 30


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="as_dataset"):
        metainr.read_fields(tmp_path)
    with pytest.raises(UserError, match="as_dataset"):
        metainr.read_fields(tmp_path / "missing")


def test_a_class_without_labels_has_none(tmp_path):
    signals = of_arrays(np.random.default_rng(0).uniform(size=(12, 8, 8)))
    run = metainr.learn(signals, width=8, depth=2, train_steps=1)
    fields = metainr.write_fields(run, signals, tmp_path / "set")
    assert fields.get("train", 0)[1] is None and fields.about.classes == ()
