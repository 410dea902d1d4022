"""The garbage collector in processes that handle records by the million."""

import gc


def collect_rarely() -> None:
    """Let the collector run seldom; call it once a process, when what lives long has been made.

    A batch makes many objects that live for this batch and hold no cycles, yet each batch is enough of them to have the
    collector walk them several times: 30 to 40 % of a processor's time, measured (benchmarks/results/2026-11-22.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
