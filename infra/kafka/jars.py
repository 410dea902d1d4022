"""The broker's jars: fetched once by Maven from the pinned pom.xml, checked against jars.sha256 at every start."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UnavailableError
from infra.kafka.java import Java
from infra.processes import file_lock, require_disk, tail

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
# Where Debian and Fedora keep the machine's certificates in Java's form.
SYSTEM_TRUST = (Path("/etc/ssl/certs/java/cacerts"), Path("/etc/pki/ca-trust/extracted/java/cacerts"))
CHECKSUMS = HERE / "jars.sha256"

_log = logging.getLogger("alluse.kafka.jars")


@dataclass(frozen=True)
class Jars:
    """Verified jars: their folder, the class path in a fixed order, and a name for exactly this set of bytes."""

    folder: Path
    classpath: str
    fingerprint: str


def ensure_jars(cache: Path, java: Java, *, checksums: Path = CHECKSUMS) -> Jars:
    """The jars from `cache`, fetched by Maven if they are not there yet. Safe when several start at once.

    Raises UnavailableError `MAVEN_MISSING`, `KAFKA_JARS_UNAVAILABLE` (Maven could not fetch them), `KAFKA_JAR_CHECKSUM`
    (a jar is not the one that was committed), `DISK_FULL`.
    """
    expected = _read(checksums)
    fingerprint = hashlib.sha256(checksums.read_bytes()).hexdigest()[:16]
    folder = cache / "kafka" / f"jars-{fingerprint}"
    with file_lock(cache / "kafka" / "jars.lock", timeout_s=600, doing="fetching the jars of the Kafka broker"):
        if not folder.is_dir():
            require_disk(folder.parent, 300 << 20, purpose="Fetching the Kafka broker")
            draft = Path(tempfile.mkdtemp(prefix="jars-", dir=folder.parent))
            try:
                _fetch(draft, cache, java)
                _verify(draft, expected)
                draft.chmod(0o755)
                draft.rename(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        else:
            _verify(folder, expected)
    return Jars(folder, os.pathsep.join(str(folder / name) for name in expected), fingerprint)


def _read(checksums: Path) -> dict[str, str]:
    """File name to SHA-256, in the file's order (the class path's order)."""
    pairs = (line.split() for line in checksums.read_text().splitlines() if line)
    return {name: digest for digest, name in pairs}


def _verify(folder: Path, expected: dict[str, str]) -> None:
    for name, digest in expected.items():
        try:
            with (folder / name).open("rb") as jar:
                actual = hashlib.file_digest(jar, "sha256").hexdigest()
        except FileNotFoundError:
            actual = "missing"
        if actual != digest:
            raise UnavailableError(
                "KAFKA_JAR_CHECKSUM",
                f"{folder / name} is not the jar it must be: SHA-256 {actual}, expected {digest}.",
                f"Remove {folder} and run `make setup`; if it happens again, do not trust the source of the jars.",
            )


def _fetch(target: Path, cache: Path, java: Java) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError(
            "MAVEN_MISSING",
            "Maven (mvn) is not on the path; it fetches the Kafka broker.",
            "Debian: apt-get install maven; Fedora: dnf install maven; macOS: brew install maven. "
            "Or set KAFKA_BOOTSTRAP_SERVERS to a cluster that runs.",
        )
    log = cache / "kafka" / "maven.log"
    temporary = cache / "kafka" / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    home = Path.home()
    # Java takes the home folder from the user database, not from HOME: without these it would write there.
    options = f"-Duser.home={home} -Djava.io.tmpdir={temporary} -XX:-UsePerfData"
    if java.bundled and "trustStore" not in os.environ.get("MAVEN_OPTS", ""):
        # The wheel's Java does not know the certificates that were added to this machine.
        options += "".join(f" -Djavax.net.ssl.trustStore={path}" for path in SYSTEM_TRUST if path.is_file())
    environment = {
        **os.environ,
        "JAVA_HOME": str(java.home),
        "MAVEN_OPTS": f"{os.environ.get('MAVEN_OPTS', '')} {options}".strip(),
    }
    command = [
        maven,
        "--batch-mode",
        "--no-transfer-progress",
        f"-Dmaven.repo.local={cache / 'm2'}",
        f"--file={POM}",
        "dependency:copy-dependencies",
        f"-DoutputDirectory={target}",
    ]
    _log.info("fetching the jars of the Kafka broker by Maven (once, about 54 MB)")
    with log.open("w") as output:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        error = next((line for line in tail(log, 60).splitlines() if "ERROR" in line), "see the log")
        raise UnavailableError(
            "KAFKA_JARS_UNAVAILABLE",
            f"Maven could not fetch the jars of the Kafka broker: {error} (log {log}).",
            "Check the network and Maven's settings, then run `make setup` again.",
        )
