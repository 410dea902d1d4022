"""Week modes and type predictions in the weekly job (protocol 11.2, 11.4, 11.5): they advise and never trade."""

from fractions import Fraction

from domain import events as e
from domain.calendar import monday_of, week_id
from domain.decision import Decision
from domain.money import ratio_e10
from domain.prediction import (
    ROLLING_WEEKS,
    Guess,
    ModeThresholds,
    Score,
    WeekMode,
    brier_score,
    confirm_equal_weight,
    confirm_mode,
    guess_inputs,
    guess_mode,
    mode_brier,
    predict_type,
    predictor_qualified,
    rolling,
)
from domain.state import Account

SPY, VIX = "SPY", "VIX"
GUESS_MINUTE = 9 * 60
"""The guess stands before the open of the week's first session."""
VERSION = "1"
STREAM = "predictor"


def confirm_week(d: Decision, friday: int) -> WeekMode | None:
    """Saturday: the mode of the week from SPY's raw closes, Mag-6 beside it; none without them (protocol 11.2)."""
    config = d.config()
    thresholds = ModeThresholds(
        config.fraction("weekmode.green_pct"), config.fraction("weekmode.red_pct"),
        config.fraction("weekmode.trend_corr"), config.fraction("weekmode.chop_corr"),
    )  # fmt: skip
    closes = _week_closes(d, SPY, friday)
    if closes is None:
        return None
    week, mode = week_id(friday), confirm_mode(closes, thresholds)
    basket = {t: found for t in MAG6 if (found := _week_closes(d, t, friday)) is not None}
    group = confirm_equal_weight(basket, thresholds) if len(basket) == len(MAG6) else None
    d.emit(
        e.WeekModeConfirmed(
            week, "ALL_MARKET", mode.mode, mode.tag, ratio_e10(mode.weekly_return), mode.rho_e10,
            group.mode if group else None, ratio_e10(group.weekly_return) if group else None,
        ),
        STREAM,
    )  # fmt: skip
    return mode


def score_guess(d: Decision, friday: int, confirmed: WeekMode | None) -> None:
    """The guess of the week's mode against what it was (protocol 11.5)."""
    week = week_id(friday)
    guess = d.book.week_modes.get(week)
    if confirmed is not None and guess is not None:
        _score_mode(d, week, guess, confirmed.mode)


MAG6 = ("AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "TSLA")


def _week_closes(d: Decision, symbol: str, day: int) -> list[int] | None:
    """Last close of the week before, then each session's; `None` where one is missing."""
    sessions = d.calendar.week_sessions(day)
    if not sessions:
        return None
    wanted = [d.calendar.previous_session(sessions[0]), *sessions]
    known = {bar.session: d.market.in_shares_of(d.today, symbol, bar) for bar in d.market.bars.get(symbol, [])[-10:]}
    closes = [known[session].close_e4 if session in known else 0 for session in wanted]
    return closes if all(closes) else None


def _score_mode(d: Decision, week: str, guess: str, confirmed: str) -> None:
    config, book = d.config(), d.book
    brier = ratio_e10(mode_brier(guess, confirmed))
    scores = [Score(s.week_id, s.predicted, s.actual, s.brier_e10) for s in book.predictor.scores]
    scores.append(Score(week, guess, confirmed, brier))
    seen = rolling(scores)
    rate = ratio_e10(seen.hit_rate) if seen else 0
    d.emit(
        e.PredictionScored(week, "MODE", None, guess, confirmed, guess == confirmed, brier, len(scores), rate), STREAM
    )
    qualified = predictor_qualified(
        scores, qualified=book.predictor.qualified, min_weeks=config.integer("predict.min_weeks"),
        qualify_hit_pct=config.fraction("predict.qualify_hit"),
        disqualify_hit_pct=config.fraction("predict.disqualify_hit"),
    )  # fmt: skip
    if qualified and not book.predictor.qualified:
        d.emit(e.PredictorQualified(len(scores), rate), STREAM)
    elif book.predictor.qualified and not qualified:
        d.emit(e.PredictorDisqualified(len(scores), rate), STREAM)
        _fall_back(d)


def _fall_back(d: Decision) -> None:
    """ACTIVE falls back to SHADOW wherever it was set (protocol 11.5)."""
    for scope in sorted(d.book.config):
        if d.book.config[scope].get("week_mode.apply") == "ACTIVE":
            old, new = {"week_mode.apply": "ACTIVE"}, {"week_mode.apply": "SHADOW"}
            d.emit(e.ConfigurationChanged(d.book.config_version + 1, scope, old, new, []), "config")


def guess_week(d: Decision) -> None:
    """Before the open of a week's first session: the guess from SPY and VIX, unless somebody gave one (11.2)."""
    week = week_id(d.today)
    guess = None if week in d.book.week_modes else _guess(d)
    if guess is not None:
        seen = {"trend": guess.trend, "volatility": guess.volatility, "support": guess.support}
        d.emit(e.WeekModePredicted(week, guess.mode, seen), STREAM)


def _guess(d: Decision) -> Guess | None:
    """From the closes up to the last session; Friday's already give Monday's guess."""
    completed = d.calendar.session_on_or_before(d.today - 1)
    spy = [day.close_e4 for day in d.market.bars.get(SPY, []) if day.session <= completed]
    vix = [day.close_e4 for day in d.market.bars.get(VIX, []) if day.session <= completed]
    inputs = guess_inputs(spy, vix)
    return guess_mode(inputs) if inputs is not None else None


def plan_guess(d: Decision) -> None:
    """Set the timer of next week's guess."""
    following = monday_of(d.today) + 7
    sessions = d.calendar.week_sessions(following)
    if sessions:
        d.set_timer("guess", d.calendar.et(sessions[0], GUESS_MINUTE))


def score_types(d: Decision, account: Account, week: str, actual: dict[str, str]) -> None:
    """What was predicted for the week against its types (protocol 11.5)."""
    for ticker, kind in actual.items():
        made = account.forecasts.get(ticker)
        if made is None or made.week_id != week or not made.predicted:
            continue
        probabilities = {name: Fraction(value, 10**10) for name, value in made.probabilities.items()}
        brier = ratio_e10(brier_score(probabilities, kind))
        hits = [*made.hits, made.predicted == kind][-ROLLING_WEEKS:]
        rate = ratio_e10(Fraction(sum(hits), len(hits)))
        d.emit(
            e.PredictionScored(week, "TYPE", ticker, made.predicted, kind, hits[-1], brier, made.weeks, rate),
            STREAM,
            account,
        )


def predict_types(d: Decision, account: Account, tickers: list[str], next_week: str) -> None:
    """Saturday after classification: the most probable type of next week (protocol 11.5)."""
    guess = None if next_week in d.book.week_modes else _guess(d)
    mode = d.book.week_modes.get(next_week) or (guess.mode if guess else "")
    for ticker in tickers:
        made = account.forecasts.get(ticker)
        if made is None or not made.last_type:
            continue
        found = predict_type(made.counts, made.last_type, mode)
        shown = made.weeks >= d.config().integer("predict.show_types_after")
        d.emit(
            e.WeekTypePredicted(
                next_week, ticker, found.kind, {k: ratio_e10(p) for k, p in found.probabilities.items()},
                ratio_e10(found.confidence), found.basis, VERSION, shown,
            ),
            STREAM,
            account,
        )  # fmt: skip
