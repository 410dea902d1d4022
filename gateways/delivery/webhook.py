"""The channel `webhook`: one signed POST of JSON a message.

    X-AllUse-Timestamp    seconds since 1970
    X-AllUse-Signature    sha256=HEX, HMAC-SHA-256 of "timestamp.body" under the shared secret
    Idempotency-Key       the notice's id

A receiver checks the signature, refuses timestamps older than five minutes, and passes over ids it has seen. 2xx is
taken; 408, 425, 429, 5xx and a broken connection are tried again; all else, redirects too, is a refusal.
"""

import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from gateways.delivery.addresses import address_of
from gateways.delivery.port import DeliveryRefusedError, Message, TransientDeliveryError
from infra.errors import RequestError

TIMEOUT_S = 10.0
PAUSES_S = (0.5, 1.0, 2.0)
"""before the second, third and fourth attempt of one delivery"""
_AGAIN = frozenset({408, 425, 429})


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What X-AllUse-Signature holds."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def body_of(message: Message) -> bytes:
    """The JSON that is sent."""
    fields = asdict(message)
    at_us = fields.pop("at_us")
    at = datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({**fields, "time": at}, ensure_ascii=False, sort_keys=True).encode()


class WebhookDelivery:
    """Posts to the URL of a role."""

    channel = "webhook"

    def __init__(
        self,
        urls: Mapping[str, str],
        secret: str,
        *,
        pauses_s: tuple[float, ...] = PAUSES_S,
        timeout_s: float = TIMEOUT_S,
        now: Callable[[], float] = time.time,
        context: ssl.SSLContext | None = None,
    ) -> None:
        for url in urls.values():
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise RequestError("SETTINGS_INVALID", "Bad setting: a webhook's URL.", "Use https://host/path.")
        self._urls = dict(urls)
        self._secret = secret
        self._pauses_s = pauses_s
        self._timeout_s = timeout_s
        self._now = now
        self._context = context

    def deliver(self, message: Message) -> None:
        """Post it, a few times where that may help."""
        url, body = urlsplit(address_of(self._urls, message.role)), body_of(message)
        for pause in (*self._pauses_s, None):
            try:
                self._post(url, message, body)
                return
            except TransientDeliveryError:
                if pause is None:
                    raise
                time.sleep(pause)

    def _post(self, url: SplitResult, message: Message, body: bytes) -> None:
        timestamp = int(self._now())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "alluse",
            "Idempotency-Key": message.notice_id,
            "X-AllUse-Timestamp": str(timestamp),
            "X-AllUse-Signature": signature(self._secret, timestamp, body),
        }
        host = url.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, url.port, timeout=self._timeout_s, context=self._context)
            if url.scheme == "https"
            else http.client.HTTPConnection(host, url.port, timeout=self._timeout_s)
        )
        try:
            connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise TransientDeliveryError("WEBHOOK_UNREACHABLE", type(error).__name__) from error
        finally:
            connection.close()
        if status in _AGAIN or status >= 500:
            raise TransientDeliveryError("WEBHOOK_BUSY", f"it answered {status}")
        if not 200 <= status < 300:
            raise DeliveryRefusedError("WEBHOOK_REFUSED", f"it answered {status}")
