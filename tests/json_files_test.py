"""JSON that others wrote: read, or refused in a line that ends in the remedy."""

import os

import pytest

from metainr.errors import Option, UserError
from metainr.json_files import parsed, read_json


def test_objects_are_read_with_or_without_a_byte_order_mark(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "a.json").write_text('{"ä": [1, 2.5, null]}', encoding=encoding)
        assert read_json(tmp_path / "a.json", "") == {"ä": [1, 2.5, None]}


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is not valid JSON"),
        (b"[1]", "holds a list, not an object"),
        (b"null", "holds a NoneType"),
        (b'{"a": "\xff"}', "is not valid JSON .*utf-8"),
        (b'{"a": ' + 100_000 * b"[", "is .*more than 50 deep"),
        (b'{"a": ' + 60 * b"[" + 60 * b"]" + b"}", "is .*more than 50 deep"),
        (b'{"a": 1' + 400 * b"0" + b"}", "is .*a number in it has 401 digits"),
        (b'{"a": 1' + 5000 * b"0" + b"}", "is .*a number in it has 5001 digits"),
        (b'{"\n": ' + 100 * b"{", "is not valid JSON"),
    ],
)
def test_what_is_no_object_is_refused_with_the_remedy(tmp_path, content, words):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=f"a.json {words}.*; give width=3$") as caught:
        read_json(tmp_path / "a.json", "give ", Option("width", 3))
    assert str(caught.value).isprintable()


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 2**40)
    told = {"pipe": "pipe or device", "": "a folder", "none": "No such file", "a\0b": "null"}
    for name, words in {**told, "large": "1099511627776 bytes, more than"}.items():
        with pytest.raises(UserError, match=f"{words}.*; mend it$"):
            read_json(tmp_path / name, "mend it")


def test_depths_and_digits_that_do_no_harm_are_read():
    assert parsed("9" * 300) == int("9" * 300)
    assert parsed(49 * "[" + "3" + 49 * "]") is not None
    assert parsed("[NaN, 1e999]")[1] == float("inf")
