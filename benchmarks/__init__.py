"""Figures, each beside a limit and a peer measured in the same run: `python -m benchmarks --help`, docs/benchmarks.md."""
