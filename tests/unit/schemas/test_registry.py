"""The read-only endpoint, asked as registry clients ask it; and the registration in a real registry."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas import lock
from schemas.codec import Codec
from schemas.errors import RegistryError
from schemas.registry import endpoint, register

CODEC = Codec.load()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with endpoint() as address:
        yield address


def ask(url: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url + path, data), timeout=5) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_schema_by_id(url: str) -> None:
    version = CODEC.version("Tick")
    assert ask(url, f"/schemas/ids/{version.id}") == (200, {"schema": version.schema})
    assert ask(url, f"/schemas/ids/{version.id}?subject=market.ticks-value") == (200, {"schema": version.schema})
    assert ask(url, f"/schemas/ids/{version.id}/versions") == (200, [{"subject": "alluse.Tick", "version": 1}])


def test_subjects_and_versions(url: str) -> None:
    assert ask(url, "/subjects") == (200, sorted(lock.released()))
    assert ask(url, "/subjects/alluse.Tick/versions") == (200, [1])
    expected = {
        "subject": "alluse.Tick",
        "id": CODEC.id_of("Tick"),
        "version": 1,
        "schemaType": "AVRO",
        "schema": CODEC.version("Tick").schema,
    }
    assert ask(url, "/subjects/alluse.Tick/versions/1") == (200, expected)
    assert ask(url, "/subjects/alluse.Tick/versions/latest") == (200, expected)
    undocumented = json.dumps(lock.meaning(CODEC.version("Tick").parsed()))
    assert ask(url, "/subjects/alluse.Tick", {"schema": undocumented}) == (200, expected)


def test_config(url: str) -> None:
    assert ask(url, "/config") == (200, {"compatibilityLevel": "FULL_TRANSITIVE"})
    assert ask(url, "/config/alluse.Tick") == (200, {"compatibilityLevel": "FULL_TRANSITIVE"})
    assert ask(url, "/mode") == (200, {"mode": "READONLY"})


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/schemas/ids/999999", None, 404, 40403),
        ("/subjects/alluse.Tock/versions", None, 404, 40401),
        ("/subjects/alluse.Tick/versions/9", None, 404, 40402),
        ("/subjects/alluse.Tick", {"schema": '"string"'}, 404, 40403),
        ("/subjects/alluse.Tick", {"schema": "{"}, 422, 42201),
        ("/subjects/alluse.Tick", {}, 422, 42201),
        ("/subjects/alluse.Tick/versions", {"schema": '"string"'}, 404, 404),
        ("/elsewhere", None, 404, 404),
    ],
)
def test_what_is_not_there(url: str, path: str, body: Any, status: int, code: int) -> None:
    answered, content = ask(url, path, body)
    assert (answered, content["error_code"]) == (status, code)


def test_confluent_deserializer_reads_our_bytes(url: str) -> None:
    """The oracle: Confluent's own client, with its own Avro, by the ids in our bytes."""
    read = AvroDeserializer(SchemaRegistryClient({"url": url}))
    tick = {"symbol": "F", "time_us": 5, "bid_e4": 1, "ask_e4": 2, "last_e4": -3, "size": 4, "flags": 0}
    context = SerializationContext("market.ticks", MessageField.VALUE)
    assert read(CODEC.encode("Tick", tick), context) == tick
    [encoded] = CODEC.encode_batch("Tick", {name: [value] for name, value in tick.items()})
    assert read(encoded, context) == tick


def test_confluent_client_finds_our_schemas(url: str) -> None:
    client = SchemaRegistryClient({"url": url})
    latest = client.get_latest_version("alluse.JournalKey")
    assert latest.schema_id == CODEC.id_of("JournalKey")
    assert latest.schema is not None
    assert client.lookup_schema("alluse.JournalKey", latest.schema).version == 1


class Registry:
    """A scripted registry: keeps what it is sent, refuses what it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any, str | None]] = []
        self.refuse = ""


@pytest.fixture
def registry() -> Iterator[tuple[str, Registry]]:
    kept = Registry()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.sent.append((self.command, self.path, body, self.headers["Authorization"]))
            refused = bool(kept.refuse) and kept.refuse in self.path
            self.send_response(409 if refused else 200)
            self.end_headers()
            self.wfile.write(b'{"message": "no"}')

        do_PUT = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", kept
        server.shutdown()


LOCK = {subject: lock.released()[subject] for subject in ("alluse.Tick", "alluse.Marks")}


def test_register_gives_every_schema_its_own_id(registry: tuple[str, Registry]) -> None:
    url, kept = registry
    assert register(url, authorization="Basic abc", released=LOCK) == 2
    version = CODEC.version("Tick")
    body = {"schemaType": "AVRO", "schema": version.schema, "id": version.id, "version": 1}
    assert kept.sent[:4] == [
        ("PUT", "/mode/alluse.Tick?force=true", {"mode": "IMPORT"}, "Basic abc"),
        ("POST", "/subjects/alluse.Tick/versions", body, "Basic abc"),
        ("PUT", "/mode/alluse.Tick", {"mode": "READWRITE"}, "Basic abc"),
        ("PUT", "/config/alluse.Tick", {"compatibility": "FULL_TRANSITIVE"}, "Basic abc"),
    ]
    assert len(kept.sent) == 8


def test_a_refused_registration_leaves_import_mode(registry: tuple[str, Registry]) -> None:
    url, kept = registry
    kept.refuse = "/subjects/"
    with pytest.raises(RegistryError, match=r"REGISTRY_REFUSED: POST /subjects/alluse.Tick/versions .* answered 409"):
        register(url, released=LOCK)
    assert kept.sent[-1][1:3] == ("/mode/alluse.Tick", {"mode": "READWRITE"})


def test_a_registry_that_is_not_there(registry: tuple[str, Registry]) -> None:
    with endpoint() as gone:
        pass
    with pytest.raises(RegistryError, match="does not answer"):
        register(gone, released=LOCK)
