"""Compresses pictures, sounds, clips, meshes or arrays with what was learned of their class.

    metainr compress --base=runs/mine --input=icons --output_dir=small
    metainr decompress --input=small --output_dir=back

Every signal becomes a file NAME.mnr in --output_dir: the numbers that make the shared network its
own, a latent or the change of all weights, quantised and entropy-coded. Beside them lies
base.safetensors, once: the shared weights and the statistics of training signals, which
`decompress` needs. --base is a workdir of image_regression, audio, video or shapes (learned with
--shape_from=distance), a file of weights, ready:NAME, or such a base.safetensors, for further
folders; it says what --input is a folder of. Signals larger than those that it was learned on are
cut into tiles. --rate and --psnr search the bits for each signal; for --psnr, signals that do
not reach it are fitted again with four times the steps. The same command goes on where it was
stopped; files that cannot be read are skipped with one warning.
"""

from experiments import cli
from experiments.compressing.compress_folder import compress_folder
from experiments.compressing.compress_options import CompressOptions, request_of
from experiments.run.define import define
from experiments.run.reading import made

_OWN = (
    define(CompressOptions, "base", "workdir, file of weights, ready:NAME or base.safetensors"),
    define(CompressOptions, "input", "file or folder of signals to compress"),
    define(CompressOptions, "output_dir", "folder to write to; made if it is missing"),
    define(CompressOptions, "bits", "of each number, before entropy coding"),
    define(CompressOptions, "rate", "bits a pixel (a sample) that no file is to exceed"),
    define(CompressOptions, "psnr", "dB that every file is to reach"),
    define(CompressOptions, "steps", "of a fit; default: as many as were learned for"),
    define(
        CompressOptions,
        "train_folder",
        "signals of the class, for statistics; default: those that the base was learned on",
    ),
    define(CompressOptions, "num_train", "training signals that the statistics are of"),
)  # fmt: skip


def main() -> None:
    """Compresses as the flags say."""
    options = made(CompressOptions, {flag.name: flag.value for flag in _OWN})
    compress_folder(request_of(options))


if __name__ == "__main__":
    cli.run(main)
