"""Option quotes of one underlying through one session, computed for all moments and contracts at once."""

from collections.abc import Iterator

import numpy as np

from domain.inputs import OptionQuotes
from gateways.market.calendar import Session
from gateways.market.counter_random import hashed, seed_of
from gateways.market.daily_bars import Ints
from gateways.market.option_model import (
    YEAR_US,
    Surface,
    black_scholes,
    day_share,
    implied_volatility,
    quote_e4,
    term_factor,
)
from gateways.market.port import MODELLED
from gateways.market.weekly_listing import CALL, DayOfListing


def session_quotes(
    symbol: str,
    session: Session,
    times_us: list[int],
    spots_e4: Ints,
    surface: Surface,
    expiries: list[DayOfListing],
) -> Iterator[OptionQuotes]:
    """One record for each time, in order; `spots_e4` is the underlying at these times."""
    times = np.array(times_us, dtype=np.int64)[:, None]
    spot = (spots_e4 / 1e4)[:, None]
    strikes_e3 = np.concatenate([e.strikes_e3 for e in expiries])
    rights = np.concatenate([e.rights for e in expiries])
    near = np.concatenate([e.near for e in expiries])
    closes = np.concatenate([np.full(len(e.rights), e.listing.expiry.close_us, dtype=np.int64) for e in expiries])

    strike = strikes_e3 / 1e3
    years = np.maximum(closes - times, 0) / YEAR_US
    atm = surface.atm * np.asarray(term_factor(years * 365.0))
    volatility = implied_volatility(spot, strike, atm, years)
    call, call_delta = black_scholes(spot, strike, volatility, years)
    is_call = rights == CALL
    mid = np.maximum(np.where(is_call, call, call - spot + strike), 0.0)
    delta = np.where(is_call, call_delta, 1.0 - call_delta)
    bid, ask = quote_e4(mid, surface.spread_share)

    seed = seed_of("size", symbol)
    size = surface.size * (0.3 + 0.7 * near)
    contract = strikes_e3 * 2 + rights
    bid_size = np.where(bid > 0, np.maximum(size * (0.5 + hashed(seed, times, contract)), 1.0), 0.0).astype(np.int64)
    ask_size = np.maximum(size * (0.5 + hashed(seed, times, -contract)), 1.0).astype(np.int64)
    share = day_share(times - session.open_us, session.close_us - session.open_us)
    volume = np.floor(share * np.concatenate([e.day_volume for e in expiries])).astype(np.int64)

    # Lists that do not change during the session are shared by its records.
    expiry_days = [e.listing.expiry.number for e in expiries for _ in range(len(e.rights))]
    strike_list: list[int] = strikes_e3.tolist()
    right_list = ["C" if right == CALL else "P" for right in rights.astype(int).tolist()]
    interest: list[int] = np.concatenate([e.open_interest for e in expiries]).tolist()
    adv20 = [a for e in expiries for a in e.adv20]
    columns = [
        a.tolist()
        for a in (
            bid,
            ask,
            bid_size,
            ask_size,
            volume,
            np.rint(volatility * 1e6).astype(np.int64),
            np.rint(delta * 1e4).astype(np.int64),
        )
    ]
    count = len(strike_list)
    for time_us, spot_e4, bids, asks, bid_sizes, ask_sizes, volumes, ivs, deltas in zip(
        times_us, spots_e4.tolist(), *columns, strict=True
    ):
        yield OptionQuotes(
            underlying=symbol,
            time_us=time_us,
            spot_e4=spot_e4,
            rate_e10=0,
            expiries=expiry_days,
            strikes_e3=strike_list,
            rights=right_list,
            bids_e4=bids,
            asks_e4=asks,
            bid_sizes=bid_sizes,
            ask_sizes=ask_sizes,
            quote_times_us=[time_us] * count,
            volumes=volumes,
            open_interests=interest,
            adv20s=adv20,
            ivs_e6=ivs,
            deltas_e2=deltas,
            quality=MODELLED,
        )
