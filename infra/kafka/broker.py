"""A local Apache Kafka: one KRaft JVM on loopback, its data in a home folder, started once and attached to after that.

The broker outlives the program that started it (as `alluse up --detach` needs), so all that is known of it lies in its
folder: the ports (fixed for the life of the data, so that clients find it again), its process, its log.

    <home>/kafka/   ports.json  process.json  server.properties  broker.log  data/  tmp/  lock
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.errors import UnavailableError
from infra.kafka.jars import CHECKSUMS, Jars, ensure_jars
from infra.kafka.java import Java, find_java
from infra.processes import LocalServer, file_lock, require_disk, tail, write_atomically

_log = logging.getLogger("alluse.kafka.broker")

TEMPLATE = Path(__file__).with_name("server.properties.template")
# Below the range from which systems take the ports of outgoing connections, so that a stopped broker's port stays free.
PORTS = range(21000, 30000)
START_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Ports:
    """The broker's two loopback ports."""

    client: int
    controller: int


class LocalBroker(LocalServer):
    """One broker for one home folder.

    `cache` holds what is shared between homes: jars, class-data archive, Maven's repository. `heap_mb` bounds the heap.
    `jit`: `quick` (C1 only, up in the shortest time) or `full` (C1 and C2, for long throughput runs).
    """

    title = "local Kafka broker"
    stop_signal = signal.SIGTERM
    start_timeout_s = START_TIMEOUT_S

    def __init__(
        self,
        home: Path,
        cache: Path,
        *,
        heap_mb: int = 512,
        jit: Literal["quick", "full"] = "quick",
        checksums: Path = CHECKSUMS,
    ) -> None:
        super().__init__(home / "kafka", "broker.log")
        self.cache = cache.absolute()
        self._heap_mb = heap_mb
        self._jit = jit
        self._checksums = checksums

    # ------------------------------------------------------------------ what is known

    @property
    def bootstrap(self) -> str | None:
        """`host:port` of the broker, the same for the life of the data; None before the first start."""
        ports = self._ports()
        return f"127.0.0.1:{ports.client}" if ports else None

    # ------------------------------------------------------------------ start and stop

    def start(self) -> str:
        """Start the broker, or attach to the one that runs on this home; return its `host:port` when it answers.

        Raises UnavailableError: `JAVA_MISSING`, `MAVEN_MISSING`, `KAFKA_JARS_UNAVAILABLE`, `KAFKA_JAR_CHECKSUM`,
        `DISK_FULL`, `KAFKA_PORT_TAKEN`, `KAFKA_START_FAILED`, `HOME_BUSY`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if self.alive():
                return self._wait_ready()
            require_disk(self.folder, 512 << 20, purpose="The local Kafka broker")
            java = find_java()
            jars = ensure_jars(self.cache, java, checksums=self._checksums)
            archive = ensure_class_archive(self.cache, java, jars)
            flags = [f"-XX:SharedArchiveFile={archive}"] if archive else []
            return self._start(java, jars, flags)

    def attach(self) -> str:
        """The `host:port` of the broker that runs on this home. Raises UnavailableError `KAFKA_NOT_RUNNING`."""
        if not self.alive():
            raise UnavailableError(
                "KAFKA_NOT_RUNNING", f"No local Kafka broker runs on {self.folder}.", "Run `alluse up`."
            )
        return self._wait_ready()

    def record_classes(self, java: Java, jars: Jars, archive: Path) -> None:
        """Run a new broker once, in this home, and put the classes that it used into `archive`.

        A whole archive, not one on top of the runtime's own: the Java of the wheel has none.
        """
        self.folder.mkdir(parents=True)
        listed = self.folder / "classes.txt"
        try:
            _exercise(self._start(java, jars, [f"-XX:DumpLoadedClassList={listed}"]))
            self._end(signal.SIGTERM)
        finally:
            self._end(signal.SIGKILL)
        dump = ["-Xshare:dump", f"-XX:SharedClassListFile={listed}", f"-XX:SharedArchiveFile={archive}"]
        command = self._java(java, [*dump, "-Xmx512m", "-XX:+UseG1GC"], [])
        with self.log_file.open("ab") as output:
            environment = self._environment(jars)
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True)

    # ------------------------------------------------------------------ inside

    def _ports(self) -> Ports | None:
        try:
            noted = json.loads((self.folder / "ports.json").read_text())
        except FileNotFoundError:
            return None
        return Ports(noted["client"], noted["controller"])

    def _start(self, java: Java, jars: Jars, flags: list[str]) -> str:
        """Caller holds the lock. New ports are tried again when another process takes them first."""
        fixed = self._ports()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)  # native libraries that a killed broker unpacked there
        for attempt in range(5):
            ports = fixed or _free_ports()
            if fixed:
                _require_free(fixed, self.folder)
            self._write_properties(ports)
            self._format(java, jars, flags)
            write_atomically(
                self.folder / "ports.json", json.dumps({"client": ports.client, "controller": ports.controller})
            )
            try:
                self._launch(java, jars, flags)
                return self._wait_ready()
            except UnavailableError:
                self._end(signal.SIGKILL)
                taken = "Address already in use" in tail(self.log_file, 200)
                if fixed:
                    raise
                (self.folder / "ports.json").unlink()
                if not taken or attempt == 4:
                    raise
        raise AssertionError("unreachable: the last attempt raises")

    def _write_properties(self, ports: Ports) -> None:
        text = TEMPLATE.read_text()
        for name, value in {
            "port": ports.client,
            "controller_port": ports.controller,
            "data": self.folder / "data",
        }.items():
            text = text.replace("{" + name + "}", str(value))
        write_atomically(self.folder / "server.properties", text)

    def _format(self, java: Java, jars: Jars, flags: list[str]) -> None:
        """Format the data folder once, in a draft beside it: a start that dies here leaves nothing half formatted."""
        data = self.folder / "data"
        if data.is_dir():
            return
        draft = self.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        properties = self.folder / "format.properties"
        properties.write_text(
            (self.folder / "server.properties").read_text().replace(f"log.dirs={data}", f"log.dirs={draft}")
        )
        arguments = ["kafka.tools.StorageTool", "format", "--cluster-id", new_cluster_id(), "--config", str(properties)]
        with self.log_file.open("ab") as output:
            command = self._java(java, [*flags, "-Xmx128m", "-XX:+UseSerialGC"], arguments)
            done = subprocess.run(
                command,
                env=self._environment(jars),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        if done.returncode != 0:
            raise self._failed("could not format its data folder")
        properties.unlink()
        draft.rename(data)

    def _launch(self, java: Java, jars: Jars, flags: list[str]) -> None:
        heap = [f"-Xmx{self._heap_mb}m", "-Xms128m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"]
        jit = ["-XX:TieredStopAtLevel=1"] if self._jit == "quick" else []
        command = self._java(java, [*heap, *jit, *flags], ["kafka.Kafka", str(self.folder / "server.properties")])
        with contextlib.suppress(FileNotFoundError):
            if self.log_file.stat().st_size > 16 << 20:
                self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as output:
            child = subprocess.Popen(
                command,
                env=self._environment(jars),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal is for the program, which stops the broker in order
            )
        self._launched(child)
        self._started_here = True

    def _java(self, java: Java, options: list[str], arguments: list[str]) -> list[str]:
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        logging_options = [
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        ]
        return [
            str(java.binary),
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={temporary}",
            "-Djava.awt.headless=true",
            *logging_options,
            *options,
            *arguments,
        ]

    def _environment(self, jars: Jars) -> dict[str, str]:
        return {**os.environ, "CLASSPATH": jars.classpath}

    def _wait_ready(self) -> str:
        """Until the port answers a metadata request."""
        bootstrap = self.bootstrap
        assert bootstrap is not None
        client = AdminClient(
            {"bootstrap.servers": bootstrap, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 50, "log_level": 0}
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            last = time.monotonic() > deadline  # a machine that stood still has let it pass: the try after it decides
            try:
                if client.list_topics(timeout=0.3).brokers:
                    return bootstrap
            except KafkaException as error:
                if not self.alive():
                    raise self._failed("ended before it answered") from error
                if last:
                    raise self._failed(f"did not answer within {START_TIMEOUT_S:.0f} s") from error

    def _failed(self, what: str) -> UnavailableError:
        lines = tail(self.log_file, 200).splitlines() or ["its log is empty"]
        last = next((line for line in reversed(lines) if "ERROR" in line or "Exception" in line), lines[-1]).strip()
        return UnavailableError(
            "KAFKA_START_FAILED",
            f"The local Kafka broker {what}: {last} (log {self.log_file}).",
            "Read the log; `alluse doctor` checks ports, disk and memory.",
        )


def new_cluster_id() -> str:
    """A random id as Kafka writes it: 22 characters, the first no `-`, which its tool would take for an option."""
    while (cluster_id := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return cluster_id


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_ports() -> Ports:
    candidates = random.SystemRandom().sample(PORTS, 200)
    free = [port for port in candidates if _bindable(port)][:2]
    if len(free) < 2:
        raise UnavailableError(
            "KAFKA_PORT_TAKEN",
            f"No free loopback port was found between {PORTS.start} and {PORTS.stop}.",
            "End what listens on them.",
        )
    return Ports(*free)


_PORT_WAIT_S = 5.0
"""A broker that was killed may hold its port for a moment longer than its process is seen."""


def _require_free(ports: Ports, folder: Path) -> None:
    deadline = time.monotonic() + _PORT_WAIT_S
    for port in (ports.client, ports.controller):
        while not _bindable(port) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not _bindable(port):
            raise UnavailableError(
                "KAFKA_PORT_TAKEN",
                f"Port {port} of the local Kafka broker is in use by another process.",
                f"End that process, or remove {folder / 'ports.json'} for new ports (clients must then start again).",
            )


def ensure_class_archive(cache: Path, java: Java, jars: Jars) -> Path | None:
    """The class-data archive for this Java and these jars, made once from what a broker loads when it is used.

    It takes the broker's start from 3 s to under 1 s. A broker without it is slower and no less right, so a failure to
    make it is a warning, and is noted beside where it would be, so that not every start tries again.
    """
    archive = cache / "kafka" / f"classes-{jars.fingerprint}-java{java.version}.jsa"
    failure = archive.with_suffix(".failed")
    with file_lock(cache / "kafka" / "classes.lock", timeout_s=180, doing="making the class-data archive of Kafka"):
        if archive.is_file():
            return archive
        if failure.is_file():
            return None
        _log.info("making the class-data archive of the Kafka broker (once, about 10 s)")
        scratch = cache / "kafka" / f"scratch-{uuid.uuid4().hex[:8]}"
        draft = scratch / "classes.jsa"
        try:
            LocalBroker(scratch, cache).record_classes(java, jars, draft)
            draft.replace(archive)
        except (UnavailableError, KafkaException, OSError, subprocess.CalledProcessError) as error:
            failure.write_text(str(error))
            _log.warning("no class-data archive, the local Kafka broker starts more slowly: %s", failure)
            return None
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return archive


def _exercise(bootstrap: str) -> None:
    """Use what every run uses, so that its classes are in the archive."""
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import NewTopic

    admin = AdminClient({"bootstrap.servers": bootstrap})  # kept in a name: its futures end with it
    for future in admin.create_topics([NewTopic("rehearsal", 4, 1)]).values():
        future.result(30)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "rehearsal", "group.protocol": "consumer"})
    consumer.subscribe(["rehearsal"])
    consumer.poll(1.0)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "rehearsal", "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce("rehearsal", b"x")
    producer.send_offsets_to_transaction(
        consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 10
    )
    producer.commit_transaction(30)
    consumer.poll(1.0)
    consumer.close()
