"""Which GPUs a run may use, where a host has several runs at once: decided from numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"


def share(gpus: Sequence[str], slots: int, slot: int) -> tuple[str, ...]:
    """The GPUs of one slot.

    With more GPUs than slots, each slot has its own, as evenly as they divide; with more slots than GPUs, slots share
    them in turns.

    Args:
        gpus: What names them.
        slots: How many runs there are at once.
        slot: Of the run, from 0; one beyond `slots` (there were more once) shares as if it went round.
    """
    if len(gpus) <= slots:
        return (gpus[slot % slots % len(gpus)],) if gpus else ()
    return tuple(gpus[slot % slots :: slots])


def visible_gpus(env: Mapping[str, str], found: Sequence[int]) -> list[str]:
    """The GPUs that a worker divides: those that it was started with, else all of the host.

    Args:
        env: Of the worker.
        found: What the driver lists.
    """
    given = env.get(VISIBLE)
    if given is None:
        return [str(index) for index in found]
    names = [name.strip() for name in given.split(",")]
    # CUDA itself reads no further than the first that is none, `-1` say.
    bad = next((number for number, name in enumerate(names) if not name or name.startswith("-")), len(names))
    return names[:bad]


def gpu_variables(env: Mapping[str, str], found: Sequence[int], slots: int, slot: int) -> dict[str, str]:
    """What is added to a run's environment; nothing where one run has the host for itself, or there is no GPU."""
    gpus = visible_gpus(env, found)
    if slots == 1 or not gpus:
        return {}
    # The driver counts them by their place on the bus; CUDA, unless it is told, the fastest first.
    order = {} if VISIBLE in env else {ORDER: "PCI_BUS_ID"}
    return {VISIBLE: ",".join(share(gpus, slots, slot)), **order}


def free_slot(taken: Sequence[int]) -> int:
    """The lowest slot that no run has."""
    return min(set(range(len(taken) + 1)) - set(taken))
