"""Classification of account-ticker-weeks (protocol 11.1) and the weekly job's reinvestment (10.4)."""

from fractions import Fraction

from domain import events as e
from domain.calendar import week_id
from domain.contracts import moneyness, option
from domain.decision import Decision
from domain.forecasts import predict_types, score_types
from domain.lots import average_price
from domain.money import ratio_e10, strike_value
from domain.state import Account, TickerWeek
from domain.valuation import corpus, shares_market_value
from domain.week_types import (
    CALL_KEPT,
    SEVERITY,
    called_away_type,
    held_shares_type,
    most_severe,
    primary,
    put_assignment_type,
)


def weekly_job(d: Decision, account: Account, week_day: int) -> None:
    """Saturday 10:00 ET: classify each ticker and the account, then GEN's sizing base follows its corpus."""
    week = week_id(week_day)
    tickers = _tickers(d, account)
    records = [_classify_ticker(d, account, ticker, week) for ticker in tickers]
    _classify_account(d, account, week, records)
    if account.type != "EXT":
        score_types(d, account, week, {t: kind for t, (kind, _) in zip(tickers, records, strict=True)})
        predict_types(d, account, tickers, week_id(week_day + 7))
    if account.type == "GEN" and account.state == "ACTIVE" and d.config(account.account_id).flag("reinvest.gen_weekly"):
        new = corpus(d.market, account)
        if new != account.sizing_base:
            applied = e.WeeklyReinvestmentApplied(account.sizing_base, new, week)
            d.emit(applied, f"account-{account.account_id}", account)


def _tickers(d: Decision, account: Account) -> list[str]:
    """The configured tickers, then every other one with a position or an outcome."""
    sleeve = account.type.lower()
    configured = d.config(account.account_id).items(f"{sleeve}.tickers") if account.type != "EXT" else []
    held = {option(c).underlying for c in account.shorts} | {lot.contract for lot in account.lots} | set(account.week)
    return [*configured, *sorted(held - set(configured))]


def settled_types(d: Decision, account: Account, ticker: str) -> list[str]:
    """The types of what has happened to a ticker in the week, and of the shares it ends with."""
    price, basis = _week_close(d, ticker), average_price(account, ticker)
    u = (price - basis) / basis * 100 if basis and price else None
    types: list[str] = []
    for outcome in account.week.get(ticker, TickerWeek()).outcomes:
        if outcome.code == CALL_KEPT:
            types.extend(["C-PNO"] if u is not None and u > -5 else [])
        else:
            types.append(outcome.code)
    if u is not None and (held := held_shares_type(u)):
        types.append(held)
    return types


def awaited_types(d: Decision, account: Account, ticker: str) -> dict[str, str]:
    """Expired options whose notice has not come, and what the weekly job counts each as (protocol 7.4)."""
    counted: dict[str, str] = {}
    for contract, short in account.shorts.items():
        terms = option(contract)
        if terms.underlying != ticker or not short.pending_outcome:
            continue
        close = d.market.close_of(ticker, d.calendar.session_on_or_before(terms.expiry)) or d.market.last(ticker)
        if moneyness(contract, close) <= 0:
            counted[contract] = "P-EW" if terms.right == "P" else "C-PNO"
        elif terms.right == "P":
            counted[contract] = put_assignment_type(terms.strike_e4, close)
        else:
            counted[contract] = called_away_type(average_price(account, ticker), close)
    return counted


def _week_close(d: Decision, ticker: str) -> int:
    bars = d.market.bars.get(ticker, [])
    return bars[-1].close_e4 if bars else d.market.last(ticker)


def _family(types: list[str], prefix: str) -> str:
    return most_severe(t for t in types if t.startswith(prefix))


def _classify_ticker(d: Decision, account: Account, ticker: str, week: str) -> tuple[str, int]:
    awaited = awaited_types(d, account, ticker)
    types = sorted([*settled_types(d, account, ticker), *awaited.values()], key=SEVERITY.__getitem__, reverse=True)
    record = account.week.get(ticker, TickerWeek())
    held = account.shares(ticker) > 0 or any(option(c).underlying == ticker for c in account.shorts)
    kind = primary(types, open_position=held)
    weight = 0 if kind == "W-IDL" else record.weight
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
        ),
        _stream(account, week),
        account,
    )
    return kind, weight


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


def _classify_account(d: Decision, account: Account, week: str, records: list[tuple[str, int]]) -> None:
    """Type with the largest capital weight; tie: more severe."""
    distribution: dict[str, int] = {}
    for kind, weight in records:
        distribution[kind] = distribution.get(kind, 0) + weight
    best = max(distribution, key=lambda kind: (distribution[kind], SEVERITY[kind]), default="W-IDL")
    weeks = account.week.values()
    nav_change = account.last_nav - account.week_start_nav - account.week_flows
    corpus_change = account.last_corpus - account.week_start_corpus - account.week_flows
    base = account.week_start_corpus
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
            ratio_e10(Fraction(nav_change, base)) if base else 0,
            ratio_e10(Fraction(corpus_change, base)) if base else 0,
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
