"""How a binary starts and how it ends: one line for a user's mistake, no traceback."""

import contextlib
import difflib
import io
import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Callable
from logging import Formatter
from pathlib import Path

from absl import app, flags, logging

from metainr import devices, output
from metainr.errors import UserError, first_line, printable
from metainr.files import why
from metainr.starting import started
from metainr.training.interrupts import Interrupted

_FLAGFILES = Path(__file__).parent / "flags"
_KEPT = "what was saved is kept"
KEPT = f"{_KEPT}: run the same command again to go on"


def run(main: Callable[[], None]) -> None:
    """Parses flags, calls `main()`, exits: 0, 1 after a user's mistake, 128 + n by signal n."""
    _run(lambda argv: status(main, argv), parse)


def run_on(main: Callable[[list[str]], None], parser: Callable[[list[str]], list[str]]) -> None:
    """As `run`, of a program that takes the arguments that its parser of flags leaves."""
    _run(lambda argv: status(lambda: main(argv[1:]), argv[:1]), parser)


def _run(program, parser):
    logging.set_verbosity(logging.WARNING)
    # Orbax logs pages on what it raises as well, and that is told in one line.
    logging.get_absl_handler().addFilter(lambda record: "orbax" not in record.pathname)
    logging.get_absl_handler().addFilter(_in_one_line)
    logging.get_absl_handler().setFormatter(Formatter("%(levelname)s: %(message)s"))
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for --help, which absl prints
    app.run(lambda argv: _exit(program(argv)), flags_parser=parser)


def _exit(code):
    """Ends the process; after a signal at once: Python's own end may crash under JAX's threads."""
    if code > 128:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def parse(argv: list[str]) -> list[str]:
    """Sets the flags and returns what is not one; exits after a mistake, naming what is near.

    A flagfile that is no file here may be the name of one of the program's own.
    """
    try:
        try:
            return flags.FLAGS(with_own_flagfiles(argv))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # --help had a reader that has gone, such as head
        _exit(128 + signal.SIGPIPE)
    except flags.Error as error:
        print(printable(f"error: {_told(error)}{_near(error)}"), file=sys.stderr)
        sys.exit(1)


def command() -> str:
    """The command of this program with the flags that were given, flagfiles written out."""
    given = (flag for flag in map(flags.FLAGS.__getitem__, flags.FLAGS) if flag.present)
    program = Path(sys.argv[0]).stem
    return shlex.join(["metainr", program, *(flag.serialize() for flag in given)])


def unparsed(argv: list[str]) -> list[str]:
    """Sets no flags: all arguments are for another program."""
    flags.FLAGS(argv[:1])
    return argv


def with_own_flagfiles(argv: list[str]) -> list[str]:
    """The command line in which --flagfile=quickstart is the path of the program's own.

    Those of other programs have the name of their folder before them: view_synthesis/alone.
    """
    own = {f"{path.parent.name}/{path.stem}": path for path in _FLAGFILES.glob("*/*.flags")}
    own |= {path.stem: path for path in _FLAGFILES.glob(f"{Path(argv[0]).stem}/*.flags")}
    arguments = list(argv)
    for i, argument in enumerate(arguments):
        dashes, equals, name = argument.partition("flagfile=")
        if equals and dashes in ("-", "--") and name in own and not Path(name).is_file():
            arguments[i] = f"--flagfile={own[name]}"
    return arguments


def _told(error):
    """What absl says, in our words where a value is not of its flag's kind."""
    text = " ".join(str(error).split())
    if missing := re.search(r"Unable to open flagfile: .*'(.*)'", text):
        return f"--flagfile={missing[1]} is neither a file nor the name of one of the program's own"
    refused = re.fullmatch(r"flag (--\w+=.*): (give .*)", text)
    return f"{refused[1]} is not possible; {refused[2]}" if refused else text


def _near(error):
    """The names or values nearest to a mistaken one."""
    text = str(error)
    if isinstance(error, flags.UnrecognizedFlagError):
        if "Did you mean" in text:
            return ""
        wrong, right = error.flagname, list(flags.FLAGS)
        near = difflib.get_close_matches(wrong, right) or [x for x in right if wrong in x]
        near, prefix = near[:3], "--"
    elif choice := re.search(r"--\w+=(.*?): value should be one of <(.*)>", text):
        near = difflib.get_close_matches(choice[1], choice[2].split("|"))
        prefix = ""
    elif missing := re.search(r"Unable to open flagfile: .*'(.*)'", text):
        found = sorted(_FLAGFILES.glob(f"*/{Path(missing[1]).name}.flags"))
        near, prefix = [f"{path.parent.name}/{path.stem}" for path in found], "--flagfile="
    elif "is not possible; give " in _told(error):
        return ""
    else:
        near, prefix = [], ""
    hint = f"did you mean {' or '.join(prefix + name for name in near)}?" if near else ""
    return f"; {hint or '--help lists the flags'}"


def status(main: Callable[[], None], argv: list[str]) -> int:
    """Calls `main()` and returns the exit status, having said why on stderr if it is not 0.

    Of several processes that `main()` joined, one that fails says so and ends all.
    """
    try:
        started()
        if len(argv) > 1:
            raise UserError(f"{argv[1]!r} is not a flag; every argument starts with --")
        with devices.own_settings():
            main()
        devices.leave()
    except UserError as error:
        return _ended(f"error: {error.as_flags()}", 1)
    except OSError as error:
        return _ended(f"error: {why(error)}; {_KEPT}", 1)
    except MemoryError as error:
        return _ended(f"error: not enough memory: {error}; ask for smaller sizes; {KEPT}", 1)
    except Interrupted as interrupted:
        return _ended(str(interrupted), 128 + interrupted.signum)
    except KeyboardInterrupt as interrupt:
        signum = interrupt.args[0] if interrupt.args else signal.SIGINT
        return _ended(f"interrupted; {KEPT}", 128 + signum)
    except Exception as error:
        return _unexpected(error)
    return _ended("error: what this prints was lost", 1) if output.lost() else 0


def _unexpected(error):
    """Says what a machine, or another process, makes JAX raise. Raises all other errors again."""
    if "RESOURCE_EXHAUSTED" in str(error):  # as XLA says it
        line = " ".join(first_line(error).split())
        return _ended(f"error: not enough memory: {line}; ask for smaller sizes; {KEPT}", 1)
    try:
        devices.check_devices()
    except UserError as told:
        return _ended(f"error: {told.as_flags()}", 1)
    if not devices.joined():
        raise error
    traceback.print_exception(error)
    told = f"{type(error).__name__}: {first_line(error)}"
    return _ended(f"error: {told}; if another process ended, it says why; {KEPT}", 1)


def _ended(line, code):
    print(printable(line), file=sys.stderr)
    devices.end(code)
    return code


def _in_one_line(record):
    """Makes a warning a line as errors are: names of strangers' files are in it."""
    record.msg, record.args = printable(record.getMessage()), None
    record.levelname = record.levelname.lower()
    return True


def _terminate(signum, frame):
    raise KeyboardInterrupt(signum)
