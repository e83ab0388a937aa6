"""Conflicts that devices ask people about."""

from __future__ import annotations

from synapse_sdk.wire.components import ComponentEnvelope
from synapse_sdk.wire.devices import AnswerCarried, ConflictReport, Notification, NotificationAnswer, NotificationDetail
from web_helper.backend.api.context import Reading, SharedWriting, Writing
from web_helper.backend.api.experiments.answers import answer, create_api_router
from web_helper.backend.services.experiments import notifications as service
from web_helper.backend.services.experiments.devices import device_of

router = create_api_router("notifications")


@router.post("", operation_id="notifications_report")
def report(call: SharedWriting, body: ConflictReport) -> ComponentEnvelope[Notification]:
    """A worker cannot tell which side wins. The same conflict again is the same question."""
    return answer(service.report(call, device_of(call), body))


@router.get("", operation_id="notifications_list")
def list_notifications(
    call: Reading,
    pending: bool = True,  # noqa: FBT001, FBT002 - a query parameter
) -> ComponentEnvelope[list[Notification]]:
    """Questions that nobody has answered, or all; the newest first."""
    return answer(service.list_notifications(call, pending=pending))


@router.get("/{notification_id}", operation_id="notifications_read")
def read_notification(call: Reading, notification_id: int) -> ComponentEnvelope[NotificationDetail]:
    """One question with the device's content and the server's, as far as they are text."""
    return answer(service.show_detail(call, notification_id))


@router.post("/{notification_id}/answer", operation_id="notifications_answer")
def answer_notification(
    call: Writing, notification_id: int, body: NotificationAnswer
) -> ComponentEnvelope[Notification]:
    """Decide a conflict; the worker is told with its next heartbeat, and carries it out."""
    return answer(service.answer(call, notification_id, body.resolution))


@router.post("/{notification_id}/carried", operation_id="notifications_carried")
def carried(call: SharedWriting, notification_id: int, body: AnswerCarried) -> ComponentEnvelope[Notification]:
    """The worker has carried out a decision, or could not."""
    return answer(service.carried(call, device_of(call), notification_id, body))
