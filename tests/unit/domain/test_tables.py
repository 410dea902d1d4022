"""Tables of the protocol that the domain holds, word for word: a row that moves must be moved here by someone who has
read its section."""

import uuid
from fractions import Fraction

from domain.events import (
    TOPIC_OF,
    AccountOpened,
    AlertRaised,
    LedgerPosted,
    OrderFilled,
    OrderSubmitted,
    ProtocolLevelChanged,
    TradeSignalGenerated,
)
from domain.growth import PUBLISHED, _band  # pyright: ignore[reportPrivateUsage]
from domain.identity import NS, canonical, uuid5, workflow_id
from domain.inputs import CorporateAction, DailyBar
from domain.market import Mark, Market, Quote
from domain.prediction import PRIOR_WEEKS
from domain.reasons import Reason
from domain.selection import Band
from domain.starlab import ACTIONS
from domain.thresholds import PriceIndex
from domain.week_types import SEVERITY

WEEK_TYPES = """
P-DD 14 2, P-AOL 13 0, P-RO 12 7, P-XL 11 0, C-REC 10 2, C-RO 9 4, C-XL 8 0, P-AWL 7 0, C-PNO 6 8, C-WAP 5 14,
C-WAP+ 4 6, P-EW 3 16, W-CAR 2 0, W-IDL 1 1
"""
"""Type, severity, prior weeks a year (protocol 11.1)."""


def test_the_types_of_a_week() -> None:
    rows = [row.split() for row in WEEK_TYPES.replace("\n", " ").split(",")]
    assert list(SEVERITY.items()) == [(kind, int(severity)) for kind, severity, _ in rows]
    assert dict(PRIOR_WEEKS) == {kind: int(prior) for kind, _, prior in rows}
    assert sum(PRIOR_WEEKS.values()) == 60


CODES = """
ACCOUNT_STATE TRADING_MODE RECONCILIATION BROKER_DOWN BREAKER NOT_PERMITTED LEVEL EARNINGS HALTED VOLATILITY
NO_ELIGIBLE_EXPIRY NO_CHAIN STALE_QUOTE NO_ELIGIBLE_STRIKE CC_FLOOR_UNMET PREMIUM_BELOW_MIN INSUFFICIENT_CAPITAL
UNFILLED ILLEGAL_TRANSITION IDEMPOTENCY_CONFLICT WITHDRAWN NOT_ACTIVE MODE BREAK COOLDOWN DEPTH FREE_CASH NO_GAINS
WITHDRAWAL_FORBIDDEN TOO_EARLY EXCEEDS_LIMIT UNECONOMIC VALIDATION_FAILED FORBIDDEN NOT_FOUND NOT_CANCELLABLE
RISK_REJECTED INSUFFICIENT_FUNDS NOT_COVERED SCHEME_MISMATCH TRADING_HALTED BUFFER RECON DATA L2
"""
"""Codes that the protocol's text names (3.3, 4.1, 6.2, 7.3, 8.1, 8.4, 10, 12.5, 13.1)."""


def test_a_code_on_the_log_is_its_name() -> None:
    assert all(Reason[name].value == name for name in CODES.split())
    others = [reason for reason in Reason if not reason.name.startswith("PT_")]
    assert [reason.value for reason in others] == [reason.name for reason in others]
    assert [reason.value for reason in Reason if reason.name.startswith("PT_")] == [f"PT-{n:02d}" for n in range(1, 20)]


def test_the_actions_of_instructions() -> None:
    """Protocol 13.2."""
    rights = {"CALL": "C", "PUT": "P"}
    wanted = {
        f"{side}_TO_{effect}_{right}": (side, effect, sign)
        for side in ("BUY", "SELL") for effect in ("OPEN", "CLOSE") for right, sign in rights.items()
    }  # fmt: skip
    assert wanted | {"BUY_STOCK": ("BUY", "OPEN", ""), "SELL_STOCK": ("SELL", "CLOSE", "")} == ACTIONS


PUBLISHED_TABLE = """
1 | 229400 116800 112600 0 3500 | 221000 112600 108400 0 2500 | 237800 121000 116800 0 4500
2 | 288444 136656 126788 25000 4095 | 243878 126788 117090 0 2813 | 308066 146410 136656 25000 5445
3 | 354025 159888 142637 51500 4785 | 182909 95091 87818 0 2110 | 388794 177156 159888 51750 6588
5 | 469765 195062 160467 114236 5622 | 217002 116011 100991 0 2573 | 449736 187586 143899 118251 6746
7 | 644250 267235 180526 196489 7731 | 236248 118331 92917 25000 2831 | 682704 272000 196489 214215 10241
10 | 987028 412578 203092 371358 11844 | 312791 152647 106854 53290 3753 | 1158117 452520 267235 438362 17372
"""
"""Year | moderate | conservative | optimistic: total, Gen, Rev, Com, monthly income (protocol 14.4)."""


def test_the_published_growth_table() -> None:
    for line in PUBLISHED_TABLE.strip().splitlines():
        year, *scenarios = line.split("|")
        for name, cells in zip(("MODERATE", "CONSERVATIVE", "OPTIMISTIC"), scenarios, strict=True):
            (row,) = [row for row in PUBLISHED[name].rows if row.year == int(year)]
            found = [row.total_usd, row.gen_usd, row.rev_usd, row.com_usd, row.monthly_income_usd]
            assert found == [int(cell) for cell in cells.split()], (year, name)


def test_a_band_is_mean_and_nearest_ranks() -> None:
    # given 1 to 40 and a far one: the 5th percentile is the 3rd of 41 (2.05 rounded up), the 95th the 39th (38.95)
    band = _band(3, [*range(40, 0, -1), 1000])
    assert (band.year, band.p05, band.p95) == (3, 3, 39)
    assert band.mean == round(Fraction(820 + 1000, 41))
    # of 20 they are the first and the 19th, of one the one
    assert (_band(1, list(range(1, 21))).p05, _band(1, list(range(1, 21))).p95) == (1, 19)
    assert (_band(1, [7]).p05, _band(1, [7]).p95) == (7, 7)


def test_thresholds_wake_who_waits_and_forget_the_rest() -> None:
    # given three books that watch a price, one of which has moved its watch
    index, kept = PriceIndex(), {("B1", "k", 90, 110), ("B2", "k", 95, 120), ("B3", "k", 80, 130)}
    for book, key, low, high in (*sorted(kept), ("B3", "k", 99, 101)):
        index.add("TSLA", low, high, book, key)

    def valid(symbol: str, book: str, key: str, price: int, upper: bool) -> bool:
        assert symbol == "TSLA"
        return any((b, k) == (book, key) and price == (high if upper else low) for b, k, low, high in kept)

    # when stale watches are dropped, then only those that stand are left, and wake at their own price
    assert index.size() == 4
    index.compact(valid)
    assert index.size() == 3
    assert (index.next_lower["TSLA"], index.next_upper["TSLA"]) == (95, 110)
    assert index.crossed("TSLA", 96, valid) == []
    assert index.crossed("TSLA", 109, valid) == []
    assert index.crossed("TSLA", 95, valid) == [("B2", "k")]
    assert index.crossed("TSLA", 110, valid) == [("B1", "k")]
    assert index.crossed("TSLA", 80, valid) == [("B1", "k"), ("B3", "k")]
    assert index.crossed("TSLA", 1, valid) == []


def test_a_split_carries_the_last_prices_over() -> None:
    """Protocol 2.6: until the first trade the last one counts, in today's shares."""
    market = Market()
    market.marks |= {"TSLA": Mark(2_500_000, 2_499_000, 2_501_000, 7), "NVDA": Mark(1_200_000, 1_199_000, 1_201_000, 7)}
    market.take_split(CorporateAction("TSLA", "SPLIT", 20_000, 9, 4, 1, 0))
    assert market.marks["TSLA"] == Mark(625_000, 624_750, 625_250, 7)
    assert market.marks["NVDA"] == Mark(1_200_000, 1_199_000, 1_201_000, 7)
    # and two old shares for one new double them
    market.take_split(CorporateAction("NVDA", "SPLIT", 20_000, 9, 1, 2, 0))
    assert market.marks["NVDA"] == Mark(2_400_000, 2_398_000, 2_402_000, 7)


def test_ids_are_those_of_rfc_4122() -> None:
    """Protocol 10: `ns` = UUIDv5(NAMESPACE_URL, "urn:all-use"), parts joined by | without blanks."""
    ns = uuid.uuid5(uuid.NAMESPACE_URL, "urn:all-use")
    assert canonical(NS) == str(ns)
    for n in range(100):
        assert canonical(uuid5(ns.bytes, f"name {n}")) == str(uuid.uuid5(ns, f"name {n}"))
    assert workflow_id("S001-GEN-001", "FORK", "1") == str(uuid.uuid5(ns, "S001-GEN-001|FORK|1"))


def test_a_band_includes_both_ends_and_no_strike_without_delta_or_volatility() -> None:
    """Protocol 2.8, 5.5."""
    band = Band(Fraction(40), Fraction(45), Fraction(101, 2))
    quote = Quote("TSLA250613P00247500", 20_252, 247_500, "P", 38_500, 39_500, 4_500, 500, 500, 500, 500_000, 0)
    assert [delta for delta in (3_999, 4_000, 5_050, 5_051) if band.holds(quote._replace(delta_e2=delta))] == [
        4_000,
        5_050,
    ]
    assert band.holds(quote._replace(delta_e2=-1)) is False, "no delta is known"
    assert band.holds(quote._replace(iv_e6=0)) is False, "nor a volatility"


def test_the_official_close_is_the_last_price_until_a_later_trade() -> None:
    """Glossary, NAV: shares last trade, at the end of a day the official close."""
    market = Market()

    def bar(time_us: int, close_e4: int, *, historical: bool = False) -> DailyBar:
        return DailyBar(0, 1, time_us, "TSLA", 20_000 + time_us, 1, 1, 1, close_e4, 1, 0, 0, historical)

    market.marks["TSLA"] = Mark(2_500_000, 0, 0, 50)
    market.take_bar(bar(50, 2_510_000))
    assert market.last("TSLA") == 2_510_000, "a trade of the same moment is not later"
    market.take_bar(bar(49, 2_490_000))
    assert market.last("TSLA") == 2_510_000, "this trade came after the bar"
    market.take_bar(bar(51, 1_000_000, historical=True))
    assert market.last("TSLA") == 2_510_000, "and bars of before the run are no price"
    # and sessions are kept in their order whichever comes first
    assert [one.session for one in market.bars["TSLA"]] == [20_049, 20_050, 20_051]


def test_events_stand_on_the_topic_of_their_kind() -> None:
    """architecture.md, topics of events."""
    found = {
        TradeSignalGenerated: "signals", OrderSubmitted: "orders", OrderFilled: "fills", AccountOpened: "accounts",
        LedgerPosted: "ledger", ProtocolLevelChanged: "protocol", AlertRaised: "alerts",
    }  # fmt: skip
    assert {cls: TOPIC_OF[cls] for cls in found} == found
    assert set(TOPIC_OF.values()) == set(found.values())
