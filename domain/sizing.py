"""How much an entry may use (protocol 6.5). Cents and contracts."""

from dataclasses import dataclass
from fractions import Fraction

from domain.contracts import parse
from domain.decision import Decision
from domain.money import floor_int, percent_of, strike_value
from domain.risk.breakers import vix_halves
from domain.selection import Pick
from domain.state import Account
from domain.valuation import contract_collateral, corpus, deployable, put_collateral, shares_market_value


@dataclass(slots=True)
class Budget:
    """What an account may still put into entries at this moment."""

    total: int
    """B_total"""
    available: int
    """B_avail"""
    reserved: int
    """kept for pending approvals"""
    worth: int
    """corpus now"""
    taken: int = 0
    """given to orders that are about to be sent"""

    @property
    def left(self) -> int:
        """Unreserved and not given away yet."""
        return max(0, self.available - self.reserved - self.taken)


def budget(d: Decision, account: Account) -> Budget:
    """B_total, B_avail and what pending approvals keep."""
    config = d.config(account.account_id)
    worth = corpus(d.market, account)
    reserved = sum(w.reserved for w in account.windows.values() if w.approval_id)
    if account.type == "COM":
        free = deployable(d, account)
        return Budget(free, free, reserved, worth)
    base = min(account.sizing_base, worth)
    total = floor_int(percent_of(base, config.fraction(f"{account.type.lower()}.alloc_pct") * vix_halves(d)))
    shares_cost = sum(
        floor_int(Fraction(lot.price_e4 * lot.quantity, 100)) for lot in account.lots if parse(lot.contract) is None
    )
    available = max(0, min(total - put_collateral(d.book, account) - shares_cost, deployable(d, account)))
    return Budget(total, available, reserved, worth)


def ticker_split(d: Decision, account: Account) -> str:
    """How the budget is split over tickers; COM uses what is deployable in list order (protocol 6.5)."""
    if account.type == "COM":
        return "IN_ORDER"
    return d.config(account.account_id).text(f"{account.type.lower()}.ticker_split")


def share_of(d: Decision, account: Account, money: Budget, ticker: str, sharing: int) -> int:
    """The ticker's part of the budget by `ticker_split`, `sharing` tickers having passed or being pending."""
    config = d.config(account.account_id)
    sleeve = account.type.lower()
    tickers = config.items(f"{sleeve}.tickers")
    match ticker_split(d, account):
        case "IN_ORDER":
            return money.left
        case "EQUAL_ELIGIBLE":
            return money.available // max(1, sharing)
        case "EQUAL_CONFIGURED":
            return min(money.total // len(tickers), money.available)
        case "WEIGHTS":
            weight = Fraction(config.items(f"{sleeve}.ticker_weights")[tickers.index(ticker)])
            return min(floor_int(percent_of(money.total, weight)), money.available)
        case _:
            return money.available


def caps(d: Decision, account: Account, pick: Pick, ticker: str, already: int, worth: int) -> tuple[int, str]:
    """Most contracts that the caps allow, `already` of them given in this scan, and the name of the cap that binds."""
    config = d.config(account.account_id)
    quote = pick.quote
    volume = quote.adv20 if quote.adv20 >= 0 else quote.volume
    one = strike_value(quote.strike_e3, 1)
    held = put_collateral(d.book, account, ticker) + shares_market_value(d.market, account, ticker)
    ticker_cap = floor_int(percent_of(worth, config.fraction(f"common.ticker_cap_pct.{account.type.lower()}"))) - held
    position_cap = floor_int(percent_of(worth, config.fraction("limits.position_pct"))) - contract_collateral(
        d.book, account, quote.contract
    )
    day_cap = floor_int(percent_of(worth, config.fraction("limits.daily_new_pct"))) - account.new_collateral
    limits = {
        "liquidity.max_order_pct_adv": floor_int(percent_of(volume, config.fraction("liquidity.max_order_pct_adv"))),
        "common.ticker_cap_pct": ticker_cap // one,
        "limits.position_pct": position_cap // one,
        "limits.daily_new_pct": day_cap // one,
        "order.max_contracts": config.integer("order.max_contracts"),
        "order.max_notional": config.integer("order.max_notional") * 100 // one,
    }
    name = min(limits, key=limits.__getitem__)
    return max(0, limits[name] - already), name
