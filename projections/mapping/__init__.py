"""From events to row changes: one pure function an event, in files by subject; `registry` knows them all."""
