"""The channel `email`: one message by SMTP, over TLS unless the setting says otherwise.

`smtps://user:password@host` speaks TLS from the start (465), `smtp://...` asks for STARTTLS (587) and does not go on
without it; `smtp://host:25?tls=none` is for a relay on the same machine.
"""

import smtplib
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

from gateways.delivery.addresses import address_of
from gateways.delivery.port import DeliveryRefusedError, Message, TransientDeliveryError
from infra.errors import RequestError

TIMEOUT_S = 20.0


class EmailDelivery:
    """Sends through one server; each message over a connection of its own."""

    channel = "email"

    def __init__(
        self,
        url: str,
        sender: str,
        addresses: Mapping[str, str],
        *,
        timeout_s: float = TIMEOUT_S,
        context: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        tls = parse_qs(parts.query).get("tls", ["implicit" if parts.scheme == "smtps" else "starttls"])[0]
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == -1 or tls not in _PORTS:
            raise RequestError(
                "SETTINGS_INVALID",
                "Bad setting: ALLUSE_ALERT_SMTP is no SMTP server.",
                "Use smtps://user:password@host, or smtp://user:password@host for STARTTLS.",
            )
        self._host, self._tls, self._port = parts.hostname, tls, port or _PORTS[tls]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = sender
        self._addresses = dict(addresses)
        self._timeout_s = timeout_s
        self._context = context or ssl.create_default_context()

    def deliver(self, message: Message) -> None:
        """Hand it to the server."""
        mail = self._mail(message, address_of(self._addresses, message.role))
        try:
            with self._connect() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            raise _failure("EMAIL_RECIPIENT_REFUSED", min(codes, default=550)) from None
        except smtplib.SMTPAuthenticationError as error:
            # People mend passwords; the message must not be lost for one.
            raise TransientDeliveryError("EMAIL_LOGIN", f"the server answered {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            raise _failure("EMAIL_REFUSED", error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise TransientDeliveryError("EMAIL_UNREACHABLE", type(error).__name__) from None

    def _connect(self) -> smtplib.SMTP:
        if self._tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout_s, context=self._context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        try:
            if self._tls == "starttls":
                server.starttls(context=self._context)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, message: Message, address: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._sender, address, message.subject
        mail["Date"] = datetime.fromtimestamp(message.at_us / 1e6, UTC)
        mail["Message-ID"] = f"<{message.notice_id}.{message.role.lower()}@alluse.invalid>"  # the same when sent again
        if message.priority == "CRITICAL":
            mail["X-Priority"] = "1"
        mail.set_content(text_of(message))
        return mail


_PORTS = {"implicit": 465, "starttls": 587, "none": 25}


def text_of(message: Message) -> str:
    """The body."""
    at = datetime.fromtimestamp(message.at_us / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    facts = {
        "priority": message.priority, "type": message.type, "book": message.book, "account": message.account_id,
        "ticker": message.ticker, "time": at, "alert": message.alert_id,
    }  # fmt: skip
    table = "\n".join(f"{name:<9} {value}" for name, value in facts.items() if value)
    return f"{message.title}\n\n{message.message}\n\n{table}\n"


def _failure(code: str, answer: int) -> TransientDeliveryError | DeliveryRefusedError:
    kind = TransientDeliveryError if 400 <= answer < 500 else DeliveryRefusedError
    return kind(code, f"the server answered {answer}")
