"""The lock file for tools that ask a schema registry.

`endpoint()` serves it on 127.0.0.1, read-only, by the part of the Schema Registry's REST interface that deserializers
use. `register()` puts it into a real registry under the same ids (import mode). Subjects are record names
(RecordNameStrategy), such as `alluse.Tick`.
"""

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from schemas import lock
from schemas.errors import RegistryError
from schemas.lock import Lock, Version

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
COMPATIBILITY = "FULL_TRANSITIVE"


class NotFoundError(Exception):
    """What was asked for does not exist; `code` as the registry numbers it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Answers:
    """What the registry's REST interface answers, as a function of the lock."""

    def __init__(self, released: Lock) -> None:
        self._subjects = released
        self._by_id = {v.id: v for versions in released.values() for v in versions}
        self._routes: list[tuple[str, Callable[..., Any]]] = [
            (r"/schemas/ids/(\d+)", self._text),
            (r"/schemas/ids/(\d+)/versions", self._places),
            (r"/schemas/types", lambda: ["AVRO"]),
            (r"/subjects", lambda: sorted(self._subjects)),
            (r"/subjects/([^/]+)/versions", self._numbers),
            (r"/subjects/([^/]+)/versions/([^/]+)", self._description),
            (r"/config(?:/[^/]+)?", lambda: {"compatibilityLevel": COMPATIBILITY}),
            (r"/mode(?:/[^/]+)?", lambda: {"mode": "READONLY"}),
        ]

    def get(self, path: str) -> Any:
        """The answer to GET `path`, to be sent as JSON. Raises NotFoundError."""
        for pattern, answer in self._routes:
            if match := re.fullmatch(pattern, path):
                return answer(*map(unquote, match.groups()))
        raise NotFoundError(404, f"{path}: not found")

    def lookup(self, path: str, body: bytes) -> Any:
        """The answer to POST /subjects/{subject}: which version has this schema. Raises NotFoundError, ValueError."""
        match = re.fullmatch(r"/subjects/([^/]+)", path)
        if match is None:
            raise NotFoundError(404, f"{path}: not found; this endpoint registers nothing")
        asked = lock.meaning(json.loads(json.loads(body)["schema"]))
        for version in self._versions(unquote(match[1])):
            if lock.meaning(version.parsed()) == asked:
                return _described(version)
        raise NotFoundError(40403, "Schema not found")

    def _schema(self, number: str) -> Version:
        version = self._by_id.get(int(number))
        if version is None:
            raise NotFoundError(40403, f"Schema {number} not found")
        return version

    def _text(self, number: str) -> dict[str, str]:
        return {"schema": self._schema(number).schema}

    def _numbers(self, subject: str) -> list[int]:
        return [version.version for version in self._versions(subject)]

    def _description(self, subject: str, number: str) -> dict[str, Any]:
        return _described(self._version(subject, number))

    def _places(self, number: str) -> list[dict[str, Any]]:
        version = self._schema(number)
        return [{"subject": version.subject, "version": version.version}]

    def _versions(self, subject: str) -> list[Version]:
        if subject not in self._subjects:
            raise NotFoundError(40401, f"Subject {subject!r} not found")
        return self._subjects[subject]

    def _version(self, subject: str, number: str) -> Version:
        versions = self._versions(subject)
        if number in ("latest", "-1"):
            return versions[-1]
        for version in versions:
            if str(version.version) == number:
                return version
        raise NotFoundError(40402, f"Version {number} not found")


@contextmanager
def endpoint(port: int = 0, released: Lock | None = None) -> Generator[str]:
    """Serve the lock file on 127.0.0.1 while the block runs; gives the URL. Port 0 takes a free one."""
    answers = Answers(lock.released() if released is None else released)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(lambda path, _: answers.get(path))

        def do_POST(self) -> None:
            self._answer(answers.lookup)

        def _answer(self, answer: Callable[[str, bytes], Any]) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = 200
            try:
                content = answer(urlsplit(self.path).path, body)
            except NotFoundError as error:
                status, content = 404, {"error_code": error.code, "message": str(error)}
            except (ValueError, KeyError, TypeError) as error:
                status, content = 422, {"error_code": 42201, "message": f"Invalid schema: {error}"}
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="schema-endpoint", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def register(url: str, *, authorization: str | None = None, released: Lock | None = None, timeout_s: float = 10) -> int:
    """Put every version into the registry at `url` under its own id; gives how many. Repeating it changes nothing.

    `authorization` is sent as that header. The registry must allow mode changes (`mode.mutability`).
    Raises RegistryError when it can't be reached or refuses.
    """

    def send(method: str, path: str, content: dict[str, Any]) -> None:
        headers = {"Content-Type": CONTENT_TYPE} | ({"Authorization": authorization} if authorization else {})
        request = Request(url.rstrip("/") + path, json.dumps(content).encode(), headers, method=method)
        try:
            with urlopen(request, timeout=timeout_s) as answer:
                answer.read()
        except HTTPError as error:
            told = error.read(500).decode(errors="replace")
            raise RegistryError(f"{method} {path} at {url} answered {error.code}: {told}") from error
        except (URLError, OSError) as error:
            raise RegistryError(f"{url} does not answer: {error}. Is that the registry's address?") from error

    count = 0
    for subject, versions in (lock.released() if released is None else released).items():
        path = quote(subject, safe="")
        send("PUT", f"/mode/{path}?force=true", {"mode": "IMPORT"})
        try:
            for version in versions:
                known = {"schemaType": "AVRO", "schema": version.schema, "id": version.id, "version": version.version}
                send("POST", f"/subjects/{path}/versions", known)
                count += 1
        finally:
            send("PUT", f"/mode/{path}", {"mode": "READWRITE"})
        send("PUT", f"/config/{path}", {"compatibility": COMPATIBILITY})
    return count


def _described(version: Version) -> dict[str, Any]:
    return {
        "subject": version.subject,
        "id": version.id,
        "version": version.version,
        "schemaType": "AVRO",
        "schema": version.schema,
    }
