"""One processor in a process of its own: `python -m tests.integration.runtime.child KIND BOOTSTRAP NAMESPACE
INSTANCE`."""

import logging
import signal
import sys
import threading

from gateways.broker.paper import PaperBroker
from infra.kafka.cluster import Cluster
from infra.stream.contract import Processor
from processors.book.task import BookProcessor
from processors.market import MarketProcessor
from processors.runtime.kafka import run_processor


def main() -> None:
    """Run until SIGTERM."""
    kind, bootstrap, namespace, instance = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    processors: dict[str, Processor] = {
        "market": MarketProcessor(4, 4),
        "book": BookProcessor(),
        "paper-broker": PaperBroker(),
    }
    stop = threading.Event()

    def finish(*_: object) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, finish)
    run_processor(Cluster(bootstrap, namespace=namespace), processors[kind], stop=stop, instance=instance)


if __name__ == "__main__":
    main()
