"""Who gathers the data: the whole table, every place of every switch."""

from itertools import product

import pytest

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.actions.export.delegation import (
    DelegationReason,
    ExportSettings,
    SettingSource,
    SettingSources,
    decide_delegation,
    resolve_settings,
)

UNSET = object()
PLACES = ("field", "extra_params", "config", "env")
SETTINGS = {
    "read_timeout_seconds": (12.5, 60.0),
    "page_retries": (7, 3),
    "page_retry_backoff": (0.25, 0.5),
    "throttle_seconds": (1.5, None),
    "bulk_chunk_size": (50, 200),
    "download_parallelism": (2, 8),
    "parallelism": (3, None),
}


def sources(name: str, values: dict[str, object]) -> SettingSources:
    """The setting `name` at the given places."""

    def at(place: str, key: str) -> dict:
        return {} if values.get(place, UNSET) is UNSET else {key: values[place]}

    return SettingSources(
        params=at("field", name),
        extra_params=at("extra_params", f"export_{name}"),
        config=at("config", f"export_{name}"),
        env=at("env", f"SYNAPSE_EXPORT_{name.upper()}"),
    )


def decide(found: SettingSources | None = None, **changes):
    return decide_delegation(found or SettingSources(), **{"has_v2_client": True, "project_id": 5} | changes)


def test_delegates_by_default_with_a_client_and_a_project():
    decision = decide()
    assert (decision.is_delegated, decision.reason, decision.project_id) == (True, DelegationReason.DELEGATED, 5)


@pytest.mark.parametrize("switches", list(product((UNSET, None, True, False), repeat=4)))
def test_any_place_switches_delegation_off_and_none_switches_it_on_again(switches):
    values = dict(zip(PLACES, switches, strict=True))
    decision = decide(sources("disable_async_delegate", values))
    on = [place for place in PLACES if values[place] is True]
    assert decision.is_delegated is (not on)
    if on:
        assert decision.reason is DelegationReason.DISABLED
        # The operator's word is named first, the others in their precedence.
        assert decision.disabled_by == ("env" if "env" in on else on[0])
    else:
        assert decision.disabled_by is None


@pytest.mark.parametrize(
    ("has_client", "has_project", "is_custom", "is_forced", "is_disabled"), list(product((True, False), repeat=5))
)
def test_every_obstacle_closes_the_gate_and_the_first_is_named(
    has_client, has_project, is_custom, is_forced, is_disabled
):
    env = {"SYNAPSE_FORCE_V1_EXPORT": "1"} if is_forced else {}
    params = {"disable_async_delegate": is_disabled}
    decision = decide_delegation(
        SettingSources(params=params, env=env),
        has_v2_client=has_client,
        project_id=5 if has_project else None,
        is_custom_source=is_custom,
    )
    order = [
        (is_disabled, DelegationReason.DISABLED),
        (is_forced, DelegationReason.FORCED_V1),
        (is_custom, DelegationReason.CUSTOM_SOURCE),
        (not has_client, DelegationReason.NO_V2_CLIENT),
        (not has_project, DelegationReason.NO_PROJECT),
    ]
    expected = next((reason for closed, reason in order if closed), DelegationReason.DELEGATED)
    assert decision.reason is expected
    assert decision.is_delegated is (expected is DelegationReason.DELEGATED)
    assert decision.reason_text


@pytest.mark.parametrize("word", ["1", "true", "True", "YES", "on", True, 1])
def test_switches_are_read_as_people_write_them(word):
    assert not decide(sources("disable_async_delegate", {"env": word})).is_delegated


@pytest.mark.parametrize("word", ["0", "false", "no", "off", "", False, 0])
def test_a_switch_that_is_off_changes_nothing(word):
    assert decide(sources("disable_async_delegate", {"env": word})).is_delegated


def test_a_switch_that_is_neither_is_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"disable_async_delegate \(env\) is 'ture'"):
        decide(sources("disable_async_delegate", {"env": "ture"}))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("threshold", [0, 1000, 10**9, "5"])
def test_the_threshold_changes_nothing_and_is_named_as_deprecated(place, threshold):
    decision = decide(sources("async_job_size_threshold", {place: threshold}))
    assert decision.is_delegated
    assert decision.deprecated_settings == ("async_job_size_threshold",)


def test_without_a_threshold_nothing_is_deprecated():
    assert decide().deprecated_settings == ()


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("present", [combo for combo in product((True, False), repeat=4) if any(combo)])
def test_settings_follow_field_extra_params_config_env(name, present):
    value = SETTINGS[name][0]
    places = [place for place, is_set in zip(PLACES, present, strict=True) if is_set]
    # Only the place of highest precedence holds the value that must be found.
    values = dict.fromkeys(places, 1) | {places[0]: value}
    assert getattr(resolve_settings(sources(name, values)), name) == value
    assert sources(name, values).find(name) == (value, SettingSource(places[0]))


def test_settings_have_defaults():
    assert resolve_settings(SettingSources()) == ExportSettings()
    assert {name: getattr(ExportSettings(), name) for name in SETTINGS} == {n: v[1] for n, v in SETTINGS.items()}


def test_settings_of_the_environment_are_numbers_in_text():
    assert resolve_settings(sources("page_retries", {"env": "4"})).page_retries == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("bulk_chunk_size", 201), ("bulk_chunk_size", 0), ("page_retries", "many"), ("page_retries", 1.5),
     ("download_parallelism", 0), ("throttle_seconds", -1), ("read_timeout_seconds", 0)],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=name):
        resolve_settings(sources(name, {"config": value}))
