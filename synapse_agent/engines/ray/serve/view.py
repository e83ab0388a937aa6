"""From what Ray Serve says of an application to one of the seven statuses, a line for people, and its replicas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from synapse_agent.engines.ray.serve.records import RayApplication
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.serve import ServeStatus

# What `replica.py` puts around the words that are for people.
_WORDS = re.compile(r"<synapse:(\d+):(.*?):synapse>", re.DOTALL)
_ERROR_LINE = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception|Exit)): (.*)$", re.MULTILINE)
# What pip and uv say of requirements that cannot be installed.
_INSTALLER_LINE = re.compile(r"^\s*(?:ERROR:|error:|\u00d7)\s+(\S.*)$", re.MULTILINE)
MAX_WORDS = 500
AWAY = "The Ray cluster does not answer; what it served is served again when it is back"


@dataclass(frozen=True)
class View:
    """How an application is.

    Attributes:
        is_gone: It was deleted, and is.
        is_missing: The cluster serves nothing of it though it should: it was started anew.
        is_hopeless: It was not ready in time, or its replicas say why they cannot serve: it is to be given up.
    """

    status: ServeStatus
    message: str = ""
    replicas: int = 0
    is_gone: bool = False
    is_missing: bool = False
    is_hopeless: bool = False


def view_application(application: RayApplication, details: Mapping[str, Any] | None, now: datetime) -> View:
    """Decide.

    Args:
        application: What the agent wants of it.
        details: What Ray Serve says; None where it knows no such application.
        now: The time.
    """
    if application.is_deleting:
        return View(ServeStatus.DELETING, is_gone=details is None)
    if application.failure:
        return View(ServeStatus.DEPLOY_FAILED, application.failure, _running(details))
    if details is None:
        return View(ServeStatus.DEPLOYING, is_missing=True)
    revision = ((details.get("deployed_app_config") or {}).get("args") or {}).get("revision")
    if revision != application.wanted.revision:
        return View(ServeStatus.DEPLOYING, replicas=_running(details), is_missing=True)
    return _view_deployed(application, details, now)


def _view_deployed(application: RayApplication, details: Mapping[str, Any], now: datetime) -> View:
    status, options = ServeStatus(details["status"]), application.wanted.spec.options
    running, wanted = _running(details), options.num_replicas
    if application.was_ready and status is not ServeStatus.DELETING:
        # One replica that ends makes the whole application unhealthy to Ray, though the others answer.
        if not running:
            return View(ServeStatus.UNHEALTHY, words_of(details) or "No replica answers")
        short = f"{wanted - running} of {wanted} replicas are being started again" if running < wanted else ""
        return View(ServeStatus.RUNNING, short, running)
    if status is ServeStatus.RUNNING:
        return View(status, "", running)
    limit = options.start_timeout_s
    is_late = (now - application.declared).total_seconds() > limit
    reason = own_words_of(details, application.wanted.revision)
    if not reason and is_late and status is not ServeStatus.DEPLOY_FAILED:
        reason = f"A replica was not ready within {limit:g} s"
    if reason:
        return View(ServeStatus.DEPLOY_FAILED, reason, running, is_hopeless=True)
    # It has never run as it should: its replicas end before they were all ready.
    status = ServeStatus.DEPLOYING if status is ServeStatus.UNHEALTHY else status
    return View(status, words_of(details), running)


def own_words_of(details: Mapping[str, Any], revision: int) -> str:
    """What replicas of a revision say of why they cannot serve; empty where none did."""
    found = [words for text in _texts(details) for number, words in _WORDS.findall(text) if int(number) == revision]
    return sanitize_error_message(found[-1])[:MAX_WORDS] if found else ""


def words_of(details: Mapping[str, Any]) -> str:
    """What Ray says of an application and its deployment, in a line without its traces and addresses."""
    for text in reversed(_texts(details)):
        errors, installers = _ERROR_LINE.findall(text), _INSTALLER_LINE.findall(text)
        first = text.strip().partition("\n")[0]
        if first and installers:
            return sanitize_error_message(f"{first.rstrip(':')}: {installers[-1]}")[:MAX_WORDS]
        if first:
            said = f"{first} ({errors[-1][0]})" if errors else first
            return sanitize_error_message(said)[:MAX_WORDS]
    return ""


def _texts(details: Mapping[str, Any]) -> list[str]:
    deployments = (details.get("deployments") or {}).values()
    return [str(one.get("message") or "") for one in (details, *deployments)]


def _running(details: Mapping[str, Any] | None) -> int:
    deployments = ((details or {}).get("deployments") or {}).values()
    return sum(replica.get("state") == "RUNNING" for one in deployments for replica in one.get("replicas") or ())
