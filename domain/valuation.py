"""What an account is worth and what it may spend (protocol 1, 4.1). Everything in cents."""

from fractions import Fraction

from domain.contracts import option, parse
from domain.decision import Decision
from domain.market import Market
from domain.money import COMMISSION_PER_CONTRACT, option_value, percent_of, round_half_up, shares_value, strike_value
from domain.state import CASH, CASH_UNSETTLED, TAX_RESERVE, Account, Book, Lot, Order, ShortOption


def put_collateral(book: Book, account: Account, ticker: str | None = None) -> int:
    """Strike value of open short puts and of the unfilled part of working put sales (protocol 4.1, INV-4)."""
    total = 0
    for contract, short in account.shorts.items():
        terms = option(contract)
        if terms.right == "P" and ticker in (None, terms.underlying):
            total += strike_value(terms.strike_e3, short.quantity)
    for order in book.orders.values():
        if order.account_id != account.account_id or not order.working:
            continue
        if order.effect == "ROLL" and ticker in (None, order.ticker):
            total += _roll_collateral(order)
        if order.effect != "OPEN" or order.side != "SELL":
            continue
        terms = parse(order.contract)
        if terms is not None and terms.right == "P" and ticker in (None, terms.underlying):
            total += strike_value(terms.strike_e3, order.open_quantity + order.rest)
    return total


def contract_collateral(book: Book, account: Account, contract: str) -> int:
    """Collateral of one put contract, held and working: the position that `limits.position_pct` caps (protocol 9)."""
    terms, short = option(contract), account.shorts.get(contract)
    total = strike_value(terms.strike_e3, short.quantity) if short else 0
    for order in book.orders.values():
        mine = order.account_id == account.account_id and order.contract == contract
        if mine and order.working and order.effect == "OPEN" and order.side == "SELL":
            total += strike_value(terms.strike_e3, order.open_quantity + order.rest)
    return total


def _roll_collateral(order: Order) -> int:
    """What a working roll of puts needs beyond the collateral that its old option holds, cents."""
    old, new = option(order.contract), option(order.new_contract)
    if new.right != "P":
        return 0
    return max(0, strike_value(new.strike_e3 - old.strike_e3, 1)) * order.open_quantity


def cash_total(account: Account) -> int:
    """CASH + CASH_UNSETTLED + TAX_RESERVE."""
    return account.balance(CASH) + account.balance(CASH_UNSETTLED) + account.balance(TAX_RESERVE)


def purchases_working(book: Book, account: Account) -> int:
    """What working buy orders that open something hold: limit x quantity x multiplier + commission (protocol 4.1)."""
    total = 0
    for order in book.orders.values():
        if order.account_id != account.account_id or not order.working or order.effect != "OPEN" or order.side != "BUY":
            continue
        rest = order.open_quantity + order.rest
        if parse(order.contract) is None:
            total += shares_value(order.limit_e4, rest)
        else:
            total += option_value(order.limit_e4, rest) + COMMISSION_PER_CONTRACT * rest
    return total


def free_cash(book: Book, account: Account) -> int:
    """Cash that is settled and tied to nothing."""
    held = put_collateral(book, account) + purchases_working(book, account) + sum(account.earmarks.values())
    return account.balance(CASH) - held


def intrinsic_e4(contract: str, spot_e4: int) -> int:
    """What exercise would give, per share."""
    terms = option(contract)
    return max(0, terms.strike_e4 - spot_e4 if terms.right == "P" else spot_e4 - terms.strike_e4)


def option_mark(market: Market, contract: str) -> Fraction:
    """Mark of an option per share in 1e-4 dollars: mid, without a two-sided quote intrinsic value (glossary, NAV)."""
    quote = market.quote(contract)
    if quote is not None and quote.two_sided:
        return quote.mid_e4
    return Fraction(intrinsic_e4(contract, market.last(option(contract).underlying)))


def short_mark(market: Market, short: ShortOption) -> Fraction:
    """Mark of a short option: after expiry intrinsic value at that close; without any mark its credit.

    An adjusted contract is marked by the worth of all that it delivers: nobody quotes it under its old name.
    """
    terms = option(short.contract)
    adjusted = short.ratio_new != short.ratio_old and market.last(terms.underlying) > 0
    if short.pending_outcome or adjusted:
        close = market.close_of(terms.underlying, terms.expiry) if short.pending_outcome else 0
        spot = close or market.last(terms.underlying)
        return Fraction(intrinsic_e4(short.contract, spot * short.ratio_new // short.ratio_old))
    if not market.last(terms.underlying) and market.quote(short.contract) is None:
        return Fraction(sum(s.price_e4 * s.quantity for s in short.slices), short.quantity)
    return option_mark(market, short.contract)


def short_liability(market: Market, account: Account) -> int:
    """Market value of the account's short options, positive."""
    return round_half_up(sum((short_mark(market, s) * s.quantity for s in account.shorts.values()), Fraction(0)))


def lot_value(market: Market, lot: Lot) -> int:
    """Market value of a lot: shares at the last trade, long options at mid, else intrinsic, else cost."""
    if parse(lot.contract) is None:
        return shares_value(market.last(lot.contract) or lot.price_e4, lot.quantity)
    quote = market.quote(lot.contract)
    if quote is not None and quote.two_sided:
        mark = quote.mid_e4
    else:
        spot = market.last(option(lot.contract).underlying)
        mark = Fraction(intrinsic_e4(lot.contract, spot) if spot else lot.price_e4)
    return round_half_up(mark * lot.quantity)


def shares_market_value(market: Market, account: Account, ticker: str | None = None) -> int:
    """Market value of shares at the last trade; a lot without any mark counts at cost."""
    total = 0
    for lot in account.lots:
        if ticker in (None, lot.contract):
            total += lot_value(market, lot)
    return total


def nav(market: Market, account: Account) -> int:
    """Net asset value (glossary)."""
    return cash_total(account) + shares_market_value(market, account) - short_liability(market, account)


def corpus(market: Market, account: Account) -> int:
    """NAV less the tax reserve."""
    return nav(market, account) - account.balance(TAX_RESERVE)


def buffer_required(d: Decision, account: Account) -> int:
    """The share of corpus that must stay uncommitted, rounded half up."""
    return round_half_up(
        percent_of(max(0, corpus(d.market, account)), d.config(account.account_id).fraction("buffer.pct"))
    )


def deployable(d: Decision, account: Account) -> int:
    """`max(0, free_cash - buffer_required)`."""
    return max(0, free_cash(d.book, account) - buffer_required(d, account))


def unrealised(market: Market, account: Account) -> int:
    """Net unrealised result of open positions, cents."""
    total = -short_liability(market, account)
    for short in account.shorts.values():
        total += sum(option_value(s.price_e4, s.quantity) - s.commission for s in short.slices)
    for lot in account.lots:
        total += lot_value(market, lot) - lot.cost
    return total
