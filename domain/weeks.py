"""Classification of account-ticker-weeks (protocol 11.1) and the weekly job's reinvestment (10.4)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TypedDict

from domain import events as e
from domain import feedback
from domain.calendar import week_id
from domain.contracts import moneyness, option, ticker_of
from domain.decision import Decision
from domain.forecasts import VERSION
from domain.lots import average_price
from domain.money import ratio_e10, strike_value
from domain.prediction import WeekMode
from domain.state import Account, TickerWeek
from domain.valuation import corpus, shares_market_value
from domain.week_types import (
    CALL_KEPT,
    SEVERITY,
    WeekBounds,
    called_away_type,
    held_shares_type,
    most_severe,
    primary,
    put_assignment_type,
)


def classify_account(d: Decision, account: Account, friday: int, mode: WeekMode | None) -> dict[str, str]:
    """Saturday: each ticker of an account, then the account. Returns the primary types by ticker."""
    records = {t: _classify_ticker(d, account, t, friday, mode) for t in _tickers(d, account)}
    _classify_account(d, account, friday, mode, list(records.values()))
    return {ticker: kind for ticker, (kind, _) in records.items()}


def reinvest_weekly(d: Decision, account: Account, friday: int) -> None:
    """Saturday: GEN's sizing base follows its corpus, up or down (protocol 10.4)."""
    if account.type != "GEN" or account.state != "ACTIVE":
        return
    new = corpus(d.market, account)
    if d.config(account.account_id).flag("reinvest.gen_weekly") and new != account.sizing_base:
        applied = e.WeeklyReinvestmentApplied(account.sizing_base, new, week_id(friday))
        d.emit(applied, f"account-{account.account_id}", account)


def _tickers(d: Decision, account: Account) -> list[str]:
    """The configured tickers, then every other one with a position or an outcome."""
    sleeve = account.type.lower()
    configured = d.config(account.account_id).items(f"{sleeve}.tickers") if account.type != "EXT" else []
    held = {option(c).underlying for c in account.shorts} | {ticker_of(lot.contract) for lot in account.lots}
    held |= set(account.week)
    return [*configured, *sorted(held - set(configured))]


def settled_types(d: Decision, account: Account, ticker: str) -> list[str]:
    """The types of what has happened to a ticker in the week, and of the shares it ends with."""
    price, basis = _week_close(d, ticker), average_price(account, ticker)
    u = (price - basis) / basis * 100 if basis and price else None
    bounds = WeekBounds.of(d.config(account.account_id))
    types: list[str] = []
    for outcome in account.week.get(ticker, TickerWeek()).outcomes:
        if outcome.code == CALL_KEPT:
            types.extend(["C-PNO"] if u is not None and u > -bounds.within else [])
        else:
            types.append(outcome.code)
    if u is not None and (held := held_shares_type(u, bounds)):
        types.append(held)
    return types


def awaited_types(d: Decision, account: Account, ticker: str) -> dict[str, str]:
    """Expired options whose notice has not come, and what the weekly job counts each as (protocol 7.4)."""
    counted: dict[str, str] = {}
    bounds = WeekBounds.of(d.config(account.account_id))
    for contract, short in account.shorts.items():
        terms = option(contract)
        if terms.underlying != ticker or not short.pending_outcome:
            continue
        close = d.market.close_of(ticker, d.calendar.session_on_or_before(terms.expiry)) or d.market.last(ticker)
        if moneyness(contract, close) <= 0:
            counted[contract] = "P-EW" if terms.right == "P" else "C-PNO"
        elif terms.right == "P":
            counted[contract] = put_assignment_type(terms.strike_e4, close, bounds)
        else:
            counted[contract] = called_away_type(average_price(account, ticker), close, bounds)
    return counted


def _week_close(d: Decision, ticker: str) -> int:
    bars = d.market.bars.get(ticker, [])
    return bars[-1].close_e4 if bars else d.market.last(ticker)


def _family(types: list[str], prefix: str) -> str:
    return most_severe(t for t in types if t.startswith(prefix))


def _classify_ticker(d: Decision, account: Account, ticker: str, friday: int, mode: WeekMode | None) -> tuple[str, int]:
    week = week_id(friday)
    awaited = awaited_types(d, account, ticker)
    types = sorted([*settled_types(d, account, ticker), *awaited.values()], key=SEVERITY.__getitem__, reverse=True)
    record = account.week.get(ticker, TickerWeek())
    lots = any(ticker_of(lot.contract) == ticker for lot in account.lots)
    kind = primary(types, open_position=lots or any(option(c).underlying == ticker for c in account.shorts))
    weight = 0 if kind == "W-IDL" else record.weight
    made = account.forecasts.get(ticker)
    predicted = made if made is not None and made.week_id == week and made.predicted else None
    d.emit(
        e.WeekClassified(
            week,
            ticker,
            kind,
            _family(types, "P-"),
            _family(types, "C-"),
            weight,
            {},
            record.pnl,
            record.premium,
            record.trades,
            0,
            0,
            types=types,
            carried=_carried(d, account, ticker),
            awaited=awaited,
            type_predicted=predicted.predicted if predicted else None,
            probabilities_e10=dict(predicted.probabilities) if predicted else None,
            predictor_version=VERSION if predicted else None,
            sub_tags=sorted(set(record.tags)),
            realised_vol_e10=feedback.realised_volatility(d, ticker),
            benchmark_delta_e10=_against_benchmark(d, account, friday, Fraction(record.pnl, weight))
            if weight
            else None,
            **_beside(d, account, friday, mode, [record]),
        ),
        _stream(account, week),
        account,
    )
    return kind, weight


class _Beside(TypedDict):
    """What is stored of a ticker's week and of an account's alike (protocol 11.3)."""

    mode_guess: str | None
    mode_confirmed: str | None
    trend_tag: str | None
    pnl_post: int
    wins: int
    losses: int
    max_level: int
    atr_adjustments: int
    vix_avg_e4: int | None
    delta_bucket: str


def _beside(d: Decision, account: Account, friday: int, mode: WeekMode | None, weeks: Sequence[TickerWeek]) -> _Beside:
    both = TickerWeek(delta_sum=sum(w.delta_sum for w in weeks), delta_contracts=sum(w.delta_contracts for w in weeks))
    return _Beside(
        mode_guess=d.book.week_modes.get(week_id(friday)),
        mode_confirmed=mode.mode if mode else None,
        trend_tag=mode.tag or None if mode else None,
        pnl_post=feedback.after_tax(d, account, sum(w.pnl for w in weeks)),
        wins=sum(w.wins for w in weeks),
        losses=sum(w.losses for w in weeks),
        max_level=max((w.max_level for w in weeks), default=0),
        atr_adjustments=sum(w.level_changes for w in weeks),
        vix_avg_e4=feedback.vix_average(d, friday),
        delta_bucket=feedback.week_bucket(both),
    )


def _against_benchmark(d: Decision, account: Account, friday: int, earned: Fraction) -> int:
    return ratio_e10(earned - feedback.weekly_benchmark(d, account, friday))


def _carried(d: Decision, account: Account, ticker: str) -> int:
    """Collateral and share value with which the next week begins, cents."""
    collateral = 0
    for contract, short in account.shorts.items():
        terms = option(contract)
        if terms.underlying == ticker and terms.right == "P":
            collateral += strike_value(terms.strike_e3, short.quantity)
    return collateral + shares_market_value(d.market, account, ticker)


def _stream(account: Account, week: str) -> str:
    return f"week-{account.account_id}-{week.replace('W', '')}"


def _classify_account(
    d: Decision, account: Account, friday: int, mode: WeekMode | None, records: Sequence[tuple[str, int]]
) -> None:
    """Type with the largest capital weight; tie: more severe."""
    distribution: dict[str, int] = {}
    for kind, weight in records:
        distribution[kind] = distribution.get(kind, 0) + weight
    best = max(distribution, key=lambda kind: (distribution[kind], SEVERITY[kind]), default="W-IDL")
    weeks, week = list(account.week.values()), week_id(friday)
    nav_change = account.last_nav - account.week_start_nav - account.week_flows
    corpus_change = account.last_corpus - account.week_start_corpus - account.week_flows
    base = account.week_start_corpus
    before_tax, after_tax = (Fraction(change, base) if base else Fraction(0) for change in (nav_change, corpus_change))
    compared = after_tax if account.type == "COM" else before_tax
    d.emit(
        e.WeekClassified(
            week,
            None,
            best,
            "",
            "",
            sum(weight for _, weight in records),
            distribution,
            sum(w.pnl for w in weeks),
            sum(w.premium for w in weeks),
            sum(w.trades for w in weeks),
            ratio_e10(before_tax),
            ratio_e10(after_tax),
            sub_tags=sorted({tag for w in weeks for tag in w.tags}),
            benchmark_delta_e10=_against_benchmark(d, account, friday, compared),
            **_beside(d, account, friday, mode, weeks),
        ),
        _stream(account, week),
        account,
    )


def reclassify(d: Decision, account: Account, ticker: str, session: int, code: str, *, counted: str) -> None:
    """An outcome that became known after its week was classified (protocol 11.1): the old record is kept.

    `counted` is the type as which the weekly job had counted it, empty when it had not.
    """
    week = week_id(session)
    old = account.week_records.get(f"{week}|{ticker}")
    if old is None or week > account.classified_week:
        return
    types = list(old)
    if counted in types:
        types.remove(counted)
    types = sorted([*types, code], key=SEVERITY.__getitem__, reverse=True)
    if types == old:
        return
    before, after = primary(old, open_position=True), primary(types, open_position=True)
    puts, calls = _family(types, "P-"), _family(types, "C-")
    d.emit(
        e.WeekReclassified(week, ticker, before, after, puts, calls, "late notice", types=types),
        _stream(account, week),
        account,
    )
    if before != after:
        feedback.correct_matrix(d, account, session, ticker, before)
