"""Options that many commands have."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line on standard output.")]
OfLog = Annotated[
    str | None, typer.Option("--log", metavar="NAME", help="Another log than the one in use: main, run_0001, ...")
]
OfBook = Annotated[str, typer.Option("--book", metavar="BOOK", help="The book, such as S001.")]
OfAccount = Annotated[
    str | None, typer.Option("--account", metavar="ACCOUNT", help="One account, such as S001-GEN-001.")
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=0, metavar="N", help="The newest N rows; 0 = all. Tables show 40, JSON all."),
]
ByWhom = Annotated[str, typer.Option("--by", metavar="PERSON", help="Who asks; two approvals need two people.")]
InRole = Annotated[str, typer.Option("--role", help="OWNER, TRADER, RISK, OPERATOR or SERVICE.")]
CommandId = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="Id of the command; the same one again changes nothing.")
]
