"""Derive the Avro schemas from the record classes of `domain/` and of the monitor, and keep the lock file.

    python scripts/make_schemas.py             write schemas/avsc/**.avsc and append new versions to schemas/lock.json
    python scripts/make_schemas.py --check     write nothing; exit 1 when a file is not what the classes say
    python scripts/make_schemas.py --restart   before the first release only: give all ids anew

A change that is not FULL_TRANSITIVE is refused with the reasons, exit 2. `schemas/avsc/journal/` is written by hand.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType

from domain import commands, events, inputs
from processors.monitor import records as monitor
from schemas import lock
from schemas.derive import NAMESPACE, Deriver, Json
from schemas.errors import SchemaError

ENVELOPE_DOC = "who caused it, when, and where it stands in the journal (protocol 19.1)"

NESTED_ONLY = (
    inputs.BrokerPosition, commands.CommandHeader, commands.ImportedLot, commands.ImportedOption,
    commands.ImportedTaxYear, commands.ImportedQuarter, commands.ImportedWeekCount, commands.ImportedApproval,
    commands.ImportedGroup, commands.ImportedAccount,
)  # fmt: skip
"""Record classes of `domain.inputs` and `domain.commands` that stand on no topic by themselves."""

DOC_OF_NAME: dict[str, str] = {
    "client_order_id": "the client's idempotency key",
    "valid_until": "days since 1970-01-01",
    "instruction_id": "all_use_order_id",
    "client": "who instructs",
    "predicted": "mode or type",
    "kind": "which of the kinds",
    "purchases": "what is bought",
    "steps": "steps in their order",
    "left_primary": "US cents of the primary bucket not planned",
    "left_leaps": "US cents of the LEAPS bucket not planned",
    "carry": "US cents carried on",
    "carry_out": "US cents carried into the next quarter",
    "carry_in": "US cents carried in",
    "spent": "US cents",
    "primary": "US cents of the primary bucket",
    "leaps": "US cents of the LEAPS bucket",
    "net_result": "US cents",
    "corpus": "US cents",
    "confirmation_no": "how many EOD valuations in a row",
    "days_left": "calendar days to expiry",
    "entry_ids": "entries that are corrected",
    "fork_seq": "1 for the parent's first fork",
    "members": "accounts of the group",
    "proceeds": "US cents",
    "costs": "US cents",
    "cost": "US cents",
    "threshold": "US cents",
    "reserve": "US cents",
    "m": "M",
    "target": "the account that absorbs",
    "held_days": "days by which the holding period is dated back",
    "workflow_id": "the workflow (protocol 10): UUIDv5 of what it is about",
    "transfer_id": "the transfer's own id",
    "withdrawal_id": "the withdrawal's id",
    "fork_id": "UUIDv5(ns, parent|FORK|seq) (protocol 10.2)",
    "merge_id": "UUIDv5(ns, group|MERGE) (protocol 10.3)",
    "script_id": "the action script's id",
    "breaker": "one of protocol 9",
    "feed": "the symbol whose prices are meant",
    "amount": "US cents",
    "surplus": "post-tax surplus (protocol 10.1)",
    "children": "accounts that the fork opened, or the system that it founds",
    "key": "account|quarter",
    "sessions": "how many sessions",
    "action": "the step's action",
    "seq": "the step's number",
    "account_id": "the account of the book, such as S001-GEN-001",
    "age_s": "how long the broker has said nothing of it, seconds",
    "alert_id": "the alert's id",
    "approval_id": "the approval request's id",
    "approvals": "who approved, pseudonymous ids",
    "approvals_needed": "how many people must approve",
    "atr_e6": "ATR(14) in 1e-6 dollars",
    "broker": "what the broker states: contracts, shares, or cents for CASH",
    "broker_account": "the brokerage account",
    "broker_order_id": "the broker's id of the order",
    "by": "who did it, a pseudonymous id",
    "call_type": "highest call type (protocol 11.1), empty when none",
    "cause": "what brought it about",
    "changes": "parameter name to new value",
    "choice": "the option chosen where the request offers several, else empty",
    "code": "reason code (docs/reason-codes.md)",
    "command_id": "the command's id",
    "cum_quantity": "contracts filled so far",
    "default_action": "what happens when nobody answers",
    "discarded": "true: the records parked behind the poison one were discarded",
    "early": "before the expiry",
    "effect": "OPEN or CLOSE",
    "effective_mode": "mode of all restrictions together (protocol 3.4)",
    "error_code": "error class",
    "exec_id": "the broker's id of this execution",
    "final_state": "the order's state at the broker",
    "fork_group_id": "the fork it came from, none for a root",
    "holding_days": "days from acquisition to disposal",
    "how": "how it was resolved",
    "instrument": "contract, ticker or CASH",
    "lines": "debits and credits; their sum is 0",
    "lot_id": "the tax lot, unique in the book",
    "lots": "open tax lots",
    "message": "in words",
    "mode": "CC_ONLY, NO_NEW_ENTRIES or PRESERVATION",
    "new": "parameter name to new value",
    "notice_id": "the broker's id of the notice",
    "occasion": "CONNECT, PRE_OPEN, INTRADAY or EOD",
    "old_type": "primary type before",
    "options": "open short options",
    "order_id": "the order's id: the id of the event that created it",
    "ours": "what the book holds: contracts, shares, or cents for CASH",
    "owner_subject_id": "owner and taxpayer, pseudonymous",
    "parent_account_id": "the account it was forked from, none for a root",
    "parked_records": "how many records were parked behind the poison one",
    "permissions": "options level, such as CSP_AND_CC",
    "position_id": "the position's id",
    "primary_type": "code of protocol 11.1",
    "proposal_id": "the proposal's id",
    "put_type": "highest put type (protocol 11.1), empty when none",
    "qualified": "a qualified dividend, as the broker flags it",
    "quantity": "contracts or shares",
    "ratio_new": "split: new shares for ratio_old old ones",
    "ratio_old": "split: see ratio_new",
    "reason": "why: a reason code (docs/reason-codes.md) or words",
    "rejections": "tickers that failed a gate, in the order of the scan",
    "roles": "roles that may approve",
    "root_com_account_id": "the Com account of the same root",
    "checks": "pre-trade checks in their order",
    "shares": "shares that changed hands",
    "side": "BUY or SELL",
    "signal_id": "the signal's id",
    "source": "where it comes from",
    "source_seq": "the record's number in its source",
    "strike_e3": "strike in 1e-3 US dollars, the scale of the OCC symbol",
    "symbol": "listed ticker, or what it was for; may be empty",
    "tax_years": "results of tax years before the take-over",
    "ticker": "listed ticker of the underlying",
    "tickers": "listed tickers",
    "title": "one line",
    "topic": "where the record stands",
    "trades": "trades in the week",
    "from_phase": "phase of the wheel before (protocol 3.5)",
    "to_phase": "phase of the wheel from now on (protocol 3.5)",
    "version": "counts what was sent to the broker for this order, from 1",
    "week_id": "ISO week, such as 2025W25",
    "year": "tax year",
    "accounts": "accounts of the book, as they stand",
}
"""Documentation of fields whose class gives none; an annotation in `domain/` takes precedence."""


def records_of(module: ModuleType) -> Iterator[type]:
    """The record classes that `module` defines, in the order they stand there."""
    for value in vars(module).values():
        if isinstance(value, type) and is_dataclass(value) and f"{value.__module__}.".startswith(f"{module.__name__}."):
            yield value


def derive() -> tuple[dict[Path, dict[str, Json]], list[str]]:
    """All schemas by file below `schemas/avsc`, journal first; and the fields whose class gives no documentation."""
    deriver = Deriver(DOC_OF_NAME)
    journal = sorted((lock.AVSC_FOLDER / "journal").glob("*.avsc"))
    schemas = {file.relative_to(lock.AVSC_FOLDER): json.loads(file.read_text("utf-8")) for file in journal}
    for folder, module in (("inputs", inputs), ("commands", commands), ("monitor", monitor)):
        for cls in records_of(module):
            if cls not in NESTED_ONLY:
                schemas[Path(folder, f"{cls.__name__}.avsc")] = deriver.schema(cls)
    envelope = ("envelope", events.Envelope, ENVELOPE_DOC)
    for cls in records_of(events):
        if cls in events.TOPIC_OF:
            schemas[Path("events", f"{cls.__name__}.avsc")] = deriver.schema(cls, first=[envelope])
    names = [schema["name"] for schema in schemas.values()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SystemExit(f"error: two records are called {', '.join(twice)}")
    return schemas, deriver.undocumented


def wanted_files(restart: bool) -> tuple[dict[Path, str], list[str]]:
    """Text of every generated file, and the undocumented fields."""
    schemas, undocumented = derive()
    subjects = {f"{NAMESPACE}.{schema['name']}": schema for schema in schemas.values()}
    advanced = lock.advance({} if restart else lock.read(), subjects)
    files = {
        lock.AVSC_FOLDER / path: json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for path, schema in schemas.items()
        if path.parts[0] != "journal"
    }
    files[lock.LOCK_FILE] = lock.render(advanced)
    return files, undocumented


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Derive the Avro schemas from domain/ and keep the lock file.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    parser.add_argument("--restart", action="store_true", help="give all ids anew (only before the first release)")
    parser.add_argument(
        "--undocumented", action="store_true", help="list the fields whose class gives no documentation"
    )
    options = parser.parse_args()
    try:
        wanted, undocumented = wanted_files(options.restart)
    except SchemaError as error:
        print(f"{error} Before the first release: --restart gives all ids anew.", file=sys.stderr)
        return 2
    if options.undocumented:
        print("\n".join(undocumented))
        return 0
    present = {*lock.AVSC_FOLDER.glob("*/*.avsc")} - {*(lock.AVSC_FOLDER / "journal").glob("*")}
    stale = sorted(present - wanted.keys())
    changed = [file for file, text in wanted.items() if not file.exists() or file.read_text("utf-8") != text]
    if options.check:
        for file in [*changed, *stale]:
            print(f"differs: {file.relative_to(lock.LOCK_FILE.parent.parent)}", file=sys.stderr)
        if changed or stale:
            print("run: python scripts/make_schemas.py", file=sys.stderr)
        return 1 if changed or stale else 0
    for file in changed:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(wanted[file], "utf-8")
    for file in stale:
        file.unlink()
    print(f"{len(wanted) - 1} schemas, {len(changed)} files written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
