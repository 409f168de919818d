"""How a binary starts and how it ends: one line for a user's mistake, no traceback."""

import sys
from collections.abc import Callable

from absl import app, logging

from metainr.errors import UserError
from metainr.training.interrupts import Interrupted


def run(main: Callable[[], None]) -> None:
    """Parses the flags, calls `main()` and exits: 1 for a user's mistake, 128 + n by signal n."""
    logging.set_verbosity(logging.WARNING)
    app.run(lambda argv: sys.exit(_status(main, argv)))


def _status(main, argv):
    try:
        if len(argv) > 1:
            raise UserError(f"{argv[1]!r} is not a flag; every argument starts with --")
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)
        return 128 + interrupted.signum
    except KeyboardInterrupt:
        print("interrupted; what was saved is kept: the same command goes on", file=sys.stderr)
        return 130
    return 0
