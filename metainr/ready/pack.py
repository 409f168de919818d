"""Makes an init that comes with the library of the run that learned it.

    python -m metainr.ready.pack WORKDIR NAME FLAGFILE

WORKDIR holds the run, NAME is what follows `ready:`, and FLAGFILE is the one that the run was made
by, such as image_regression/quickstart. Its file is at most 1 MB, all together at most 5.
"""

import json
import sys
from pathlib import Path

from metainr.ready import ABOUT
from metainr.reporting.results import metric_at, read_results
from metainr.weights import load_metadata, load_weights, save_weights


def pack(workdir: str | Path, path: str | Path, flagfile: str) -> None:
    """Writes a run's init with its flags, without its folder, and what it scored on test signals.

    Raises UserError if the run is not whole, or the file cannot be written.
    """
    init, results = Path(workdir) / "init.safetensors", read_results(workdir)
    own = {"workdir": "", "init": None, "rivals": []}
    flags = {**json.loads(load_metadata(init)["flags"]), **own}
    scores = {}
    for name, setting in results["settings"].items():
        metric = setting["metric"] or "psnr"
        means = [metric_at(setting, "meta", metric, step)[0] for step in setting["steps"]]
        scores[name] = {"metric": metric, "steps": setting["steps"], "mean": means}
    told = {name: results["environment"][name] for name in ("metainr", "git_revision", "date")}
    about = {"flagfile": flagfile, **told, "num_test": results["num_test"], "scores": scores}
    texts = {"flags": json.dumps(flags), ABOUT: json.dumps(about)}
    save_weights(path, load_weights(init), texts)


if __name__ == "__main__":
    folder, name, flagfile = sys.argv[1:]
    pack(folder, Path(__file__).with_name(f"{name}.safetensors"), flagfile)
