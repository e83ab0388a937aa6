"""torch's data loader. Its order and its workers draw from torch's generator, which is seeded anew for each epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch.utils import data

from cvlabkit.component.base import DataLoader
from cvlabkit.core.config import Config


class Basic(DataLoader):
    """Batches of stacked samples.

    Args:
        cfg: The config.
        dataset: Where samples come from.
        sampler: Their order, in place of `shuffle`.
        batch_size: Samples per batch.
        shuffle: Whether each epoch has an order of its own.
        num_workers: Processes that load; 0 loads in this one.
    """

    def __init__(
        self,
        cfg: Config,
        dataset: Any,
        sampler: Iterable[int] | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        num_workers: int = 0,
    ) -> None:
        is_shuffled = shuffle and sampler is None
        self.loader = data.DataLoader(
            dataset, batch_size, shuffle=is_shuffled, sampler=sampler, num_workers=num_workers, collate_fn=self.collate
        )

    @staticmethod
    def collate(samples: list[Any]) -> Any:
        """One batch of several samples."""
        return data.default_collate(samples)
