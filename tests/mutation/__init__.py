"""Mutation of `domain/`: would a test fail if a rule were another? `python -m tests.mutation --help`."""
