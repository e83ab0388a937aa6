"""Where batches come from: data sets, their samplers and loaders, transforms."""

from __future__ import annotations

from typing import ClassVar

from cvlabkit.component.base.component import Component, delegated


class Dataset(Component):
    """Samples by number."""

    operations: ClassVar[tuple[str, ...]] = (
        "__getitem__",
        "__len__",
    )

    __getitem__ = delegated("__getitem__")
    __len__ = delegated("__len__")


class DataLoader(Component):
    """Batches, one after the other."""

    operations: ClassVar[tuple[str, ...]] = ("__iter__",)

    __iter__ = delegated("__iter__")


class Sampler(Component):
    """The order in which samples are taken."""

    operations: ClassVar[tuple[str, ...]] = ("__iter__",)

    __iter__ = delegated("__iter__")


class Transform(Component):
    """Turns a sample into another."""

    operations: ClassVar[tuple[str, ...]] = ("__call__",)

    __call__ = delegated("__call__")
