"""Whether the server gathers the data of an export, and with which settings: decided once, from values alone.

A setting `page_retries` is looked up as the parameter `page_retries`, then as `export_page_retries` in `extra_params`
and in the action's section of config.yaml, then as `SYNAPSE_EXPORT_PAGE_RETRIES` in the environment. Switching
delegation off is the exception: any of these places can do it, and none can switch it on again, so that an operator's
variable is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from synapse_sdk.exceptions import ConfigurationError

DISABLE_SETTING = "disable_async_delegate"
THRESHOLD_SETTING = "async_job_size_threshold"
FORCE_V1_ENV = "SYNAPSE_FORCE_V1_EXPORT"
DEFAULT_ASYNC_JOB_SIZE_THRESHOLD = 1000
MAX_BULK_IDS = 200

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off", ""})


class SettingSource(StrEnum):
    """Where a setting was found, in falling precedence."""

    FIELD = "field"
    EXTRA_PARAMS = "extra_params"
    CONFIG = "config"
    ENV = "env"
    DEFAULT = "default"


class DelegationReason(StrEnum):
    """Why the server gathers the data, or why it does not."""

    DELEGATED = "delegated"
    DISABLED = "disabled"
    FORCED_V1 = "forced_v1"
    NO_V2_CLIENT = "no_v2_client"
    NO_PROJECT = "no_project"
    CUSTOM_SOURCE = "custom_source"


REASON_TEXTS: dict[DelegationReason, str] = {
    DelegationReason.DELEGATED: "the server gathers the data",
    DelegationReason.DISABLED: "delegation is switched off",
    DelegationReason.FORCED_V1: f"{FORCE_V1_ENV} is set",
    DelegationReason.NO_V2_CLIENT: "there is no v2 client",
    DelegationReason.NO_PROJECT: "no project id is known for this target",
    DelegationReason.CUSTOM_SOURCE: "the plugin fetches the data itself",
}


@dataclass(frozen=True)
class SettingSources:
    """The four places where a setting may be, in falling precedence. A value of None counts as absent.

    Attributes:
        params: Fields of the action's parameters.
        extra_params: `params.extra_params`.
        config: The action's section of config.yaml.
        env: Environment variables.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    extra_params: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)

    def candidates(self, name: str) -> dict[SettingSource, Any]:
        """Every value that is set for a setting, by where, highest precedence first."""
        found = {
            SettingSource.FIELD: self.params.get(name),
            SettingSource.EXTRA_PARAMS: self.extra_params.get(f"export_{name}"),
            SettingSource.CONFIG: self.config.get(f"export_{name}"),
            SettingSource.ENV: self.env.get(f"SYNAPSE_EXPORT_{name.upper()}"),
        }
        return {source: value for source, value in found.items() if value is not None}

    def find(self, name: str, default: Any = None) -> tuple[Any, SettingSource]:
        """The value of highest precedence, and where it is."""
        for source, value in self.candidates(name).items():
            return value, source
        return default, SettingSource.DEFAULT


@dataclass(frozen=True)
class DelegationDecision:
    """How the data of one export is gathered.

    Attributes:
        is_delegated: The server gathers it into a bundle.
        reason: Why, or why not.
        project_id: The project, where one is known.
        disabled_by: The place that switched delegation off, when that is the reason.
        count: Matching rows, for progress only; None when it could not be asked.
        deprecated_settings: Settings in use that have no effect any more.
    """

    is_delegated: bool
    reason: DelegationReason
    project_id: int | None = None
    disabled_by: SettingSource | None = None
    count: int | None = None
    deprecated_settings: tuple[str, ...] = ()

    @property
    def reason_text(self) -> str:
        """The reason as part of a sentence."""
        where = f" ({self.disabled_by})" if self.disabled_by else ""
        return REASON_TEXTS[self.reason] + where


def decide_delegation(
    sources: SettingSources,
    *,
    has_v2_client: bool,
    project_id: int | None,
    is_custom_source: bool = False,
) -> DelegationDecision:
    """Decide whether the server gathers the data. The number of rows plays no part.

    Args:
        sources: Where settings are.
        has_v2_client: Whether there is a client to delegate with.
        project_id: Project of the rows; None when it is not known (a ground-truth data set names none).
        is_custom_source: The plugin replaced the way in which data is fetched, so the server's would be another.

    Raises:
        ConfigurationError: A switch is neither true nor false.
    """
    disabled_by = find_kill_switch(sources)
    reason = _reason(
        disabled_by,
        is_forced_v1=is_v1_forced(sources.env),
        has_v2_client=has_v2_client,
        has_project=project_id is not None,
        is_custom_source=is_custom_source,
    )
    threshold, _ = sources.find(THRESHOLD_SETTING)
    return DelegationDecision(
        is_delegated=reason is DelegationReason.DELEGATED,
        reason=reason,
        project_id=project_id,
        disabled_by=disabled_by,
        deprecated_settings=() if threshold is None else (THRESHOLD_SETTING,),
    )


def find_kill_switch(sources: SettingSources) -> SettingSource | None:
    """The place that switches delegation off, if any does; the environment is named first.

    Raises:
        ConfigurationError: A switch is neither true nor false.
    """
    candidates = sources.candidates(DISABLE_SETTING)
    switched = [source for source, value in candidates.items() if parse_switch(value, f"{DISABLE_SETTING} ({source})")]
    return SettingSource.ENV if SettingSource.ENV in switched else next(iter(switched), None)


def is_v1_forced(env: Mapping[str, Any]) -> bool:
    """Whether the operator sends exports back to the v1 lists.

    Raises:
        ConfigurationError: The variable is neither true nor false.
    """
    return parse_switch(env.get(FORCE_V1_ENV, False), FORCE_V1_ENV)


def parse_switch(value: Any, name: str) -> bool:
    """Read an on/off value as people write it.

    Raises:
        ConfigurationError: It is neither.
    """
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ConfigurationError(f"{name} is {value!r}; use true or false")


def _reason(
    disabled_by: SettingSource | None,
    *,
    is_forced_v1: bool,
    has_v2_client: bool,
    has_project: bool,
    is_custom_source: bool,
) -> DelegationReason:
    obstacles = (
        (disabled_by is not None, DelegationReason.DISABLED),
        (is_forced_v1, DelegationReason.FORCED_V1),
        (is_custom_source, DelegationReason.CUSTOM_SOURCE),
        (not has_v2_client, DelegationReason.NO_V2_CLIENT),
        (not has_project, DelegationReason.NO_PROJECT),
    )
    return next((reason for is_present, reason in obstacles if is_present), DelegationReason.DELEGATED)


@dataclass(frozen=True)
class ExportSettings:
    """How patiently data is fetched; each field is a setting of its own.

    Attributes:
        read_timeout_seconds: Longest silence of the server within one answer.
        page_retries: Repetitions of one page, one bulk call or one download.
        page_retry_backoff: Seconds before the first repetition, doubling.
        throttle_seconds: Pause between bulk calls, so that people can go on working; None is the target's own.
        bulk_chunk_size: Rows per bulk call; the server takes at most 200.
        download_parallelism: Payloads of one bulk call that are downloaded at once.
        parallelism: Processes that convert a bundle; None is one for a small export, and one per core for a large one.
    """

    read_timeout_seconds: float = field(default=60.0, metadata={"range": (0.001, 3600)})
    page_retries: int = field(default=3, metadata={"range": (0, 20)})
    page_retry_backoff: float = field(default=0.5, metadata={"range": (0, 60)})
    throttle_seconds: float | None = field(default=None, metadata={"range": (0, 60)})
    bulk_chunk_size: int = field(default=MAX_BULK_IDS, metadata={"range": (1, MAX_BULK_IDS)})
    download_parallelism: int = field(default=8, metadata={"range": (1, 64)})
    parallelism: int | None = field(default=None, metadata={"range": (1, 64), "is_whole": True})


def resolve_settings(sources: SettingSources) -> ExportSettings:
    """Find every setting by the common precedence.

    Raises:
        ConfigurationError: A value is no number, or out of its range.
    """
    values: dict[str, Any] = {}
    for setting in fields(ExportSettings):
        value, source = sources.find(setting.name)
        if source is not SettingSource.DEFAULT:
            is_whole = isinstance(setting.default, int) or setting.metadata.get("is_whole", False)
            values[setting.name] = _number(value, setting.name, whole=is_whole, bounds=setting.metadata["range"])
    return ExportSettings(**values)


def _number(value: Any, name: str, *, whole: bool, bounds: tuple[float, float]) -> float:
    low, high = bounds
    try:
        number: float = int(str(value)) if whole else float(str(value))
    except ValueError as exc:
        raise ConfigurationError(f"Export setting {name} is {value!r}; use a number from {low} to {high}") from exc
    if not low <= number <= high:
        raise ConfigurationError(f"Export setting {name} is {value!r}; use a number from {low} to {high}")
    return number
