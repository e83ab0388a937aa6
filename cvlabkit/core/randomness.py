"""One seed for everything that draws: Python, NumPy, torch, and through torch the workers of its data loaders.

Every epoch has a seed of its own, made from the run's: so a run that goes on from a checkpoint draws what it would have
drawn without the interruption, and no generator's state need be kept.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys

DEFAULT_SEED = 0
_LIMIT = 2**32


def seed_everything(seed: int) -> None:
    """Seed the generators of every library that was imported; none is imported for it."""
    seed %= _LIMIT
    random.seed(seed)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def seed_of_epoch(seed: int, epoch: int) -> int:
    """A seed that no other epoch has, of this run's seed or of another."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:4])


def limit_threads(count: int | None) -> None:
    """Let torch compute in so many threads; how sums are split among them shows in the last digits."""
    if count is not None and (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(count)


def use_deterministic_algorithms(*, is_wanted: bool) -> None:
    """Let torch take only algorithms whose results never change; it refuses an operation that has none."""
    if (torch := sys.modules.get("torch")) is None:
        return
    if is_wanted:
        # CUDA's matrix products need it, and read it when the first one is made.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(is_wanted)
