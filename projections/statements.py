"""The SQL that moves staged rows into their tables: one set-based statement a table, safe to repeat."""

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


def copy_into_staging(load: Load) -> sql.Composed:
    """COPY of a load."""
    columns = load.shape.columns if load.shape is not None else tuple(c.name for c in load.table.c)
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier("pg_temp", staging(load.table)), _names(columns)
    )


def move(load: Load, schema: str) -> sql.Composed:
    """From staging into the table."""
    match load.shape:
        case KeyedTable() as keyed:
            return _upsert(keyed, schema)
        case FactTable() as facts:
            return _insert(load.table, facts.columns, schema, facts.rollup)
        case None:
            return _insert(load.table, tuple(c.name for c in load.table.c), schema, None)


def _insert(table: Table, columns: tuple[str, ...], schema: str, rollup: Rollup | None) -> sql.Composed:
    """Facts that are there already are left alone; sums take what was really inserted."""
    insert = sql.SQL("INSERT INTO {target} ({columns}) SELECT {columns} FROM {staged} ON CONFLICT DO NOTHING").format(
        target=sql.Identifier(schema, table.name),
        columns=_names(columns),
        staged=sql.Identifier("pg_temp", staging(table)),
    )
    return insert if rollup is None else _with_rollup(insert, rollup, schema)


def _with_rollup(insert: sql.Composed, rollup: Rollup, schema: str) -> sql.Composed:
    latest = sql.SQL(", ").join(
        sql.SQL("(array_agg({c} ORDER BY sequence DESC, ordinal DESC))[1]").format(c=sql.Identifier(c))
        for c in PROVENANCE
    )
    return sql.SQL(
        "WITH fresh AS ({insert} RETURNING {by}, {amount}, {provenance}) "
        "INSERT INTO {target} AS t ({by}, {amount}, {provenance}) "
        "SELECT {by}, sum({amount}), {latest} FROM fresh GROUP BY {by} ORDER BY {by} "
        "ON CONFLICT ({by}) DO UPDATE SET {amount} = t.{amount} + excluded.{amount}, {set_provenance}"
    ).format(
        insert=insert,
        by=_names(rollup.by),
        amount=sql.Identifier(rollup.amount),
        provenance=_names(PROVENANCE),
        latest=latest,
        target=sql.Identifier(schema, rollup.table.name),
        set_provenance=_later_provenance(),
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
            "{c} = CASE WHEN (t.sequence, t.ordinal) < (excluded.sequence, excluded.ordinal) THEN excluded.{c} ELSE t.{c} END"
        ).format(c=sql.Identifier(c))
        for c in PROVENANCE
    )


def _names(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
