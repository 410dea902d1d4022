"""Brings the loads of a batch into the tables, inside the caller's transaction."""

from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow
from sqlalchemy import Table

from projections.copy_binary import HEADER, TRAILER
from projections.fold import Load
from projections.statements import add_sums, copy_into, create_staging, move, staging
from projections.tables.shape import FactTable, KeyedTable

Pg = Connection[TupleRow]


class Loader:
    """Loads tables of one generation over one session, whose temporary staging tables it keeps for the next batch.

    `committed` and `rolled_back` tell it what became of the transaction.
    """

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._staged: set[str] = set()
        self._new: set[str] = set()

    def load(self, pg: Pg, load: Load, *, fresh: bool) -> None:
        """Write a load. `fresh`: none of its events was written before, as far as the offsets tell; if an event stands
        in the log twice all the same, the keys say so and the load takes the long way."""
        if not load.rows:
            return
        if fresh and not isinstance(load.shape, KeyedTable):
            try:
                with pg.transaction():
                    self._copy(pg, self.schema, load.table.name, load.columns, load.body)
                    self._add_sums(pg, load)
            except errors.UniqueViolation:
                pass
            else:
                return
        self._stage(pg, load.table, load.columns, load.body)
        pg.execute(move(load, self.schema))

    def committed(self) -> None:
        """The staging tables made meanwhile are there to stay."""
        self._staged |= self._new
        self._new = set()

    def rolled_back(self) -> None:
        """They are gone."""
        self._new = set()

    def _add_sums(self, pg: Pg, load: Load) -> None:
        rollup = load.shape.rollup if isinstance(load.shape, FactTable) else None
        if rollup is not None:
            self._stage(pg, rollup.table, rollup.columns, load.sums)
            pg.execute(add_sums(rollup, self.schema))

    def _stage(self, pg: Pg, table: Table, columns: tuple[str, ...], body: bytes) -> None:
        name = staging(table)
        if name not in self._staged:
            pg.execute(create_staging(table, self.schema))
            self._new.add(name)
        pg.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier("pg_temp", name)))
        self._copy(pg, "pg_temp", name, columns, body)

    def _copy(self, pg: Pg, schema: str, table: str, columns: tuple[str, ...], body: bytes) -> None:
        with pg.cursor() as cursor, cursor.copy(copy_into(schema, table, columns)) as copy:
            copy.write(HEADER)
            copy.write(body)
            copy.write(TRAILER)
