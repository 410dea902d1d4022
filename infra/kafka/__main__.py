"""`python -m infra.kafka`: fetch and check what the local broker needs, so that nothing is downloaded after set-up."""

from __future__ import annotations

import os
import sys

from infra.errors import AllUseError
from infra.kafka.broker import ensure_class_archive
from infra.kafka.jars import ensure_jars
from infra.kafka.java import find_java
from infra.logs import configure_logs
from infra.settings import load_settings


def main() -> int:
    configure_logs("text")
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return 0
    try:
        cache = load_settings().cache
        java = find_java()
        ensure_class_archive(cache, java, ensure_jars(cache, java))
    except AllUseError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
