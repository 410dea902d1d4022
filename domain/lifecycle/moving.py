"""Positions that change their account inside one brokerage account, lot by lot as they are (protocol 10.3, IN_KIND)."""

from domain import events as e
from domain.contracts import ticker_of
from domain.decision import Decision
from domain.fills import follow_package
from domain.lots import average_price, in_order
from domain.money import floor_int
from domain.state import Account
from domain.valuation import lot_value
from domain.wheel import follow_phase


def moves_in_kind(d: Decision) -> bool:
    """Shares and LEAPS of a merge move as they are: possible only inside one brokerage account."""
    config = d.config()
    return config.text("merge.position_policy") == "IN_KIND" and config.text("broker.mapping") == "SYSTEM"


def move_lots(d: Decision, source: Account, target: Account, transfer_id: str) -> tuple[int, int]:
    """All lots of an account with basis, day of acquisition and holding period. Returns (cost, market value), cents."""
    cost = value = 0
    contracts = sorted({lot.contract for lot in source.lots})
    for contract in contracts:
        lots, quantity = in_order(source, contract), source.shares(contract)
        price, last = floor_int(average_price(source, contract)), d.market.last(ticker_of(contract))
        cost, value = cost + sum(x.cost for x in lots), value + sum(lot_value(d.market, x) for x in lots)
        for lot in lots:
            moved = e.LotMoved(
                transfer_id, source.account_id, lot.lot_id, contract, lot.quantity, lot.basis, lot.acquired
            )
            d.emit(moved, f"account-{target.account_id}", target)
        stream = f"position-{source.account_id}-{contract}"
        d.emit(e.PositionClosed(stream, contract, price, 0, "MOVED", last, d.today), stream, source)
        bar = d.atr_record(ticker_of(contract), target)
        opened = e.PositionOpened(d.next_event_id(), contract, quantity, price, last, bar.atr_e6 if bar else 0, 0, "")
        d.emit(opened, f"position-{target.account_id}-{contract}", target)
    for ticker in sorted({ticker_of(contract) for contract in contracts}):
        for account in (source, target):
            follow_phase(d, account, ticker)
            follow_package(d, account, ticker)
    return cost, value
