"""Makes logs of output topics by hand: journal entries with the events they caused, as records with offsets."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from domain import events as ev
from domain.commands import ImportedAccount
from domain.identity import canonical, entry_id, event_id, uuid5
from projections.batch import LogRecord
from schemas.codec import Codec

US = 1_000_000
DAY_US = 86_400 * US
START_US = 1_750_080_600 * US  # 2025-06-16 13:30 UTC, a Monday
START_DAY = START_US // DAY_US


class Log:
    """Output topics with the records that a book processor would have written."""

    def __init__(self, *, gaps: bool = True) -> None:
        self.codec = Codec.load()
        self.records: list[LogRecord] = []
        self._offsets: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._sequences: defaultdict[int, int] = defaultdict(int)
        self._versions: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._gap = 1 if gaps else 0  # a transaction's marker takes an offset

    def entry(
        self, book: str, *events: ev.Event, account: str | None = None, at_us: int = START_US, partition: int = 0
    ) -> list[str]:
        """One journal entry of a book and what it caused; returns the event ids."""
        sequence = self._sequences[partition]
        self._sequences[partition] += 1
        entry = entry_id(partition, sequence)
        ids: list[str] = []
        for ordinal, event in enumerate(events):
            name = type(event).__name__
            stream = _stream(event, account or book)
            self._versions[book, stream] += 1
            envelope = ev.Envelope(
                event_id=event_id(entry, ordinal),
                stream=stream,
                version=self._versions[book, stream],
                type=name,
                schema_version=1,
                occurred_at_us=at_us,
                recorded_at_us=at_us,
                system_id=book,
                account_id=account,
                actor_type="BOOK",
                actor_id=book,
                correlation_id=canonical(entry),
                causation_id=canonical(entry),
                idempotency_key="",
                config_version=1,
                partition=partition,
                sequence=sequence,
                ordinal=ordinal,
            )
            value = {"envelope": dataclasses.asdict(envelope), **dataclasses.asdict(event)}
            # The released schema decides: an event may have grown a field since.
            released = {field["name"] for field in self.codec.version(name).parsed()["fields"]}
            known = {field: value[field] for field in value if field in released}
            self.append(ev.TOPIC_OF[type(event)], partition, self.codec.encode(name, known))
            ids.append(envelope.event_id)
        for topic in {ev.TOPIC_OF[type(event)] for event in events}:
            self._offsets[topic, partition] += self._gap
        return ids

    def append(self, topic: str, partition: int, value: bytes | None) -> LogRecord:
        """Any record, broken ones too."""
        record = LogRecord(topic, partition, self._offsets[topic, partition], value)
        self._offsets[topic, partition] += 1
        self.records.append(record)
        return record


def _stream(event: ev.Event, owner: str) -> str:
    for field, prefix in (("order_id", "order"), ("position_id", "position"), ("approval_id", "approval")):
        if hasattr(event, field):
            return f"{prefix}-{getattr(event, field)}"
    return f"account-{owner}"


def order_id(name: str) -> str:
    """An id as the log has them, from any name."""
    return canonical(uuid5(b"order id of a test", name))


def found_book(log: Log, book: str, *, cash: int = 5_000_000_00, partition: int = 0, at_us: int = START_US) -> str:
    """A book with one funded GEN account; returns the account's id."""
    account = f"{book}-GEN-001"
    log.entry(
        book,
        ev.SystemCreated(cash, {"GEN": "40", "REV": "30", "COM": "30"}, "owner-1", "DU1"),
        ev.AccountOpened(account, "GEN", "ROOT", None, None, f"{book}-COM-001", "owner-1", START_DAY),
        partition=partition,
        at_us=at_us,
    )
    log.entry(
        book,
        ev.LedgerPosted("FUNDING", "deposit", [line(account, "CASH", cash), line(account, "EQUITY_BASE", -cash)], 0),
        ev.AccountFunded(cash, cash // 20, cash, cash),
        ev.AccountActivated("FUNDED"),
        account=account,
        partition=partition,
        at_us=at_us,
    )
    return account


def line(account: str, ledger_account: str, amount: int) -> ev.LedgerLine:
    """A line of a ledger entry, cents."""
    return ev.LedgerLine(account, ledger_account, amount)


def sell_put(
    log: Log,
    book: str,
    account: str,
    name: str,
    *,
    contract: str = "AAPL250620P00190000",
    quantity: int = 10,
    at_us: int = START_US,
    partition: int = 0,
    fills: Sequence[int] | None = None,
    price_e4: int = 25_000,
) -> str:
    """A put sold to open in as many executions as `fills` says; returns the order id."""
    order = order_id(name)
    where: dict[str, Any] = {"account": account, "partition": partition}
    ticker = contract[:4]
    log.entry(
        book,
        ev.TradeSignalGenerated(
            signal_id=f"signal-{name}",
            ticker=ticker,
            contract=contract,
            side="SELL",
            quantity=quantity,
            limit_e4=price_e4,
            floor_e4=price_e4 - 1000,
            ladder_e4=[price_e4 - 500],
            mid_e6=price_e4 * 100,
            reference_e4=1_900_000,
            delta_e2=4500,
            approval_id=None,
            reason="ENTRY",
        ),
        ev.OrderProposed(
            order,
            f"signal-{name}",
            account,
            contract,
            ticker,
            "SELL",
            "OPEN",
            quantity,
            price_e4,
            [price_e4 - 500],
            "ENTRY",
            "GEN",
            0,
            0,
        ),
        ev.OrderValidated(
            order, [ev.CheckResult("PT-01", "PASSED", "session open"), ev.CheckResult("PT-12", "NO_INPUT", "")]
        ),
        ev.OrderSubmitted(
            order, f"{book}/{account}/{order}", 1, contract, "SELL", "OPEN", quantity, price_e4, "DAY", 65 * quantity
        ),
        at_us=at_us,
        **where,
    )
    log.entry(book, ev.OrderAcknowledged(order, f"b-{name}", 1), at_us=at_us + US, **where)
    done = 0
    for number, part in enumerate(fills or (quantity,)):
        done += part
        complete = done == quantity
        cash = part * price_e4  # price_e4 / 1e4 * 100 shares * 100 cents
        position: ev.Event = (
            ev.PositionOpened(
                f"pos-{name}", contract, -part, price_e4, 1_950_000, 3_500_000, 65 * part, f"chain-{name}"
            )
            if number == 0
            else ev.PositionIncreased(f"pos-{name}", contract, -part, price_e4, 65 * part)
        )
        fill = ev.OrderFilled if complete else ev.OrderPartiallyFilled
        log.entry(
            book,
            fill(
                order,
                f"x-{name}-{number}",
                contract,
                "SELL",
                "OPEN",
                part,
                price_e4,
                65 * part,
                done,
                "FILLED" if complete else "PARTIALLY_FILLED",
                1_950_000,
            ),
            position,
            ev.LedgerPosted(
                "FILL",
                f"x-{name}-{number}",
                [
                    line(account, "CASH_UNSETTLED", cash),
                    line(account, "CASH", -65 * part),
                    line(account, "COMMISSIONS", 65 * part),
                    line(account, "PREMIUM_LIABILITY", -cash),
                ],
                START_DAY + 1,
            ),
            at_us=at_us + (2 + number) * US,
            **where,
        )
    return order


def expire_worthless(
    log: Log,
    book: str,
    account: str,
    name: str,
    *,
    contract: str,
    quantity: int,
    pnl: int,
    at_us: int,
    partition: int = 0,
) -> None:
    """The put of `sell_put` ends out of the money."""
    premium = quantity * 25_000
    log.entry(
        book,
        ev.OptionExpiredWorthless(contract, -quantity, premium, 1_960_000),
        ev.PositionClosed(f"pos-{name}", contract, 0, pnl, "EXPIRED"),
        ev.LedgerPosted(
            "EXPIRY",
            contract,
            [line(account, "PREMIUM_LIABILITY", premium), line(account, "REALISED_OPTION_PNL", -premium)],
            0,
        ),
        ev.TaxableEventRecorded(2025, "ST", pnl, contract, None, 0),
        ev.TaxReserveAdjusted(2025, pnl * 3 // 10, pnl * 3 // 10, pnl * 3 // 10),
        ev.LedgerPosted(
            "TAX_RESERVE",
            "2025",
            [line(account, "TAX_RESERVE", pnl * 3 // 10), line(account, "CASH", -(pnl * 3 // 10))],
            0,
        ),
        account=account,
        at_us=at_us,
        partition=partition,
    )


def mark(
    log: Log, book: str, account: str, *, nav: int, reserve: int, session: int, at_us: int, partition: int = 0
) -> None:
    """The EOD valuation."""
    log.entry(
        book,
        ev.PositionMarked(
            nav, nav - reserve, -12_345, nav, nav - 1_000_000_00, 1_900_000_00, reserve, nav // 20, session
        ),
        account=account,
        at_us=at_us,
        partition=partition,
    )


def week(log: Log, book: str, account: str, *, week_id: str, pnl: int, at_us: int, partition: int = 0) -> None:
    """Saturday: classification by ticker and account, reinvestment."""
    log.entry(
        book,
        ev.WeekClassified(week_id, "AAPL", "P-EW", "P-EW", "", 1_900_000_00, {}, pnl, 25_000_00, 1, 0, 0),
        ev.WeekClassified(
            week_id,
            None,
            "P-EW",
            "P-EW",
            "",
            1_900_000_00,
            {"P-EW": 1_900_000_00},
            pnl,
            25_000_00,
            1,
            50_000_000,
            35_000_000,
        ),
        ev.WeeklyReinvestmentApplied(5_000_000_00, 5_000_000_00 + pnl, week_id),
        account=account,
        at_us=at_us,
        partition=partition,
    )


def story(log: Log, book: str = "S001", *, weeks: int = 2, partition: int = 0) -> str:
    """Weeks of one book: sold puts that expire, an approval, restrictions, marks, week records. Returns the account."""
    account = found_book(log, book, partition=partition)
    where: dict[str, Any] = {"account": account, "partition": partition}
    for number in range(weeks):
        monday = START_US + number * 7 * DAY_US
        name = f"{book}-w{number}"
        contract = f"AAPL2506{20 + number % 9:02d}P00190000"
        approval = f"approval-{name}"
        log.entry(
            book,
            ev.EntryScanCompleted(
                START_DAY + number * 7,
                ["AAPL"],
                [ev.TickerRejection(ticker="MSFT", right="P", reason="NO_CHAIN", detail="no weekly")],
            ),
            ev.ApprovalRequested(
                approval,
                "PREMIUM_BELOW_GATE",
                "AAPL",
                {"premium": "0.9 %"},
                1,
                ["TRADER"],
                "",
                monday + 3600 * US,
                "deny",
            ),
            at_us=monday,
            **where,
        )
        log.entry(book, ev.ApprovalGranted(approval, "trader-1", "", True), at_us=monday + US, **where)
        sell_put(log, book, account, name, contract=contract, fills=(4, 6), at_us=monday + 2 * US, partition=partition)
        log.entry(
            book,
            ev.TradingModeRestricted("BUFFER", "NO_NEW_ENTRIES", "NO_NEW_ENTRIES"),
            at_us=monday + 60 * US,
            **where,
        )
        log.entry(book, ev.TradingModeRestrictionLifted("BUFFER", "NORMAL"), at_us=monday + 90 * US, **where)
        friday = monday + 4 * DAY_US + 23_400 * US
        expire_worthless(
            log, book, account, name, contract=contract, quantity=10, pnl=243_500, at_us=friday, partition=partition
        )
        mark(
            log,
            book,
            account,
            nav=500_250_000 + number,
            reserve=73_050,
            session=START_DAY + number * 7 + 4,
            at_us=friday,
            partition=partition,
        )
        week(log, book, account, week_id=f"2025W{25 + number}", pnl=243_500, at_us=friday + DAY_US, partition=partition)
    return account


def imported(account_id: str) -> ImportedAccount:
    """A sleeve of a book that is taken over, with nothing in it but cash."""
    return ImportedAccount(
        account_id, "GEN", "ROOT", None, None, 0, START_DAY, 100_00, 0, 0, 100_00, 100_00, [], [], []
    )
