"""Classification of account-ticker-weeks (protocol 11.1) and the weekly job's reinvestment (10.4)."""

from fractions import Fraction

from domain import events as e
from domain.calendar import week_id
from domain.contracts import option
from domain.decision import Decision
from domain.evolve import average_price, called_away_type, put_assignment_type
from domain.money import ratio_e10
from domain.monitoring import moneyness
from domain.state import Account, TickerWeek
from domain.valuation import corpus

SEVERITY: dict[str, int] = {
    "P-DD": 14,
    "P-AOL": 13,
    "P-RO": 12,
    "P-XL": 11,
    "C-REC": 10,
    "C-RO": 9,
    "C-XL": 8,
    "P-AWL": 7,
    "C-PNO": 6,
    "C-WAP": 5,
    "C-WAP+": 4,
    "P-EW": 3,
    "W-CAR": 2,
    "W-IDL": 1,
}
"""Primary types, most severe first."""


def weekly_job(d: Decision, account: Account, week_day: int) -> None:
    """Saturday 10:00 ET: classify each ticker and the account, then GEN's sizing base follows its corpus."""
    week = week_id(week_day)
    records = [_classify_ticker(d, account, ticker, week) for ticker in _tickers(d, account)]
    _classify_account(d, account, week, records)
    if account.type == "GEN" and account.state == "ACTIVE" and d.config(account.account_id).flag("reinvest.gen_weekly"):
        new = corpus(d.market, account)
        if new != account.sizing_base:
            d.emit(
                e.WeeklyReinvestmentApplied(account.sizing_base, new, week), f"account-{account.account_id}", account
            )


def _tickers(d: Decision, account: Account) -> list[str]:
    configured = (
        d.config(account.account_id).items(f"{account.type.lower()}.tickers") if account.type in ("GEN", "REV") else []
    )
    held = {option(c).underlying for c in account.shorts} | {lot.contract for lot in account.lots} | set(account.week)
    return [*configured, *sorted(held - set(configured))]


def outcome_types(d: Decision, account: Account, ticker: str) -> list[str]:
    """Every type that the week's outcomes and holdings imply, unordered."""
    week = account.week.get(ticker, TickerWeek())
    types: list[str] = []
    shares = account.shares(ticker)
    price = _week_close(d, ticker)
    basis = average_price(account, ticker)
    u = (price - basis) / basis * 100 if shares and basis and price else None
    for outcome in week.outcomes:
        if outcome.code == "CALL_KEPT":
            types.extend(["C-PNO"] if u is not None and u > -5 else [])
        else:
            types.append(outcome.code)
    if u is not None and u <= -5:
        types.append("P-DD" if u <= -15 else "C-REC" if u <= -10 else "C-RO")
    for contract, short in account.shorts.items():
        terms = option(contract)
        if terms.underlying != ticker or not short.pending_outcome:
            continue
        close = d.market.close_of(ticker, d.calendar.session_on_or_before(terms.expiry))
        if moneyness(contract, close) > 0:
            types.append(
                put_assignment_type(terms.strike_e4, close)
                if terms.right == "P"
                else called_away_type(basis or Fraction(terms.strike_e4), close)
            )
        else:
            types.append("P-EW" if terms.right == "P" else "C-PNO")
    return types


def _week_close(d: Decision, ticker: str) -> int:
    bars = d.market.bars.get(ticker, [])
    return bars[-1].close_e4 if bars else d.market.last(ticker)


def primary(types: list[str], *, open_position: bool) -> str:
    """Highest severity; without an outcome W-CAR or W-IDL. Total: there is always exactly one (INV-11)."""
    fallback = "W-CAR" if open_position else "W-IDL"
    return max(types, key=SEVERITY.__getitem__, default=fallback)


def _classify_ticker(d: Decision, account: Account, ticker: str, week: str) -> tuple[str, int]:
    types = outcome_types(d, account, ticker)
    record = account.week.get(ticker, TickerWeek())
    held = account.shares(ticker) > 0 or any(option(c).underlying == ticker for c in account.shorts)
    kind = primary(types, open_position=held)
    puts = [t for t in types if t.startswith("P-")]
    calls = [t for t in types if t.startswith("C-")]
    weight = 0 if kind == "W-IDL" else record.weight
    d.emit(
        e.WeekClassified(
            week,
            ticker,
            kind,
            max(puts, key=SEVERITY.__getitem__, default=""),
            max(calls, key=SEVERITY.__getitem__, default=""),
            weight,
            {},
            record.pnl,
            record.premium,
            record.trades,
            0,
            0,
        ),
        _stream(account, week),
        account,
    )
    return kind, weight


def _stream(account: Account, week: str) -> str:
    return f"week-{account.account_id}-{week.replace('W', '')}"


def _classify_account(d: Decision, account: Account, week: str, records: list[tuple[str, int]]) -> None:
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


def reclassify(d: Decision, account: Account, ticker: str, session: int, code: str) -> None:
    """An outcome that became known after its week was classified (protocol 11.1): the old record is kept."""
    week = week_id(session)
    old = account.week_records.get(f"{week}|{ticker}")
    if old is None or SEVERITY[old] >= SEVERITY[code]:
        return
    put, call = (code, "") if code.startswith("P-") else ("", code)
    d.emit(e.WeekReclassified(week, ticker, old, code, put, call, "late notice"), _stream(account, week), account)
