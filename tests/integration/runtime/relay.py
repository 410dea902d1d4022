"""A rule that sends commands from book to book: the symbol of a fee says where the same fee goes next.

`S002,S005` is a path, `S002;S003,S001` are two. Installed in every process that decides or folds.
"""

from typing import Any

from domain import book as rules
from domain.commands import CommandHeader, RecordFee
from domain.decision import Decision

_record = rules.COMMAND_RULES[RecordFee]


def fee(
    command_id: str, book: str, time_us: int, paths: str = "", actor: tuple[str, str] = ("USER", "ops")
) -> RecordFee:
    """A fee of one dollar that goes on along `paths`."""
    header = CommandHeader(command_id, book, time_us, 0, *actor, "OPERATOR", command_id)
    return RecordFee(header, f"{book}-GEN-001", 100, paths)


def relay(d: Decision, command: RecordFee) -> Any:
    """Record the fee, then pass it on."""
    refusal = _record(d, command)
    paths = command.symbol.split(";") if command.symbol and refusal is None else ()
    for number, path in enumerate(paths):
        book, _, rest = path.partition(",")
        name = f"{command.header.command_id}>{number}{book}"
        d.send(fee(name, book, d.now_us, rest, ("BOOK", d.book.system_id)))
    return refusal


def install() -> None:
    """For the life of this process."""
    rules.COMMAND_RULES[RecordFee] = relay
