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
        start_method: How they are started: `fork`, `spawn` (a data set that uses CUDA needs it), `forkserver`; else as
            Python does it.
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
        start_method: str | None = None,
    ) -> None:
        self.loader = data.DataLoader(
            dataset,
            batch_size,
            shuffle=shuffle and sampler is None,
            sampler=sampler,
            num_workers=num_workers,
            collate_fn=self.collate,
            multiprocessing_context=start_method if num_workers else None,
        )

    @staticmethod
    def collate(samples: list[Any]) -> Any:
        """One batch of several samples."""
        return data.default_collate(samples)
