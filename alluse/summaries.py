"""The result of a run for people."""

from __future__ import annotations

from typing import Any

from alluse.render import say, show


def print_result(document: dict[str, Any]) -> None:
    """What `run` and `backtest` print without --json."""
    orders, seconds, rates = document["orders"], document["seconds"], document["rates"]
    say(f"{', '.join(document['books'])}  {document['from']} to {document['to']}")
    say(f"digest   {document['digest']}")
    say(
        f"journal  {document['journal_entries']} entries, {document['events']} events, {document['inputs']} inputs; "
        f"{document['unbalanced_ledger_entries']} unbalanced ledger entries"
    )
    say(
        f"orders   {orders['proposed']} proposed, {orders['filled']} filled, {orders['rejected']} rejected; "
        f"{document['assignments']} assignments"
    )
    through = ", ".join(f"{check} {count}" for check, count in document["checks_passed_through"].items())
    say(f"checks   passed through for want of their input: {through or 'none'}")
    say(f"time     {seconds['setup']} s set-up, {seconds['run']} s run; {rates['journal_entries_per_s']} entries/s")
    say()
    show(document["accounts"], ("account_id", "state", "cash", "nav", "corpus", "tax_reserve"), as_json=False)
