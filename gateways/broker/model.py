"""The simulated broker's pure core: fed in order of event time, it reports; no clock, no randomness, no I/O.

Every report bears the time at which the broker acted plus the lookahead: reports are in order of time by construction.
What it does by itself (`schedule`) happens in `advance`, before anything else of the same time.
"""

from heapq import heappop, heappush
from json import dumps, loads

from domain.events import BrokerLinkRequested
from domain.inputs import (
    BrokerAssignment,
    BrokerCashActivity,
    BrokerLinked,
    BrokerPosition,
    BrokerSession,
    BrokerStatement,
    CorporateAction,
    DailyBar,
    SessionCalendar,
    TradingHalt,
)
from gateways.broker import settlement
from gateways.broker.account import PERMISSIONS, BrokerAccount
from gateways.broker.codes import MEANING, Refusal
from gateways.broker.desk import Desk
from gateways.broker.order import is_ticker, option_of
from gateways.broker.port import BrokerRejectError, Heartbeat
from gateways.broker.schedule import CLOSE, EOD, NIGHT, OPEN, PRE_OPEN, Due, Schedule

PAPER_PREFIX = "DU"


class PaperModel(Desk):
    """The simulated broker of one partition's books, behind the broker port."""

    def __init__(self, lookahead_us: int) -> None:
        super().__init__(lookahead_us, Schedule(lookahead_us))
        self.combinations = True
        self.actions: list[CorporateAction] = []
        """splits and dividends not yet in force"""
        self.market_changed = False
        """calendar or actions changed since the state was last written"""
        self.decisions: dict[str, int] = {}
        """scripted: contract to how many the holders exercise, whatever the close says"""
        self._connects: list[tuple[int, str]] = []

    # --- session ---------------------------------------------------------------------------------------------

    def connect(self, at_us: int, book: str, request: BrokerLinkRequested) -> None:
        """Open the account with its deposit and positions. A book that is linked gets the same answer, nothing else."""
        self.advance(at_us)
        self.connected = True
        if not request.broker_account.startswith(PAPER_PREFIX):
            code = Refusal.PAPER_ACCOUNT_REQUIRED
            reason = f"{code}: {MEANING[code]}"
            self.emit(lambda seq, t: BrokerSession(book, seq, t, False, reason), at_us)
            return
        account = self.accounts.get(book)
        if account is None:
            positions = {contract: n for contract, n in sorted(request.positions.items()) if n}
            account = BrokerAccount(book, request.broker_account, request.deposit, request.deposit, positions)
            account.connect_due_us = at_us + 1
            self.accounts[book] = account
            heappush(self._connects, (at_us + 1, book))
            self.changed.add(book)
        linked = account
        account_id, deposit, combinations = linked.broker_account, linked.deposit, self.combinations
        self.emit(lambda seq, t: BrokerLinked(book, seq, t, account_id, deposit, PERMISSIONS, combinations), at_us)

    def heartbeat(self) -> Heartbeat:
        """The session is up until `disconnect`."""
        return Heartbeat(self.connected, self.clock_us)

    def disconnect(self, at_us: int, reason: str) -> None:
        """End the session; working orders stay."""
        self.advance(at_us)
        self.connected = False
        for book in sorted(self.accounts):
            self.emit(lambda seq, t, book=book: BrokerSession(book, seq, t, False, reason), at_us)

    # --- notices and statements ------------------------------------------------------------------------------

    def option_exercise_notices(self, book: str, since_us: int) -> list[BrokerAssignment]:
        """Notices of the last five days."""
        return [notice for notice in self.account(book).notices if notice.time_us >= since_us]

    def corporate_actions(self) -> list[CorporateAction]:
        """Splits and dividends not yet in force."""
        return list(self.actions)

    def statements(self, book: str, day: int) -> BrokerStatement:
        """The account now, when `day` is the broker's day; older statements stand on the log."""
        account = self.account(book)
        calendar = self.schedule.calendar
        if calendar is None or calendar.day_of(self.clock_us) != day:
            raise BrokerRejectError(Refusal.NO_STATEMENT, MEANING[Refusal.NO_STATEMENT])
        return BrokerStatement(book, -1, self.clock_us, "INTRADAY", account.cash, account.lines())

    def _statement(self, account: BrokerAccount, occasion: str, at_us: int, session: int = 0) -> None:
        """Before the open of a session it shows what the splits of that session leave."""
        positions = account.positions
        for action in self.actions:
            if action.kind == "SPLIT" and action.ex_session <= session:
                positions = settlement.after_split(positions, action)
        lines = [BrokerPosition(contract, positions[contract]) for contract in sorted(positions)]
        cash = account.cash
        self.emit(lambda seq, t: BrokerStatement(account.book, seq, t, occasion, cash, lines), at_us)

    # --- market ----------------------------------------------------------------------------------------------

    def on_calendar(self, at_us: int, calendar: SessionCalendar) -> None:
        """Sessions become known; sessions already known do not change."""
        self.advance(at_us)
        if self.schedule.extend(calendar, self.clock_us):
            self.market_changed = True

    def on_action(self, at_us: int, action: CorporateAction) -> None:
        """A split or a dividend waits for the open of its session; one that comes late for the next open."""
        self.advance(at_us)
        self.actions.append(action)
        self.market_changed = True

    def on_halt(self, at_us: int, halt: TradingHalt) -> None:
        """Trading stops or goes on; what rests is executed against the next quote after it (protocol 6.2)."""
        self.advance(at_us)
        (self.halted.add if halt.halted else self.halted.discard)(halt.symbol)
        self.market_changed = True

    def on_bar(self, at_us: int, bar: DailyBar) -> None:
        """The official close of a session: kept for options that expire with it."""
        self.advance(at_us)
        if not bar.historical:
            self._note_close(bar.symbol, bar.session, bar.close_e4)

    def _note_close(self, symbol: str, session: int, close_e4: int) -> None:
        for book, account in self.accounts.items():
            if any(o.underlying == symbol for c in self._expired(account, session) if (o := option_of(c))):
                account.closes[symbol] = [session, close_e4]
                self.changed.add(book)

    def _expired(self, account: BrokerAccount, session: int) -> list[str]:
        return [
            contract
            for contract in account.positions
            if (option := option_of(contract)) and self.schedule.expired_by(option.expiry, session)
        ]

    # --- what happens by itself ------------------------------------------------------------------------------

    def advance(self, to_us: int) -> None:
        """Let everything due up to and including a time happen."""
        while True:
            head = self.schedule.head()
            connect = self._connects[0][0] if self._connects else None
            if connect is not None and connect <= to_us and (head is None or connect <= head.time_us):
                self._connected(*heappop(self._connects))
            elif head is not None and head.time_us <= to_us:
                self._do(self.schedule.pop())
            else:
                break
        self.clock_us = max(self.clock_us, to_us)

    def _connected(self, at_us: int, book: str) -> None:
        account = self.accounts[book]
        account.connect_due_us = 0
        self.changed.add(book)
        self._statement(account, "CONNECT", at_us)

    def _do(self, due: Due) -> None:
        self.clock_us = max(self.clock_us, due.time_us)
        if due.kind == OPEN:
            self._open(due)
            return
        if due.kind == CLOSE:
            self._close(due)
            return
        for book in sorted(self.accounts):
            account = self.accounts[book]
            if due.kind == PRE_OPEN:
                self._clean(account)
                self._statement(account, "PRE_OPEN", due.time_us, due.session)
            elif due.kind == EOD:
                self._statement(account, "EOD", due.time_us)
            elif due.kind == NIGHT:
                self._night(account, due)

    def _clean(self, account: BrokerAccount) -> None:
        """A new session: what is kept for questions about the last one may go."""
        if account.done or account.executions or account.notices or account.taken:
            account.done.clear()
            account.executions.clear()
            account.taken.clear()
            account.notices = [n for n in account.notices if n.time_us > self.clock_us - _NOTICES_KEPT_US]
            self.changed.add(account.book)

    def _close(self, due: Due) -> None:
        """Day orders expire; the session's last marks serve where no official close will come."""
        calendar = self.schedule.calendar
        opened = due.time_us if calendar is None else calendar.open_us(due.session)
        for book in sorted(self.accounts):
            account = self.accounts[book]
            for order in list(account.orders.values()):
                self.finish(account, order, "EXPIRED")
                self.status(due.time_us, book, order, "EXPIRED", Refusal.DAY_ORDER)
            for contract in self._expired(account, due.session):
                option = option_of(contract)
                last = self.board.last(option.underlying, opened) if option else None
                if option and last:
                    account.closes[option.underlying] = [due.session, last]
                    self.changed.add(book)

    def _night(self, account: BrokerAccount, due: Due) -> None:
        expired = self._expired(account, due.session)
        if not expired:
            return
        for outcome in settlement.settle(account, expired, self.decisions):
            if outcome.assigned:
                calendar = self.schedule.calendar
                session = calendar.session_on_or_before(outcome.expiry) if calendar else outcome.expiry
                self._notice(account, outcome.contract, outcome.assigned, session, due.time_us)
        account.closes.clear()
        self.changed.add(account.book)

    def _notice(self, account: BrokerAccount, contract: str, quantity: int, session: int, at_us: int) -> None:
        self.emit(
            lambda seq, t: BrokerAssignment(
                account.book, seq, t, f"{account.book}/{contract}/{session}", contract, quantity, session
            ),
            at_us,
        )
        notice = self.last_report
        assert isinstance(notice, BrokerAssignment)
        account.notices.append(notice)

    def assign_early(self, at_us: int, book: str, contract: str, quantity: int) -> None:
        """Scripted: holders exercise before the expiry. The outcome's session is the last one before the notice."""
        self.advance(at_us)
        account = self.account(book)
        option = option_of(contract)
        calendar = self.schedule.calendar
        if option is None or calendar is None or -account.positions.get(contract, 0) < quantity:
            raise BrokerRejectError(Refusal.NO_POSITION, f"{book} is not short {quantity} {contract}")
        day = calendar.day_of(at_us)
        over = calendar.is_session(day) and calendar.close_us(day) <= at_us
        session = day if over else calendar.previous_session(day)
        settlement.assign(account, contract, option, quantity)
        self._notice(account, contract, quantity, session, at_us)
        self.changed.add(book)

    def _open(self, due: Due) -> None:
        """Dividends are paid on the shares held before the open, then splits take effect."""
        actions = [action for action in self.actions if action.ex_session <= due.session]
        if not actions:
            return
        dividends = {(a.ex_session, a.symbol, a.dividend_e4) for a in actions if a.kind == "DIVIDEND"}
        paid: dict[tuple[int, str], int] = {}
        for session, symbol, dividend_e4 in sorted(dividends):
            paid[session, symbol] = paid.get((session, symbol), 0) + dividend_e4
        for book in sorted(self.accounts):
            for (session, symbol), dividend_e4 in paid.items():
                self._pay(self.accounts[book], session, symbol, dividend_e4, due.time_us)
        for action in actions:
            for book, account in self.accounts.items():
                if action.kind == "SPLIT" and settlement.split(account, action):
                    self.changed.add(book)
        self.actions = [action for action in self.actions if action.ex_session > due.session]
        self.market_changed = True

    def _pay(self, account: BrokerAccount, session: int, symbol: str, dividend_e4: int, at_us: int) -> None:
        book = account.book
        activity_id = f"{book}/{symbol}/DIVIDEND/{session}"
        amount = settlement.dividend(account, symbol, dividend_e4)
        if amount > 0 and account.book_cash(activity_id, amount):
            self.changed.add(book)
            self.emit(
                lambda seq, t: BrokerCashActivity(book, seq, t, activity_id, "DIVIDEND", amount, symbol, True), at_us
            )

    # --- what is to come -------------------------------------------------------------------------------------

    def next_report_us(self, unseen_us: int) -> int | None:
        """The earliest time that a report of what happens by itself will bear; `None` when the calendar cannot say.

        Market records of before `unseen_us` have been worked; a dividend may be announced in any later one.
        """
        times = [self._connects[0][0]] if self._connects else []
        for due in self.schedule.ahead():
            if (
                due.kind in {PRE_OPEN, EOD}
                or (due.kind == OPEN and self._may_pay(due, unseen_us))
                or (due.kind == CLOSE and (self.options or self.shares))
                or (due.kind == NIGHT and any(self._expired(a, due.session) for a in self.accounts.values()))
            ):
                times.append(due.time_us)
                break
        return min(times) + self.lookahead_us if times else None

    def _may_pay(self, due: Due, unseen_us: int) -> bool:
        held = {c for account in self.accounts.values() for c in account.positions if is_ticker(c)}
        known = {a.symbol for a in self.actions if a.kind == "DIVIDEND" and a.ex_session <= due.session}
        return bool(held) and (unseen_us < due.time_us or not held.isdisjoint(known))

    # --- state -----------------------------------------------------------------------------------------------

    def load_account(self, data: bytes) -> None:
        """An account as `BrokerAccount.dump` wrote it."""
        account = BrokerAccount.load(data)
        self.accounts[account.book] = account
        for order in account.orders.values():
            self.count(account, order, 1)
        if account.connect_due_us:
            heappush(self._connects, (account.connect_due_us, account.book))

    def dump_market(self) -> bytes:
        """Calendar, splits and dividends not yet in force, halts."""
        calendar = self.schedule.calendar
        source = None if calendar is None else calendar.source
        plain = {
            "calendar": None if source is None else {n: getattr(source, n) for n in source.__dataclass_fields__},
            "actions": [[getattr(a, name) for name in a.__dataclass_fields__] for a in self.actions],
            "halted": sorted(self.halted),
        }
        return dumps(plain, separators=(",", ":")).encode()

    def load_market(self, data: bytes) -> None:
        """What `dump_market` wrote. `clock_us` must be set before: what was due up to it has been done."""
        plain = loads(data)
        if plain["calendar"] is not None:
            self.schedule.extend(SessionCalendar(**plain["calendar"]), self.clock_us)
        self.actions = [CorporateAction(*row) for row in plain["actions"]]
        self.halted = set(plain.get("halted", ()))


_NOTICES_KEPT_US = 5 * 86_400_000_000
"""Over the longest weekend."""
