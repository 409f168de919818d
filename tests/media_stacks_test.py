"""Files of slices: what enhanced DICOM, pictures of all depths and damaged files become."""

import gzip
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
import tifffile
from absl import logging
from dicom_files import group, write_dicom
from PIL import Image, TiffImagePlugin

from metainr.errors import UserError
from metainr.media.numpy_files import load_npz
from metainr.media.slices.stacks import read_slices, read_stack

LEVELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
FRAMES = np.arange(36, dtype=np.uint16).reshape(3, 3, 4)


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *rest: lines.append(line % rest))
    return lines


def test_all_frames_share_a_group(tmp_path):
    scale = {"RescaleSlope": 2, "RescaleIntercept": -1024, "RescaleType": "HU"}
    measures = {"PixelSpacing": [2, 1], "SpacingBetweenSlices": 4}
    shared = group(PixelValueTransformationSequence=scale, PixelMeasuresSequence=measures)
    write_dicom(tmp_path / "a.dcm", FRAMES, "1.2", SharedFunctionalGroupsSequence=[shared])
    found = read_slices(tmp_path / "a.dcm")
    np.testing.assert_array_equal(found.values, 2.0 * FRAMES - 1024)
    assert (found.spacing, found.about.unit, found.about.notes) == ((2, 1), "HU", ())
    assert read_slices(tmp_path / "a.dcm", 1).spacing == (4, 1)
    assert read_slices(tmp_path / "a.dcm", 2).spacing == (4, 2)


def test_frames_have_groups_of_their_own(tmp_path):
    groups = [
        group(
            PixelValueTransformationSequence={"RescaleSlope": index + 1},
            PlanePositionSequence={"ImagePositionPatient": [7, 7, -3 * index]},
            PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
            PixelMeasuresSequence={"PixelSpacing": [2, 1]},
        )
        for index in range(3)
    ]
    write_dicom(tmp_path / "a.dcm", FRAMES, "1.2", PerFrameFunctionalGroupsSequence=groups)
    found = read_slices(tmp_path / "a.dcm")
    np.testing.assert_array_equal(found.values, (FRAMES * np.array([[[1]], [[2]], [[3]]]))[::-1])
    assert found.about.position == -6
    assert read_slices(tmp_path / "a.dcm", 1).spacing == (3, 1)


def test_monochrome1_is_turned_round_where_it_has_no_unit(tmp_path, warnings):
    path, monochrome1 = tmp_path / "a.dcm", {"PhotometricInterpretation": "MONOCHROME1"}
    write_dicom(path, LEVELS, "1.2", **monochrome1, BitsStored=12, PixelSpacing=[1, 1])
    np.testing.assert_array_equal(read_stack(path)[0], 4095.0 - LEVELS)
    write_dicom(path, LEVELS, "1.2", **monochrome1, RescaleIntercept=-5, RescaleType="US")
    np.testing.assert_array_equal(read_stack(path)[0], 65530.0 - LEVELS)
    tags = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}
    write_dicom(path, LEVELS, "1.2", **monochrome1, **tags)
    np.testing.assert_array_equal(read_stack(path)[0], LEVELS - 1024.0)
    told = [line for line in warnings if "MONOCHROME1" in line]
    assert ["turned round" in line for line in told] == [True, True, False]
    assert "values in HU are kept" in told[-1]


def test_levels_with_a_sign_and_their_padding(tmp_path):
    values = np.array([[-2000, -5], [-2000, 7]], np.int16)
    padding = {"PixelPaddingValue": -2000}
    write_dicom(tmp_path / "a.dcm", values, "1.2", **padding)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.dcm")[0], [[-5, -5], [-5, 7]])


def test_tables_of_levels_are_applied(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    table = pydicom.Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [12, 0, 16], "OD"
    table.LUTData = (100 * LEVELS).astype("<u2").tobytes()
    write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", ModalityLUTSequence=[table])
    found = read_slices(tmp_path / "a.dcm")
    np.testing.assert_array_equal(found.values[0], 100.0 * LEVELS)
    assert found.about.unit == "OD"
    # Without a unit, what the table makes of levels is turned round, not what it is asked for.
    table.LUTDescriptor, table.ModalityLUTType = [12, 0, 16], "US"
    table.LUTData = (LEVELS**2).astype("<u2").tobytes()
    tags = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12}
    write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", ModalityLUTSequence=[table], **tags)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.dcm")[0], 65535.0 - LEVELS**2)


@pytest.mark.parametrize("offsets", [[0, -3, -6], [40, 37, 34]])
def test_offsets_of_a_doses_frames_tell_their_places(tmp_path, offsets):
    place = {"ImagePositionPatient": [7, 7, 40], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    tags = {"GridFrameOffsetVector": offsets, "PixelSpacing": [2, 1], **place}
    write_dicom(tmp_path / "a.dcm", FRAMES, "1.2", **tags)
    found = read_slices(tmp_path / "a.dcm", 1)
    np.testing.assert_array_equal(found.values, FRAMES[::-1].swapaxes(0, 1))
    assert (found.spacing, found.about.position) == ((3, 1), 34)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint32, np.float16, np.float64])
@pytest.mark.parametrize("orientation", [1, 6])
def test_tiffs_of_all_types_keep_their_levels(tmp_path, kind, orientation):
    values = (LEVELS.astype(int) * 10 - (0 if kind == np.uint32 else 50)).astype(kind)
    tag = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=tag, photometric="minisblack")
    upright = np.rot90(values, -1) if orientation == 6 else values
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif")[0], upright)


def test_pictures_are_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(LEVELS.astype(np.uint8)).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(LEVELS.astype(np.uint8)).save(
        tmp_path / "b.tif", tiffinfo={274: 6}, compression="tiff_lzw"
    )
    for name in ("a.png", "b.tif"):
        np.testing.assert_array_equal(read_stack(tmp_path / name)[0], np.rot90(LEVELS, -1))


def test_white_is_high_however_it_is_stored(tmp_path, warnings):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, LEVELS, photometric="miniswhite")
    np.testing.assert_array_equal(read_stack(path)[0], 65535.0 - LEVELS)
    assert "its levels are turned round" in warnings.pop()
    # Pillow reads these.
    grey = Image.fromarray(LEVELS.astype(np.uint8))
    grey.save(tmp_path / "b.tif", compression="tiff_lzw", tiffinfo={262: 0})
    assert read_stack(tmp_path / "b.tif").shape == (1, *LEVELS.shape)
    assert "its levels are turned round" in warnings.pop()
    tifffile.imwrite(path, LEVELS.astype(np.int16), photometric="miniswhite")
    np.testing.assert_array_equal(read_stack(path)[0], LEVELS)
    assert "kept as they are stored" in warnings[0]


def test_deep_colours_keep_their_depth(tmp_path):
    grey = (4000 * LEVELS).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", np.stack(3 * [grey], -1), photometric="rgb")
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif")[0], grey)


@pytest.mark.parametrize("kind", ["float32", "uint16"])
def test_slices_that_a_file_says_are_colours_are_refused(tmp_path, kind):
    """As tifffile writes three slices, if nobody says what they are."""
    volume = np.zeros((3, 8, 9), kind)
    tifffile.imwrite(tmp_path / "a.tif", volume, photometric="rgb", planarconfig="separate")
    with pytest.raises(UserError, match="its 3 planes are the colours of one picture; if they are"):
        read_stack(tmp_path / "a.tif")


def test_pages_of_several_sizes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in (LEVELS, LEVELS[:2]):
            file.write(page, photometric="minisblack")
    with pytest.raises(UserError, match="pages differ in size; save them as files"):
        read_stack(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["imagej", "ome", "tile", "bigtiff"])
def test_planes_of_every_kind_are_read(tmp_path, kind):
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    volume = np.arange(5 * 16 * 16, dtype=np.uint16).reshape(5, 16, 16)
    tifffile.imwrite(path, volume, **{kind: (16, 16) if kind == "tile" else True})
    np.testing.assert_array_equal(read_stack(path), volume)


@pytest.mark.parametrize(
    "options",
    [{"truncate": True}, {"imagej": True, "truncate": True}, {"tile": (16,) * 3}],
)
def test_planes_that_are_no_pages_are_refused(tmp_path, options):
    volume = np.zeros((16, 16, 16), np.uint16)
    deep = {"volumetric": True} if "tile" in options else {}
    tifffile.imwrite(tmp_path / "a.tif", volume, photometric="minisblack", **options, **deep)
    with pytest.raises(UserError, match="planes that are no pages of their own; save it as pages"):
        read_stack(tmp_path / "a.tif")


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {}])
def test_planes_along_several_axes_are_refused(tmp_path, options):
    path = tmp_path / ("a.ome.tif" if "ome" in options else "a.tif")
    planes = np.arange(5 * 2 * 16 * 16, dtype=np.uint16).reshape(5, 2, 16, 16)
    for axes in ("ZCYX", "TZYX"):
        told = {"metadata": {"axes": axes}, **options} if options else {}
        tifffile.imwrite(path, planes, photometric="minisblack", **told)
        with pytest.raises(UserError, match="planes along several axes"):
            read_stack(path)
    told = {"metadata": {"axes": "ZYX"}, **options} if options else {}
    tifffile.imwrite(path, planes[:, 0], photometric="minisblack", **told)
    np.testing.assert_array_equal(read_stack(path), planes[:, 0])


def test_content_tells_what_names_do_not(tmp_path):
    np.save(tmp_path / "a.npy", LEVELS)
    write_dicom(tmp_path / "b.png", LEVELS, "1.2", PixelSpacing=[1, 1])
    (tmp_path / "a.npy").rename(tmp_path / "a")
    for name in ("a", "b.png"):
        np.testing.assert_array_equal(read_stack(tmp_path / name)[0], LEVELS)


def test_spacing_that_cannot_be_is_refused(tmp_path):
    write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", PixelSpacing=[500, 0.1])
    with pytest.raises(UserError, match="pixels of 500 by 0.1 cannot be true"):
        read_stack(tmp_path / "a.dcm")
    write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", PixelSpacing=[0, 0])
    assert "taken as square" in read_slices(tmp_path / "a.dcm").about.notes[0]


def test_a_nifti_is_turned_and_spaced_by_its_affine(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = nibabel.Nifti1Image(values, np.diag([-1.0, 2, 3, 1]))
    data = bytearray(image.to_bytes())
    data[80:92] = np.ones(3, "<f4").tobytes()  # the header's sizes
    (tmp_path / "a.nii").write_bytes(data)
    found = read_slices(tmp_path / "a.nii")
    np.testing.assert_array_equal(found.values[0], values[::-1, ::-1, 0].T)
    assert found.spacing == (2, 1)
    nibabel.save(image.slicer[:, :, :1], tmp_path / "one.nii")
    flat = nibabel.Nifti1Image(values[:, :, 0], image.affine)
    nibabel.save(flat, tmp_path / "flat.nii")
    for name in ("one.nii", "flat.nii"):
        alone = read_slices(tmp_path / name)
        np.testing.assert_array_equal(alone.values, found.values[:1])
        assert alone.spacing == (2, 1)


def test_a_nifti_that_lies_nowhere_or_in_two_places_is_told(tmp_path, warnings):
    nibabel = pytest.importorskip("nibabel")
    values, path = np.arange(24, dtype=np.int16).reshape(2, 3, 4), tmp_path / "a.nii"
    image = nibabel.Nifti1Image(values, None)
    image.header["pixdim"][1:4] = 2, 3, 4
    nibabel.save(image, path)
    found = read_slices(path)
    assert found.spacing == (3, 2) and "left may be right" in found.about.notes[0]
    image.set_qform(np.diag([2.0, 3, 4, 1]), 1)
    image.set_sform([[2, 0, 0, 5], [0, 3, 0, 5], [0, 0, 4, 5], [0, 0, 0, 1]], 1)
    nibabel.save(image, path)
    np.testing.assert_array_equal(read_stack(path)[0], values[:, ::-1, 0].T)
    assert not warnings
    image.set_sform(np.diag([-2.0, 3, 4, 1]), 2)
    nibabel.save(image, path)
    np.testing.assert_array_equal(read_stack(path)[0], values[::-1, ::-1, 0].T)
    assert "sform is taken" in warnings.pop()


def test_niftis_whose_map_is_doubtful_are_told_or_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    values, path = np.arange(24, dtype=np.int16).reshape(2, 3, 4), tmp_path / "a.nii"
    sheared = np.diag([2.0, 3, 4, 1])
    sheared[1, 2] = 1
    nibabel.save(nibabel.Nifti1Image(values, sheared), path)
    assert any("cuts across them are sheared" in note for note in read_slices(path).about.notes)
    image = nibabel.Nifti1Image(values, np.diag([2.0, 3, 4, 1]))
    data = image.to_bytes()
    no_quaternion = struct.pack("<hhfff", 1, 2, 9, 9, 9)
    for start, put, told in ((280, bytes(48), "to no places"), (344, b"ni1\0", "another file")):
        path.write_bytes(data[:start] + put + data[start + len(put) :])
        with pytest.raises(UserError, match=told):
            read_slices(path)
    path.write_bytes(data[:252] + no_quaternion + data[268:])
    assert "sform is taken" in read_slices(path).about.notes[0]


def test_niftis_that_are_no_grey_volume_are_named(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4, 5), np.float32), np.eye(4)), path)
    with pytest.raises(UserError, match="save each of its volumes as a file"):
        read_stack(path)
    packed, plain = tmp_path / "b.nii", tmp_path / "c.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain.write_bytes(path.read_bytes())
    for path, line in ((packed, "is gzipped; rename .* in .nii.gz"), (plain, "is not gzipped; ")):
        with pytest.raises(UserError, match=line):
            read_stack(path)
    colours = np.zeros((2, 3, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colours, np.eye(4)), packed)
    with pytest.raises(UserError, match="holds colours, not grey values"):
        read_stack(packed)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_of_a_cameras_several_pictures_the_first_is_a_slice(tmp_path, warnings, mode):
    first, second = (Image.new("L", (8, 6), grey).convert(mode) for grey in (50, 200))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    found = read_stack(tmp_path / "a.jpg")
    assert found.shape == (1, 6, 8) and (found == 50).all()
    assert "the first is read" in warnings[0]


def test_jpeg_2000_that_is_damaged_is_named_without_a_traceback(tmp_path, caplog):
    pydicom, path = pytest.importorskip("pydicom"), tmp_path / "a.dcm"
    write_dicom(path, LEVELS, "1.2")
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
    data.PixelData = pydicom.encaps.encapsulate([b"no picture"])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    with pytest.raises(UserError, match="cannot be decoded, so it may be damaged"):
        read_stack(path)
    assert not caplog.records


def test_padding_of_floats_is_left_out(tmp_path):
    pydicom, path = pytest.importorskip("pydicom"), tmp_path / "a.dcm"
    write_dicom(path, LEVELS, "1.2")
    data = pydicom.dcmread(path)
    values = np.array([[-1e30, -1.5, 2], [0, 7, -1e30]], np.float32)
    data.Rows, data.Columns = values.shape
    data.BitsAllocated, data.FloatPixelPaddingValue = 32, float(values[0, 0])
    del data.PixelData, data.BitsStored, data.HighBit, data.PixelRepresentation
    data.FloatPixelData = values.tobytes()
    data.save_as(path)
    np.testing.assert_array_equal(read_stack(path)[0], [[-1.5, -1.5, 2], [0, 7, -1.5]])


def test_no_pictures_of_grey_are_named(tmp_path):
    path = tmp_path / "a.dcm"
    write_dicom(path, LEVELS, "1.2", PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(UserError, match="in colour; give undamaged grey slices"):
        read_stack(path)
    path.write_bytes(b"no preamble" * 20)
    with pytest.raises(UserError, match="does not begin as DICOM"):
        read_stack(path)


def test_levels_in_high_bits_are_refused(tmp_path):
    write_dicom(tmp_path / "a.dcm", 16 * LEVELS, "1.2", BitsStored=12, HighBit=15)
    with pytest.raises(UserError, match="its 12 bits is bit 15, not 11; save it with HighBit 11"):
        read_stack(tmp_path / "a.dcm")
    write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", BitsStored=12)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.dcm")[0], LEVELS)


def _deflated(path):
    # Pixels of zeros: what is inflated is a thousand times the file.
    write_dicom(path, LEVELS, "1.2", deflated=True)
    head = path.read_bytes()
    pydicom = pytest.importorskip("pydicom")
    start = 144 + pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength
    squeeze, zeros = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), bytes(2**20)
    parts = [squeeze.compress(zeros) for _ in range(130)]
    path.write_bytes(head[:start] + b"".join(parts) + squeeze.flush())


def _nifti(path):
    nibabel = pytest.importorskip("nibabel")
    header = nibabel.Nifti1Header()
    header.set_data_shape((2000, 2000, 2000))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(1000)))


def _offset(path):
    nibabel = pytest.importorskip("nibabel")
    header = nibabel.Nifti1Header()
    header.set_data_shape((2, 2, 2))
    header["vox_offset"], header["magic"] = 2**30, b"n+1"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(1000)))


def _frames(path):
    write_dicom(path, LEVELS, "1.2", NumberOfFrames=2**31 - 1)


def _npy(path):
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
        np.lib.format.write_array_header_1_0(file, header)


@pytest.mark.parametrize(
    "name,write,line",
    [
        ("a.dcm", _deflated, "bytes can hold next to nothing"),
        ("a.dcm", _frames, "bytes can hold next to nothing"),
        ("a.nii.gz", _nifti, "claims 2000 by 2000 by 2000 values"),
        ("a.nii.gz", _offset, "bytes can hold next to nothing"),
        ("a.npy", _npy, "cannot read"),
    ],
)
def test_claims_are_refused_before_they_are_made(tmp_path, name, write, line):
    import tracemalloc

    write(tmp_path / name)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=line) as caught:
            read_stack(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_what_is_no_npy_is_not_said_to_be_a_pickle(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"1, 2, 3")
    with pytest.raises(UserError, match="it does not begin as NPY does; give undamaged"):
        read_stack(tmp_path / "a.npy")


def test_archives_that_claim_too_much_are_refused(tmp_path):
    path, zeros = tmp_path / "a.npz", bytes(2**20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("sinogram.npy", "w") as file:
            for _ in range(130):
                file.write(zeros)
    with pytest.raises(ValueError, match="can hold next to nothing"):
        load_npz(path)


def test_pipes_are_no_slices(tmp_path):
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(UserError, match="slices .*a.npy.* is a pipe or device; give"):
        read_stack(tmp_path / "a.npy")


def test_whole_numbers_that_are_rounded_are_told(tmp_path, warnings):
    np.save(tmp_path / "a.npy", 2**40 + np.arange(20).reshape(4, 5))
    read_stack(tmp_path / "a.npy")
    assert any("beyond 2^24 are rounded" in line for line in warnings)


def test_frames_of_two_energies_are_no_stack(tmp_path):
    path = tmp_path / "a.dcm"
    write_dicom(path, FRAMES, "1.2", PixelSpacing=[1, 1], NumberOfEnergyWindows=1)
    assert len(read_stack(path)) == 3
    write_dicom(path, FRAMES, "1.2", PixelSpacing=[1, 1], NumberOfEnergyWindows=3)
    with pytest.raises(UserError, match=r"several kinds \(NumberOfEnergyWindows is 3\)"):
        read_stack(path)


def test_a_series_that_is_not_told_and_frames_that_are_miscounted(tmp_path, warnings):
    path = tmp_path / "a.dcm"
    write_dicom(path, LEVELS, "", PixelSpacing=[1, 1])
    assert read_stack(path).shape == (1, 3, 4) and "tells no series" in warnings.pop()
    write_dicom(path, FRAMES, "1.2", NumberOfFrames=1)
    with pytest.raises(UserError, match="holds 3 frames, and its NumberOfFrames says 1"):
        read_stack(path)


def test_localizers_are_told_and_mosaics_refused(tmp_path, warnings):
    path = tmp_path / "a.dcm"
    kinds = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    write_dicom(path, LEVELS, "1.2", PixelSpacing=[1, 1], ImageType=kinds)
    assert read_stack(path).shape == (1, 3, 4) and "calls itself a localizer" in warnings.pop()
    write_dicom(path, LEVELS, "1.2", PixelSpacing=[1, 1], ImageType=["ORIGINAL", "M", "MOSAIC"])
    with pytest.raises(UserError, match="mosaic of many slices; convert it"):
        read_stack(path)


def test_a_tilted_gantry_is_told(tmp_path, warnings):
    axes = [1, 0, 0, 0, 0.866, -0.5]

    def placed(z, y):
        return group(PlanePositionSequence={"ImagePositionPatient": [0, y, z]})

    for name, shift in (("upright", 0.577), ("tilted", 0)):
        frames = [placed(5 * i, shift * 5 * i) for i in range(3)]
        shared = [group(PlaneOrientationSequence={"ImageOrientationPatient": axes})]
        path = tmp_path / f"{name}.dcm"
        write_dicom(
            path, FRAMES, "1.2", PerFrameFunctionalGroupsSequence=frames,
            SharedFunctionalGroupsSequence=shared,
        )  # fmt: skip
        warnings.clear()
        read_stack(path)
        assert any("sheared" in line for line in warnings) == (name == "tilted")


def _places(*heights, **tags):
    """Frames at these heights, with further groups of tags for each."""
    plane = {"PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}}
    return [
        group(PlanePositionSequence={"ImagePositionPatient": [0, 0, z]}, **{**plane, **tags})
        for z in heights
    ]


def _upright():
    turned = {"PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}}
    return _places(0, **turned) + _places(1, 2, 3)


GATES = {
    "FrameIncrementPointer": [0x00540070, 0x00540080],
    "TimeSlotVector": [1, 1, 2, 2],
    "SliceVector": [1, 2, 1, 2],
}


@pytest.mark.parametrize(
    "tags,words",
    [
        (lambda: {"PerFrameFunctionalGroupsSequence": _places(0, 0, 2.5, 2.5)}, "several volumes"),
        (lambda: {"PerFrameFunctionalGroupsSequence": _upright()}, "several directions"),
        (lambda: GATES, "several volumes"),
        (lambda: {"ImageType": ["ORIGINAL", "PRIMARY", "M", "VFRAME"]}, "mosaic"),
    ],
)
def test_frames_that_are_no_single_volume_are_refused(tmp_path, tags, words):
    write_dicom(tmp_path / "a.dcm", np.zeros((4, 3, 3), np.uint16), "1.2", **tags())
    with pytest.raises(UserError, match=words):
        read_stack(tmp_path / "a.dcm")


def test_frames_of_one_place_or_one_order_are_a_stack(tmp_path):
    cine = {"PerFrameFunctionalGroupsSequence": _places(5, 5, 5, 5)}
    for tags in (cine, {**GATES, "TimeSlotVector": [1, 1, 1, 1], "SliceVector": [1, 2, 3, 4]}):
        write_dicom(tmp_path / "a.dcm", np.zeros((4, 3, 3), np.uint16), "1.2", **tags)
        assert len(read_stack(tmp_path / "a.dcm")) == 4


def test_sizes_of_a_niftis_voxels_and_numbers_of_an_atlas_are_told(tmp_path, warnings):
    nibabel = pytest.importorskip("nibabel")
    labels, path = np.zeros((3, 4, 5), np.int32), tmp_path / "a.nii"
    labels[1], labels[2] = 614454277, 614454278
    image = nibabel.Nifti1Image(labels, None)
    image.set_sform(np.diag([1.0, 2, 3, 1]), 1)
    image.header["pixdim"][1:4] = 1, 2, 3
    nibabel.save(image, path)
    read_stack(path)
    assert "beyond 2^24 are rounded" in warnings.pop() and not warnings
    image = nibabel.Nifti1Image(labels // 2**8, None)
    image.set_sform(np.eye(4), 1)
    image.header["pixdim"][1:4] = 0.5, 0.5, 3
    nibabel.save(image, path)
    assert read_slices(path).spacing == (1, 1)
    read_stack(path)
    assert "(pixdim) differ: sform is taken" in warnings.pop() and not warnings


def _ome(*places):
    pages = "".join(f'<TiffData FirstZ="{z}" IFD="{i}"/>' for i, z in enumerate(places))
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="4" '
        f'SizeY="4" SizeZ="{len(places)}" SizeC="1" SizeT="1">{pages}</Pixels></Image></OME>'
    )


@pytest.mark.parametrize("places", [(0, 1, 2), (2, 1, 0)])
def test_pages_in_another_order_than_their_planes_are_refused(tmp_path, places):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        for page in range(3):
            told = {} if page else {"description": _ome(*places)}
            file.write(np.full((4, 4), page, np.uint16), metadata=None, **told)
    if places[0] == 0:
        assert read_stack(tmp_path / "a.ome.tif")[:, 0, 0].tolist() == [0, 1, 2]
        return
    with pytest.raises(UserError, match="another order than its pages"):
        read_stack(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("kind,nothing", [(np.float32, -9999), (np.uint16, 0)])
def test_what_a_geotiff_says_to_be_nothing_is_padding(tmp_path, compression, kind, nothing):
    heights = np.arange(300, 312).reshape(3, 4).astype(kind)
    heights[0, 0] = nothing
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[42113] = str(nothing)
    picture = Image.fromarray(heights)
    picture.save(tmp_path / "a.tif", tiffinfo=info, compression=compression)
    heights[0, 0] = 301
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif")[0], heights)


def test_values_that_imagej_maps_are_told(tmp_path, warnings):
    levels = np.zeros((2, 4, 4), np.uint16)
    for told in ({}, {"cf": 0, "c0": -32768, "c1": 1}):
        tifffile.imwrite(tmp_path / "a.tif", levels, imagej=True, metadata=told)
        read_stack(tmp_path / "a.tif")
        assert bool(warnings) == bool(told)


def test_bits_above_those_stored_are_told(tmp_path, warnings):
    path, signed = tmp_path / "a.dcm", np.array([[-5, 7], [2047, -2048]], np.int16)
    square = {"PixelSpacing": [1, 1], "BitsStored": 12}
    overlay = {"OverlayBitPosition": 12, "OverlayBitsAllocated": 16}
    for values, tags in ((signed, {}), (signed & 4095, {}), (signed + 2**14 & 2**13 - 1, overlay)):
        write_dicom(path, values, "1.2", **square)
        data = pytest.importorskip("pydicom").dcmread(path)
        for name, value in tags.items():
            data.add_new((0x6000, 0x0102 if "Position" in name else 0x0100), "US", value)
        data.save_as(path)
        np.testing.assert_array_equal(read_stack(path)[0], signed)
    assert not warnings
    write_dicom(path, LEVELS + np.uint16(5000), "1.2", **square)
    read_stack(path)
    assert "bits above the 12 that it says it stores are left out" in warnings.pop()


def test_a_rescaling_by_nothing_is_refused(tmp_path):
    write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", RescaleSlope=0, RescaleIntercept=5)
    with pytest.raises(UserError, match="its RescaleSlope is 0, which makes all"):
        read_stack(tmp_path / "a.dcm")


def test_regions_of_ultrasound_tell_its_spacing(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    for units, others, expected in (((3, 3), 0.04, (0.04, 0.02)), ((4, 3), 0.04, (1, 1))):
        regions = [pydicom.Dataset(), pydicom.Dataset()]
        for region, down in zip(regions, (0.04, others)):
            region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, down
            region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = units
        write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", SequenceOfUltrasoundRegions=regions)
        assert read_slices(tmp_path / "a.dcm").spacing == expected


def test_large_numbers_of_dicom_are_told(tmp_path, warnings):
    pydicom = pytest.importorskip("pydicom")
    write_dicom(tmp_path / "a.dcm", LEVELS, "1.2", PixelSpacing=[1, 1])
    data = pydicom.dcmread(tmp_path / "a.dcm")
    data.BitsAllocated, data.BitsStored, data.HighBit = 32, 32, 31
    data.PixelData = (LEVELS + np.uint32(2**30)).tobytes()
    data.save_as(tmp_path / "a.dcm")
    read_stack(tmp_path / "a.dcm")
    assert "beyond 2^24 are rounded" in warnings.pop() and not warnings
