"""What the command line and the web ask of the read models.

Rows are dicts for people and JSON: money and prices as text with a decimal point, times ISO-8601 UTC, days ISO dates.
Each row has the event it came from (`event_id`, `partition`, `sequence`, `ordinal`).
"""

import datetime as dt
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, cast

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from infra.postgres import Database
from projections.catalogue import SHAPED
from projections.errors import DatabaseUnavailableError
from projections.generations import missing
from projections.tables.shape import KeyedTable

Rows = list[dict[str, Any]]

_SCALES = {"_cents": 2, "_e4": 4, "_e3": 3, "_e6": 6, "_e10": 10, "_e2": 2}


class ReadModels:
    """Questions to the read models of one log. Every method raises ReadModelsMissingError when there are none yet and
    DatabaseUnavailableError when Postgres does not answer. `account` narrows to one account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def books(self) -> Rows:
        """All books: origin, broker link, configuration version, whether parked."""
        return self._select("books", None, None, "book", hide=_guards("books"))

    def accounts(self, book: str, account: str | None = None) -> Rows:
        """Accounts with cash, reserve, nav, corpus, restrictions."""
        return self._select("accounts", book, account, "account_id")

    def positions(self, book: str, account: str | None = None, *, open_only: bool = False) -> Rows:
        """Positions, closed ones too, in the order they were opened."""
        where = sql.SQL("state = 'OPEN'") if open_only else None
        return self._select("positions", book, account, "opened_at, position_id, turn", where=where)

    def lots(self, book: str, account: str | None = None) -> Rows:
        """Tax lots with what was realised on them."""
        return self._select("lots", book, account, "acquired_day, lot_id")

    def orders(self, book: str, account: str | None = None, *, state: str | None = None) -> Rows:
        """Orders with state, limits, quantity filled, average price."""
        where = None if state is None else sql.SQL("state = {}").format(sql.Literal(state))
        return self._select("orders", book, account, "proposed_at, order_id", where=where)

    def fills(self, book: str, account: str | None = None) -> Rows:
        """Executions, expiries, assignments, called-away shares."""
        return self._select("fills", book, account, "sequence, ordinal")

    def ledger(self, book: str, account: str | None = None) -> Rows:
        """Ledger lines in journal order."""
        return self._select("ledger_entries", book, account, "sequence, ordinal, line")

    def balances(self, book: str, account: str | None = None) -> Rows:
        """Sum of each ledger account."""
        return self._select("ledger_balances", book, account, "account_id, ledger_account")

    def pnl(self, book: str, account: str | None = None) -> Rows:
        """Results by account, contract and session; TRADE and TAXABLE are two views of the same money."""
        return self._select("pnl", book, account, "session_day, account_id, kind, contract")

    def weeks(self, book: str, account: str | None = None) -> Rows:
        """Week records; the account-week has an empty ticker."""
        return self._select("weeks", book, account, "week_id, account_id, ticker", hide=_guards("weeks"))

    def week_matrix(self, book: str, account: str | None = None) -> Rows:
        """How the weeks of each type have turned out: the row of a type has an empty slice."""
        order = "account_id, primary_type, slice, value"
        return self._select("week_matrix", book, account, order, hide=_guards("week_matrix"))

    def rule_candidates(self, book: str) -> Rows:
        """Rules that the quarterly reviews have found."""
        return self._select("rule_candidates", book, None, "sequence, ordinal")

    def parameter_proposals(self, book: str) -> Rows:
        """What the quarterly reviews have proposed, and what was decided."""
        return self._select("parameter_proposals", book, None, "proposed_at", hide=_guards("parameter_proposals"))

    def equity(self, book: str, account: str | None = None) -> Rows:
        """The equity curve: a row an account and session."""
        return self._select("equity", book, account, "session_day, account_id")

    def approvals(self, book: str, account: str | None = None, *, pending_only: bool = False) -> Rows:
        """Approval requests and what became of them."""
        where = sql.SQL("state = 'PENDING'") if pending_only else None
        return self._select("approvals", book, account, "requested_at, approval_id", where=where)

    def alerts(self, book: str, account: str | None = None) -> Rows:
        """Alerts in journal order."""
        return self._select("alerts", book, account, "sequence, ordinal")

    def signals(self, book: str, account: str | None = None) -> Rows:
        """Decisions to trade."""
        return self._select("signals", book, account, "sequence, ordinal")

    def skips(self, book: str, account: str | None = None) -> Rows:
        """Entries and rolls that were not made, with the reason code."""
        return self._select("skips", book, account, "sequence, ordinal, line")

    def levels(self, book: str, account: str | None = None) -> Rows:
        """Protocol level of every open short put and package of shares, with what it was measured by."""
        return self._select("levels", book, account, "account_id, ticker, contract")

    def level_changes(self, book: str, account: str | None = None) -> Rows:
        """Every change of a level."""
        return self._select("level_changes", book, account, "sequence, ordinal, line")

    def scripts(self, book: str, account: str | None = None) -> Rows:
        """Action scripts with the steps that were carried out."""
        return self._select("scripts", book, account, "generated_at, script_id")

    def breakers(self, book: str) -> Rows:
        """Circuit breakers that tripped at least once, and whether they are open."""
        return self._select("breakers", book, None, "breaker, scope", hide=_guards("breakers"))

    def rolls(self, book: str, account: str | None = None) -> Rows:
        """Rolls proposed and executed."""
        return self._select("rolls", book, account, "sequence, ordinal")

    def exits(self, book: str, account: str | None = None) -> Rows:
        """Stop-loss exits: triggered, executed, failed."""
        return self._select("exits", book, account, "sequence, ordinal")

    def hedges(self, book: str, account: str | None = None) -> Rows:
        """Long puts that protect, open and released."""
        return self._select("hedges", book, account, "account_id, contract", hide=_guards("hedges"))

    def lifecycle(self, book: str, account: str | None = None, *, kind: str | None = None) -> Rows:
        """Forks, merges, reinvestments, withdrawals, contributions, transfers, each in its latest state."""
        where = None if kind is None else sql.SQL("kind = {}").format(sql.Literal(kind))
        return self._select("lifecycle", book, account, "sequence, ordinal, kind", where=where)

    def forks(self, book: str, account: str | None = None) -> Rows:
        """Forks, and how far their groups have come towards a merge."""
        return self._select("forks", book, account, "fork_id", hide=_guards("forks"))

    def merges(self, book: str) -> Rows:
        """Merges of fork groups."""
        return self._select("merges", book, None, "merge_id", hide=_guards("merges"))

    def transfers(self, book: str, account: str | None = None) -> Rows:
        """Capital that moved between accounts, systems and the outside."""
        return self._select("transfers", book, account, "sequence, ordinal", hide=_guards("transfers"))

    def withdrawals(self, book: str, account: str | None = None) -> Rows:
        """Withdrawals: requested, approved, rejected, paid."""
        return self._select("withdrawals", book, account, "requested_at", hide=_guards("withdrawals"))

    def reinvestments(self, book: str, account: str | None = None) -> Rows:
        """Quarterly runs: figures, purchases, what was spent and carried."""
        return self._select("reinvestments", book, account, "quarter, account_id", hide=_guards("reinvestments"))

    def wash_sales(self, book: str, account: str | None = None) -> Rows:
        """Losses disallowed, and where they went."""
        return self._select("wash_sales", book, account, "sequence, ordinal")

    def predictions(self, book: str, account: str | None = None) -> Rows:
        """What was predicted for a week, what came, and the score."""
        return self._select("predictions", book, account, "week_id, account_id, ticker", hide=_guards("predictions"))

    def instructions(self, book: str, account: str | None = None) -> Rows:
        """Instructions of clients; their orders have the instruction's id as reference."""
        return self._select("instructions", book, account, "sequence, ordinal", hide=_guards("instructions"))

    def strategies(self, book: str, account: str | None = None) -> Rows:
        """Clients' strategies: what was told about them, and when they were used last."""
        return self._select("strategies", book, account, "starlab_strategy_id", hide=_guards("strategies"))

    def tax_years(self, book: str, account: str | None = None) -> Rows:
        """Estimated tax and reserve by year. Estimates, not advice."""
        rows = self._select("tax_years", book, account, "account_id, year", hide=_guards("tax_years"))
        return [row | {"year": int(row["year"])} for row in rows]

    def events(
        self,
        book: str,
        account: str | None = None,
        *,
        type_: str | None = None,
        stream: str | None = None,
        from_: dt.datetime | None = None,
        to: dt.datetime | None = None,
        limit: int = 1000,
    ) -> Rows:
        """The event history, oldest first; `stream` such as `order-<id>` gives one order's life."""
        conditions: list[sql.Composable] = []
        for test, value in (
            (sql.SQL("type = {}"), type_),
            (sql.SQL("stream = {}"), stream),
            (sql.SQL("recorded_at >= {}"), from_),
            (sql.SQL("recorded_at < {}"), to),
        ):
            if value is not None:
                conditions.append(test.format(sql.Literal(value)))
        where = sql.SQL(" AND ").join(conditions) if conditions else None
        return self._select("events", book, account, "sequence, ordinal", where=where, limit=limit)

    def progress(self) -> Rows:
        """How far each projection is, a row a partition: next offset, event time, when it last advanced."""
        return self._select("projection_offsets", None, None, "projection, generation, topic, partition")

    def dead_records(self) -> Rows:
        """Records that a projection could not use; their bytes are kept beside."""
        return self._select("dead_records", None, None, "topic, partition, record_offset", hide=("value",))

    # ------------------------------------------------------------------ inside

    def _select(
        self,
        relation: str,
        book: str | None,
        account: str | None,
        order: str,
        *,
        where: sql.Composable | None = None,
        hide: Sequence[str] = (),
        limit: int | None = None,
    ) -> Rows:
        conditions: list[sql.Composable] = [] if where is None else [where]
        for column, value in (("book", book), ("account_id", account)):
            if value is not None:
                conditions.append(sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value)))
        query = sql.SQL("SELECT * FROM {} ").format(sql.Identifier(self._database.schema, relation))
        if conditions:
            query += sql.SQL("WHERE ") + sql.SQL(" AND ").join(conditions)
        names = [sql.Identifier(name) for name in order.split(", ")]
        query += sql.SQL(" ORDER BY ") + sql.SQL(", ").join(names)
        if limit is not None:
            query += sql.SQL(" LIMIT {}").format(sql.Literal(limit))
        with self._asked() as cursor:
            found = cursor.execute(query).fetchall()
        return [_shown(row, hide) for row in found]

    @contextmanager
    def _asked(self) -> Generator[psycopg.Cursor[dict[str, Any]]]:
        try:
            with psycopg.connect(self._database.conninfo, connect_timeout=5, application_name="alluse query") as pg:
                pg.read_only = True
                yield pg.cursor(row_factory=dict_row)
        except (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn) as error:
            raise missing(self._database.schema) from error
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(
                "POSTGRES_UNREACHABLE",
                f"PostgreSQL does not answer: {(str(error).strip() or 'connection lost').splitlines()[0]}.",
                "Check DATABASE_URL, or unset it to use the embedded server; `alluse up` starts it.",
            ) from error


def scaled(value: int, digits: int) -> str:
    """A scaled integer as decimal text: at least two places, more where they are not zero."""
    text = f"{Decimal(value).scaleb(-digits):.{digits}f}"
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def _shown(row: dict[str, Any], hide: Sequence[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name in hide:
            continue
        suffix = next((s for s in _SCALES if name.endswith(s)), None)
        if suffix is not None:
            name = name.removesuffix(suffix)
        shown[name] = _cell(value, None if suffix is None else _SCALES[suffix])
    return shown


def _cell(value: Any, digits: int | None) -> Any:
    match value:
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        case dt.date():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
        case int() if digits is not None:
            return scaled(value, digits)
        case list() if digits is not None:
            return [_cell(member, digits) for member in cast(list[Any], value)]
        case list():
            return [_member(member) for member in cast(list[Any], value)]
        case dict() if digits is not None:
            return {name: _cell(member, digits) for name, member in cast(dict[str, Any], value).items()}
        case _:
            return value


def _member(value: Any) -> Any:
    """Of a list of records each is shown as a row is."""
    return _shown(cast(dict[str, Any], value), ()) if isinstance(value, dict) else value


def _guards(relation: str) -> tuple[str, ...]:
    """Columns that only the upsert needs."""
    table = next(s for s in SHAPED if s.name == relation)
    assert isinstance(table, KeyedTable)
    return tuple(guard for pair in table.guards.values() for guard in pair)
