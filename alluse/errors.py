"""Errors of the command line beyond those of `infra.errors`."""

from infra.errors import AllUseError


class Refused(AllUseError):  # noqa: N818  # the protocol's word for it
    """The protocol refused a command; `code` is its reason code."""

    exit_code = 4
