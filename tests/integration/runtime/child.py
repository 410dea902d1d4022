"""One processor, or the projections, in a process of its own.

`python -m tests.integration.runtime.child KIND BOOTSTRAP NAMESPACE INSTANCE [DATABASE_URL SCHEMA]`
"""

import logging
import signal
import sys
import threading

from sqlalchemy import make_url

from gateways.broker.paper import PaperBroker
from infra.kafka.cluster import Cluster
from infra.postgres import Database
from infra.stream.contract import Processor
from processors.book import task
from processors.book.task import BookProcessor
from processors.market import MarketProcessor
from processors.runtime.kafka import run_processor
from projections.kafka import LiveReader
from tests.integration.runtime import relay


def main() -> None:
    """Run until SIGTERM."""
    kind, bootstrap, namespace, instance, *database = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    cluster = Cluster(bootstrap, namespace=namespace)
    processors: dict[str, Processor] = {
        "market": MarketProcessor(4, 4),
        "book": BookProcessor(),
        "relay": BookProcessor(),
        "book-by-steps": BookProcessor(),
        "paper-broker": PaperBroker(),
    }
    if kind == "relay":
        relay.install()
    if kind == "book-by-steps":
        task.TAKEN_MOST = 1
    stop = threading.Event()

    def finish(*_: object) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, finish)
    if kind == "projections":
        url, schema = database
        LiveReader(cluster, Database(make_url(url), schema), instance=instance).run(stop)
    else:
        run_processor(cluster, processors[kind], stop=stop, instance=instance)


if __name__ == "__main__":
    main()
