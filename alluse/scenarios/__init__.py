"""Scenario files (interface.md): given, when, then; played by the processors themselves, in memory or on Kafka.

`text` reads YAML with its lines, `model` and `loading` make a checked `Scenario` of it, `records` translates between
what people write and the scaled integers of the log, `stage` plays, `expecting` and `state_paths` compare.
"""
