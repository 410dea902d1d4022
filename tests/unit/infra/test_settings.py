from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.errors import RequestError
from infra.settings import CHECKOUT, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("KAFKA_", "ALLUSE_", "OTEL_")) or name in ("DATABASE_URL", "SCHEMA_REGISTRY_URL"):
            monkeypatch.delenv(name)
    empty = tmp_path / "none.toml"
    empty.write_text("")
    monkeypatch.setenv("ALLUSE_SETTINGS", str(empty))


def test_defaults_are_local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings()
    assert settings.home == CHECKOUT / ".alluse"
    assert settings.cache == tmp_path / ".cache/alluse"
    assert settings.kafka_bootstrap_servers is None
    assert settings.database_url is None
    assert settings.log == "text"


def test_client_properties_pass_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "b-1:9098,b-2:9098")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("KAFKA_HEAP_OPTS", "-Xmx1g")
    settings = load_settings()
    cluster = settings.cluster(settings.kafka_bootstrap_servers or "")
    assert dict(cluster.properties) == {"security.protocol": "SASL_SSL", "sasl.password": "hunter2"}
    assert cluster.client_properties()["bootstrap.servers"] == "b-1:9098,b-2:9098"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(cluster)


def test_what_exactly_once_rests_on_cannot_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_ISOLATION_LEVEL", "read_uncommitted")
    with pytest.raises(RequestError) as caught:
        load_settings()
    assert caught.value.code == "SETTINGS_INVALID"
    assert caught.value.exit_code == 2
    assert "isolation.level" in caught.value.message


def test_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "alluse.toml"
    file.write_text('alluse_log = "json"\nalluse_namespace = "paper"\n[kafka]\n"sasl.username" = "u"\n')
    monkeypatch.setenv("ALLUSE_SETTINGS", str(file))
    monkeypatch.setenv("ALLUSE_NAMESPACE", "live")
    settings = load_settings()
    assert settings.log == "json"
    assert settings.namespace == "live"
    assert settings.postgres_schema == "alluse_live"
    assert settings.kafka_properties["sasl.username"].get_secret_value() == "u"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ALLUSE_LOG", "xml", "ALLUSE_LOG"),
        ("ALLUSE_NAMESPACE", "a.b", "ALLUSE_NAMESPACE"),
        ("KAFKA_GROUP_PROTOCOL", "eager", "KAFKA_GROUP_PROTOCOL"),
        ("ALLUSE_SETTINGS", "/nowhere/alluse.toml", "/nowhere/alluse.toml"),
    ],
)
def test_a_bad_value_names_its_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(RequestError, match="SETTINGS_INVALID") as caught:
        load_settings()
    assert said in caught.value.message


@pytest.mark.parametrize(("text", "said"), [("alluse_lgo = 'text'", "alluse_lgo"), ("= 3", "TOML")])
def test_a_bad_file_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    monkeypatch.setenv("ALLUSE_SETTINGS", str(file))
    with pytest.raises(RequestError) as caught:
        load_settings()
    assert said in caught.value.message


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().log = "json"  # pyright: ignore[reportAttributeAccessIssue]
