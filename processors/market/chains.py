"""`OptionQuotes` to `OptionChain`: each quote checked, volatility and delta filled in (protocol 5.2, 5.5)."""

from typing import Any, Final, NamedTuple

import numpy as np

from domain.contracts import occ_symbol
from processors.market.options import IV_MAX, IV_MIN, YEAR_US, delta, implied_volatility, scaled
from processors.market.sessions import Sessions
from processors.market.symbols import Ints
from processors.market.ticks import BID_ABOVE_ASK

IV_RANGE: Final = "IV_RANGE"
DELTA_RANGE: Final = "DELTA_RANGE"
PER_OPTION: Final = (
    "expiries", "strikes_e3", "rights", "bids_e4", "asks_e4", "bid_sizes", "ask_sizes", "quote_times_us",
    "volumes", "open_interests", "adv20s", "ivs_e6", "deltas_e2",
)  # fmt: skip
_IV_E6, _DELTA_E2, _RATE_E10 = 1e6, 1e4, 1e-10
_DELTA_MOST_E2: Final = 10_000


class Flaw(NamedTuple):
    """A quote of which something was refused."""

    contract: str
    rule: str
    time_us: int
    bid_e4: int
    ask_e4: int


def malformed(quotes: dict[str, Any]) -> str | None:
    """What is wrong with the record's form, if anything."""
    lengths = {name: len(quotes[name]) for name in PER_OPTION}
    if len(set(lengths.values())) > 1:
        return f"lists of different lengths: {lengths}"
    if not set(quotes["rights"]) <= {"P", "C"}:
        return "a right is neither P nor C"
    return None


def completed(quotes: dict[str, Any], sessions: Sessions) -> tuple[dict[str, Any], list[Flaw]]:
    """The fields of the OptionChain, without its header, and what was refused.

    Volatility 0 and delta -1 mean none: no two-sided quote, no volatility that gives its mid, expired, no calendar yet,
    or refused. A volatility or delta that the source gives is kept where it is possible. Without a volatility there is
    no delta (the strike is ineligible, protocol 5.5).
    """
    column = {name: np.array(quotes[name], np.int64) for name in PER_OPTION if name != "rights"}
    call = np.array([right == "C" for right in quotes["rights"]], np.bool_)
    bid, ask, strike = column["bids_e4"], column["asks_e4"], column["strikes_e3"]
    iv, given_delta = column["ivs_e6"], column["deltas_e2"]
    spot = quotes["spot_e4"] / 1e4
    rate = quotes["rate_e10"] * _RATE_E10
    years = _years(column["expiries"], quotes["time_us"], sessions)

    crossed = (bid > ask) & (ask > 0)
    sided = (bid > 0) & (ask > 0) & ~crossed
    bad_iv = (iv != 0) & ((iv < IV_MIN * _IV_E6) | (iv > IV_MAX * _IV_E6))
    bad_delta = (given_delta < -1) | (given_delta > _DELTA_MOST_E2)

    ask_for = np.flatnonzero((iv == 0) & sided & (years > 0)) if spot > 0 else np.empty(0, np.int64)
    if len(ask_for):
        mid = (bid[ask_for] + ask[ask_for]) / 2e4
        found = implied_volatility(mid, spot, strike[ask_for] / 1e3, years[ask_for], rate, call[ask_for])
        iv[ask_for] = scaled(found, _IV_E6)
        bad_iv[ask_for] = (iv[ask_for] != 0) & ((iv[ask_for] < IV_MIN * _IV_E6) | (iv[ask_for] > IV_MAX * _IV_E6))
    none = crossed | bad_iv | bad_delta | (iv == 0)
    iv[none] = 0

    missing = np.flatnonzero((iv > 0) & (given_delta == -1) & (years > 0)) if spot > 0 else np.empty(0, np.int64)
    if len(missing):
        sigma = iv[missing] / _IV_E6
        given_delta[missing] = scaled(
            np.abs(delta(sigma, spot, strike[missing] / 1e3, years[missing], rate, call[missing])), _DELTA_E2
        )
    given_delta[none] = -1

    fields: dict[str, Any] = {name: quotes[name] for name in PER_OPTION}
    fields |= {"underlying": quotes["underlying"], "spot_e4": quotes["spot_e4"], "quality": quotes["quality"]}
    fields |= {"ivs_e6": iv.tolist(), "deltas_e2": given_delta.tolist()}
    flaws = [
        Flaw(_contract(quotes, i), rule, quotes["time_us"], quotes["bids_e4"][i], quotes["asks_e4"][i])
        for refused, rule in (
            (crossed, BID_ABOVE_ASK),
            (bad_iv & ~crossed, IV_RANGE),
            (bad_delta & ~crossed, DELTA_RANGE),
        )
        for i in refused.nonzero()[0].tolist()
    ]
    return fields, flaws


def _contract(quotes: dict[str, Any], i: int) -> str:
    return occ_symbol(quotes["underlying"], quotes["expiries"][i], quotes["rights"][i], quotes["strikes_e3"][i])


def _years(expiries: Ints, time_us: int, sessions: Sessions) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Years from `time_us` to 16:00 ET of each expiry; 0 without a calendar."""
    years = np.zeros(len(expiries), np.float64)
    for day in dict.fromkeys(expiries.tolist()):
        ends = sessions.expiry_us(day)
        if ends is not None:
            years[expiries == day] = (ends - time_us) / YEAR_US
    return years
