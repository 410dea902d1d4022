"""Ours against the broker's (protocol 12.5): quantities exactly, cash within the tolerance."""

from domain import events as e
from domain.alerts import raise_alert
from domain.decision import Decision
from domain.inputs import BrokerStatement
from domain.lifecycle.transfers import detect_contribution
from domain.outcomes import settle_pending
from domain.restrictions import follow_breaks
from domain.valuation import cash_total


def holdings(d: Decision) -> dict[str, int]:
    """Contract to quantity (negative = short) over all accounts of the brokerage account."""
    total: dict[str, int] = {}
    for account in d.book.accounts.values():
        for lot in account.lots:
            total[lot.contract] = total.get(lot.contract, 0) + lot.quantity
        for contract, short in account.shorts.items():
            total[contract] = total.get(contract, 0) - short.quantity
    return {contract: quantity for contract, quantity in total.items() if quantity}


def _external_cash(d: Decision) -> bool:
    """Contributions come to books with the three sleeves; an EXT account's capital is its client's business."""
    return all(account.type != "EXT" for account in d.book.accounts.values())


def on_statement(d: Decision, report: BrokerStatement) -> None:
    """Compare; a break restricts every account until it is resolved, a clean statement resolves old breaks."""
    broker = {p.contract: p.quantity for p in report.positions}
    for key in sorted(d.book.accounts):
        settle_pending(d, d.book.accounts[key], holdings(d), broker)
    ours = holdings(d)
    book_cash = sum(cash_total(account) for account in d.book.accounts.values())
    stream = f"broker-{d.book.broker_account}"
    found: list[tuple[str, int, int]] = [
        (contract, ours.get(contract, 0), broker.get(contract, 0))
        for contract in sorted(set(ours) | set(broker))
        if ours.get(contract, 0) != broker.get(contract, 0)
    ]
    surplus = report.cash - book_cash
    if not found and surplus >= d.config().fraction("contribution.min_detect") * 100 and _external_cash(d):
        detect_contribution(d, surplus)
    elif abs(surplus) > d.config().fraction("recon.cash_tolerance") * 100:
        found.append(("CASH", book_cash, report.cash))
    for instrument, mine, theirs in found:
        if instrument not in d.book.breaks:
            d.emit(e.ReconciliationBreakDetected(instrument, mine, theirs, report.occasion), stream)
            raise_alert(
                d,
                None,
                "SYSTEM_STATUS",
                "HIGH",
                None,
                "Reconciliation break",
                f"{instrument}: ours {mine}, broker {theirs}",
            )
    for instrument in [i for i in d.book.breaks if i not in {name for name, _, _ in found}]:
        d.emit(e.ReconciliationBreakResolved(instrument, f"equal at {report.occasion}"), stream)
    d.emit(
        e.ReconciliationCompleted(report.occasion, report.cash, book_cash, report.margin_used, report.margin_total),
        stream,
    )
    follow_breaks(d)
