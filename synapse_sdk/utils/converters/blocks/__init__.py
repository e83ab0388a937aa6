"""Items in blocks: what is decoded without a detour, converted anywhere, and put in order by one process."""

from synapse_sdk.utils.converters.blocks.chunk import Chunk, Lane, NeedsOrderError
from synapse_sdk.utils.converters.blocks.items import BlockItem, TypedAnnotation, typed_annotations

__all__ = ["BlockItem", "Chunk", "Lane", "NeedsOrderError", "TypedAnnotation", "typed_annotations"]
