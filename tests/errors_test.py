"""One message, two ways to write the options in it."""

import logging
import pickle

from experiments import cli
from metainr.checks import OptionError
from metainr.errors import Option, UserError, listed

ERROR = UserError(
    Option("workdir", "runs/--init={x}"),
    " holds width=3; give ",
    *listed([[Option("width", 3)], ["not ", Option("depth")]], " and "),
)


def test_options_are_written_as_programs_do():
    assert str(ERROR) == "workdir=runs/--init={x} holds width=3; give width=3 and not depth"
    assert str(UserError("a --flag of 100 %")) == "a --flag of 100 %"
    assert str(UserError()) == ""


def test_command_lines_get_dashes_on_options_alone():
    expected = "--workdir=runs/--init={x} holds width=3; give --width=3 and not --depth"
    assert ERROR.as_flags() == expected
    assert UserError("a --flag of 100 %").as_flags() == "a --flag of 100 %"
    assert pickle.loads(pickle.dumps(ERROR)).as_flags() == expected


def test_binaries_write_flags(capsys):
    def main():
        raise ERROR

    assert cli.status(main, ["binary"]) == 1
    assert capsys.readouterr().err == f"error: {ERROR.as_flags()}\n"


def test_values_that_are_not_possible_name_their_option():
    error = pickle.loads(pickle.dumps(OptionError("width", -1, "a number above 0")))
    assert str(error) == "width is -1; give a number above 0"
    assert error.as_flags() == "--width is -1; give a number above 0"


def test_messages_are_one_printable_line():
    hostile = "a\x1b[2J\nb\u202e\udce9\x00c ä"
    expected = r"a\x1b[2J\nb\u202e\udce9\x00c ä"
    assert str(UserError("no ", hostile)) == f"no {expected}"
    assert UserError(Option("width", hostile)).as_flags() == f"--width={expected}"


def test_warnings_are_one_printable_line(caplog):
    logger = logging.getLogger("names")
    logger.addFilter(cli._in_one_line)
    logger.warning("left out %s", "a\x1b[2J\nb")
    assert caplog.messages == [r"left out a\x1b[2J\nb"]
    assert caplog.records[0].levelname == "warning"  # as errors begin with "error"


def test_nothing_to_list_is_no_text():
    assert listed([]) == []
