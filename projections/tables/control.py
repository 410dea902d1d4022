"""What stands in the schema that readers use beside the views: generations, offsets, dead records."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, LargeBinary, MetaData, Table, Text, func, text

CONTROL = MetaData(naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"})

GENERATIONS = Table(
    "generations",
    CONTROL,
    Column("projection", Text, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False, comment="BUILDING, LIVE or OLD"),
    Column("schema_name", Text, nullable=False, comment="the Postgres schema of its tables"),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("live_at", DateTime(timezone=True)),
)
Index("uq_generations_live", GENERATIONS.c.projection, unique=True, postgresql_where=text("state = 'LIVE'"))

OFFSETS = Table(
    "projection_offsets",
    CONTROL,
    Column("projection", Text, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False, comment="the next record to read"),
    Column("epoch", BigInteger, nullable=False, comment="counts the owners; only the last one may write"),
    Column("event_time", DateTime(timezone=True), comment="latest recorded_at among its events"),
    Column("advanced_at", DateTime(timezone=True), comment="when next_offset last moved (wall clock)"),
    Column("owner", Text, nullable=False, comment="who claimed it: the application_name of its sessions"),
)

DEAD_RECORDS = Table(
    "dead_records",
    CONTROL,
    Column("projection", Text, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("record_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("error_code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("value", LargeBinary, comment="the record's bytes as they were read"),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
