"""Helpers that tests of several levels share."""
