"""The settings catalogue: environment variables and an optional TOML file, typed, frozen, read once at start-up.

The environment wins over the file. The file is `alluse.toml` in the checkout, or what `ALLUSE_SETTINGS` names; its keys
are the variables' names in lower case, and a table `[kafka]` holds librdkafka client properties. Parameters of the
protocol are not settings: they are events on the log.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from infra.errors import RequestError
from infra.kafka.cluster import Cluster

CHECKOUT = Path(__file__).resolve().parents[1]

# Variables of Kafka's own scripts and images, which are no client properties.
_NOT_PROPERTIES = frozenset(
    {
        *("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_GROUP_PROTOCOL", "KAFKA_HOME", "KAFKA_OPTS", "KAFKA_HEAP_OPTS"),
        *("KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_JMX_OPTS", "KAFKA_JMX_PORT", "KAFKA_LOG4J_OPTS", "KAFKA_GC_LOG_OPTS"),
        *("KAFKA_DEBUG", "KAFKA_VERSION", "KAFKA_LOG_DIR", "KAFKA_LOG_DIRS", "KAFKA_CLUSTER_ID", "KAFKA_NODE_ID"),
    }
)
# Exactly-once rests on these; the system sets them itself (infra/kafka/clients.py).
_RESERVED = frozenset(
    {
        *("acks", "auto.offset.reset", "bootstrap.servers", "enable.auto.commit", "enable.auto.offset.store"),
        *("enable.idempotence", "group.id", "group.instance.id", "group.protocol", "isolation.level", "partitioner"),
        *("transactional.id", "transaction.timeout.ms"),
    }
)


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _plain_properties(properties: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    reserved = sorted(_RESERVED & set(properties))
    if reserved:
        raise ValueError(f"{', '.join(reserved)}: set by the system itself, exactly-once rests on it")
    return properties


Folder = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseSettings):
    """One field a setting; the variable's name is the alias."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=False, extra="ignore", env_ignore_empty=True)

    home: Folder = Field(
        CHECKOUT / ".alluse", alias="ALLUSE_HOME", description="Local state: data of the local servers, process notes."
    )
    cache: Folder = Field(
        Path("~/.cache/alluse"),
        alias="ALLUSE_CACHE",
        validate_default=True,
        description="Downloads shared between homes: the broker's jars.",
    )
    namespace: str = Field(
        "",
        alias="ALLUSE_NAMESPACE",
        pattern=r"^([a-z][a-z0-9_]{0,39})?$",
        description="Prefix of all topics, groups and of the Postgres schema of the log in use.",
    )
    log: Literal["text", "json"] = Field("text", alias="ALLUSE_LOG", description="Form of the logs on standard error.")
    kafka_bootstrap_servers: str | None = Field(
        None,
        alias="KAFKA_BOOTSTRAP_SERVERS",
        min_length=1,
        description="The Kafka cluster, host:port, separated by commas; unset: a local broker.",
    )
    kafka_group_protocol: Literal["consumer", "classic"] = Field(
        "consumer",
        alias="KAFKA_GROUP_PROTOCOL",
        description="`classic` (static membership) for clusters without KIP-848 or with long sessions.",
    )
    kafka_properties: Annotated[Mapping[str, SecretStr], AfterValidator(_plain_properties)] = Field(
        default_factory=dict[str, SecretStr],
        alias="kafka",
        description="All other KAFKA_SOME_NAME: librdkafka's client property some.name.",
    )
    schema_registry_url: str | None = Field(
        None, alias="SCHEMA_REGISTRY_URL", description="Registry to register schemas with; unset: none."
    )
    database_url: SecretStr | None = Field(
        None,
        alias="DATABASE_URL",
        description="PostgreSQL, postgresql://user:password@host:port/name; unset: an embedded server.",
    )
    alert_smtp: SecretStr | None = Field(
        None,
        alias="ALLUSE_ALERT_SMTP",
        description="Mail server for alerts: smtps://user:password@host, or smtp:// for STARTTLS; unset: no e-mail.",
    )
    alert_from: str | None = Field(None, alias="ALLUSE_ALERT_FROM", description="Address that alerts come from.")
    alert_email: SecretStr | None = Field(
        None,
        alias="ALLUSE_ALERT_EMAIL",
        description="Who gets alerts: PRIMARY=address,SECONDARY=address,OWNER=address.",
    )
    alert_webhook: SecretStr | None = Field(
        None,
        alias="ALLUSE_ALERT_WEBHOOK",
        description="Where alerts are posted: PRIMARY=https://host/path, other roles likewise; unset: nowhere.",
    )
    alert_webhook_secret: SecretStr | None = Field(
        None, alias="ALLUSE_ALERT_WEBHOOK_SECRET", description="Secret that posted alerts are signed with."
    )
    alert_recorded: Literal["log", "all"] = Field(
        "log",
        alias="ALLUSE_ALERT_RECORDED",
        description="Channels for alerts of a recorded log, which are history: the monitor's log file, or all.",
    )
    otel_endpoint: str | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="OpenTelemetry collector; unset: no telemetry leaves. Other OTEL_* are read by its SDK.",
    )
    otel_service_name: str = Field(
        "alluse", alias="OTEL_SERVICE_NAME", description="Name under which telemetry is reported."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the caller gives, environment, file; the file as a plain mapping, so that both spell the same names."""
        del env_settings, dotenv_settings, file_secret_settings
        return (init_settings, _Environment(settings_cls), InitSettingsSource(settings_cls, _from_file()))

    @property
    def postgres_schema(self) -> str:
        """The Postgres schema of the log in use."""
        return f"alluse_{self.namespace}" if self.namespace else "alluse"

    def cluster(self, bootstrap: str) -> Cluster:
        """The cluster at `bootstrap` with these settings' client properties, group protocol and namespace."""
        properties = {name: value.get_secret_value() for name, value in self.kafka_properties.items()}
        return Cluster(bootstrap, properties, self.namespace, self.kafka_group_protocol)


class _Environment(EnvSettingsSource):
    """The environment, with every other `KAFKA_*` variable gathered into the client properties."""

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        properties = {
            _property(name): value
            for name, value in os.environ.items()
            if name.startswith("KAFKA_") and name not in _NOT_PROPERTIES and value
        }
        return {**values, **({"kafka": properties} if properties else {})}


def _property(variable: str) -> str:
    """KAFKA_SECURITY_PROTOCOL -> security.protocol; the few properties that are spelt with underscores keep them."""
    name = variable.removeprefix("KAFKA_").lower()
    return name if name in ("log_level", "ssl_key", "ssl_certificate", "ssl_ca") else name.replace("_", ".")


def _from_file() -> dict[str, Any]:
    named = os.environ.get("ALLUSE_SETTINGS")
    path = Path(named) if named else CHECKOUT / "alluse.toml"
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        if named:
            raise _invalid(f"ALLUSE_SETTINGS names {path}, which is not there") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _invalid(f"{path} cannot be read as TOML: {error}") from error
    aliases = {str(field.alias).lower(): str(field.alias) for field in Settings.model_fields.values()}
    unknown = sorted(set(content) - set(aliases))
    if unknown:
        raise _invalid(f"{path} has unknown settings: {', '.join(unknown)}")
    return {aliases[key]: value for key, value in content.items()}


def load_settings() -> Settings:
    """The settings of this process. Raises RequestError `SETTINGS_INVALID`; it names the setting, never its value."""
    try:
        return Settings()  # pyright: ignore[reportCallIssue]  # every field has a default, pyright does not see it through the aliases
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise _invalid(problems) from None


def _invalid(problem: str) -> RequestError:
    return RequestError(
        "SETTINGS_INVALID", f"Bad setting: {problem}.", "Correct the environment variable or the settings file."
    )
