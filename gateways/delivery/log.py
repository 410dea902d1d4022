"""The channel `log`: a line of the process's own log, for every role."""

import logging

from gateways.delivery.port import ROLES, DeliveryRefusedError, Message

_LEVELS = {"CRITICAL": logging.CRITICAL, "HIGH": logging.ERROR, "MEDIUM": logging.WARNING, "LOW": logging.INFO}


class LogDelivery:
    """Cannot fail."""

    channel = "log"

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("alluse.alerts")

    def deliver(self, message: Message) -> None:
        """Write it down."""
        if message.role not in ROLES:
            raise DeliveryRefusedError("UNKNOWN_ROLE", f"there is no role {message.role}")
        self._logger.log(
            _LEVELS.get(message.priority, logging.ERROR),
            "%s: %s",
            message.subject,
            " / ".join(message.message.splitlines()),
            extra={"role": message.role, "alert": message.alert_id, "notice": message.notice_id, "type": message.type},
        )
