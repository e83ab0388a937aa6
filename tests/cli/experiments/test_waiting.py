"""Why an experiment waits."""

import pytest

from synapse_sdk.cli.experiments.waiting import why_nobody_takes_it


def devices(**statuses):
    return [{"host_id": name, "status": status} for name, status in statuses.items()]


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (devices(), None, "no worker is at work; it waits until one is"),
        (devices(a="disconnected", b="stale"), None, "no worker is at work (a is disconnected, b is stale); it waits"),
        (devices(a="healthy", b="disconnected"), "b", "no worker is at work (b is disconnected); it waits"),
        (devices(a="healthy"), "b", "no device 'b' has joined yet"),
        (devices(**dict.fromkeys("abcdefg", "stale")), None, "e is stale and 2 more); it waits"),
    ],
)
def test_what_keeps_it_in_the_queue_is_said(found, wanted, said):
    assert said in why_nobody_takes_it(found, wanted)


@pytest.mark.parametrize("wanted", [None, "a"])
def test_where_one_is_at_work_nothing_is_wrong(wanted):
    assert why_nobody_takes_it(devices(a="healthy", b="disconnected"), wanted) == ""
