"""Commands about the log itself: the journal, operations, schemas."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from alluse.options import AsJson, AsJsonLines, ByWhom, InRole, OfBook, OfLog
from alluse.render import json_line, note, one_json, say, show

if TYPE_CHECKING:
    from alluse.journaling import Journal, JournalEntry

_journal = typer.Typer(help="The journal: everything that has influenced a decision, in order.", rich_markup_mode=None)
_ops = typer.Typer(help="Operations: lag, read models anew, dead letters.", rich_markup_mode=None)
_dead = typer.Typer(help="Records that could not be processed, kept whole.", rich_markup_mode=None)
_schema = typer.Typer(help="The schemas of all records.", rich_markup_mode=None)
_ops.add_typer(_dead, name="dead-letters")
_PARTITION = Annotated[
    int | None, typer.Option("--partition", "-p", min=0, metavar="P", help="One partition; default all.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_journal, name="journal")
    app.add_typer(_ops, name="ops")
    app.add_typer(_schema, name="schema")


@contextmanager
def _opened(log: str | None) -> Generator[Journal]:
    from alluse.homes import settings_of_log
    from alluse.journaling import Journal
    from alluse.surroundings import attach_cluster
    from infra.settings import load_settings

    journal = Journal(attach_cluster(settings_of_log(load_settings(), log)))
    try:
        yield journal
    finally:
        journal.close()


def _partitions(journal: Journal, chosen: int | None) -> list[int]:
    from alluse.plans import PARTITIONS

    return list(range(PARTITIONS)) if chosen is None else [journal.partition(chosen).partition]


# --- journal ----------------------------------------------------------------------------------------------------


@_journal.command("tail")
def tail(
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="Entries a partition.")] = 10,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as entries come.")] = False,
    partition: _PARTITION = None,
    log: OfLog = None,
    as_json: AsJsonLines = False,
) -> None:
    """Show the newest entries, by time.

    \b
    Example:
      alluse journal tail -n 20 --partition 1
    """
    from alluse.journaling import require_entries

    with _opened(log) as journal:
        chosen = _partitions(journal, partition)
        if not follow:
            require_entries(journal)
        newest = sorted(
            (entry for p in chosen for entry in journal.newest(p, lines)),
            key=lambda e: (e.key.time_us, e.partition, e.key.sequence),
        )
        for entry in chain(newest, journal.follow(chosen) if follow else ()):
            _print_entry(entry, as_json)


def _print_entry(entry: JournalEntry, as_json: bool) -> None:
    document = entry.shown()
    if as_json:
        json_line(document)
        return
    say(
        f"{document['time']}  {document['partition']}/{document['sequence']:<8} {document['source']:<9} "
        f"{document['disposition']:<9} {document['record']:<16} {_brief(document['value'])}"
    )


def _brief(value: dict[str, Any]) -> str:
    """The plain fields that say most."""
    hidden = ("market_partition", "source_seq", "time", "header")
    parts = [f"{k}={v}" for k, v in value.items() if k not in hidden and isinstance(v, str | int) and v != ""]
    symbols = value.get("symbols")
    if isinstance(symbols, list):
        parts = [" ".join(pair) for pair in zip(cast(list[str], symbols), value["lasts"], strict=True)]
    return " ".join(parts)[:140]


@_journal.command("show")
def show_entry(
    seq: Annotated[int, typer.Argument(metavar="SEQ", min=0, help="Sequence number in the partition.")],
    partition: Annotated[int, typer.Option("--partition", "-p", min=0, metavar="P", help="The partition.")] = 0,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Show one entry: the input, what the journal adds, and the events that it caused.

    \b
    Example:
      alluse journal show 1200 --partition 1
    """
    with _opened(log) as journal:
        found = journal.find(journal.partition(partition).partition, seq)
        events = journal.caused(found)
    document = {**found.shown(), "events": events}
    if as_json:
        one_json(document)
        return
    import json

    _print_entry(found, as_json=False)
    for name in ("hash", "previous", "outputs"):
        say(f"  {name:<9} {document[name]}")
    say(json.dumps(document["value"], indent=2, ensure_ascii=False))
    for event in events:
        say(f"caused {event['type']} ({event['topic']}, event {event['event_id']})")
        say(json.dumps(event["event"], indent=2, ensure_ascii=False))


@_journal.command("export")
def export(
    form: Annotated[str, typer.Option("--format", help="jsonl, parquet or arrow.")] = "jsonl",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to; JSON lines go to standard output without it."),
    ] = None,
    partition: _PARTITION = None,
    from_seq: Annotated[int, typer.Option("--from-seq", min=0, help="First sequence number.")] = 0,
    to_seq: Annotated[int | None, typer.Option("--to-seq", min=0, help="Last sequence number.")] = None,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Export the journal, a partition after the other; --json says how many entries were written (with --out).

    \b
    Example:
      alluse journal export --format parquet --out journal.parquet
    """
    from alluse.journaling import export as write
    from alluse.journaling import require_entries
    from infra.errors import RequestError

    if form not in ("jsonl", "parquet", "arrow"):
        raise RequestError("BAD_FORMAT", f"--format: '{form}' is no format.", "Use jsonl, parquet or arrow.")
    if out is not None and not out.absolute().parent.is_dir():
        raise RequestError("BAD_FILE", f"{out.absolute().parent} is no folder.", "Make it, or name another file.")
    with _opened(log) as journal:
        require_entries(journal)
        chosen = _partitions(journal, partition)
        parts = (
            takewhile(
                lambda e: to_seq is None or e.key.sequence <= to_seq,
                journal.entries(p, journal.offset_of(p, from_seq) if from_seq else 0),
            )
            for p in chosen
        )
        count = write(chain.from_iterable(parts), form, out)
    if out is not None:
        if as_json:
            one_json({"file": str(out), "format": form, "entries": count})
        else:
            note(f"{count} entries in {out}")


# --- operations -------------------------------------------------------------------------------------------------


@_ops.command("lag")
def lag(log: OfLog = None, as_json: AsJson = False) -> None:
    """Show how far each stage is behind what has been fed, in offsets and in event time.

    \b
    Example:
      alluse ops lag
    """
    from alluse.homes import settings_of_log
    from alluse.statuses import lag as read_lag
    from infra.settings import load_settings

    stages = read_lag(settings_of_log(load_settings(), log))
    show(stages, ("stage", "event_time", "lag_event_s", "lag_offsets"), as_json=as_json)


@_ops.command("rebuild")
def rebuild(
    projection: Annotated[str, typer.Argument(metavar="PROJECTION", help="trading, or history (the event store).")],
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Build read models anew from the log, beside the live ones, and swap; readers are not disturbed.

    \b
    Example:
      alluse ops rebuild trading
    """
    import time

    from alluse.homes import settings_of_log
    from alluse.surroundings import attach_cluster, attach_database
    from infra.settings import load_settings
    from projections.catalogue import projection as named
    from projections.kafka import KafkaLog
    from projections.rebuild import rebuild as build

    named(projection)
    settings = settings_of_log(load_settings(), log)
    source = KafkaLog(attach_cluster(settings))
    told = time.monotonic()

    def progress(done: int, to_do: int) -> None:
        nonlocal told
        if time.monotonic() - told > 2:
            told = time.monotonic()
            note(f"{done} of {to_do}")

    try:
        built = build(attach_database(settings), projection, source, progress)
    finally:
        source.close()
    document = {
        "projection": built.projection,
        "generation": built.generation,
        "records": built.records,
        "seconds": round(built.seconds, 3),
        "old_dropped": built.old_dropped,
    }
    if as_json:
        one_json(document)
    else:
        say(f"{projection}: generation {built.generation} is live ({built.records} records, {built.seconds:.1f} s)")


@_dead.command("list")
def dead_list(
    book: Annotated[str | None, typer.Option("--book", metavar="BOOK", help="Of one book.")] = None,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """List the dead letters.

    \b
    Example:
      alluse ops dead-letters list --book S001
    """
    from alluse.deadletters import letters

    with _opened(log) as journal:
        rows = letters(journal, book)
    show(
        rows,
        ("id", "book", "state", "error_code", "topic", "offset", "time", "message"),
        as_json=as_json,
        empty="No dead letters.",
    )


@_dead.command("show")
def dead_show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As listed, such as 1-0.")],
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: why, and its bytes.

    \b
    Example:
      alluse ops dead-letters show 1-0 --json
    """
    from alluse.deadletters import letter

    with _opened(log) as journal:
        found = letter(journal, identity)
    if as_json:
        one_json(found)
        return
    for name, value in found.items():
        say(f"{name:<12} {value}")


@_dead.command("release")
def dead_release(
    book: OfBook, by: ByWhom = "ops", role: InRole = "OPERATOR", log: OfLog = None, as_json: AsJson = False
) -> None:
    """Let a parked book go on: what waited behind the poison record is processed now, in its order.

    \b
    Example:
      alluse ops dead-letters release --book S001
    """
    _release(book, by, role, log, as_json, discard=False)


@_dead.command("discard")
def dead_discard(
    book: OfBook, by: ByWhom = "ops", role: InRole = "OPERATOR", log: OfLog = None, as_json: AsJson = False
) -> None:
    """Let a parked book go on without what waited; the dead letters stay, to be looked at.

    \b
    Example:
      alluse ops dead-letters discard --book S001
    """
    _release(book, by, role, log, as_json, discard=True)


def _release(book: str, by: str, role: str, log: str | None, as_json: bool, *, discard: bool) -> None:
    from alluse.deadletters import waiting
    from alluse.homes import settings_of_log
    from alluse.sending import Sender, release
    from alluse.surroundings import attach_cluster
    from infra.settings import load_settings

    with _opened(log) as journal:
        records = [] if discard else waiting(journal, book)
    cluster = attach_cluster(settings_of_log(load_settings(), log))
    answer = release(cluster, book, records, Sender(by, role))
    if as_json:
        one_json({**answer, "records": len(records)})
    else:
        say(f"{book} goes on; {len(records)} records that waited are processed (entry {answer['sequence']}).")


# --- schemas ----------------------------------------------------------------------------------------------------


@_schema.command("list")
def schema_list(as_json: AsJson = False) -> None:
    """List the records with their schema ids and fingerprints.

    \b
    Example:
      alluse schema list
    """
    from schemas import lock

    rows = [
        {"record": v.name, "id": v.id, "version": v.version, "fingerprint": v.fingerprint}
        for versions in lock.released().values()
        for v in versions
    ]
    show(sorted(rows, key=lambda r: int(r["id"])), ("record", "id", "version", "fingerprint"), as_json=as_json)


@_schema.command("check")
def schema_check(as_json: AsJson = False) -> int:
    """Check every schema file against every released version (FULL_TRANSITIVE); exit code 1 when one does not fit.

    \b
    Example:
      alluse schema check
    """
    from alluse.schemata import problems

    found = problems()
    if as_json:
        one_json({"compatible": not found, "problems": found})
    else:
        say("\n".join(found) or "Every schema reads and is read by every released version.")
    return 1 if found else 0
