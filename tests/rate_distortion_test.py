"""The program that draws curves of rate and distortion, from a base to its page."""

import json

import numpy as np
from absl import flags
from absl.testing import flagsaver
from tiny_codec import SIDE, untrained
from tiny_runs import shared_programs

from experiments import rate_distortion as program
from metainr.runs.saved import write_saved


def test_all_curves_have_their_table(tmp_path, capsys):
    learned = untrained(
        "modulations", 3, experiment="image_regression", resolution=SIDE, signal="sdf"
    )
    write_saved(tmp_path / "tiny.safetensors", learned.init.meta_params, learned.record)
    arguments = (
        *(f"--bases={tmp_path / 'tiny.safetensors'}", f"--workdir={tmp_path / 'run'}"),
        *("--num_train=4", "--num_test=2", "--bits=3,8", "--ablation_steps=1"),
    )
    with flagsaver.flagsaver(), shared_programs():
        flags.FLAGS(["rate_distortion", *arguments])
        program.main()
    assert "Bytes at equal PSNR" in capsys.readouterr().out
    record = json.loads((tmp_path / "run" / "rate_distortion.json").read_text())
    curves = record["curves"]
    assert {"tiny: 16 numbers", "1 step", "nothing learned", "JPEG", "WebP"} <= curves.keys()
    ours = curves["tiny: 16 numbers"]
    assert [point["setting"] for point in ours["points"]] == ["3 bits", "8 bits"]
    assert np.diff([point["bytes"] for point in ours["points"]]) > 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"The base has {ours['base_bytes']:,} bytes" in page and page.count("<table") > 7
