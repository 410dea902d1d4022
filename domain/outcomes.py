"""What becomes of options at their expiry: expired, assigned, called away (protocol 7.4)."""

from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.contracts import moneyness, option, parse
from domain.decision import Decision
from domain.fills import dispose, end_short, follow_package, stop_watching
from domain.inputs import BrokerAssignment
from domain.ledger import check_buffer, funds_settle, post
from domain.lots import average_price, premium_of, split_lots, take_slices
from domain.money import ratio_e10, strike_value
from domain.orders import request_cancel
from domain.reasons import Reason
from domain.restrictions import follow_breaks
from domain.risk.ending import end_of_position
from domain.state import (
    CASH,
    CASH_UNSETTLED,
    COMMISSIONS,
    POSITIONS_AT_COST,
    PREMIUM_LIABILITY,
    REALISED_OPTION_PNL,
    REALISED_SHARE_PNL,
    Account,
    ShortOption,
)
from domain.tax import put_assigned, put_ended, record_gain, record_sale
from domain.week_types import WeekBounds, called_away_type, put_assignment_type
from domain.weeks import reclassify
from domain.wheel import follow_phase

FINAL = ("MERGED", "CLOSED")
"""States that never change: a notice for a merged account is its target's, one for a closed account is a break."""
CERTAIN = Fraction(1, 200)
"""0.5 %: further out of the money than that at the close counts as expired (protocol 7.4)."""


def book_expiries(d: Decision, account: Account) -> None:
    """EOD of an expiry day: p < -0.5 % is expired; the rest waits for the broker's word."""
    for contract in sorted(account.shorts):
        short, terms = account.shorts[contract], option(contract)
        if terms.expiry > d.today or short.pending_outcome:
            continue
        close = expiry_close(d, contract)
        p = moneyness(contract, close)
        stop_watching(d, account, contract)
        if close and p < -CERTAIN:
            expire_worthless(d, account, short, close)
        else:
            d.emit(
                e.ExpiryDecisionMade(contract, ratio_e10(p), "AWAIT_NOTICE", close),
                f"position-{short.position_id}",
                account,
            )


def lapse_long_options(d: Decision, account: Account) -> None:
    """EOD of an expiry day: long options that nobody has sold are gone, sold at 0 for the tax ledger (protocol 4.4)."""
    for contract in sorted({lot.contract for lot in account.lots}):
        terms = parse(contract)
        if terms is None or terms.expiry > d.today:
            continue
        for order in list(d.book.orders.values()):
            if order.account_id == account.account_id and order.contract == contract and order.working:
                request_cancel(d, order, Reason.POSITION_GONE)
        dispose(d, account, contract, account.shares(contract), 0, 0, terms.expiry, contract)
        hedge = account.hedges.get(contract)
        if hedge is not None:
            d.emit(e.HedgeReleased(contract, hedge.hedged, "EXPIRED"), f"position-{contract}", account)


def expiry_close(d: Decision, contract: str) -> int:
    """Official close of the underlying at an option's expiry, else its last trade; 0 when nothing is known."""
    terms = option(contract)
    return d.market.close_of(terms.underlying, d.calendar.session_on_or_before(terms.expiry)) or d.market.last(
        terms.underlying
    )


def expire_worthless(d: Decision, account: Account, short: ShortOption, close_e4: int) -> None:
    """The premium is kept: realised on the expiry date."""
    terms = option(short.contract)
    premium, paid = premium_of(short.slices)
    quantity, counted = short.quantity, short.counted
    d.emit(
        e.OptionExpiredWorthless(short.contract, quantity, premium, close_e4), f"position-{short.position_id}", account
    )
    pnl = end_short(d, account, short, quantity, 0, 0, "EXPIRED", 0, short.contract)
    assert pnl == premium - paid
    record_gain(d, account, short.contract, pnl, terms.expiry)
    put_ended(d, account, short.position_id, quantity)
    end_of_position(d, account, short.contract)
    follow_phase(d, account, terms.underlying)
    code = "P-EW" if terms.right == "P" else "C-PNO"
    reclassify(d, account, terms.underlying, terms.expiry, code, counted=counted)
    _cancel_closes(d, account, short.contract, 0)


def _cancel_closes(d: Decision, account: Account, contract: str, left: int) -> None:
    """Orders that would buy back more than is left open are cancelled."""
    for order in list(d.book.orders.values()):
        mine = order.account_id == account.account_id and order.contract == contract and order.effect == "CLOSE"
        if mine and order.working and order.open_quantity > left:
            request_cancel(d, order, Reason.POSITION_GONE)


def on_assignment(d: Decision, report: BrokerAssignment) -> bool:
    """Notice of assignment or exercise. Returns False for one already taken."""
    if report.notice_id in d.book.notices:
        return False
    terms = option(report.contract)
    left = report.quantity
    for account in [d.book.accounts[key] for key in sorted(d.book.accounts)]:
        short = account.shorts.get(report.contract) or account.expired.get(report.contract)
        if short is None or not left or account.state in FINAL:
            continue
        reversed_expiry = report.contract not in account.shorts
        if reversed_expiry:
            _reverse_expiry(d, account, short, report)
            short = account.shorts[report.contract]
        part = min(left, short.quantity)
        left -= part
        if terms.right == "P":
            _assign(d, account, short, part, report)
        else:
            _call_away(d, account, short, part, report)
        rest = account.shorts.get(report.contract)
        if reversed_expiry and rest is not None:
            expire_worthless(d, account, rest, expiry_close(d, report.contract))
        follow_phase(d, account, terms.underlying)
        check_buffer(d, account)
    if left:
        stream = f"broker-{d.book.broker_account}"
        d.emit(e.ReconciliationBreakDetected(report.contract, 0, -left, "ASSIGNMENT"), stream)
        message = f"{left} {report.contract}"
        raise_alert(d, None, "SYSTEM_STATUS", "HIGH", terms.underlying, "Assignment without a position", message)
        follow_breaks(d)
    return True


def _close_on(d: Decision, report: BrokerAssignment) -> int:
    ticker = option(report.contract).underlying
    return d.market.close_of(ticker, report.outcome_session) or d.market.last(ticker)


def _assign(d: Decision, account: Account, short: ShortOption, quantity: int, report: BrokerAssignment) -> None:
    """Put assigned: no taxable event, the net premium reduces the basis of the shares."""
    terms = option(short.contract)
    shares = quantity * 100
    taken, _ = take_slices(short.slices, quantity)
    premium, paid = premium_of(taken)
    strike = strike_value(terms.strike_e3, quantity)
    basis, counted = strike - premium + paid, short.counted
    early = report.outcome_session < terms.expiry
    d.emit(
        e.OptionAssigned(
            short.contract,
            quantity,
            shares,
            terms.strike_e3,
            basis,
            _close_on(d, report),
            early,
            report.notice_id,
            report.outcome_session,
        ),
        f"position-{short.position_id}",
        account,
    )
    _remove(d, account, short, quantity, "ASSIGNED", terms.strike_e4)
    lot = d.next_event_id()
    d.emit(
        e.TaxLotOpened(
            lot,
            terms.underlying,
            shares,
            report.outcome_session,
            basis,
            terms.strike_e4,
            premium - paid,
            funds_settle=funds_settle(d, strike_value(terms.strike_e3, quantity)),
        ),
        f"account-{account.account_id}",
        account,
    )
    post(
        d,
        account,
        "ASSIGNMENT",
        report.notice_id,
        {
            PREMIUM_LIABILITY: premium,
            POSITIONS_AT_COST: basis,
            CASH: -strike,
            COMMISSIONS: -paid,
        },
        report.outcome_session,
    )
    bar = d.atr_record(terms.underlying, account)
    d.emit(
        e.PositionOpened(
            d.next_event_id(),
            terms.underlying,
            shares,
            terms.strike_e4,
            terms.strike_e4,
            bar.atr_e6 if bar else 0,
            0,
            short.chain_id,
        ),
        f"position-{lot}",
        account,
    )
    put_assigned(d, account, short.contract, short.position_id, lot, shares, report.outcome_session)
    follow_package(d, account, terms.underlying)
    code = put_assignment_type(terms.strike_e4, _close_on(d, report), WeekBounds.of(d.config(account.account_id)))
    reclassify(d, account, terms.underlying, report.outcome_session, code, counted=counted)


def _call_away(d: Decision, account: Account, short: ShortOption, quantity: int, report: BrokerAssignment) -> None:
    """Call exercised: the premium adds to the proceeds, the share gain is short- or long-term lot by lot."""
    terms = option(short.contract)
    shares = quantity * 100
    if account.shares(terms.underlying) < shares:
        raise_alert(
            d, account, "SYSTEM_STATUS", "CRITICAL", terms.underlying, "Called away without shares", short.contract
        )
    taken, _ = take_slices(short.slices, quantity)
    premium, paid = premium_of(taken)
    strike = strike_value(terms.strike_e3, quantity)
    proceeds = strike + premium - paid
    parts = split_lots(account, terms.underlying, shares)
    price = _close_on(d, report) or terms.strike_e4
    code = called_away_type(
        average_price(account, terms.underlying), price, WeekBounds.of(d.config(account.account_id))
    )
    counted = short.counted
    early = report.outcome_session < terms.expiry
    d.emit(
        e.SharesCalledAway(
            short.contract,
            quantity,
            shares,
            terms.strike_e3,
            proceeds,
            _close_on(d, report),
            early,
            report.notice_id,
            report.outcome_session,
        ),
        f"position-{short.position_id}",
        account,
    )
    _remove(d, account, short, quantity, "CALLED_AWAY", terms.strike_e4)
    basis = sum(part.cost for part in parts)
    gain = proceeds - basis
    post(
        d,
        account,
        "CALLED_AWAY",
        report.notice_id,
        {
            CASH_UNSETTLED: strike,
            PREMIUM_LIABILITY: premium,
            COMMISSIONS: -paid,
            POSITIONS_AT_COST: -basis,
            REALISED_SHARE_PNL: -gain,
        },
        report.outcome_session,
    )
    left = account.shares(terms.underlying)
    stream = f"position-{account.account_id}-{terms.underlying}"
    if left:
        d.emit(e.PositionReduced(stream, terms.underlying, left, terms.strike_e4, gain), stream, account)
    else:
        d.emit(e.PositionClosed(stream, terms.underlying, terms.strike_e4, gain, "CALLED_AWAY"), stream, account)
    record_sale(d, account, terms.underlying, parts, proceeds, report.outcome_session)
    follow_package(d, account, terms.underlying)
    reclassify(d, account, terms.underlying, report.outcome_session, code, counted=counted)


def _remove(d: Decision, account: Account, short: ShortOption, quantity: int, cause: str, price_e4: int) -> None:
    """The option is gone; nothing is realised by that alone."""
    left = short.quantity - quantity
    stream = f"position-{short.position_id}"
    if left:
        d.emit(e.PositionReduced(short.position_id, short.contract, -left, price_e4, 0), stream, account)
    else:
        d.emit(e.PositionClosed(short.position_id, short.contract, price_e4, 0, cause), stream, account)
        stop_watching(d, account, short.contract)
        end_of_position(d, account, short.contract)
    _cancel_closes(d, account, short.contract, left)


def _reverse_expiry(d: Decision, account: Account, short: ShortOption, report: BrokerAssignment) -> None:
    """A notice after the option was booked as expired: correcting entries first (protocol 7.4)."""
    terms = option(short.contract)
    premium, paid = premium_of(short.slices)
    d.emit(
        e.PositionOpened(
            short.position_id,
            short.contract,
            -short.quantity,
            premium // short.quantity,
            short.p0_e4,
            short.atr_e6,
            paid,
            short.chain_id,
        ),
        f"position-{short.position_id}",
        account,
    )
    post(d, account, "REVERSAL", report.notice_id, {PREMIUM_LIABILITY: -premium, REALISED_OPTION_PNL: premium})
    record_gain(d, account, short.contract, paid - premium, terms.expiry)


def settle_pending(d: Decision, account: Account, ours: dict[str, int], broker: dict[str, int]) -> None:
    """At the money (|p| <= 0.5 %): booked from the broker's positions, at the latest before the next open.

    The broker no longer shows the option and its shares are as ours: it has expired. Shares that differ mean an
    assignment whose notice is still to come; so does every option further in the money, whatever the statement shows.
    """
    for contract in sorted(account.shorts):
        short, terms = account.shorts[contract], option(contract)
        if not short.pending_outcome or contract in broker:
            continue
        close = expiry_close(d, contract)
        same_shares = broker.get(terms.underlying, 0) == ours.get(terms.underlying, 0)
        if close and abs(moneyness(contract, close)) <= CERTAIN and same_shares:
            expire_worthless(d, account, short, close)
