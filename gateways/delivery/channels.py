"""The channels that the settings name, and which of them a message goes to."""

from collections.abc import Sequence

from gateways.delivery.addresses import parse_addresses
from gateways.delivery.email import EmailDelivery
from gateways.delivery.log import LogDelivery
from gateways.delivery.port import DeliveryPort, DeliveryRefusedError, Message
from gateways.delivery.webhook import WebhookDelivery
from infra.errors import RequestError
from infra.settings import Settings


class Channels:
    """Adapters by name. A reference is `channel:ROLE`; every message goes to its role over every channel."""

    def __init__(self, ports: Sequence[DeliveryPort]) -> None:
        self._ports = {port.channel: port for port in ports}

    def targets(self, role: str) -> list[str]:
        """References that a message to a role goes to."""
        return [f"{channel}:{role}" for channel in self._ports]

    def deliver(self, target: str, message: Message) -> None:
        """Deliver to a reference. Raises what `DeliveryPort.deliver` raises."""
        channel = target.partition(":")[0]
        port = self._ports.get(channel)
        if port is None:
            raise DeliveryRefusedError("UNKNOWN_CHANNEL", f"no channel is called {channel} any more")
        port.deliver(message)


def open_channels(settings: Settings, *, only_log: bool = False) -> Channels:
    """The log, and e-mail and webhook where they are set. Raises RequestError `SETTINGS_INVALID`."""
    ports: list[DeliveryPort] = [LogDelivery()]
    if settings.alert_smtp is not None:
        written = settings.alert_email.get_secret_value() if settings.alert_email is not None else ""
        addresses = parse_addresses("ALLUSE_ALERT_EMAIL", written)
        if not settings.alert_from:
            raise _missing("ALLUSE_ALERT_FROM", "the address that e-mails come from")
        ports.append(EmailDelivery(settings.alert_smtp.get_secret_value(), settings.alert_from, addresses))
    if settings.alert_webhook is not None:
        urls = parse_addresses("ALLUSE_ALERT_WEBHOOK", settings.alert_webhook.get_secret_value())
        if settings.alert_webhook_secret is None:
            raise _missing("ALLUSE_ALERT_WEBHOOK_SECRET", "the secret that requests are signed with")
        ports.append(WebhookDelivery(urls, settings.alert_webhook_secret.get_secret_value()))
    return Channels(ports[:1] if only_log else ports)


def _missing(setting: str, what: str) -> RequestError:
    return RequestError("SETTINGS_INVALID", f"Bad setting: {setting} is not set.", f"Give {what}.")
