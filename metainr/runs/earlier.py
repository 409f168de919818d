"""Results of earlier evaluations are kept, with all that was made of them, when others come.

They go to evaluation-1/, evaluation-2/, … in the folder that they were in.
"""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metainr.errors import UserError
from metainr.json_files import read_json
from metainr.output import say
from metainr.reporting.results import json_text

# The results come last: without them there is nothing to set aside.
_MADE = ("report.html", "tables.md", "results.csv", "figures", "samples", "fits", "results.json")


def set_aside(folder: Path, which: str) -> None:
    """Moves the results in a folder into one of their own, and says `which` they are.

    Raises OSError if they cannot be moved.
    """
    taken = {path.name for path in folder.iterdir()}
    names = (f"evaluation-{number}" for number in itertools.count(1))
    place = folder / next(name for name in names if name not in taken)
    place.mkdir()
    for name in _MADE:
        if name in taken:
            (folder / name).rename(place / name)
    say(f"{which} are kept in {place}")


def set_others_aside(folder: Path, settings: Mapping[str, Any]) -> None:
    """Sets the results in a folder aside if there are any, and of other settings than given.

    Raises OSError if they cannot be moved.
    """
    path = folder / "results.json"
    if not path.is_file():
        return
    try:
        same = read_json(path).get("settings") == json.loads(json_text(settings))
    except UserError:  # damaged ones
        same = False
    if not same:
        set_aside(folder, "earlier results")
