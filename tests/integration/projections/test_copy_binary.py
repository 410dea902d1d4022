"""Rows written as binary COPY come back from Postgres as they were."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from infra.postgres import Database
from projections.copy_binary import HEADER, TRAILER, RowFormat

COLUMNS: list[Column[Any]] = [
    Column("a", Integer),
    Column("b", Text),
    Column("c", BigInteger),
    Column("d", UUID(as_uuid=False)),
    Column("e", DateTime(timezone=True)),
    Column("f", JSONB),
    Column("g", Boolean),
    Column("h", Date),
]
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
ROW = st.tuples(
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | TEXT,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.uuids().map(str),
    st.none() | st.integers(-60_000_000_000_000_000, 200_000_000_000_000_000),
    st.none() | st.dictionaries(TEXT, st.none() | st.integers() | TEXT, max_size=3).map(json.dumps),
    st.none() | st.booleans(),
    st.none() | st.integers(-700_000, 2_900_000),
)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@settings(max_examples=40)
@given(rows=st.lists(ROW, min_size=1, max_size=20))
def test_rows_come_back_as_they_were(postgres: Database, rows: list[tuple[Any, ...]]) -> None:
    layout = RowFormat(COLUMNS)
    with psycopg.connect(postgres.conninfo) as pg:
        pg.execute(
            "CREATE TEMP TABLE t (n serial, a int, b text, c bigint, d uuid, e timestamptz, f jsonb, g boolean, h date)"
        )
        with pg.cursor() as cursor, cursor.copy("COPY t (a, b, c, d, e, f, g, h) FROM STDIN (FORMAT binary)") as copy:
            copy.write(HEADER)
            copy.write(layout.encode(layout.arrays(rows)))
            copy.write(TRAILER)
        found = pg.execute("SELECT a, b, c, d, e, f, g, h FROM t ORDER BY n").fetchall()
    for (a, b, c, d, e, f, g, h), row in zip(rows, found, strict=True):
        moment = None if e is None else EPOCH + dt.timedelta(microseconds=e)
        day = None if h is None else dt.date.fromordinal(719_163 + h)
        assert row == (a, b, c, uuid.UUID(d), moment, None if f is None else json.loads(f), g, day)


@pytest.mark.parametrize("wrong", ["", "not-a-uuid", "00000000-0000-0000-0000-00000000000g"])
def test_what_is_no_uuid_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        RowFormat([COLUMNS[3]]).encode([pa.array([wrong])])
