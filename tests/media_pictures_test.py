"""Picture files of all depths, signs, colours and orientations, as they are meant to be seen."""

import io
import os
import struct
import subprocess
import zlib

import imageio_ffmpeg
import numpy as np
import pytest
import tifffile
from absl import logging
from PIL import Image, ImageCms, TiffImagePlugin, TiffTags

from experiments.fitting.pictures_io import encode_png
from metainr.errors import UserError
from metainr.media.images.pictures import read_image, read_picture, stored_size
from metainr.media.recordings.clips import clip_info, read_clip
from metainr.media.slices.stacks import read_stack

PIXELS = (np.arange(5 * 7 * 3).reshape(5, 7, 3) * 2).astype(np.uint8)
LUMA = [0.299, 0.587, 0.114]
GREY = np.linspace(0, 1, 35).reshape(5, 7)


def _tiff(path, values, **options):
    tifffile.imwrite(path, values, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["png", None, "tiff_lzw", "tiff_deflate"])
def test_orientations(tmp_path, orientation, compression):
    upright = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: np.rot90(PIXELS, 2),
        4: PIXELS[::-1],
        5: PIXELS.swapaxes(0, 1),
        6: np.rot90(PIXELS, -1),
        7: np.rot90(PIXELS[:, ::-1], -1),
        8: np.rot90(PIXELS),
    }[orientation]
    image = Image.fromarray(PIXELS)
    if compression == "png":
        path, exif = tmp_path / "a.png", Image.Exif()
        exif[274] = orientation
        image.save(path, exif=exif)
    else:
        path, tags = tmp_path / "a.tif", TiffImagePlugin.ImageFileDirectory_v2()
        tags[274] = orientation
        image.save(path, tiffinfo=tags, compression=compression)
    np.testing.assert_allclose(255 * read_image(path), upright, atol=1e-4)
    np.testing.assert_allclose(255 * read_image(path, upright=False), PIXELS, atol=1e-4)
    assert stored_size(path) == (5, 7)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_greys_of_all_depths(tmp_path, kind, photometric):
    white = 1 if np.issubdtype(kind, np.floating) else np.iinfo(kind).max
    path = _tiff(tmp_path / "a.tif", (white * GREY).astype(kind), photometric=photometric)
    expected = GREY if photometric == "minisblack" else 1 - GREY
    picture = read_picture(path)
    np.testing.assert_allclose(picture.values[..., 0], expected, atol=1 / 255)
    assert picture.is_grey and picture.bits == (8 if kind == np.uint8 else 16)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_colours_of_16_bits_keep_them(tmp_path, ending):
    levels = np.random.default_rng(0).integers(0, 2**16, (4, 6, 3)).astype(np.uint16)
    path = tmp_path / f"a.{ending}"
    _tiff(path, levels) if ending == "tif" else path.write_bytes(encode_png(levels))
    np.testing.assert_allclose(read_image(path) * 65535, levels, atol=0.01)


@pytest.mark.parametrize(
    "values, told",
    [
        (255 * GREY.astype(np.float32), "float32 values from 0 to 255"),
        ((2000 * GREY - 1000).astype(np.int16), "int16 values from -1000 to 1000"),
        ((1000 * GREY).astype(np.int32), "int32 values from 0 to 1000"),
        (
            np.where(GREY > 0.9, np.nan, GREY).astype(np.float32),
            "NaN or infinite, the first in row",
        ),
        (np.where(GREY > 0.9, np.inf, GREY), "NaN or infinite"),
    ],
)
def test_values_whose_white_is_unknown_are_refused(tmp_path, values, told):
    with pytest.raises(UserError, match=f"a.tif has .*{told}"):
        read_image(_tiff(tmp_path / "a.tif", values))


def test_colours_of_no_screen_are_refused(tmp_path):
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    picture = Image.new("RGB", (3, 2), (200, 30, 90))
    ImageCms.profileToProfile(picture, *profiles, outputMode="LAB").save(tmp_path / "a.tif")
    _tiff(tmp_path / "b.tif", np.zeros((2, 3, 3), np.uint16), photometric="cielab")
    for name in ("a.tif", "b.tif"):
        with pytest.raises(UserError, match=f"{name} has its colours in CIELAB; save it as RGB"):
            read_image(tmp_path / name)


def test_transparency_of_16_bits_lies_on_white(tmp_path):
    levels = np.array([[0, 1000, 30000, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "a.png", transparency=1000)
    expected = [0, 1, 30000 / 65535, 1]
    np.testing.assert_allclose(read_image(tmp_path / "a.png")[0, :, 0], expected, atol=1e-6)


def _png(path, width, depth, kind, row, chunks=()):
    """Writes a PNG of one row."""
    head = struct.pack(">IIBBBBB", width, 1, depth, kind, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for name, content in (
        (b"IHDR", head),
        *chunks,
        (b"IDAT", zlib.compress(b"\0" + row)),
        (b"IEND", b""),
    ):
        size, check = struct.pack(">I", len(content)), struct.pack(">I", zlib.crc32(name + content))
        data += size + name + content + check
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("depth, row", [(1, 0b01000000), (2, 0b00011011), (4, 0x01)])
def test_transparency_of_coarse_greys(tmp_path, depth, row):
    width, top = min(4, 8 // depth), 2**depth - 1
    levels = row >> (8 - depth * np.arange(1, width + 1)) & top
    clear = (b"tRNS", struct.pack(">H", 1))
    values = read_image(_png(tmp_path / "a.png", width, depth, 0, bytes([row]), [clear]))
    np.testing.assert_allclose(values[0, :, 0], np.where(levels == 1, 1, levels / top), atol=1e-6)


def test_transparency_of_colours_of_16_bits(tmp_path):
    levels = np.array([[1000, 2000, 3000], [1000, 2000, 3001]], ">u2")
    clear = (b"tRNS", levels[0].tobytes())
    picture = read_picture(_png(tmp_path / "a.png", 2, 16, 2, levels.tobytes(), [clear]))
    np.testing.assert_allclose(picture.values[0], [[1, 1, 1], levels[1] / 65535], atol=1e-6)
    assert picture.has_alpha


def test_a_picture_of_which_nothing_is_seen_is_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    Image.new("RGBA", (4, 3), (9, 9, 9, 1)).save(tmp_path / "a.png")
    read_image(tmp_path / "a.png")
    assert not caplog.text
    Image.new("RGBA", (4, 3), (9, 9, 9, 0)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").min() == 1
    assert "a.png is transparent everywhere: it is taken as white" in caplog.text


def test_other_gammas_are_told_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    for gamma in (45455, 100000, 100000):
        chunk = (b"gAMA", struct.pack(">I", gamma))
        _png(tmp_path / f"{gamma}.png", 1, 8, 0, b"\x80", [chunk])
        read_image(tmp_path / f"{gamma}.png")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "100000.png says that its gamma is 1;" in caplog.text


def test_inks_that_no_marker_tells_of_are_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    path = tmp_path / "inks.jpg"
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(path)
    marked = read_image(path)
    assert not caplog.records
    content = path.read_bytes()
    start = content.index(b"\xff\xee\x00\x0eAdobe")
    path.write_bytes(content[:start] + content[start + 16 :])
    np.testing.assert_array_equal(read_image(path), marked)
    assert "inks.jpg has four inks (CMYK), and no marker tells" in caplog.text


def test_colours_that_are_mixed_of_others_are_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    for green in (30000, 21000):  # sRGB's, and Adobe RGB's
        places = (31270, 32900, 64000, 33000, green, 60000, 15000, 6000)
        _png(
            tmp_path / f"{green}.png",
            1,
            8,
            2,
            b"\x80" * 3,
            [(b"cHRM", struct.pack(">8I", *places))],
        )
        read_image(tmp_path / f"{green}.png")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "21000.png says (cHRM)" in caplog.text


def _packed_tiff(path, levels, bits, photometric=1):
    """Writes levels of any bits, each row from a byte's start on."""
    rows = levels[..., None] >> np.arange(bits - 1, -1, -1) & 1
    data = np.packbits(rows.reshape(len(levels), -1).astype(np.uint8), axis=1).tobytes()
    height, width = levels.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric}
    tags |= {273: 10 + 9 * 12 + 4, 277: 1, 278: height, 279: len(data)}
    entries = (struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    start = b"II*\0" + struct.pack("<IH", 8, len(tags))
    path.write_bytes(start + b"".join(entries) + bytes(4) + data)
    return path


@pytest.mark.parametrize("bits, photometric", [(2, 1), (4, 1), (4, 0), (12, 1)])
def test_packed_tiffs(tmp_path, bits, photometric):
    top = 2**bits - 1
    levels = np.linspace(0, top, 15).round().astype(int).reshape(3, 5)
    path = _packed_tiff(tmp_path / "a.tif", levels, bits, photometric)
    expected = levels if photometric else top - levels
    np.testing.assert_allclose(read_image(path)[..., 0], expected / top, atol=1e-6)
    scale = 1 if bits == 12 else 255 / top
    np.testing.assert_allclose(read_stack(path)[0], expected * scale)


@pytest.mark.parametrize("bits", [10, 14])
def test_bits_that_are_not_decoded_are_refused(tmp_path, bits):
    path = _packed_tiff(tmp_path / "a.tif", np.zeros((4, 4), int), bits)
    for read in (read_image, read_stack):
        with pytest.raises(UserError, match=f"a.tif has {bits} bits a value; save it with 8 or 16"):
            read(path)


def _with_tag(path, tag, value):
    """Overwrites a short of a little-endian TIFF."""
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    entries = range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12)
    (entry,) = (entry for entry in entries if struct.unpack_from("<H", data, entry)[0] == tag)
    struct.pack_into("<H", data, entry + 8, value)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_extra_channels_of_tiffs(tmp_path, kind, mode, compression):
    """0 is no alpha, colours of 1 are multiplied by it already."""
    path, colours = tmp_path / "a.tif", [50] if mode == "LA" else [50, 20, 80]
    Image.new(mode, (4, 4), (*colours, 100)).save(path, compression=compression)
    _with_tag(path, 338, kind)
    expected = [np.array(colours), np.array(colours) + 155, np.array(colours) * 100 / 255 + 155]
    picture = read_picture(path)
    np.testing.assert_allclose(
        255 * picture.values[0, 0], np.broadcast_to(expected[kind], 3), atol=1.5
    )
    assert picture.has_alpha == (kind > 0)
    grey = expected[kind] @ (LUMA if mode == "RGBA" else [1])
    np.testing.assert_allclose(read_stack(path), np.full((1, 4, 4), grey), atol=1.5)


def test_deep_colours_that_are_multiplied_by_alpha(tmp_path):
    levels = np.full((4, 4, 4), [1000, 20000, 30000, 40000], np.uint16)
    path = _tiff(tmp_path / "a.tif", levels, photometric="rgb", extrasamples=["assocalpha"])
    expected = np.array([26535, 45535, 55535]) / 65535
    np.testing.assert_allclose(read_image(path)[0, 0], expected, atol=1e-4)


def test_a_channel_that_is_not_used_is_told_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    Image.new("RGBA", (4, 4)).save(tmp_path / "a.tif")
    _with_tag(tmp_path / "a.tif", 338, 0)
    read_stack(tmp_path / "a.tif")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "a.tif has a channel besides its colours" in caplog.text


def test_transparency_of_clips_lies_on_white(tmp_path):
    frame = Image.new("P", (8, 8), 1)
    frame.putpalette([0, 0, 0, 200, 0, 0])
    frame.paste(0, (0, 0, 4, 8))
    frame.save(tmp_path / "a.gif", transparency=0)
    clip = read_clip(tmp_path / "a.gif", 0, 1, 8)
    np.testing.assert_allclose(clip[0, 4, [1, 6]], [[1, 1, 1], [200 / 255, 0, 0]], atol=1e-3)


def _video(path, source, *options):
    """Writes three frames of what ffmpeg makes."""
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i"]
    subprocess.run([*start, source, "-frames:v", "3", *options, str(path)], check=True)
    return path


@pytest.mark.parametrize(
    "name, codec",
    [("a.mov", "png"), ("a.mkv", "ffv1"), ("a.webm", "libvpx-vp9"), ("b.webm", "libvpx")],
)
def test_transparency_of_videos_lies_on_white(tmp_path, name, codec):
    form = "rgba" if codec == "png" else "yuva420p"
    source = f"color=red@0.5:s=32x32:r=10,format=rgba,format={form}"
    options = ["-auto-alt-ref", "0"] if name.endswith("webm") else []
    path = _video(tmp_path / name, source, "-c:v", codec, "-pix_fmt", form, *options)
    clip = read_clip(path, 0, clip_info(path).frames, 8)
    assert len(clip) == 3
    np.testing.assert_allclose(clip[1, 4, 4], [1, 0.5, 0.5], atol=0.03)


def test_videos_whose_pixels_are_not_square(tmp_path):
    """Of 32 columns of twice the width the middle 16 are seen, all of them red."""
    boxes = "drawbox=x=8:w=16:h=32:color=red:t=fill,setsar=2"
    path = _video(tmp_path / "a.mp4", f"color=blue:s=32x32:r=10,{boxes}")
    clip = read_clip(path, 0, 3, 8)
    np.testing.assert_allclose(clip[0, 4, [1, 6]], [[1, 0, 0]] * 2, atol=0.05)


def test_colour_profiles_are_applied(tmp_path):
    """A profile whose green and red are swapped shows in which colours a picture is read."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    other = swapped.replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))
    other = other.replace(b"sRGB built-in", b"Swap built-in")
    image = Image.new("RGB", (4, 4), (250, 20, 20))
    image.save(tmp_path / "plain.png", icc_profile=plain)
    image.save(tmp_path / "swapped.png", icc_profile=other)
    np.testing.assert_allclose(255 * read_image(tmp_path / "plain.png")[0, 0], [250, 20, 20])
    red, green, _ = 255 * read_image(tmp_path / "swapped.png")[0, 0]
    assert green > 240 and red < 60


def test_a_damaged_profile_is_said(tmp_path, caplog):
    Image.new("RGB", (4, 4), (250, 20, 20)).save(tmp_path / "a.png", icc_profile=b"nonsense")
    np.testing.assert_allclose(255 * read_image(tmp_path / "a.png")[0, 0], [250, 20, 20])
    assert "colour profile cannot be applied" in caplog.text


def test_no_decoder_starts_a_program(tmp_path, monkeypatch):
    """Pillow would have Ghostscript draw a PostScript file, whatever its name."""
    program, trace = tmp_path / "gs", tmp_path / "started"
    program.write_text(f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(UserError, match="a.png"):
        read_image(tmp_path / "a.png")
    assert not trace.exists()


def test_pixels_that_are_only_claimed_are_refused_before_they_are_made(tmp_path):
    small = io.BytesIO()
    Image.new("L", (1, 1)).save(small, "png")
    data = bytearray(small.getvalue())
    data[16:24] = (13300).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="claims 13300 by 13300 values"):
        read_image(tmp_path / "a.png")


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for name, told in (("pipe.png", "pipe or device"), ("", "folder"), ("none.png", "No such")):
        with pytest.raises(UserError, match=told):
            read_image(tmp_path / name)


def _packed(path, pixels, byteorder="<", **options):
    """A TIFF by PackBits, whose rows of at most 128 bytes are one run each."""
    tifffile.imwrite(path, pixels, byteorder=byteorder, rowsperstrip=pixels.shape[-2], **options)
    ordered = pixels.astype(pixels.dtype.newbyteorder(byteorder))
    planes = ordered if pixels.ndim == 3 else [ordered]
    strips = [b"".join(bytes([row.nbytes - 1]) + row.tobytes() for row in x) for x in planes]
    with path.open("ab") as file:
        starts = [file.tell() + sum(map(len, strips[:i])) for i in range(len(strips))]
        file.write(b"".join(strips))
    with tifffile.TiffFile(path, mode="r+") as file:
        tags = file.pages[0].tags
        for name, values in (("StripOffsets", starts), ("StripByteCounts", map(len, strips))):
            values = tuple(values)
            tags[name].overwrite(values if len(values) > 1 else values[0])
        tags["Compression"].overwrite(32773)
    return path


@pytest.mark.parametrize("kind", ["uint8", "float32", "int16", "uint32"])
@pytest.mark.parametrize("change", ["swapped", "inverted", "apart"])
def test_compressed_deep_levels_are_read_right_or_refused(tmp_path, kind, change):
    """Of some, Pillow swaps the bytes, forgets that 0 is white, or loses the lower byte."""
    scale = 1 if kind == "float32" else 200
    values = (scale * np.linspace(0, 1, 24).reshape(2, 4, 3)).astype(kind)
    shown = values if change == "apart" else values[..., 0]
    options = {
        "swapped": {"byteorder": ">"},
        "inverted": {"photometric": "miniswhite"},
        "apart": {"photometric": "rgb", "planarconfig": "separate"},
    }[change]
    pixels = np.moveaxis(shown, -1, 0) if change == "apart" else shown
    path = _packed(tmp_path / "a.tif", pixels, **options)
    try:
        found = read_image(path)
    except UserError as error:
        assert "deflated" in str(error) and kind != "uint8"
    else:
        top = 255 if kind == "uint8" else 1
        levels = np.broadcast_to(shown.reshape(2, 4, -1) / top, (2, 4, 3))
        np.testing.assert_allclose(found, 1 - levels if change == "inverted" else levels, atol=1e-6)


def test_a_profile_is_known_by_what_it_does(tmp_path):
    """Its name may say sRGB where it is linear, as those of some programs for painting do."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    place = struct.unpack(">I", profile[profile.index(b"rTRC") + 4 :][:4])[0]
    linear = profile[:place] + b"curv" + bytes(8) + profile[place + 12 :]
    Image.new("RGB", (4, 4), (128, 128, 128)).save(tmp_path / "a.png", icc_profile=linear)
    np.testing.assert_allclose(255 * read_image(tmp_path / "a.png")[0, 0], 188, atol=1.5)
    Image.new("L", (4, 4), 128).save(tmp_path / "grey.png", icc_profile=linear)
    np.testing.assert_allclose(255 * read_image(tmp_path / "grey.png")[0, 0], 188, atol=1.5)
    Image.new("L", (4, 4), 128).save(tmp_path / "plain.png", icc_profile=profile)
    assert read_picture(tmp_path / "plain.png").is_grey


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
@pytest.mark.parametrize("told", [{0xA001: 65535, 0xA005: {1: "R03"}}, {0xA001: 2}])
def test_adobe_colours_without_a_profile_are_told(tmp_path, monkeypatch, caplog, told, name):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    exif, tags = Image.Exif(), TiffImagePlugin.ImageFileDirectory_v2()
    exif[0x8769] = tags[0x8769] = told
    picture = Image.new("RGB", (8, 8), (200, 60, 60))
    picture.save(tmp_path / name, **{"exif": exif} if name == "a.jpg" else {"tiffinfo": tags})
    read_image(tmp_path / name)
    assert f"{name} says by EXIF that its colours are Adobe RGB" in caplog.text


@pytest.mark.parametrize(
    "name, told",
    [("a.png", {"dpi": (204, 98)}), ("a.jpg", {"dpi": (204, 98)}), ("a.tif", {"dpi": (204, 98)})]
    + [("a.tif", {"dpi": (204, 98), "compression": "tiff_lzw"})],
)
def test_pixels_that_are_not_square_are_told(tmp_path, monkeypatch, caplog, name, told):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    for dpi in ((98, 98), told["dpi"]):
        Image.new("L", (8, 8), 200).save(tmp_path / name, **{**told, "dpi": dpi})
        assert not caplog.records
        read_image(tmp_path / name)
    assert f"{name} says that its pixels are not square" in caplog.text


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_ratios_that_ffmpeg_writes_beside_frames_are_told(tmp_path, monkeypatch, caplog, name):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i"]
    source = ["color=red:size=16x16,setsar=4/3,format=yuvj444p", "-frames:v", "1", "-update", "1"]
    subprocess.run([*start, *source, str(tmp_path / name)], check=True)
    read_image(tmp_path / name)
    assert f"{name} says that its pixels are not square" in caplog.text


def test_palettes_of_8_bits_are_refused_where_16_belong(tmp_path):
    path, levels = tmp_path / "a.tif", np.arange(12, dtype=np.uint8).reshape(3, 4)
    palette = np.arange(768, dtype=np.uint16).reshape(3, 256) % 256
    for scale in (257, 1):
        tifffile.imwrite(path, levels, photometric="palette", colormap=scale * palette)
        if scale > 1:
            np.testing.assert_allclose(255 * read_image(path)[..., 0], levels, atol=1e-4)
    with pytest.raises(UserError, match="a palette of 8 bits in place of 16"):
        read_image(path)


def _with_beside(path, kind, compression=None):
    """A TIFF of a small page of that kind, and of the picture that it belongs to."""
    small, whole = (
        Image.new("RGB", size, 3 * (grey,)) for size, grey in (((6, 4), 9), ((12, 8), 99))
    )
    small.save(
        path, save_all=True, append_images=[whole], compression=compression, tiffinfo={254: 0}
    )
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags[254].overwrite(kind)


@pytest.mark.parametrize("kind", [1, 4, 5])
def test_previews_and_masks_in_a_tiff_are_not_its_picture(tmp_path, kind):
    _with_beside(tmp_path / "a.tif", kind)
    assert (
        read_image(tmp_path / "a.tif").shape == (8, 12, 3) == (*stored_size(tmp_path / "a.tif"), 3)
    )
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif"), np.full((1, 8, 12), 99))
    _with_beside(tmp_path / "b.tif", kind, "tiff_lzw")
    for read in (read_image, read_stack):
        with pytest.raises(UserError, match="previews or masks .* save the picture alone"):
            read(tmp_path / "b.tif")


def test_raw_data_of_a_camera_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint16), photometric=32803)
    with pytest.raises(UserError, match="camera's raw data; develop it"):
        read_image(tmp_path / "a.tif")


def test_colours_of_video_levels_in_a_tiff_are_refused(tmp_path):
    path, info = tmp_path / "a.tif", TiffImagePlugin.ImageFileDirectory_v2()
    picture = Image.fromarray(PIXELS).convert("YCbCr")
    for black, white in ((0, 255), (16, 235)):
        info[532] = (black, white, 128, 240 if black else 255, 128, 240 if black else 255)
        info.tagtype[532] = TiffTags.RATIONAL
        picture.save(path, tiffinfo=info)
        if not black:
            np.testing.assert_allclose(255 * read_image(path), PIXELS, atol=2)
    with pytest.raises(UserError, match="a.tif has colours of video levels .* save it as RGB"):
        read_image(path)


@pytest.mark.parametrize("codes, is_told", [((9, 16, 0, 1), True), ((1, 13, 0, 1), False)])
def test_codes_of_colours_are_told(tmp_path, monkeypatch, caplog, codes, is_told):
    monkeypatch.setattr(logging, "_log_counter_per_token", {})
    path = _png(tmp_path / "a.png", 1, 8, 2, b"\0\x80\xff", [(b"cICP", bytes(codes))])
    np.testing.assert_allclose(255 * read_image(path)[0, 0], [0, 128, 255])
    assert ("its colours are not sRGB" in caplog.text) == is_told


def test_pictures_of_phones_are_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(UserError, match="a.jpg is HEIC; save it as JPEG or PNG"):
        read_image(tmp_path / "a.jpg")
