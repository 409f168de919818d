import os

import numpy as np
import pytest
import tifffile
from absl import logging
from PIL import Image

from experiments.ct.sinogram_files import load_angles, load_sinogram
from experiments.ct.sinogram_io import description, read_sinogram
from experiments.ct.sinogram_options import SinogramOptions
from experiments.ct.view_angles import parse_angles
from metainr.errors import UserError
from metainr.evaluation.ct_baselines import filtered_back_projection
from metainr.evaluation.metrics import psnr
from metainr.measurements import detector_grid, project
from metainr.signals.ct.phantoms import MODIFIED_SHEPP_LOGAN, ellipses

ANGLES = "0:180:6deg"
VALUES = np.random.default_rng(0).uniform(0, 8, (6, 10))


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda line, *rest: lines.append(line % rest))
    return lines


def _read(path, values=VALUES, angles=ANGLES, **options):
    np.save(path / "sinogram.npy", values)
    return read_sinogram(SinogramOptions(str(path / "sinogram.npy"), angles, **options))


def test_every_format_gives_the_same(tmp_path):
    levels = (1000 * VALUES).astype(np.uint16)
    np.save(tmp_path / "a.npy", levels)
    np.savez(tmp_path / "b.npz", levels)
    np.savez(tmp_path / "c.npz", sinogram=levels, other=1)
    np.savetxt(tmp_path / "d.csv", levels, delimiter=",", fmt="%d")
    Image.fromarray(levels).save(tmp_path / "e.png")
    Image.fromarray(levels.astype(np.float32)).save(tmp_path / "f.tiff")
    found = [
        read_sinogram(SinogramOptions(str(path), ANGLES, white=1000))
        for path in sorted(tmp_path.iterdir())
    ]
    assert len(found) == 6
    for one in found:
        np.testing.assert_allclose(one.sinograms[0].values, levels / 10_000, rtol=1e-6)
        np.testing.assert_allclose(one.sinograms[0].angles, np.arange(6) * np.pi / 6, rtol=1e-6)
        np.testing.assert_array_equal(one.sinograms[0].weights, 1)
        np.testing.assert_allclose(one.detectors, detector_grid(10))
        assert {x.dtype for x in (*one.sinograms[0], one.detectors)} == {np.dtype(np.float32)}


def test_units_are_means_along_rays(tmp_path):
    found = _read(tmp_path, VALUES, spacing=0.5, white=2.0)
    np.testing.assert_allclose(found.sinograms[0].values, VALUES / (10 * 0.5 * 2), rtol=1e-6)
    wide = _read(tmp_path, VALUES, spacing=0.5, side=8.0, offset=1.5)
    np.testing.assert_allclose(wide.sinograms[0].values, VALUES / 8, rtol=1e-6)
    np.testing.assert_allclose(wide.detectors, (np.arange(10) - 6) * 0.5 / 8, rtol=1e-6)


def test_counts_become_line_integrals(tmp_path):
    counts = 5000 * np.exp(-VALUES)
    found = _read(tmp_path, counts, blank=5000.0)
    np.testing.assert_allclose(found.sinograms[0].values, VALUES / 10, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_a_scan_off_its_centre_is_put_right(tmp_path):
    n, offset, attenuation = 64, 2.0, 0.02
    image = np.clip(ellipses(MODIFIED_SHEPP_LOGAN, n), 0, 1).astype(np.float32)
    angles = np.linspace(0, np.pi, 90, endpoint=False)
    seen = np.asarray(project(image, angles, (np.arange(80) - 39.5 - offset) / n))
    # 80 detectors 3 mm apart of an object 192 mm wide.
    counts = 1e4 * np.exp(-seen * n * 3 * attenuation)
    known = dict(spacing=3.0, side=192.0, blank=1e4, white=attenuation)

    def quality(**options):
        found = _read(tmp_path, counts, "0:180:90deg", **known, **options)
        return psnr(filtered_back_projection(*found.sinograms[0][:2], n, found.detectors), image)

    ideal = filtered_back_projection(angles, project(image, angles, detector_grid(n)), n)
    assert quality(offset=offset) > psnr(ideal, image) - 0.5
    for wrong in (0.0, offset - 1, offset + 1, -offset):
        assert quality(offset=wrong) < psnr(ideal, image) - 1


def test_angles_are_words_or_files(tmp_path):
    np.testing.assert_allclose(parse_angles("0, 0.5,1"), [0, 0.5, 1])
    np.testing.assert_allclose(parse_angles("0,90deg"), [0, np.pi / 2])
    np.testing.assert_allclose(parse_angles("0:3:3"), [0, 1, 2])
    np.testing.assert_allclose(parse_angles("0:180:60deg"), np.arange(60) * np.pi / 60)
    np.save(tmp_path / "angles.npy", [0.1, 0.2])
    (tmp_path / "angles.txt").write_text("0.1\n0.2\n")
    for name in ("angles.npy", "angles.txt"):
        np.testing.assert_allclose(parse_angles(str(tmp_path / name)), [0.1, 0.2])
    np.savez(tmp_path / "scan.npz", angles=[0, 90], sinogram=VALUES)
    (tmp_path / "angles.txt").write_text("\ufeff0\n90\n", encoding="utf-8")
    for name in ("angles.txt", "scan.npz"):
        np.testing.assert_allclose(parse_angles(f"{tmp_path / name}:deg"), [0, np.pi / 2])
    many = np.linspace(0, 3, 300)
    np.testing.assert_allclose(parse_angles(",".join(map(str, many))), many)
    for text in ("", "a,b", "0:1", "0:1:2:3", "gone.npy", "gone.npy:deg"):
        with pytest.raises(UserError, match="neither a file nor numbers"):
            parse_angles(text)


def test_an_npz_may_bring_its_angles(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, sinogram=VALUES, angles=np.arange(6.0))
    found = read_sinogram(SinogramOptions(str(path)))
    np.testing.assert_array_equal(found.sinograms[0].angles, np.arange(6))
    np.savez(path, a=VALUES, b=VALUES)
    with pytest.raises(UserError, match="holds a, b; call the array 'sinogram'"):
        read_sinogram(SinogramOptions(str(path)))
    path.write_bytes(b"PK no zip")
    with pytest.raises(UserError, match="cannot read .*scan.npz: "):
        read_sinogram(SinogramOptions(str(path)))


def test_angles_of_no_unit_beyond_a_turn_are_refused(tmp_path):
    degrees = np.arange(0, 180, 30)
    np.save(tmp_path / "sinogram.npy", VALUES)
    np.savetxt(tmp_path / "angles.txt", degrees)
    np.savez(tmp_path / "scan.npz", sinogram=VALUES, angles=degrees)
    for name, text in (
        ("sinogram.npy", "0,30,60,90,120,150"),
        ("sinogram.npy", "0:180:6"),
        ("sinogram.npy", str(tmp_path / "angles.txt")),
        ("scan.npz", None),
    ):
        scan = SinogramOptions(str(tmp_path / name))
        with pytest.raises(UserError, match="angles up to 150 look like degrees") as caught:
            read_sinogram(scan._replace(angles=text))
        remedies = [part.split()[0] for part in str(caught.value).split("--angles=")[1:]]
        for remedy, factor in zip(remedies, (np.pi / 180, 1), strict=True):
            found = read_sinogram(scan._replace(angles=remedy)).sinograms[0]
            np.testing.assert_allclose(found.angles, factor * degrees, rtol=1e-6)
    read_sinogram(SinogramOptions(str(tmp_path / "sinogram.npy"), "0:6.28:6"))


def test_what_was_understood_is_told(tmp_path):
    line = description(_read(tmp_path, np.stack([VALUES] * 3), spacing=2.0), "parallel")
    assert line.startswith("3 slices, each of 6 views by 10 detectors, parallel rays, angles from")
    assert "from 0 to 150 degrees, of a square of side 20" in line


def test_stacks_are_slices_with_the_same_rays(tmp_path):
    stack = np.stack([VALUES, 0.5 * VALUES])
    tifffile.imwrite(tmp_path / "a.tif", stack.astype(np.float32), photometric="minisblack")
    for found in (
        _read(tmp_path, stack),
        read_sinogram(SinogramOptions(str(tmp_path / "a.tif"), ANGLES)),
    ):
        first, second = found.sinograms
        np.testing.assert_allclose(first.values, VALUES / 10, rtol=1e-6)
        np.testing.assert_allclose(second.values, VALUES / 20, rtol=1e-6)
        np.testing.assert_array_equal(first.angles, second.angles)
    stack[1, 2, 3] = np.nan
    with pytest.raises(UserError, match="is nan at slice 1, view 2, detector 3"):
        _read(tmp_path, stack)
    with pytest.raises(UserError, match="first axis seems to be the views"):
        _read(tmp_path, np.moveaxis(stack, 0, 1))


FAN = {"geometry": "fan", "source_distance": 30.0, "detector_distance": 10.0}


@pytest.mark.parametrize("shape", ["flat", "curved"])
def test_fans_of_a_scanner_are_in_sides(tmp_path, shape):
    found = _read(tmp_path, 0.1 * VALUES, spacing=2.0, detector_shape=shape, **FAN)
    edge = np.arctan(10 / 40) if shape == "flat" else 10 / 40
    np.testing.assert_allclose(found.side, 2 * 30 * np.sin(edge))
    last = np.arctan(9 / 40) if shape == "flat" else 9 / 40
    np.testing.assert_allclose(found.detectors.turns[[0, -1]], [-last, last], rtol=1e-6)
    places = 30 * np.sin(last) / found.side
    np.testing.assert_allclose(found.detectors.places[[0, -1]], [-places, places], rtol=1e-6)


def test_detectors_that_see_a_part_are_told(tmp_path, warnings):
    inside = np.array(VALUES)
    inside[:, [0, -1]] = 0
    _read(tmp_path, inside)
    _read(tmp_path, inside, offset=0.5)
    assert not warnings
    _read(tmp_path, inside, side=13.0)
    assert "detectors reach 5 beyond the centre of rotation" in warnings.pop()
    _read(tmp_path, inside, offset=2.0)
    assert "detectors reach 3 beyond the centre" in warnings.pop()
    _read(tmp_path, inside, side=18.0, spacing=2.0, **FAN)
    assert "detectors reach 7.276 beyond" in warnings.pop()
    inside[:, 0] = 4
    _read(tmp_path, inside)
    assert "read 5" in warnings[-1] and "seen in part" in warnings[-1]


def test_an_object_beside_the_square_is_told(tmp_path, warnings):
    """What is six detectors wide, in squares of side 7 and of 2, and seen by a fan."""
    disc = np.array(VALUES)
    disc[:, [0, 1, -2, -1]] = 0
    _read(tmp_path, disc, side=7.0, white=2.0)
    _read(tmp_path, 0.1 * disc, side=6.0, **FAN)
    assert not warnings
    _read(tmp_path, disc, side=2.0, white=9.0)
    assert "beside the square of side 2 read up to" in warnings.pop()
    _read(tmp_path, 0.1 * disc, side=2.0, **FAN)
    assert "the object is larger; give --side its width" in warnings.pop()


def test_pictures_of_float64_and_marked_texts_are_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VALUES)
    lines = "\n".join(",".join(map(str, row)) for row in VALUES)
    (tmp_path / "b.csv").write_text("\ufeff" + lines, encoding="utf-8")
    for name in ("a.tif", "b.csv"):
        found = read_sinogram(SinogramOptions(str(tmp_path / name), ANGLES))
        np.testing.assert_allclose(found.sinograms[0].values, VALUES / 10, rtol=1e-6)
    (tmp_path / "b.csv").write_text("0,5;1,5\n2,5;3,5\n")
    with pytest.raises(UserError, match="both commas and semicolons"):
        read_sinogram(SinogramOptions(str(tmp_path / "b.csv"), "0,1"))


@pytest.mark.parametrize(
    "text, line",
    [
        ("0,5\t1,5\n2,5\t3,5\n", "only spaces or tabs between .* write points"),
        ("0,5 1,5", "only spaces or tabs between .* write points"),
        ("0,5\n1,5\n", "two whole numbers with a comma .* write points"),
        ("1,2,3\n1,,3\n", "line 2 has nothing in column 2: put one"),
        ("1,2,,\n", "line 1 has nothing in column 3: put one"),
        (",1,2\n", "line 1 has nothing in column 1: put one"),
        ("# made\nd0,d1\n1,2\n", "line 2 holds no numbers: remove it, or put # before it"),
        ("1,2\n3,x\n", "line 2 has 'x', which is no number, in column 2"),
        ("1,2,3\n4,5\n", "line 2 holds 2 numbers, and the first line 3"),
        ('"1","2"\n', "it has quotation marks"),
        ("# nothing\n", "it holds no numbers"),
        ("1,000.5\n2,000.5\n", "'1,000.5' may be one number with commas in it"),
        ("1,000.5,2,000.5\n", "'1,000.5' may be one number"),
        ("1.000,5\n2.000,5\n", "'1.000,5' may be one number"),
        ("1,000,2,000\n", "'1,000' may be one number"),
        ("0,05,1,25\n", "'0,05' may be one number"),
    ],
)
def test_texts_that_can_be_misread_are_refused(tmp_path, text, line):
    (tmp_path / "a.csv").write_text(text)
    for read in (load_sinogram, load_angles):
        with pytest.raises(UserError, match=f"cannot read .*a.csv: .*{line}") as caught:
            read(tmp_path / "a.csv")
        assert "\n" not in str(caught.value)


def test_a_column_that_counts_lines_is_told(tmp_path, warnings):
    for first, is_told in ((0, True), (1, True), (2, False)):
        table = np.column_stack([np.arange(first, first + 6), VALUES])
        np.savetxt(tmp_path / "a.csv", table, delimiter=",")
        np.testing.assert_array_equal(load_sinogram(tmp_path / "a.csv")[0], table)
        assert bool(warnings) == is_told
        assert not warnings or "first column counts the lines" in warnings.pop()


@pytest.mark.parametrize("unit", [1, np.pi / 180])
def test_a_column_of_angles_is_told(tmp_path, warnings, unit):
    table = np.column_stack([np.arange(0, 180, 30) * unit, VALUES])
    _read(tmp_path, table, white=30.0)
    assert "first column holds the angles" in warnings[0]
    warnings.clear()
    _read(tmp_path, table[:, 1:])
    assert "holds the angles" not in "".join(warnings)


def test_other_kinds_of_files_are_named_and_tabs_are_read(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(UserError, match="a.mat is of no kind that is read; save it as NPY"):
        load_sinogram(tmp_path / "a.mat")
    np.savetxt(tmp_path / "a.tsv", VALUES, delimiter="\t")
    np.testing.assert_allclose(load_sinogram(tmp_path / "a.tsv")[0], VALUES)


def test_comments_may_be_of_any_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes("# Länge in µm\n1,100.5\n0,2".encode("latin-1"))
    np.testing.assert_array_equal(load_sinogram(tmp_path / "a.csv")[0], [[1, 100.5], [0, 2]])


@pytest.mark.parametrize(
    "text", ["1,2,\n3,4,", "1, 2\r\n3, 4", "1;2\n#a,b\n\n3;4 # c", "1 2\n3\t4", "1.0,2\n3,4"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_of_all_delimiters_are_read(tmp_path, text, encoding):
    (tmp_path / "a.txt").write_text(text, encoding=encoding)
    np.testing.assert_array_equal(load_sinogram(tmp_path / "a.txt")[0], [[1, 2], [3, 4]])


def test_sinograms_are_upright_as_slices_are(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VALUES.T, extratags=[(274, 3, 1, 8, True)])
    found = read_sinogram(SinogramOptions(str(tmp_path / "a.tif"), "0:180:6deg"))
    np.testing.assert_allclose(found.sinograms[0].values, np.rot90(VALUES.T) / 10, rtol=1e-6)


def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(UserError, match="sinogram .*pipe.npy.* is a pipe"):
        read_sinogram(SinogramOptions(str(tmp_path / "pipe.npy"), ANGLES))
    for text in (f"{tmp_path}/pipe.npy", f"{tmp_path}/pipe.npy:deg"):
        with pytest.raises(UserError, match="angles .*pipe.npy.* is a pipe"):
            _read(tmp_path, angles=text)


@pytest.mark.parametrize("size,circle", [(24, True), (25, True), (24, False), (25, False)])
def test_sinograms_of_scikit_image(tmp_path, size, circle):
    from skimage.transform import radon

    def blob(middle):
        down, across = np.mgrid[:size, :size] - middle
        squares = (down - 2) ** 2 + (across + 3) ** 2
        return np.maximum(0, 1 - squares / 30).astype(np.float32)

    # scikit-image turns about pixel n // 2; here it is the middle of all.
    degrees = np.arange(0, 180, 7.5)
    scan = radon(blob(size // 2), degrees, circle=circle).T
    upright = blob((size - 1) / 2)

    def error(offset):
        options = {"side": float(size), "offset": offset, "white": 2.0}
        found = _read(tmp_path, scan, "0:180:24deg", **options)
        seen = project(upright, *found.sinograms[0][:1], found.detectors)
        return float(np.abs(np.asarray(seen) / 2 - found.sinograms[0].values).mean())

    errors = {offset: error(offset) for offset in (-0.5, 0.0, 0.5)}
    is_even = scan.shape[1] % 2 == 0
    right = errors.pop(0.5 if is_even else 0.0)
    assert right < 0.1 * min(errors.values())


def _with(value):
    values = VALUES.copy()
    values[2, 3] = value
    return values


@pytest.mark.parametrize(
    "values,options,line",
    [
        (VALUES[:5], {}, "5 views but there are 6 angles; give one angle per view"),
        (
            VALUES[:, :6].T[:, :6].repeat(2, 0)[:10],
            {},
            "10 views but there are 6 .* last axis seems to be the views",
        ),
        (VALUES[0], {}, r"shape \(10,\); give \[views, detectors\]"),
        (_with(np.nan), {}, "is nan at view 2, detector 3"),
        (_with(np.inf), {}, "is inf at view 2, detector 3"),
        (_with(-4), {"blank": 10.0}, "counts -4 at view 2, detector 3"),
        (_with(0), {"blank": 10.0}, "counts 0 at view 2, detector 3"),
        (1000 * VALUES, {}, "give --white of at least .* or --blank"),
        (VALUES + 1j, {}, "holds complex128, not real numbers; give"),
        (VALUES, {"geometry": "cone"}, "geometry is 'cone'; give one of parallel, fan"),
        (VALUES, {"geometry": "fan"}, "--geometry=fan .* give --source_distance"),
        (VALUES, FAN | {"detector_distance": None}, "give --detector_distance"),
        (VALUES, {"source_distance": 9.0}, "--geometry=parallel has no source; leave out"),
        (VALUES, FAN | {"side": 60.0}, "a source 0.5 sides .* inside the circle .* source_dist"),
        (VALUES, FAN | {"spacing": 13.0, "detector_shape": "curved"}, "93 degrees to one side"),
        (VALUES, {"spacing": 0.0}, "spacing is 0.0; give a number from"),
        (VALUES, {"side": -1.0}, "side is -1.0; give a number from"),
        (VALUES, {"blank": np.nan}, "blank is nan; give a number from"),
        (VALUES, {"white": 0.0}, "white is 0.0; give a number from"),
        (VALUES, {"offset": np.nan}, "offset is nan; give a number from"),
        (VALUES, {"offset": 5.0}, "offset 5 puts the centre of rotation beyond the 10 detectors"),
        (np.full((6, 10), 9.0), {"blank": 8.0}, "counts 9 in the middle, more than --blank=8"),
        (VALUES, {"angles": None}, "comes without angles; give --angles"),
        (VALUES, {"angles": "0:nan:6"}, "not finite"),
    ],
)
def test_mistakes_have_one_clear_line(tmp_path, values, options, line):
    with pytest.raises(UserError, match=line) as caught:
        _read(tmp_path, values, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.tiff", "a.png"])
def test_damaged_and_missing_files_are_named(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(UserError, match="cannot read sinogram .* give a file that is there"):
        read_sinogram(SinogramOptions(str(path), ANGLES))
    path.write_bytes(b"no such thing")
    with pytest.raises(UserError, match="cannot read") as caught:
        read_sinogram(SinogramOptions(str(path), ANGLES))
    assert "\n" not in str(caught.value)
