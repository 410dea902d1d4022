"""Week records: classification may be corrected later, the figures stay (protocol 11.1, 11.3)."""

from projections.mapping.event import Changes, Handler, LoggedEvent
from projections.tables.weeks import WEEKS


def week_classified(e: LoggedEvent) -> Changes:
    key = (e.book, e.account, e["week_id"], e["ticker"] or "")
    yield WEEKS.set(
        "types",
        key,
        primary_type=e["primary_type"],
        put_type=e["put_type"] or None,
        call_type=e["call_type"] or None,
        old_type=None,
        reclassified_reason=None,
        classified_at=e.occurred_at,
    )
    yield WEEKS.set(
        "figures",
        key,
        weight_cents=e["weight"],
        distribution_cents=e.json("distribution"),
        pnl_cents=e["pnl"],
        premium_collected_cents=e["premium_collected"],
        trades=e["trades"],
        return_pre_e10=e["return_pre"],
        return_post_e10=e["return_post"],
    )


def week_reclassified(e: LoggedEvent) -> Changes:
    yield WEEKS.set(
        "types",
        (e.book, e.account, e["week_id"], e["ticker"] or ""),
        primary_type=e["primary_type"],
        put_type=e["put_type"] or None,
        call_type=e["call_type"] or None,
        old_type=e["old_type"],
        reclassified_reason=e["reason"],
        classified_at=e.occurred_at,
    )


HANDLERS: dict[str, Handler] = {"WeekClassified": week_classified, "WeekReclassified": week_reclassified}
