"""The SQL that brings rows into their tables.

Facts that were certainly never written go straight into their table; sums beside them are added. Otherwise, and for
keyed tables always: COPY into staging and one set-based statement a table, safe to repeat.
"""

from collections.abc import Sequence

from psycopg import sql
from sqlalchemy import Table

from projections.fold import Load
from projections.tables.shape import PROVENANCE, FactTable, KeyedTable, Rollup


def staging(table: Table) -> str:
    """Name of a table's staging table; temporary, so it belongs to the session and is never logged."""
    return f"staged_{table.name}"


def create_staging(table: Table, schema: str) -> sql.Composed:
    """An empty staging table with the columns of the real one."""
    return sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {})").format(
        sql.Identifier(staging(table)), sql.Identifier(schema, table.name)
    )


def copy_into(schema: str, table: str, columns: Sequence[str]) -> sql.Composed:
    """COPY with these columns."""
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(schema, table), _names(columns))


def move(load: Load, schema: str) -> sql.Composed:
    """From staging into the table."""
    if isinstance(load.shape, KeyedTable):
        return _upsert(load.shape, schema)
    insert = sql.SQL("INSERT INTO {target} ({columns}) SELECT {columns} FROM {staged} ON CONFLICT DO NOTHING").format(
        target=sql.Identifier(schema, load.table.name),
        columns=_names(load.columns),
        staged=sql.Identifier("pg_temp", staging(load.table)),
    )
    rollup = load.shape.rollup if isinstance(load.shape, FactTable) else None
    return insert if rollup is None else _with_rollup(insert, rollup, schema)


def add_sums(rollup: Rollup, schema: str) -> sql.Composed:
    """From the rollup's staging table into the rollup."""
    return sql.SQL("INSERT INTO {target} AS t ({columns}) SELECT {columns} FROM {staged} {on_conflict}").format(
        target=sql.Identifier(schema, rollup.table.name),
        columns=_names(rollup.columns),
        staged=sql.Identifier("pg_temp", staging(rollup.table)),
        on_conflict=_add_to_sums(rollup),
    )


def _with_rollup(insert: sql.Composed, rollup: Rollup, schema: str) -> sql.Composed:
    """Sums take what was really inserted."""
    latest = sql.SQL(", ").join(
        sql.SQL("(array_agg({c} ORDER BY sequence DESC, ordinal DESC))[1]").format(c=sql.Identifier(c))
        for c in PROVENANCE
    )
    return sql.SQL(
        "WITH fresh AS ({insert} RETURNING {columns}) "
        "INSERT INTO {target} AS t ({columns}) SELECT {by}, sum({amount}), {latest} FROM fresh "
        "GROUP BY {by} ORDER BY {by} {on_conflict}"
    ).format(
        insert=insert,
        columns=_names(rollup.columns),
        by=_names(rollup.by),
        amount=sql.Identifier(rollup.amount),
        latest=latest,
        target=sql.Identifier(schema, rollup.table.name),
        on_conflict=_add_to_sums(rollup),
    )


def _add_to_sums(rollup: Rollup) -> sql.Composed:
    return sql.SQL("ON CONFLICT ({by}) DO UPDATE SET {amount} = t.{amount} + excluded.{amount}, {provenance}").format(
        by=_names(rollup.by), amount=sql.Identifier(rollup.amount), provenance=_later_provenance()
    )


def _upsert(keyed: KeyedTable, schema: str) -> sql.Composed:
    """Each facet is overwritten by a later event alone; a row that learns nothing new is not touched."""
    newer: dict[str, sql.Composed] = {}
    sets: list[sql.Composable] = []
    for facet, columns in keyed.facets.items():
        guards = keyed.guards[facet]
        newer[facet] = sql.SQL(
            "(excluded.{s} IS NOT NULL AND (t.{s} IS NULL OR (t.{s}, t.{o}) < (excluded.{s}, excluded.{o})))"
        ).format(s=sql.Identifier(guards[0]), o=sql.Identifier(guards[1]))
        sets += [
            sql.SQL("{c} = CASE WHEN {newer} THEN excluded.{c} ELSE t.{c} END").format(
                c=sql.Identifier(c), newer=newer[facet]
            )
            for c in (*columns, *guards)
        ]
    sets.append(_later_provenance())
    return sql.SQL(
        "INSERT INTO {target} AS t ({columns}) SELECT {columns} FROM {staged} "
        "ON CONFLICT ({key}) DO UPDATE SET {sets} WHERE {any_newer}"
    ).format(
        target=sql.Identifier(schema, keyed.name),
        columns=_names(keyed.columns),
        staged=sql.Identifier("pg_temp", staging(keyed.table)),
        key=_names(keyed.key),
        sets=sql.SQL(", ").join(sets),
        any_newer=sql.SQL(" OR ").join(newer.values()),
    )


def _later_provenance() -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL(
            "{c} = CASE WHEN (t.sequence, t.ordinal) < (excluded.sequence, excluded.ordinal) "
            "THEN excluded.{c} ELSE t.{c} END"
        ).format(c=sql.Identifier(c))
        for c in PROVENANCE
    )


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
