"""The one exception that a user's own mistake raises."""


class UserError(ValueError):
    """A mistake of the caller's, told in one line: the thing, its value and the remedy.

    Binaries print the line without a traceback and exit with status 1; callers of the library
    catch it as the `ValueError` it is.
    """


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its type where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
