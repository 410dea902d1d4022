"""Real servers on loopback that take what the delivery adapters send: SMTP (with TLS and log-in) and HTTP."""

from __future__ import annotations

import base64
import datetime as dt
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class Mail:
    """What an SMTP client has sent."""

    recipients: list[str]
    data: bytes
    secure: bool
    login: str


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 32
    owner: MailServer


class MailServer:
    """SMTP. `mode`: `well`, `busy` (451) or `refusing` (550); with `tls` it offers STARTTLS, or speaks it at once."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: str = "") -> None:
        self.mails: list[Mail] = []
        self.mode = "well"
        self.tls, self.implicit, self.login = tls, implicit, login
        self._server = _Server(("127.0.0.1", 0), _Smtp)
        self._server.owner = self
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Smtp(socketserver.StreamRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def handle(self) -> None:
        owner = self.server.owner
        self._secure = False
        try:
            if owner.implicit:
                self._upgrade()
            self._say("220 loopback")
            self._talk(owner)
        except OSError:
            pass

    def _talk(self, owner: MailServer) -> None:
        recipients, login = list[str](), ""
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            match word:
                case "EHLO" | "HELO":
                    offered = ["250-loopback", "250-8BITMIME", "250-SMTPUTF8"]
                    offered += ["250-STARTTLS"] if owner.tls and not self._secure else []
                    offered += ["250-AUTH PLAIN"] if owner.login else []
                    self._say(*offered, "250 OK")
                case "STARTTLS":
                    self._say("220 go on")
                    self._upgrade()
                case "AUTH":
                    login = base64.b64decode(line.split(" ")[2]).decode().replace("\0", ":").strip(":")
                    self._say("235 welcome" if login == owner.login else "535 no")
                case "MAIL":
                    self._say("530 log in first" if owner.login and login != owner.login else "250 OK")
                case "RCPT" if owner.mode != "well":
                    self._say("451 later" if owner.mode == "busy" else "550 no such mailbox")
                case "RCPT":
                    recipients.append(line.partition("<")[2].partition(">")[0])
                    self._say("250 OK")
                case "DATA":
                    self._say("354 go on")
                    owner.mails.append(Mail(recipients, self._data(), self._secure, login))
                    recipients = []
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 OK")

    def _data(self) -> bytes:
        lines = list[bytes]()
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def _upgrade(self) -> None:
        assert self.server.owner.tls is not None
        self.connection = self.server.owner.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self._secure = True

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()


@dataclass
class Posted:
    """A request that was taken."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HookServer:
    """HTTP. Answers come from `answers`, then `status`; what is answered 2xx is kept."""

    status: int = 204
    answers: list[int] = field(default_factory=list[int])
    taken: list[Posted] = field(default_factory=list[Posted])
    requests: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.requests += 1
                status = owner.answers.pop(0) if owner.answers else owner.status
                if 200 <= status < 300:
                    owner.taken.append(Posted(self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def tls_contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for `localhost`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))
