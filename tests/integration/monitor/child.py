"""The monitor in a process of its own, as `alluse up` starts it, with the webhook that the environment names.

`python -m tests.integration.monitor.child`, settings from the environment.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from alluse.monitoring import run_monitor
from infra.settings import load_settings


def main() -> None:
    """Run until SIGTERM; with the parent's end too."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    settings = load_settings()
    assert settings.kafka_bootstrap_servers is not None
    stop, parent = threading.Event(), os.getppid()

    def finish(*_: object) -> None:
        stop.set()

    def watch() -> None:
        while not stop.wait(0.5):
            if os.getppid() != parent:
                stop.set()

    def beat(_: Callable[[], dict[str, Any]]) -> None:
        threading.Thread(target=watch, daemon=True).start()

    signal.signal(signal.SIGTERM, finish)
    run_monitor(settings.cluster(settings.kafka_bootstrap_servers), settings, stop, beat)


if __name__ == "__main__":
    sys.exit(main())
