"""Flags of options: what a flag takes, and its default, are those of the option it sets."""

from typing import Any

from absl import flags

from metainr.checks import Choice, Each, Kind, Maybe, Switch, kinds_of

flags.disclaim_key_flags()  # flags belong to the module that asks for them


class _Parser(flags.ArgumentParser):
    """Texts of one kind."""

    def __init__(self, kind: Kind):
        self.kind, self.syntactic_help = kind, kind.expected

    def parse(self, argument: Any) -> Any:
        """The value of a text, or a value as it is."""
        read = self.kind.read if isinstance(argument, str) else self.kind.plain
        return _refused(self.kind, read, argument)

    def flag_type(self) -> str:
        """What --help says of the type."""
        return self.kind.expected


class _ListParser(flags.ListParser):
    """Lists of texts, which stay texts: a record of them is what was typed."""

    def __init__(self, kind: Each):
        super().__init__()
        self.kind = kind

    def parse(self, argument: Any) -> list[str]:
        """The list of a text parted by commas, or a list as it is."""
        texts = super().parse(argument)
        _refused(self.kind, self.kind.plain, texts)
        return texts


class _SwitchParser(flags.BooleanParser):
    def parse(self, argument: Any) -> bool:
        """True or false."""
        return _refused(Switch(), super().parse, argument)


def define(
    options: type[tuple], option: str, text: str, name: str = "", **default: Any
) -> flags.FlagHolder:
    """Defines the flag that sets an option.

    Args:
        options: the NamedTuple that has the option, its kind and its default.
        option: name of its field.
        text: what --help says.
        name: of the flag, where it is not the option's.
        default: `default`, if the flag has another one than the option.
    """
    value = default["default"] if default else options._field_defaults.get(option)
    return define_kind(name or option, kinds_of(options)[option], value, text)


def define_kind(name: str, kind: Kind, default: Any, text: str) -> flags.FlagHolder:
    """Defines a flag whose values are of a kind."""
    if isinstance(kind, Maybe):
        _define(name, kind, kind.kind, default, text)
        # absl's own holder refuses None, which `--name=` says, where the default is something.
        return flags.FlagHolder(flags.FLAGS, flags.FLAGS[name])
    return _define(name, kind, kind, default, text)


def _define(name, kind, inner, default, text):
    if isinstance(inner, Choice):
        return flags.DEFINE_enum(name, default, list(inner.names), text)
    if isinstance(inner, Switch):
        flag = flags.DEFINE_bool(name, default, text)
        flags.FLAGS[name].parser = _SwitchParser()
        return flag
    if isinstance(inner, Each):
        default = default if default is None else [str(value) for value in default]
        serializer = flags.CsvListSerializer(",")
        return flags.DEFINE(_ListParser(inner), name, default, text, serializer=serializer)
    return flags.DEFINE(_Parser(kind), name, default, text, serializer=flags.ArgumentSerializer())


def _refused(kind, read, argument):
    """What `read` makes of an argument. Raises ValueError that says what to give instead."""
    try:
        return read(argument)
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        raise ValueError(f"give {kind.expected}") from error
