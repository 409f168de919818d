"""Gives back the signals that `compress` wrote, at any resolution.

    metainr decompress --input=small --output_dir=back
    metainr decompress --base=small/base.safetensors --input=one.png.mnr --output_dir=back --scale=4

--input is a folder of `compress`, or one of its files; --base is by default the base.safetensors
beside them. --scale samples the fields at so many times the resolution. Pictures become PNG of
the original's bit depth, sounds WAV, clips MP4 or GIF, meshes GLB, arrays NPY. Files that are
damaged, or of another base or version, are refused by name; the others are written, and the exit
status is then 1.
"""

from experiments import cli
from experiments.compressing.decompress_folder import DecompressOptions, decompress_folder
from experiments.run.define import define
from experiments.run.reading import made

_OWN = (
    define(DecompressOptions, "base", "base.safetensors of the files; default: that beside them"),
    define(DecompressOptions, "input", "folder of compressed files, or one file"),
    define(DecompressOptions, "output_dir", "folder to write to; made if it is missing"),
    define(DecompressOptions, "scale", "sample at this many times the resolution"),
)


def main() -> None:
    """Decodes as the flags say."""
    decompress_folder(made(DecompressOptions, {flag.name: flag.value for flag in _OWN}))


if __name__ == "__main__":
    cli.run(main)
