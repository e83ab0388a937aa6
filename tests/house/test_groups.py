"""Tests of one xdist group run in one worker: what they share is started once, and they take no port from each other."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs all tests")
@pytest.mark.xdist_group("house")
def test_a_group_is_kept_together(request):
    assert request.node.nodeid.endswith("@house")
