"""Errors of the command line beyond those of `infra.errors`."""

from infra.errors import AllUseError


class Refused(AllUseError):
    """The protocol refused a command; `code` is its reason code."""

    exit_code = 4
