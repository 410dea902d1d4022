"""Figures, each beside a limit measured in the same run: `python -m benchmarks --help`, docs/benchmarks.md."""
