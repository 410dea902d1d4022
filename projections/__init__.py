"""The read side: Postgres read models made from the output topics (docs/decisions/0006-projections.md).

    log records ─► decode (Arrow) ─► mapping (pure: event ─► row changes) ─► fold ─► COPY ─► one upsert a table
                                                                                  offsets in the same transaction

Everything here can be thrown away and made again from the log (`projections.rebuild`); nothing here writes to the log.
"""
