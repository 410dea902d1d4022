"""What the monitor writes to `alert-deliveries`. Recipients are references (`email:OWNER`): no personal data."""

from typing import Annotated

from domain.record import TimeUs, record


@record
class AlertDelivered:
    """A channel has taken a notice. At-least-once: the same `notice_id` and target may stand here twice."""

    notice_id: Annotated[str, "the same for the same notice"]
    kind: Annotated[str, "ALERT, ESCALATION, SUMMARY or DIGEST"]
    alert_id: Annotated[str, "the alert; empty for a summary or digest"]
    book: Annotated[str, "system_id, or plant"]
    type: Annotated[str, "protocol 15.1"]
    priority: Annotated[str, "CRITICAL, HIGH, MEDIUM or LOW"]
    channel: Annotated[str, "log, email or webhook"]
    role: Annotated[str, "PRIMARY, SECONDARY or OWNER"]
    attempts: Annotated[int, "which attempt it was, from 1"]
    time_us: TimeUs


@record
class AlertDeliveryFailed:
    """A channel refuses a notice for good, or did not take it for a day."""

    notice_id: Annotated[str, "the same for the same notice"]
    alert_id: Annotated[str, "the alert; empty for a summary or digest"]
    book: Annotated[str, "system_id, or plant"]
    channel: Annotated[str, "log, email or webhook"]
    role: Annotated[str, "PRIMARY, SECONDARY or OWNER"]
    attempts: Annotated[int, "attempts made"]
    code: Annotated[str, "error class"]
    time_us: TimeUs


@record
class AlertSuppressed:
    """An alert is not told by itself (protocol 15.1)."""

    alert_id: Annotated[str, "the alert"]
    book: Annotated[str, "system_id, or plant"]
    type: Annotated[str, "protocol 15.1"]
    priority: Annotated[str, "HIGH, MEDIUM or LOW: CRITICAL is never suppressed"]
    reason: Annotated[str, "DUPLICATE or STORM_LIMIT"]
    of_alert_id: Annotated[str, "of a duplicate: the alert that was told"]
    count: Annotated[int, "duplicates so far, or alerts folded into the coming summary so far"]
    time_us: TimeUs


@record
class PlantAlertRaised:
    """Something about feeds or stages, which is no book's business."""

    alert_id: Annotated[str, "the alert's id"]
    type: Annotated[str, "SYSTEM_STATUS"]
    priority: Annotated[str, "CRITICAL or HIGH"]
    title: Annotated[str, "one line"]
    message: Annotated[str, "in words"]
    time_us: TimeUs
