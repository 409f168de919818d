"""A user's folder: what counts as a file of theirs, and copies."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from absl import logging
from PIL import Image
from signal_files import FILES
from signal_kinds import FAMILY_OF, KINDS

from metainr import signals
from metainr.errors import UserError
from metainr.media.folders import below
from metainr.media.images.pictures import read_image
from metainr.media.meshes.surfaces import read_surface
from metainr.media.recordings.clips import clip_info
from metainr.media.recordings.sounds import read_sound
from metainr.media.slices.stacks import read_stack
from metainr.signals.own_files import found_files


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: lines.append(text % values))
    return lines


def _write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def _names(folder):
    return [path.relative_to(folder).as_posix() for path in found_files(folder, Path.is_file)]


def test_hidden_files_and_folders_do_not_count(tmp_path, said):
    hidden = ".ipynb_checkpoints/a-checkpoint", "sub/.b", "__MACOSX/._c", ".d", "sub/@eaDir/e"
    _write(tmp_path, *hidden, "f", "sub/g")
    assert _names(tmp_path) == ["f", "sub/g"] and not said
    _write(tmp_path / ".mine", "h")
    assert _names(tmp_path / ".mine") == ["h"]  # a folder that is given is no hidden one


@pytest.mark.parametrize(
    "name, ending",
    [
        ("folder", "HEIC"),
        ("slices", "nrrd"),
        ("recordings", "m4a"),
        ("clips", "MTS"),
        ("mesh_folder", "fbx"),
    ],
)
def test_files_of_a_kind_that_is_not_read_are_told(tmp_path, said, name, ending):
    options = FILES[name](tmp_path)
    _write(tmp_path, "notes.txt", f"a.{ending}", f"below/b.{ending}", f".c.{ending}")
    made = signals.make(name, KINDS[FAMILY_OF[name]].options(64, 0)._replace(**options))
    assert sum(made.sizes.values()) == 6
    assert len(said) == 1 and f": 2 .{ending.lower()} files are not read" in said[0]


def test_linked_folders_are_entered_once(tmp_path, said):
    _write(tmp_path, "data/b/file", "elsewhere/file")
    (tmp_path / "data" / "a").symlink_to(tmp_path / "data" / "b")
    (tmp_path / "data" / "b" / "loop").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "self").symlink_to(tmp_path / "data" / "self")
    (tmp_path / "data" / "z").symlink_to(tmp_path / "elsewhere")
    assert _names(tmp_path / "data") == ["b/file", "z/file"] and not said


def test_copies_are_left_out_and_named(tmp_path, said):
    _write(tmp_path, "a", "b", "c")
    (tmp_path / "sub").mkdir()
    shutil.copy(tmp_path / "b", tmp_path / "sub" / "copy")
    os.link(tmp_path / "a", tmp_path / "z")
    for name in ("empty", "sub/empty"):
        (tmp_path / name).write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    found = found_files(tmp_path, lambda path: not path.is_dir())
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["a", "b", "c", "empty", "pipe", "sub/empty"], names
    assert len(said) == 1 and "left out 2 copies" in said[0]
    assert "sub/copy (of b)" in said[0] and "z (of a)" in said[0]


def test_copies_of_folders_are_copies(tmp_path, said):
    _write(tmp_path, "one/0", "one/1", "two/0", "two/2")
    shutil.copytree(tmp_path / "one", tmp_path / "again")
    found = found_files(tmp_path, Path.is_dir)
    assert [path.name for path in found] == ["again", "two"]
    assert "one (of again)" in said[0]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir()

    def shut(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", shut)
    with pytest.raises(UserError, match="cannot be listed: Permission denied; make it readable"):
        below(tmp_path, Path.is_file)


@pytest.mark.parametrize("name", ["folder", "slices", "recordings", "clips", "mesh_folder"])
def test_no_class_reads_hidden_files_or_copies(tmp_path, said, name):
    options = FILES[name](tmp_path)
    visible = sorted(tmp_path.iterdir())
    hidden = tmp_path / ".ipynb_checkpoints"
    for folder in (hidden, tmp_path / "copies"):
        folder.mkdir()
        for path in visible[:2]:
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / f"{path.stem}-checkpoint{path.suffix}")
    made = signals.make(name, KINDS[FAMILY_OF[name]].options(64, 0)._replace(**options))
    assert sum(made.sizes.values()) == 6
    assert len(said) == 1 and "left out 2 copies" in said[0]


def test_copies_of_scenes_are_left_out(tmp_path, said):
    options = (
        KINDS[FAMILY_OF["nerf_folder"]].options(16, 0)._replace(**FILES["nerf_folder"](tmp_path))
    )
    shutil.copytree(tmp_path / "0", tmp_path / "copy")
    made = signals.make("nerf_folder", options)
    assert sum(made.sizes.values()) == 6
    assert len(said) == 1 and "left out 1 copies: copy (of 0)" in said[0]


@pytest.mark.parametrize(
    "name, read",
    [
        ("a.png", read_image),
        ("a.nii.gz", read_stack),
        ("a.wav", read_sound),
        ("a.ply", lambda path: read_surface(path, 9, np.random.default_rng(0))),
        ("a.mp4", clip_info),
    ],
)
def test_pointers_of_git_lfs_are_named(tmp_path, name, read):
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / name).write_text(text)
    with pytest.raises(
        UserError, match=f"{name}: it is only a pointer of Git LFS; run: git lfs pull"
    ):
        read(tmp_path / name)


def test_a_home_folder_that_is_not_there_is_told():
    options = KINDS[FAMILY_OF["folder"]].options(64, 0)._replace(image_folder="~nobody-at-all/a")
    with pytest.raises(UserError, match="~nobody-at-all/a is in no home folder"):
        signals.make("folder", options)


def test_hidden_pictures_are_no_frames(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(3):
        Image.fromarray(np.full((8, 8), 50 * index, np.uint8)).save(folder / f"{index}.png")
        shutil.copy(folder / f"{index}.png", folder / f"._{index}.png")
    assert signals.clip_info(folder).frames == 3
