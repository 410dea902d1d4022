"""Accounts: identity, state, sizing, restrictions, wheel phases, daily valuation."""

from projections.mapping.event import Changes, Fields, Handler, LoggedEvent
from projections.tables.accounts import ACCOUNTS, CONTRIBUTIONS, EQUITY, RESTRICTIONS, WHEELS
from projections.tables.shape import Change


def account_opened(e: LoggedEvent) -> Changes:
    key = (e.book, e["account_id"])
    yield ACCOUNTS.set(
        "identity",
        key,
        type=e["type"],
        role=e["role"],
        parent_account_id=e["parent_account_id"],
        fork_group_id=e["fork_group_id"],
        root_com_account_id=e["root_com_account_id"],
        owner_subject_id=e["owner_subject_id"],
        inception_day=e["inception"],
    )
    yield account_state(e, "PENDING_FUNDING", None, key)
    yield ACCOUNTS.set("mode", key, effective_mode="NORMAL")


def imported_account(e: LoggedEvent, account: Fields) -> Changes:
    """An account of a `BookImported`."""
    key = (e.book, account["account_id"])
    yield ACCOUNTS.set(
        "identity",
        key,
        type=account["type"],
        role=account["role"],
        parent_account_id=account["parent_account_id"],
        fork_group_id=account["fork_group_id"],
        root_com_account_id=None,
        owner_subject_id=e["owner_subject_id"],
        inception_day=account["inception"],
    )
    yield account_state(e, "ACTIVE", "IMPORTED", key)
    yield ACCOUNTS.set("mode", key, effective_mode="NORMAL")
    yield ACCOUNTS.set("base", key, base_capital_cents=account["base_capital"])
    yield ACCOUNTS.set("sizing", key, sizing_base_cents=account["sizing_base"], sizing_cause="IMPORTED")


def account_funded(e: LoggedEvent) -> Changes:
    key = (e.book, e.account)
    yield ACCOUNTS.set("base", key, base_capital_cents=e["base_capital"])
    yield ACCOUNTS.set("sizing", key, sizing_base_cents=e["sizing_base"], sizing_cause="FUNDED")
    yield _contribution(e, "FUNDED")


def contribution_allocated(e: LoggedEvent) -> Changes:
    yield _contribution(e, "CONTRIBUTION")


def account_activated(e: LoggedEvent) -> Changes:
    yield account_state(e, "ACTIVE", e["reason"])


def account_suspended(e: LoggedEvent) -> Changes:
    yield account_state(e, "SUSPENDED", e["reason"])


def account_resumed(e: LoggedEvent) -> Changes:
    yield account_state(e, "ACTIVE", None)


def trading_mode_restricted(e: LoggedEvent) -> Changes:
    yield RESTRICTIONS.set(
        "state", (e.book, e.account, e["reason"]), active=True, mode=e["mode"], state_at=e.occurred_at
    )
    yield ACCOUNTS.set("mode", (e.book, e.account), effective_mode=e["effective_mode"])


def trading_mode_restriction_lifted(e: LoggedEvent) -> Changes:
    yield RESTRICTIONS.set("state", (e.book, e.account, e["reason"]), active=False, mode=None, state_at=e.occurred_at)
    yield ACCOUNTS.set("mode", (e.book, e.account), effective_mode=e["effective_mode"])


def buffer(breached: bool) -> Handler:
    """Handler of BufferBreached and BufferRestored."""

    def handler(e: LoggedEvent) -> Changes:
        yield ACCOUNTS.set(
            "buffer", (e.book, e.account), buffer_breached=breached, buffer_free_cash_cents=e["free_cash"]
        )

    return handler


def sizing_base_changed(e: LoggedEvent) -> Changes:
    yield ACCOUNTS.set("sizing", (e.book, e.account), sizing_base_cents=e["new"], sizing_cause=e["cause"])


def weekly_reinvestment_applied(e: LoggedEvent) -> Changes:
    cause = f"WEEKLY_REINVESTMENT {e['week_id']}"
    yield ACCOUNTS.set("sizing", (e.book, e.account), sizing_base_cents=e["new"], sizing_cause=cause)


def position_marked(e: LoggedEvent) -> Changes:
    yield EQUITY.row(
        book=e.book,
        account_id=e.account,
        session_day=e["session"],
        marked_at=e.occurred_at,
        nav_cents=e["nav"],
        corpus_cents=e["corpus"],
        unrealised_cents=e["unrealised"],
        cash_total_cents=e["cash_total"],
        free_cash_cents=e["free_cash"],
        collateral_cents=e["collateral"],
        tax_reserve_cents=e["tax_reserve"],
        buffer_required_cents=e["buffer_required"],
    )


def wheel_phase_changed(e: LoggedEvent) -> Changes:
    yield WHEELS.set(
        "phase",
        (e.book, e.account, e["ticker"]),
        phase=e["to_phase"],
        phase_before=e["from_phase"],
        phase_at=e.occurred_at,
    )


def account_state(e: LoggedEvent, state: str, reason: str | None, key: tuple[str, str] | None = None) -> Change:
    """The account is in `state` from this event on."""
    return ACCOUNTS.set("state", key or (e.book, e.account), state=state, state_reason=reason, state_at=e.occurred_at)


def _contribution(e: LoggedEvent, kind: str) -> Change:
    return CONTRIBUTIONS.row(
        book=e.book, account_id=e.account_id, kind=kind, amount_cents=e["amount"], contributed_at=e.occurred_at
    )


HANDLERS: dict[str, Handler] = {
    "AccountOpened": account_opened,
    "AccountFunded": account_funded,
    "AccountActivated": account_activated,
    "AccountSuspended": account_suspended,
    "AccountResumed": account_resumed,
    "TradingModeRestricted": trading_mode_restricted,
    "TradingModeRestrictionLifted": trading_mode_restriction_lifted,
    "BufferBreached": buffer(breached=True),
    "BufferRestored": buffer(breached=False),
    "ContributionAllocated": contribution_allocated,
    "SizingBaseChanged": sizing_base_changed,
    "WeeklyReinvestmentApplied": weekly_reinvestment_applied,
    "PositionMarked": position_marked,
    "WheelPhaseChanged": wheel_phase_changed,
}
