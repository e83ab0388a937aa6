"""GPUs are divided among the runs that a host has at once: from numbers, so without a GPU."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cvlabkit.tree import CONFIG
from tests.middleend.kit import until
from tests.middleend.stage import COMPONENTS
from web_helper.middleend.worker.child.gpu_share import free_slot, gpu_variables, share, visible_gpus

NVIDIA = """\
#!/bin/sh
for index in 0 1 2 3; do echo "$index, NVIDIA H100, 7, 1, 80000, 570.86"; done
"""
TELLS = COMPONENTS["agent/fitter.py"].replace(
    'print("epoch"',
    'print("GPUS", os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("CUDA_DEVICE_ORDER"))\n        print("epoch"',
)


@pytest.mark.parametrize(
    ("gpus", "slots", "shares"),
    [
        ("", 2, ["", ""]),
        ("0", 1, ["0"]),
        ("0", 3, ["0", "0", "0"]),
        ("01", 2, ["0", "1"]),
        ("0123", 2, ["02", "13"]),
        ("01234", 2, ["024", "13"]),
        ("01", 5, ["0", "1", "0", "1", "0"]),
        ("01234567", 4, ["04", "15", "26", "37"]),
    ],
)
def test_how_they_are_divided(gpus, slots, shares):
    assert ["".join(share(gpus, slots, slot)) for slot in range(slots)] == shares


@given(count=st.integers(0, 16), slots=st.integers(1, 20))
def test_nobody_is_left_out_and_nothing_is_given_twice_unless_it_must(count, slots):
    gpus = [str(number) for number in range(count)]
    shares = [share(gpus, slots, slot) for slot in range(slots)]
    given_away = [gpu for each in shares for gpu in each]
    assert set(given_away) == set(gpus)
    if count >= slots:
        assert len(given_away) == count
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    elif count:
        assert {len(each) for each in shares} == {1}
    # A slot from a time with more of them has a share as well.
    assert share(gpus, slots, slots + 1) in shares


@pytest.mark.parametrize(
    ("given_to_worker", "names"),
    [
        (None, ["0", "1"]),
        ("", []),
        ("-1", []),
        ("3,1", ["3", "1"]),
        ("GPU-8932f937,GPU-7", ["GPU-8932f937", "GPU-7"]),
        ("2,-1,3", ["2"]),
    ],
)
def test_a_worker_divides_what_it_was_given(given_to_worker, names):
    env = {} if given_to_worker is None else {"CUDA_VISIBLE_DEVICES": given_to_worker}
    assert visible_gpus(env, [0, 1]) == names


def test_what_a_run_is_told():
    assert gpu_variables({}, [0, 1], 1, 0) == {}
    assert gpu_variables({}, [], 4, 0) == {}
    assert gpu_variables({}, [0, 1], 2, 1) == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    # Who names them counts them as well.
    assert gpu_variables({"CUDA_VISIBLE_DEVICES": "7,5"}, [0, 1], 2, 1) == {"CUDA_VISIBLE_DEVICES": "5"}


@pytest.mark.parametrize(("taken", "free"), [([], 0), ([0], 1), ([1], 0), ([0, 1, 3], 2), ([2, 2], 0)])
def test_the_lowest_slot_is_taken(taken, free):
    assert free_slot(taken) == free


def test_runs_at_once_see_gpus_of_their_own(lab, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(NVIDIA)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    lab.put({"agent/fitter.py": TELLS})
    gate = tmp_path / "gate"
    uids = [lab.submit(f"{CONFIG}gate: {gate}\nseed: {number}\n") for number in (1, 2)]
    lab.agent(jobs=2)
    for uid in uids:
        until(lambda uid=uid: "GPUS" in lab.log(uid), explain=lambda: (lab.events, [lab.log(each) for each in uids]))
    gate.touch()
    rows = [lab.wait(uid) for uid in uids]
    seen = {lab.log(uid).splitlines()[0] for uid in uids}
    assert seen == {"GPUS 0,2 PCI_BUS_ID", "GPUS 1,3 PCI_BUS_ID"}
    told = {row["manifest"]["gpu"] for row in rows}
    assert told == {f"{a}: NVIDIA H100; {b}: NVIDIA H100; driver 570.86" for a, b in ((0, 2), (1, 3))}, json.dumps(rows)
