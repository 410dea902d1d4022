"""Books: origin, broker link, configuration, parking, kill switches, reconciliation."""

from projections.mapping.accounts import imported_account
from projections.mapping.event import Changes, Fields, Handler, LoggedEvent
from projections.mapping.imports import imported_holdings
from projections.mapping.lifecycle import group_counted
from projections.tables.books import BOOKS, CONFIGURATIONS, KILL_SWITCHES, RECONCILIATION_BREAKS


def system_created(e: LoggedEvent) -> Changes:
    yield BOOKS.set(
        "origin",
        (e.book,),
        how="CREATED",
        owner_subject_id=e["owner_subject_id"],
        capital_cents=e["capital"],
        allocation=e.json("allocation"),
        parent_account_id=e["parent_account_id"],
        created_at=e.occurred_at,
    )


def book_imported(e: LoggedEvent) -> Changes:
    """Accounts, lots and positions as they were taken over. Money comes from the `LedgerPosted` that follows."""
    yield BOOKS.set(
        "origin",
        (e.book,),
        how="IMPORTED",
        owner_subject_id=e["owner_subject_id"],
        capital_cents=e["total_cash"],
        allocation=None,
        parent_account_id=None,
        created_at=e.occurred_at,
    )
    for account in e["accounts"]:
        yield from imported_account(e, account)
    yield from imported_holdings(e)
    groups: list[Fields] = e["groups"] or []
    for group in groups:
        yield group_counted(e, group["fork_group_id"], None, group["confirmations"])


def broker_account_linked(e: LoggedEvent) -> Changes:
    if e.account_id is not None:
        return  # that of another system, which a fork of this account will found: `forks` has it
    yield BOOKS.set(
        "broker",
        (e.book,),
        broker_account=e["broker_account"],
        permissions=e["permissions"],
        deposit_cents=e["deposit"],
        linked_at=e.occurred_at,
    )


def broker_connected(e: LoggedEvent) -> Changes:
    yield BOOKS.set("session", (e.book,), broker_connected=True, session_reason=e["reason"], session_at=e.occurred_at)


def broker_disconnected(e: LoggedEvent) -> Changes:
    yield BOOKS.set("session", (e.book,), broker_connected=False, session_reason=e["reason"], session_at=e.occurred_at)


def configuration_changed(e: LoggedEvent) -> Changes:
    yield BOOKS.set("config", (e.book,), config_version=e["version"], configured_at=e.occurred_at)
    yield CONFIGURATIONS.row(
        book=e.book,
        version=e["version"],
        scope=e["scope"],
        old=e.json("old"),
        new=e.json("new"),
        approvals=e.json("approvals"),
        changed_at=e.occurred_at,
    )


def predictor(qualified: bool) -> Handler:
    """Handler of PredictorQualified and PredictorDisqualified."""

    def handler(e: LoggedEvent) -> Changes:
        yield BOOKS.set(
            "predictor",
            (e.book,),
            predictor_qualified=qualified,
            predictor_weeks=e["weeks"],
            predictor_hit_rate_e10=e["hit_rate_e10"],
            predictor_at=e.occurred_at,
        )

    return handler


def book_parked(e: LoggedEvent) -> Changes:
    yield BOOKS.set(
        "parked",
        (e.book,),
        parked=True,
        parked_code=e["error_code"],
        parked_message=e["message"],
        parked_topic=e["topic"],
        parked_source_seq=e["source_seq"],
        parked_at=e.occurred_at,
    )


def book_released(e: LoggedEvent) -> Changes:
    yield BOOKS.set(
        "parked",
        (e.book,),
        parked=False,
        parked_code=None,
        parked_message=None,
        parked_topic=None,
        parked_source_seq=None,
        parked_at=e.occurred_at,
    )


def kill_switch_engaged(e: LoggedEvent) -> Changes:
    yield KILL_SWITCHES.set(
        "switch", (e.book, e["scope"]), engaged=True, reason=e["reason"], by=e["by"], switched_at=e.occurred_at
    )


def kill_switch_released(e: LoggedEvent) -> Changes:
    yield KILL_SWITCHES.set(
        "switch",
        (e.book, e["scope"]),
        engaged=False,
        reason=None,
        by=",".join(e["approvals"]),
        switched_at=e.occurred_at,
    )


def reconciliation_completed(e: LoggedEvent) -> Changes:
    yield BOOKS.set(
        "reconciled",
        (e.book,),
        reconciled_occasion=e["occasion"],
        broker_cash_cents=e["broker_cash"],
        book_cash_cents=e["book_cash"],
        reconciled_at=e.occurred_at,
    )


def reconciliation_break_detected(e: LoggedEvent) -> Changes:
    yield RECONCILIATION_BREAKS.set(
        "state",
        (e.book, e["instrument"]),
        open=True,
        ours=e["ours"],
        broker=e["broker"],
        occasion=e["occasion"],
        how=None,
        state_at=e.occurred_at,
    )


def reconciliation_break_resolved(e: LoggedEvent) -> Changes:
    yield RECONCILIATION_BREAKS.set(
        "state",
        (e.book, e["instrument"]),
        open=False,
        ours=None,
        broker=None,
        occasion=None,
        how=e["how"],
        state_at=e.occurred_at,
    )


HANDLERS: dict[str, Handler] = {
    "SystemCreated": system_created,
    "BookImported": book_imported,
    "BrokerAccountLinked": broker_account_linked,
    "BrokerConnected": broker_connected,
    "BrokerDisconnected": broker_disconnected,
    "ConfigurationChanged": configuration_changed,
    "PredictorQualified": predictor(qualified=True),
    "PredictorDisqualified": predictor(qualified=False),
    "BookParked": book_parked,
    "BookReleased": book_released,
    "KillSwitchEngaged": kill_switch_engaged,
    "KillSwitchReleased": kill_switch_released,
    "ReconciliationCompleted": reconciliation_completed,
    "ReconciliationBreakDetected": reconciliation_break_detected,
    "ReconciliationBreakResolved": reconciliation_break_resolved,
}
