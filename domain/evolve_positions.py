"""What events change in positions, lots and the outcomes of the week (protocol 4.3, 7.4, 11.1)."""

from domain import events as e
from domain import wash_sales
from domain.calendar import new_york_day, week_id
from domain.config import Config
from domain.contracts import option, parse, ticker_of
from domain.evolve_starlab import assign_options, settle_options
from domain.evolving import account_of, on
from domain.lots import (
    after_split,
    average_price,
    premium_of,
    slices_after_split,
    split_lots,
    take_lots,
    take_slices,
)
from domain.money import CONTRACT_MULTIPLIER, shares_value, strike_value
from domain.state import (
    Account,
    Book,
    ChainEntry,
    Lot,
    ShortOption,
    Slice,
    TickerWeek,
    WeekOutcome,
    Wheel,
)
from domain.week_types import (
    CALL_KEPT,
    WeekBounds,
    called_away_type,
    put_assignment_type,
    put_closed_type,
    put_rolled_type,
)


def _week(account: Account, ticker: str) -> TickerWeek:
    return account.week.setdefault(ticker, TickerWeek())


def _bounds(book: Book, account: Account) -> WeekBounds:
    return WeekBounds.of(Config.of(book.config, account.account_id))


def _note_outcome(account: Account, ticker: str, session: int, code: str) -> None:
    """An outcome belongs to the week of its session; one of a classified week corrects that week's record instead."""
    if week_id(session) > account.classified_week:
        _week(account, ticker).outcomes.append(WeekOutcome(code))


def _add_weight(account: Account, contract: str, quantity: int) -> None:
    """Collateral of a put sold counts in the week from its entry."""
    terms = option(contract)
    if terms.right == "P":
        _week(account, terms.underlying).weight += strike_value(terms.strike_e3, quantity)


# --- open and close ---------------------------------------------------------------------------------------------


@on(e.PositionOpened)
def _position_opened(book: Book, event: e.PositionOpened, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    terms = parse(event.contract)
    if terms is None:
        week = _week(account, event.contract)
        week.weight = week.weight or shares_value(event.price_e4, event.quantity)
        return
    if event.quantity > 0:
        return  # LEAPS and hedges are lots
    expired = account.expired.pop(event.contract, None)
    wheel = account.wheels.setdefault(terms.underlying, Wheel())
    if expired is not None and expired.position_id == event.position_id:
        _reopen(account, wheel, expired)
        return
    account.shorts[event.contract] = ShortOption(
        event.position_id,
        event.contract,
        [Slice(-event.quantity, event.price_e4, event.commission)],
        event.p0_e4,
        event.atr_e6,
        envelope.recorded_at_us,
        event.chain_id,
        account.type,
        roll_chain_id=event.roll_chain_id or event.position_id,
        original_credit_e4=event.price_e4 if event.original_credit_e4 is None else event.original_credit_e4,
        carried_e4=event.carried_e4 or 0,
        rolls=event.rolls or 0,
        delta_e2=-1 if event.delta_e2 is None else event.delta_e2,
    )
    if (event.delta_e2 or 0) >= DEEP_PUT_E2 and terms.right == "P":
        shares, day = -event.quantity * CONTRACT_MULTIPLIER, new_york_day(envelope.recorded_at_us)
        deep = wash_sales.DEEP_PUT
        wash_sales.take_acquisition(
            book.wash,
            wash_sales.Acquisition(event.position_id, account.account_id, terms.underlying, day, shares, deep),
        )
    if not wheel.chain_id:
        wheel.chain_id, wheel.began_with_call = event.chain_id, terms.right == "C"
        wheel.entry = _chain_entry(book, account.shorts[event.contract], new_york_day(envelope.recorded_at_us))
    note_delta(_week(account, terms.underlying), account.shorts[event.contract], -event.quantity)
    _add_weight(account, event.contract, -event.quantity)


def _chain_entry(book: Book, short: ShortOption, day: int) -> ChainEntry:
    terms = option(short.contract)
    mode = book.week_modes.get(week_id(day), "")
    return ChainEntry(terms.right, short.delta_e2, terms.expiry - day, mode)


def note_delta(week: TickerWeek, short: ShortOption, contracts: int) -> None:
    """The delta at which an option was sold counts in the week of the sale and while it is open (protocol 11.3)."""
    if short.delta_e2 >= 0:
        week.delta_sum += short.delta_e2 * contracts
        week.delta_contracts += contracts


def _reopen(account: Account, wheel: Wheel, short: ShortOption) -> None:
    """An option booked as expired is there again, as it was; what its expiry did to the week is taken back."""
    terms = option(short.contract)
    premium, paid = premium_of(short.slices)
    short.pending_outcome = True
    short.counted = ""
    account.shorts[short.contract] = short
    if not wheel.chain_id:
        wheel.chain_id, wheel.chain_net = short.chain_id, premium - paid
    if week_id(terms.expiry) <= account.classified_week:
        short.counted = "P-EW" if terms.right == "P" else "C-PNO"
        return
    week = _week(account, terms.underlying)
    week.pnl -= premium - paid
    code = "P-EW" if terms.right == "P" else CALL_KEPT
    if WeekOutcome(code) in week.outcomes:
        week.outcomes.remove(WeekOutcome(code))


@on(e.PositionIncreased)
def _position_increased(book: Book, event: e.PositionIncreased, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.shorts[event.contract].slices.append(Slice(-event.quantity, event.price_e4, event.commission))
    short = account.shorts[event.contract]
    note_delta(_week(account, option(event.contract).underlying), short, -event.quantity)
    _add_weight(account, event.contract, -event.quantity)


@on(e.PositionReduced)
def _position_reduced(book: Book, event: e.PositionReduced, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    short = account.shorts.get(event.contract)
    if short is not None:
        _, short.slices = take_slices(short.slices, short.quantity + event.quantity)
        short.realised += event.pnl
    elif account.shares(event.contract) > event.quantity:
        day = new_york_day(envelope.recorded_at_us)
        _give_up(book, account, event.contract, account.shares(event.contract) - event.quantity, day)
    _realise(account, event.contract, event.pnl)


@on(e.PositionClosed)
def _position_closed(book: Book, event: e.PositionClosed, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    short = account.shorts.pop(event.contract, None)
    if short is None and account.shares(event.contract):
        basis = average_price(account, event.contract)
        day = new_york_day(envelope.recorded_at_us)
        _give_up(book, account, event.contract, account.shares(event.contract), day)
        if event.cause == "SOLD" and parse(event.contract) is None and event.session is not None:
            code = called_away_type(basis, event.price_e4, _bounds(book, account))
            _note_outcome(account, event.contract, event.session, code)
    _realise(account, event.contract, event.pnl)
    terms = parse(event.contract)
    if event.cause == "STOPPED" and terms is not None:
        _note_outcome(account, terms.underlying, event.session or terms.expiry, "P-DD")
    if event.cause != "BOUGHT_BACK" or terms is None or short is None:
        return
    pnl = short.realised + event.pnl
    if terms.right == "P":
        code = put_closed_type(terms.strike_e4, event.underlying_e4 or 0, pnl, _bounds(book, account))
    else:
        code = CALL_KEPT if pnl >= 0 else "C-XL"
    _note_outcome(account, terms.underlying, event.session or terms.expiry, code)


DEEP_PUT_E2 = 8000
GOOD_FAITH_KEPT = 32


def _give_up(book: Book, account: Account, contract: str, quantity: int, day: int) -> None:
    """Lots go, first in first out; those whose funds had not settled are counted (protocol 16.3 CR-05)."""
    settles = {lot.lot_id: lot.funds_settle for lot in account.lots}
    if any(settles[part.lot_id] > day for part in split_lots(account, contract, quantity)):
        book.good_faith.append(day)
        del book.good_faith[:-GOOD_FAITH_KEPT]
    take_lots(account, contract, quantity)


def _realise(account: Account, contract: str, pnl: int) -> None:
    """A result belongs to the week, and to the turn of the wheel where it is not of a long option."""
    ticker = ticker_of(contract)
    _week(account, ticker).pnl += pnl
    terms = parse(contract)
    wheel = account.wheels.get(ticker)
    if wheel is not None and wheel.chain_id and (terms is None or contract not in account.hedges):
        wheel.chain_result += pnl


@on(e.RollExecuted)
def _rolled(book: Book, event: e.RollExecuted, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    terms = option(event.contract)
    rolled = put_rolled_type(terms.strike_e4, event.underlying_e4, _bounds(book, account))
    code = "C-RO" if terms.right == "C" else rolled
    _note_outcome(account, terms.underlying, new_york_day(envelope.recorded_at_us), code)
    if terms.right == "C":
        up = option(event.new_contract).strike_e3 >= terms.strike_e3
        _week(account, terms.underlying).tags.append("UP" if up else "DOWN")


@on(e.OptionExpiredWorthless)
def _expired(book: Book, event: e.OptionExpiredWorthless, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    terms = option(event.contract)
    account.expired[event.contract] = account.shorts[event.contract]
    if account.type == "EXT":
        settle_options(book, event.contract, event.quantity)
    _note_outcome(account, terms.underlying, terms.expiry, CALL_KEPT if terms.right == "C" else "P-EW")


# --- notices ----------------------------------------------------------------------------------------------------


@on(e.OptionAssigned)
def _assigned(book: Book, event: e.OptionAssigned, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    _take_notice(book, event.notice_id)
    if account.type == "EXT":
        assign_options(book, event.contract, event.quantity)
    terms = option(event.contract)
    account.shorts[event.contract].counted = ""
    if event.early and week_id(event.outcome_session) > account.classified_week:
        _week(account, terms.underlying).tags.append("EARLY")
    code = put_assignment_type(terms.strike_e4, event.close_e4, _bounds(book, account))
    _note_outcome(account, terms.underlying, event.outcome_session, code)


@on(e.SharesCalledAway)
def _called_away(book: Book, event: e.SharesCalledAway, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    _take_notice(book, event.notice_id)
    if account.type == "EXT":
        assign_options(book, event.contract, event.quantity)
    terms = option(event.contract)
    account.shorts[event.contract].counted = ""
    price = event.close_e4 or terms.strike_e4
    code = called_away_type(average_price(account, terms.underlying), price, _bounds(book, account))
    _note_outcome(account, terms.underlying, event.outcome_session, code)
    wheel, shares = account.wheels[terms.underlying], account.shares(terms.underlying)
    if shares:
        wheel.chain_net -= wheel.chain_net * min(event.shares, shares) // shares
    _give_up(book, account, terms.underlying, event.shares, event.outcome_session)


def _take_notice(book: Book, notice_id: str) -> None:
    if notice_id not in book.notices:
        book.notices.append(notice_id)


def note_acquisition(book: Book, account: Account, lot_id: str, contract: str, quantity: int, day: int) -> None:
    """Shares and calls may replace some that were sold at a loss (protocol 4.4)."""
    terms = parse(contract)
    if terms is None or terms.right == "C":
        shares = quantity * (CONTRACT_MULTIPLIER if terms else 1)
        wash_sales.take_acquisition(
            book.wash, wash_sales.Acquisition(lot_id, account.account_id, ticker_of(contract), day, shares)
        )


@on(e.TaxLotOpened)
def _lot_opened(book: Book, event: e.TaxLotOpened, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    lot = Lot(event.lot_id, event.contract, event.quantity, event.acquired, event.basis, event.price_e4)
    lot.funds_settle = event.funds_settle or 0
    account.lots.append(lot)
    note_acquisition(book, account, event.lot_id, event.contract, event.quantity, event.acquired)


@on(e.PositionAdjusted)
def _position_adjusted(book: Book, event: e.PositionAdjusted, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    new, old = event.ratio_new, event.ratio_old
    short = account.shorts.pop(event.contract, None)
    if short is None:
        for lot in account.lots:
            if lot.contract == event.contract:
                lot.contract = event.new_contract
                lot.quantity, lot.price_e4 = after_split(lot, new, old)
        if event.new_contract == event.contract:
            identity = f"{event.contract}|{envelope.sequence}"
            wash_sales.take_split(book.wash, event.contract, new, old, identity)
        hedge = account.hedges.pop(event.contract, None)
        if hedge is not None:
            hedge.quantity = hedge.quantity * new // old
            account.hedges[event.new_contract] = hedge
        return
    short.p0_e4, short.atr_e6 = short.p0_e4 * old // new, short.atr_e6 * old // new
    account.shorts[event.new_contract] = short
    if event.new_contract == event.contract:  # not standard any more: as many contracts of another deliverable
        short.ratio_new, short.ratio_old = short.ratio_new * new, short.ratio_old * old
        return
    for hedge in account.hedges.values():
        if hedge.hedged == event.contract:
            hedge.hedged = event.new_contract
    short.original_credit_e4 = short.original_credit_e4 * old // new
    short.carried_e4 = short.carried_e4 * old // new
    short.contract, short.slices = event.new_contract, slices_after_split(short.slices, new, old)


@on(e.ExpiryDecisionMade)
def _expiry_decided(book: Book, event: e.ExpiryDecisionMade, envelope: e.Envelope) -> None:
    short = account_of(book, envelope).shorts[event.contract]
    short.expiry_action, short.pending_outcome = event.action, event.action == "AWAIT_NOTICE"
