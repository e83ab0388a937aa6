"""scikit-learn's handwritten digits: 1,797 grey images of 8 x 8 pixels in ten classes, every fifth for validation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from sklearn.datasets import load_digits

from cvlabkit.component.base import Dataset
from cvlabkit.core.config import Config
from synapse_sdk.exceptions import ComponentError

# scikit-learn's digits count from 0 to 16.
WHITE = 16.0
VALIDATION_SHARE = 5

Transform = Callable[[torch.Tensor], torch.Tensor]


class Digits(Dataset):
    """Images of 1 x 8 x 8, from 0 to 1, with their classes.

    Args:
        cfg: The config.
        transform: Changes an image each time that it is taken.
        split: `train` or `val`.
    """

    def __init__(self, cfg: Config, transform: Transform | None = None, *, split: str) -> None:
        self.transform = transform
        self.images, self.targets = read_digits(split)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.images[index]
        return (image if self.transform is None else self.transform(image)), self.targets[index]


def read_digits(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and classes of a split.

    Raises:
        ComponentError: There is no such split.
    """
    if split not in {"train", "val"}:
        raise ComponentError(f"The digits have no split {split!r}; there are train and val.")
    digits = load_digits()
    is_chosen = (torch.arange(len(digits.target)) % VALIDATION_SHARE == 0) == (split == "val")
    images = torch.tensor(digits.images / WHITE, dtype=torch.float32).unsqueeze(1)
    return images[is_chosen], torch.tensor(digits.target, dtype=torch.int64)[is_chosen]
