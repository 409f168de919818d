"""Slices written as NIfTI and DICOM are read back: values, unit, and the place in the body."""

import io

import numpy as np
import pytest
from dicom_files import write_dicom

from metainr.errors import UserError
from metainr.media.slices.medical_files import dicom_files, nifti_file
from metainr.media.slices.places import Place, affine_of, read_place
from metainr.media.slices.stacks import read_slices

pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")
SLICES = np.random.default_rng(0).uniform(-1000, 1500, (3, 8, 8)).astype(np.float32)
TILTED = ((0.0, 0.8, -0.6), (0.0, -0.6, -0.8))  # from column to column, from row to row
CORNER = (-120.5, -80.25, 33.0)


def _written(folder, files):
    paths = [folder / f"{i}.dcm" for i in range(len(files))]
    for path, data in zip(paths, files):
        path.write_bytes(data)
    return paths


def _original(path, **tags):
    """A slice [8, 8] of 2.5 mm pixels of a scanner."""
    tags = {
        "ImageOrientationPatient": [*TILTED[0], *TILTED[1]],
        "ImagePositionPatient": list(CORNER),
        "PixelSpacing": [2.5, 2.5],
        "PatientID": "17",
        "StudyInstanceUID": "1.2.3",
        "FrameOfReferenceUID": "1.2.4",
    } | tags
    write_dicom(path, np.arange(64, dtype=np.uint16).reshape(8, 8), "1.2.5", **tags)


def test_dicom_keeps_values_unit_and_order(tmp_path):
    paths = _written(tmp_path, dicom_files(SLICES, affine_of(Place(), 8, 2.0, 3.0), "HU", {}))
    for index, path in enumerate(paths):
        found = read_slices(path)
        np.testing.assert_allclose(found.values[0], SLICES[index], atol=2500 / 2**16)
        assert found.spacing == (2, 2) and not found.about.notes
        assert (found.about.unit, found.about.number) == ("HU", index + 1)
        assert found.about.position == 3 * index
        data = pydicom.dcmread(path)
        assert list(data.ImagePositionPatient) == [-7, -7, 3 * index]
    assert len({read_slices(path).about.body for path in paths}) == 1
    assert len({read_slices(path).about.identity for path in paths}) == 3


def test_constant_slices_and_those_of_no_unit_can_be_written(tmp_path):
    files = dicom_files(np.full((1, 4, 4), 0.25), affine_of(Place(), 4, 1.0, 1.0), None, {})
    found = read_slices(_written(tmp_path, files)[0])
    np.testing.assert_allclose(found.values, 0.25)
    assert found.about.unit is None


def test_the_same_slices_have_the_same_names():
    affine = affine_of(Place(), 8, 2.0, 3.0)
    first, again, other = (
        [pydicom.dcmread(io.BytesIO(x)).SOPInstanceUID for x in files]
        for files in (
            dicom_files(SLICES, affine, "HU", {}),
            dicom_files(SLICES, affine, "HU", {}),
            dicom_files(2 * SLICES, affine, "HU", {}),
        )
    )
    assert first == again and not {*first} & {*other}


@pytest.mark.parametrize("size", [8, 10])
def test_dicom_lies_over_the_slice_whose_place_it_takes(tmp_path, size):
    _original(tmp_path / "original.dcm")
    place = read_place(tmp_path / "original.dcm")
    affine = affine_of(place, size, 20 / size, 3.0)
    paths = _written(tmp_path, dicom_files(SLICES[:2, :4, :4], affine, "HU", place.body))
    first, second = map(pydicom.dcmread, paths)
    assert (first.PatientID, first.StudyInstanceUID, first.FrameOfReferenceUID) == (
        *("17", "1.2.3", "1.2.4"),
    )
    across, down = np.array(TILTED)
    # The upper left corners of both squares are one point.
    corner = np.array(CORNER) + (20 / size - 2.5) / 2 * (across + down)
    np.testing.assert_allclose(first.ImagePositionPatient, corner, atol=1e-6)
    np.testing.assert_allclose(first.ImageOrientationPatient, [*across, *down])
    np.testing.assert_allclose(first.PixelSpacing, 20 / size)
    step = np.subtract(second.ImagePositionPatient, first.ImagePositionPatient)
    np.testing.assert_allclose(step, 3 * np.cross(across, down), atol=1e-6)


def test_nifti_lies_over_the_volume_whose_place_it_takes(tmp_path):
    turn = np.array([[0.0, -0.8, 0.6], [1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * [2, 2, 5], [10, -20, 30]
    original = nibabel.Nifti1Image(SLICES.T, affine)
    nibabel.save(original, tmp_path / "original.nii.gz")
    place = read_place(tmp_path / "original.nii.gz")
    assert place.distance == pytest.approx(5)
    seen = read_slices(tmp_path / "original.nii.gz").values
    (tmp_path / "found.nii.gz").write_bytes(nifti_file(seen, affine_of(place, 8, 2.0, 5.0)))
    found = nibabel.load(tmp_path / "found.nii.gz")
    first, second = map(nibabel.as_closest_canonical, (original, found))
    np.testing.assert_allclose(second.affine, first.affine, atol=1e-5)
    np.testing.assert_array_equal(second.get_fdata(), first.get_fdata())
    assert found.header.get_xyzt_units()[0] == "mm"


def test_slices_are_as_far_apart_as_they_are_thick_where_nothing_else_is_told(tmp_path):
    for tags, distance in (
        ({}, None),
        ({"SliceThickness": 3}, 3),
        ({"SliceThickness": 3, "SpacingBetweenSlices": 2.5}, 2.5),
    ):
        _original(tmp_path / "a.dcm", **tags)
        assert read_place(tmp_path / "a.dcm").distance == distance


def test_files_without_a_place_are_refused(tmp_path):
    write_dicom(tmp_path / "a.dcm", np.ones((4, 4), np.uint16), "1.2")
    _original(tmp_path / "b.dcm")
    data = pydicom.dcmread(tmp_path / "b.dcm")
    del data.PixelSpacing
    data.save_as(tmp_path / "b.dcm")
    np.save(tmp_path / "c.npy", np.ones((4, 4)))
    _original(tmp_path / "e.dcm", ImageOrientationPatient=[1, 0, 0, 0.5, 1, 0])
    for name, line in (
        ("a.dcm", "does not tell where it lies"),
        ("b.dcm", "does not tell the spacing"),
        ("e.dcm", "not at right angles"),
        ("c.npy", "does not tell where it lies; give a DICOM or NIfTI file"),
    ):
        with pytest.raises(UserError, match=line):
            read_place(tmp_path / name)
    (tmp_path / "d.nii").write_bytes(b"no such thing")
    with pytest.raises(UserError, match="cannot read .*d.nii"):
        read_place(tmp_path / "d.nii")
