"""Files of every kind, damaged at random: each is read, or refused in one line, soon and cheaply.

`python tests/fuzz_files_test.py KIND FIRST COUNT FOLDER` tells what becomes of some of them.
"""

import io
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metainr.errors import UserError

SECONDS, MEMORY = 20, 2 * 2**30  # that one file may take
_COUNT, _QUICK = 50, 4
_NUMBERS = (b"-1", b"0", b"1e308", b"1e400", b"NaN", b"99999999999", b"1" * 400, b"[" * 5000)


def _picture(format_, mode="RGB", **options):
    from PIL import Image

    def make(folder):
        rng = np.random.default_rng(0)
        shape = (24, 20, 4)[: 2 if mode in ("L", "I;16") else 3]
        levels = rng.integers(0, 255, shape).astype(np.uint16 if mode == "I;16" else np.uint8)
        levels = levels[..., :3] if mode == "RGB" else levels
        path = folder / f"a.{format_}"
        Image.fromarray(levels).save(path, **options)
        return path

    return make


def _tiff(dtype, **options):
    import tifffile

    def make(folder):
        path = folder / "a.tif"
        values = np.random.default_rng(0).uniform(size=(20, 24))
        tifffile.imwrite(path, values.astype(dtype), **options)
        return path

    return make


def _sound(ending):
    def make(folder):
        import soundfile

        path = folder / f"a.{ending}"
        soundfile.write(path, np.sin(np.arange(4000)) / 2, 8000)
        return path

    return make


def _mesh(ending):
    def make(folder):
        import trimesh

        path = folder / f"a.{ending}"
        trimesh.creation.icosphere(subdivisions=2).export(path)
        return path

    return make


def _cloud(folder):
    points = np.random.default_rng(0).normal(size=(60, 3))
    np.savetxt(folder / "a.xyz", points / np.linalg.norm(points, axis=1, keepdims=True))
    return folder / "a.xyz"


def _clip(ending):
    def make(folder):
        from experiments.media.videos import write_video

        frames = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3)).astype(np.uint8)
        return write_video(folder / f"a.{ending}", frames, 10)

    return make


def _npy(folder):
    np.save(folder / "a.npy", np.random.default_rng(0).uniform(size=(3, 16, 16)))
    return folder / "a.npy"


def _dicom(folder):
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["a"])
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    data.Rows = data.Columns = 16
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-4.5, 3, 12]
    data.PixelSpacing = [0.5, 0.5]
    levels = np.random.default_rng(0).integers(0, 3000, (16, 16))
    data.PixelData = levels.astype(np.uint16).tobytes()
    pydicom.dcmwrite(folder / "a.dcm", data, enforce_file_format=True)
    return folder / "a.dcm"


def _nifti(ending):
    def make(folder):
        import nibabel

        values = np.random.default_rng(0).uniform(size=(12, 10, 5)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"a.{ending}")
        return folder / f"a.{ending}"

    return make


def _scene(folder):
    _picture("png")(folder)
    pose = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 3], [0, 0, 0, 1]]
    frame = {"file_path": "a.png", "transform_matrix": pose}
    content = {"camera_angle_x": 0.7, "w": 20, "h": 24, "frames": [frame]}
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder / "transforms.json"


def _weights(ending):
    def make(folder):
        from metainr.weights import save_weights

        params = {"dense": {"kernel": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)}}
        save_weights(folder / f"a.{ending}", params, {"flags": json.dumps({"field": "siren"})})
        return folder / f"a.{ending}"

    return make


def _state_dict(folder):
    from torch_files import pt_bytes, tensors_of

    weights = {"0.weight": np.ones((3, 2), np.float32), "0.bias": np.zeros(3, np.float32)}
    (folder / "a.pt").write_bytes(pt_bytes(tensors_of(weights)))
    return folder / "a.pt"


def _sinogram(folder):
    np.savetxt(folder / "a.csv", np.random.default_rng(0).uniform(size=(5, 16)), delimiter=",")
    return folder / "a.csv"


def _read_image(path):
    from metainr.media import read_image

    read_image(path)


def _read_stack(path):
    from metainr.media import read_stack

    read_stack(path)


def _read_place(path):
    from metainr.media.slices.places import read_place

    read_place(path)


def _read_sound(path):
    from metainr.media import read_sound

    read_sound(path)


def _read_clip(path):
    from metainr.media import clip_info, read_clip

    read_clip(path, 0, min(clip_info(path).frames, 4), 8)


def _read_surface(path):
    from metainr.media import read_surface

    read_surface(path, 100, np.random.default_rng(0))


def _read_scene(path):
    from metainr.media import read_frames
    from metainr.signals.objects.options import ObjectOptions
    from metainr.signals.objects.view_files import read_views

    read_views(read_frames(path), ObjectOptions(8))


def _read_weights(path):
    from metainr.weights import load_metadata, load_weights

    load_metadata(path)
    load_weights(path)


def _read_sinogram(path):
    from experiments.ct.sinogram_files import load_sinogram

    load_sinogram(path)


KINDS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], None]]] = {
    "png": (_picture("png"), _read_image),
    "png16": (_picture("png", "I;16"), _read_image),
    "png_alpha": (_picture("png", "RGBA"), _read_image),
    "jpg": (_picture("jpg"), _read_image),
    "webp": (_picture("webp"), _read_image),
    "bmp": (_picture("bmp"), _read_image),
    "tif": (_tiff(np.float32), _read_image),
    "tif_deflate": (_tiff(np.float64, compression="zlib"), _read_image),
    "tif_lzw": (_picture("tif", compression="tiff_lzw"), _read_image),
    "tif_stack": (_tiff(np.float32), _read_stack),
    "npy": (_npy, _read_stack),
    "dcm": (_dicom, _read_stack),
    "nii": (_nifti("nii"), _read_stack),
    "nii.gz": (_nifti("nii.gz"), _read_stack),
    "nii_place": (_nifti("nii"), _read_place),
    "dcm_place": (_dicom, _read_place),
    "wav": (_sound("wav"), _read_sound),
    "flac": (_sound("flac"), _read_sound),
    "ogg": (_sound("ogg"), _read_sound),
    "gif": (_clip("gif"), _read_clip),
    "mp4": (_clip("mp4"), _read_clip),
    "ply": (_mesh("ply"), _read_surface),
    "obj": (_mesh("obj"), _read_surface),
    "stl": (_mesh("stl"), _read_surface),
    "glb": (_mesh("glb"), _read_surface),
    "off": (_mesh("off"), _read_surface),
    "xyz": (_cloud, _read_surface),
    "transforms.json": (_scene, _read_scene),
    "npz_weights": (_weights("npz"), _read_weights),
    "safetensors": (_weights("safetensors"), _read_weights),
    "pt": (_state_dict, _read_weights),
    "csv": (_sinogram, _read_sinogram),
}


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with one to three kinds of damage that disks, networks and programs do."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(data))) if data else 0
        if rng.integers(2):  # headers are where it hurts
            at = min(at, int(rng.integers(256)))
        match rng.integers(7):
            case 0:
                data[at : at + 1] = rng.bytes(1)
            case 1:
                data[at : at + 4] = b"\xff" * 4
            case 2:
                data[at : at + 4] = b"\xff\xff\xff\x7f"
            case 3:
                del data[at:]
            case 4:
                data[at : at + 64] = bytes(64)
            case 5:
                data[at:at] = data[at : at + 200]
            case 6:
                digits = [i for i, byte in enumerate(data) if byte in b"0123456789"]
                place = digits[int(rng.integers(len(digits)))] if digits else at
                data[place : place + 1] = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
    return bytes(data)


def _outcome(read, path):
    try:
        read(path)
    except UserError as error:
        told = str(error)
        return "refused" if told and told.isprintable() else f"not one line: {told!r}"
    except BaseException:
        return traceback.format_exc()
    return "read"


def _main(kind, first, count, folder):
    folder = Path(folder)
    make, read = KINDS[kind]
    path = make(folder)
    whole = path.read_bytes()
    read(path)  # also loads the libraries, before memory is bounded
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    out = io.TextIOWrapper(os.fdopen(os.dup(1), "wb", 0), write_through=True)
    for number in range(int(first), int(first) + int(count)):
        path.write_bytes(_damaged(whole, np.random.default_rng(number)))
        print(json.dumps({"number": number}), file=out)
        signal.alarm(SECONDS)
        outcome = _outcome(read, path)
        signal.alarm(0)
        print(json.dumps({"number": number, "outcome": outcome}), file=out)


def _check(kind, first, count, tmp_path):
    """Nothing but lines, no program started, nothing written beside the file."""
    programs, folder, here = (tmp_path / name for name in ("programs", "files", "here"))
    for made in (programs, folder, here):
        made.mkdir()
    for name in ("gs", "sh", "ffmpeg", "convert", "curl", "wget", "python", "python3"):
        (programs / name).write_text(f"#!/bin/sh\n/bin/touch {tmp_path}/started\nexit 1\n")
        (programs / name).chmod(0o755)
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, __file__, kind, str(first), str(count), str(folder)],
        env=os.environ | {"PATH": str(programs), "PYTHONPATH": str(root), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        cwd=here,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    outcomes = {line["number"]: line["outcome"] for line in lines if "outcome" in line}
    bad = {i: told for i, told in outcomes.items() if told not in ("read", "refused")}
    assert not bad, f"{kind}: {len(bad)} of {count}\n" + next(iter(bad.values()))
    assert done.returncode == 0, f"{kind} {lines[-1:]}: {done.returncode}\n{done.stderr[-2000:]}"
    assert len(outcomes) == count
    assert not (tmp_path / "started").exists() and not list(here.iterdir())


@pytest.mark.parametrize("kind", ["png", "tif", "npy", "xyz", "transforms.json", "npz_weights"])
def test_some_damaged_files(kind, tmp_path):
    _check(kind, 10_000, _QUICK, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(KINDS))
def test_damaged_files(kind, tmp_path):
    _check(kind, 0, _COUNT, tmp_path)


if __name__ == "__main__":
    _main(*sys.argv[1:])
