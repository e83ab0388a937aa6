"""A pipeline: `first | second`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cvlabkit.component.base import Transform
from cvlabkit.core.config import Config


class Compose(Transform):
    """One transform after the other."""

    def __init__(self, cfg: Config, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, sample: Any) -> Any:
        for transform in self.transforms:
            sample = transform(sample)
        return sample
