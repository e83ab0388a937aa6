"""Which split an item belongs to: decided by the item alone, so order, batches and reruns change nothing."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

from synapse_sdk.exceptions import FormatError

TAG_SPLITS: dict[str, str] = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def check_ratios(ratios: Mapping[str, float]) -> None:
    """Refuse ratios that do not divide a whole.

    Raises:
        FormatError: A ratio is negative or not finite, or they do not add up to 1.
    """
    if any(not math.isfinite(ratio) or ratio < 0 for ratio in ratios.values()):
        raise FormatError(f"Split ratios must be numbers of 0 or more, not {dict(ratios)}.")
    if abs(sum(ratios.values()) - 1) > 1e-6:
        raise FormatError(f"Split ratios must add up to 1, not to {sum(ratios.values()):g}: {dict(ratios)}.")


def split_by_ratio(key: int | str, ratios: Mapping[str, float], *, seed: int = 0) -> str:
    """The split of an item, from a hash of its key.

    An item stays in its split when others come or go; the shares are met on average, not to the item.

    Args:
        key: What identifies the image: `data_unit.id`, so that two assignments of one image never part.
        ratios: Shares by split name in order, adding up to 1 (see `check_ratios`).
        seed: Another seed draws another division.
    """
    digest = hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest()
    draw = int.from_bytes(digest) / 2**64
    chosen, edge = "", 0.0
    for name, ratio in ratios.items():
        if ratio <= 0:
            continue
        chosen, edge = name, edge + ratio
        if draw < edge:
            break
    return chosen


def split_by_tag(tags: Iterable[str], tag_splits: Mapping[str, str] = TAG_SPLITS) -> str | None:
    """The split that an item's tags name, or None; with several, the first in the order of `tag_splits` wins."""
    present = {tag.lower() for tag in tags}
    return next((split for tag, split in tag_splits.items() if tag.lower() in present), None)
