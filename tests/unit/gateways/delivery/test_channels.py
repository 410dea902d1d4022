"""The three channels against the port's suite, and what each does beside it."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.delivery.channels import open_channels
from gateways.delivery.email import EmailDelivery
from gateways.delivery.log import LogDelivery
from gateways.delivery.port import DeliveryPort, DeliveryRefusedError, TransientDeliveryError
from gateways.delivery.webhook import WebhookDelivery
from infra.errors import RequestError
from infra.settings import Settings, load_settings
from tests.conformance.delivery import MESSAGE, Arrived, DeliveryBench, DeliveryConformance
from tests.harness.receivers import HookServer, MailServer, tls_contexts

SECRET = "s3cret"
FAST = (0.0, 0.0)


# --- log --------------------------------------------------------------------------------------------------------


class _LogBench:
    can_fail = False

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []
        logger = logging.Logger("bench")
        logger.addHandler(_Kept(self.records))
        self.port: DeliveryPort = LogDelivery(logger)

    def arrived(self) -> list[Arrived]:
        return [Arrived("", str(vars(r)["notice"]), r.getMessage()) for r in self.records]

    def busy(self) -> None: ...

    def refusing(self) -> None: ...

    def away(self) -> None: ...

    def well(self) -> None: ...


class _Kept(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


class TestLog(DeliveryConformance):
    @pytest.fixture
    def bench(self) -> DeliveryBench:
        return _LogBench()

    def test_a_message_is_one_line(self) -> None:
        bench = _LogBench()
        bench.port.deliver(dataclasses.replace(MESSAGE, title="a\nb", message="c\nd"))
        assert "\n" not in bench.records[0].getMessage()


# --- webhook ----------------------------------------------------------------------------------------------------


class _HookBench:
    can_fail = True

    def __init__(self, server: HookServer) -> None:
        self.server = server
        base = f"http://127.0.0.1:{server.port}"
        self.port: DeliveryPort = WebhookDelivery(
            {"PRIMARY": f"{base}/PRIMARY", "OWNER": f"{base}/OWNER"}, SECRET, pauses_s=FAST, timeout_s=5.0
        )

    def arrived(self) -> list[Arrived]:
        return [
            Arrived(p.path.strip("/"), p.headers["Idempotency-Key"], " ".join(map(str, json.loads(p.body).values())))
            for p in self.server.taken
        ]

    def busy(self) -> None:
        self.server.status = 503

    def refusing(self) -> None:
        self.server.status = 410

    def away(self) -> None:
        self.server.stop()

    def well(self) -> None:
        self.server.status = 204


@pytest.fixture
def hook() -> Iterator[HookServer]:
    server = HookServer()
    yield server
    server.stop()


class TestWebhook(DeliveryConformance):
    @pytest.fixture
    def bench(self, hook: HookServer) -> DeliveryBench:
        return _HookBench(hook)

    def test_the_signature_is_of_time_and_body_under_the_secret(self, hook: HookServer) -> None:
        port = WebhookDelivery({"PRIMARY": f"http://127.0.0.1:{hook.port}/x?y=1"}, SECRET, now=lambda: 1_749_477_600.9)
        port.deliver(MESSAGE)
        (posted,) = hook.taken
        assert posted.path == "/x?y=1"
        assert posted.headers["X-AllUse-Timestamp"] == "1749477600"
        expected = hmac.new(b"s3cret", b"1749477600." + posted.body, hashlib.sha256).hexdigest()
        assert posted.headers["X-AllUse-Signature"] == f"sha256={expected}"
        assert json.loads(posted.body)["time"] == "2025-06-09T14:00:00.000000Z"

    def test_it_tries_again_while_that_may_help(self, hook: HookServer) -> None:
        hook.answers = [503, 429]
        bench = _HookBench(hook)
        bench.port.deliver(MESSAGE)
        assert hook.requests == 3
        assert len(hook.taken) == 1

    @pytest.mark.parametrize("status", [301, 307, 400, 401, 404])
    def test_a_refusal_is_not_repeated_and_no_redirect_followed(self, hook: HookServer, status: int) -> None:
        hook.status = status
        with pytest.raises(DeliveryRefusedError):
            _HookBench(hook).port.deliver(MESSAGE)
        assert hook.requests == 1

    def test_over_tls_to_a_server_that_it_trusts_only(self, tmp_path: Path) -> None:
        server, trusting = tls_contexts(tmp_path)
        hook = HookServer(tls=server)
        try:
            urls = {"PRIMARY": f"https://localhost:{hook.port}/"}
            WebhookDelivery(urls, SECRET, context=trusting).deliver(MESSAGE)
            with pytest.raises(TransientDeliveryError):
                WebhookDelivery(urls, SECRET, pauses_s=()).deliver(MESSAGE)
            assert len(hook.taken) == 1
        finally:
            hook.stop()


# --- e-mail -----------------------------------------------------------------------------------------------------


class _MailBench:
    can_fail = True

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.port: DeliveryPort = EmailDelivery(
            f"smtp://127.0.0.1:{server.port}?tls=none",
            "alluse@alluse.example",
            {"PRIMARY": "PRIMARY@people.example", "OWNER": "OWNER@people.example"},
        )

    def arrived(self) -> list[Arrived]:
        return [_read(mail.data) for mail in self.server.mails]

    def busy(self) -> None:
        self.server.mode = "busy"

    def refusing(self) -> None:
        self.server.mode = "refusing"

    def away(self) -> None:
        self.server.stop()

    def well(self) -> None:
        self.server.mode = "well"


def _read(data: bytes) -> Arrived:
    mail = email.message_from_bytes(data, policy=email.policy.default)
    notice = str(mail["Message-ID"]).strip("<>").partition(".")[0]
    assert mail["Bcc"] is None
    return Arrived(str(mail["To"]).partition("@")[0], notice, f"{mail['Subject']}\n{mail.get_content()}")


@pytest.fixture
def mails() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


class TestEmail(DeliveryConformance):
    @pytest.fixture
    def bench(self, mails: MailServer) -> DeliveryBench:
        return _MailBench(mails)

    @pytest.mark.parametrize("implicit", [False, True])
    def test_over_tls_with_a_login(self, tmp_path: Path, implicit: bool) -> None:
        server_tls, trusting = tls_contexts(tmp_path)
        server = MailServer(tls=server_tls, implicit=implicit, login="user:p@ss")
        try:
            scheme = "smtps" if implicit else "smtp"
            url = f"{scheme}://user:p%40ss@localhost:{server.port}"
            port = EmailDelivery(url, "a@alluse.example", {"PRIMARY": "p@people.example"}, context=trusting)
            port.deliver(MESSAGE)
            (mail,) = server.mails
            assert mail.secure is True
            assert mail.login == "user:p@ss"
            assert mail.recipients == ["p@people.example"]
        finally:
            server.stop()

    def test_without_tls_on_offer_it_says_nothing_to_the_server(self, mails: MailServer) -> None:
        port = EmailDelivery(f"smtp://localhost:{mails.port}", "a@alluse.example", {"PRIMARY": "p@people.example"})
        with pytest.raises(TransientDeliveryError):
            port.deliver(MESSAGE)
        assert mails.mails == []

    def test_a_wrong_password_is_not_the_end_of_the_message(self, tmp_path: Path) -> None:
        server_tls, trusting = tls_contexts(tmp_path)
        server = MailServer(tls=server_tls, login="user:right")
        try:
            url = f"smtp://user:wrong@localhost:{server.port}"
            port = EmailDelivery(url, "a@alluse.example", {"PRIMARY": "p@people.example"}, context=trusting)
            with pytest.raises(TransientDeliveryError) as caught:
                port.deliver(MESSAGE)
            assert "wrong" not in str(caught.value)
        finally:
            server.stop()


# --- settings ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    empty = tmp_path / "none.toml"
    empty.write_text("")
    monkeypatch.setenv("ALLUSE_SETTINGS", str(empty))
    for name in ("SMTP", "FROM", "EMAIL", "WEBHOOK", "WEBHOOK_SECRET"):
        monkeypatch.delenv(f"ALLUSE_ALERT_{name}", raising=False)
    return monkeypatch


def _all(bare: pytest.MonkeyPatch) -> Settings:
    bare.setenv("ALLUSE_ALERT_SMTP", "smtps://u:hunter2@mail.example")
    bare.setenv("ALLUSE_ALERT_FROM", "alluse@alluse.example")
    bare.setenv("ALLUSE_ALERT_EMAIL", "PRIMARY=a@people.example, owner=b@people.example")
    bare.setenv("ALLUSE_ALERT_WEBHOOK", "PRIMARY=https://hooks.example/1")
    bare.setenv("ALLUSE_ALERT_WEBHOOK_SECRET", "hunter2")
    return load_settings()


def test_without_settings_there_is_the_log(bare: pytest.MonkeyPatch) -> None:
    assert open_channels(load_settings()).targets("OWNER") == ["log:OWNER"]


def test_channels_are_those_that_are_set_and_references_name_no_address(bare: pytest.MonkeyPatch) -> None:
    settings = _all(bare)
    assert open_channels(settings).targets("OWNER") == ["log:OWNER", "email:OWNER", "webhook:OWNER"]
    assert open_channels(settings, only_log=True).targets("OWNER") == ["log:OWNER"]
    for hidden in ("hunter2", "people.example", "hooks.example"):
        assert hidden not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLUSE_ALERT_SMTP", "http://mail.example"),
        ("ALLUSE_ALERT_SMTP", "smtp://mail.example:many"),
        ("ALLUSE_ALERT_SMTP", "smtp://mail.example?tls=perhaps"),
        ("ALLUSE_ALERT_FROM", ""),
        ("ALLUSE_ALERT_EMAIL", ""),
        ("ALLUSE_ALERT_EMAIL", "OWNER=b@people.example"),
        ("ALLUSE_ALERT_EMAIL", "BOSS=b@people.example"),
        ("ALLUSE_ALERT_WEBHOOK", "PRIMARY=ftp://hooks.example"),
        ("ALLUSE_ALERT_WEBHOOK_SECRET", ""),
    ],
)
def test_a_channel_that_cannot_be_is_said_at_the_start(bare: pytest.MonkeyPatch, name: str, value: str) -> None:
    _all(bare)
    bare.setenv(name, value)
    with pytest.raises(RequestError) as caught:
        open_channels(load_settings())
    assert caught.value.code == "SETTINGS_INVALID"
    assert "people.example" not in str(caught.value)


def test_a_channel_that_is_gone_refuses(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeliveryRefusedError):
        open_channels(load_settings()).deliver("email:OWNER", MESSAGE)
