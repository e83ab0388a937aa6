"""What was found out about a data set while it was written, and what is left to look at when it is complete."""

from __future__ import annotations

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks.chunk import Chunk


class Proof:
    """Sums up the blocks.

    Args:
        writer: The data set's writer.
    """

    def __init__(self, writer: DatasetWriter) -> None:
        self._writer = writer
        self._is_proven = True

    def add(self, chunk: Chunk) -> None:
        self._is_proven = self._is_proven and chunk.is_proven
