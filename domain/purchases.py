"""What a quarter reinvests and what is bought for it: whole shares and LEAPS in rotation (protocol 10.4).

Amounts are cents and always within their budget; prices are 1e-4 dollars a share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from domain.money import COMMISSION_PER_CONTRACT, floor_int, percent_of, round_half_up, shares_value
from domain.record import Cents, Contract, PriceE4

PRIMARY_PCT: Final = Fraction(75)
SHARE_TICK_E4: Final[PriceE4] = 100
"""Shares trade in whole cents; the five cents of protocol 2.7 are those of option classes."""
_MARGIN: Final = Fraction(1, 1000)

# --- amounts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuarterlyAmounts:
    """The result of the formula of protocol 10.4, cents."""

    net_realised: Cents
    """N: options, shares, dividends and interest of the quarter after costs."""
    tax: Cents
    """Tq"""
    uninvested: Cents
    """M"""
    available: Cents
    """What there would be to reinvest if all of it were deployable."""
    reinvested: Cents
    """R"""
    primary: Cents
    leaps: Cents

    @property
    def no_gains(self) -> bool:
        """Nothing was gained and nothing waited: the run is skipped with NO_GAINS and the carry kept."""
        return self.net_realised <= 0 and self.uninvested == 0


def quarterly_amounts(
    *,
    net_realised: Cents,
    tax: Cents,
    deployable: Cents,
    uninvested: Cents = 0,
    carry_in: Cents = 0,
    withdrawals: Cents = 0,
    primary_pct: Fraction = PRIMARY_PCT,
) -> QuarterlyAmounts:
    """R and its two buckets (protocol 10.4).

    `tax` is Tq, `domain.tax.estimated_tax` of a year that holds the quarter's own results and nothing carried; it is
    0 where `reinvest.basis` is PRE_TAX.

    `R = max(0, min(max(0, N - Tq) + M + carry_in - withdrawals, deployable))`; the primary bucket rounds down.
    """
    available = max(0, max(0, net_realised - tax) + uninvested + carry_in - withdrawals)
    reinvested = max(0, min(available, deployable))
    primary = floor_int(percent_of(reinvested, primary_pct))
    return QuarterlyAmounts(net_realised, tax, uninvested, available, reinvested, primary, reinvested - primary)


def carry_out(amounts: QuarterlyAmounts, spent: Cents) -> Cents:
    """What is carried into the next quarter: all that was available and not spent, beyond deployable too (chosen).

    `spent` is what fills cost, commissions included, and what a sizing base was raised by. Never below 0.
    """
    return max(0, amounts.available - spent)


# --- shares -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SharePurchase:
    """One order of shares."""

    ticker: str
    shares: int
    cost: Cents
    """Counted at the ask."""
    limit_e4: PriceE4


@dataclass(frozen=True, slots=True)
class ShareBasket:
    """The orders of a run, in list order, and what they leave of the budget."""

    purchases: list[SharePurchase]
    spent: Cents
    left: Cents


def buy_shares(budget: Cents, asks_e4: Sequence[tuple[str, PriceE4]]) -> ShareBasket:
    """Whole shares for equal amounts at the ask, the residue in single shares (protocol 10.4).

    `asks_e4`: the target tickers in list order. The residue always buys for the ticker furthest below its equal
    amount whose price fits, until none fits; ties follow list order. Raises ValueError for a ticker without an ask.
    """
    for ticker, ask in asks_e4:
        if ask <= 0:
            raise ValueError(f"{ticker} has no ask to count its shares at")
    counts = [budget // len(asks_e4) * 100 // ask for _, ask in asks_e4]
    costs = [shares_value(ask, n) for (_, ask), n in zip(asks_e4, counts, strict=True)]
    left = budget - sum(costs)
    while True:
        fits = [i for i, (_, ask) in enumerate(asks_e4) if shares_value(ask, counts[i] + 1) - costs[i] <= left]
        if not fits:
            break
        lowest = min(fits, key=costs.__getitem__)
        counts[lowest] += 1
        cost = shares_value(asks_e4[lowest][1], counts[lowest])
        left -= cost - costs[lowest]
        costs[lowest] = cost
    purchases = [
        SharePurchase(ticker, n, cost, purchase_limit_e4(ask))
        for (ticker, ask), n, cost in zip(asks_e4, counts, costs, strict=True)
        if n
    ]
    return ShareBasket(purchases, budget - left, left)


def purchase_limit_e4(ask_e4: PriceE4) -> PriceE4:
    """Limit of a share purchase: ask + 0.1 %, down to the cent (protocol 6.6, 2.7)."""
    return floor_int(ask_e4 * (1 + _MARGIN) / SHARE_TICK_E4) * SHARE_TICK_E4


def sale_limit_e4(bid_e4: PriceE4) -> PriceE4:
    """Limit of a share sale: bid - 0.1 %, up to the cent (protocol 6.6, 2.7)."""
    return -floor_int(-bid_e4 * (1 - _MARGIN) / SHARE_TICK_E4) * SHARE_TICK_E4


# --- LEAPS ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeapsCandidate:
    """What protocol 7.5 selects for a ticker."""

    contract: Contract
    mid_e4: Fraction


@dataclass(frozen=True, slots=True)
class LeapsPurchase:
    """The contracts that one ticker is to get."""

    ticker: str
    contract: Contract
    contracts: int
    cost: Cents
    """Counted at mid + commission."""


@dataclass(frozen=True, slots=True)
class LeapsBasket:
    """The purchases of a run, in the order of their first turn, and where the next run goes on."""

    purchases: list[LeapsPurchase]
    spent: Cents
    left: Cents
    last_bought: str


def buy_leaps(
    budget: Cents,
    tickers: Sequence[str],
    candidates: Mapping[str, LeapsCandidate],
    *,
    last_bought: str = "",
    commission: Cents = COMMISSION_PER_CONTRACT,
) -> LeapsBasket:
    """One contract a ticker in rotation, from the one after the last bought, until a round buys nothing (10.4).

    A ticker without a candidate, or whose contract costs more than what is left, is passed over. A last bought that
    is no longer listed starts at the front of the list.
    """
    start = tickers.index(last_bought) + 1 if last_bought in tickers else 0
    turn = [ticker for ticker in (*tickers[start:], *tickers[:start]) if ticker in candidates]
    costs = {ticker: round_half_up(candidates[ticker].mid_e4) + commission for ticker in turn}
    counts: dict[str, int] = {}
    left, bought = budget, True
    while bought:
        bought = False
        for ticker in turn:
            if 0 < costs[ticker] <= left:
                left -= costs[ticker]
                counts[ticker] = counts.get(ticker, 0) + 1
                last_bought, bought = ticker, True
    purchases = [LeapsPurchase(t, candidates[t].contract, n, n * costs[t]) for t, n in counts.items()]
    return LeapsBasket(purchases, budget - left, left, last_bought)
