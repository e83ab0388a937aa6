"""Items in blocks: what is decoded without a detour, converted anywhere, and put in order by one process."""

from synapse_sdk.utils.converters.blocks.chunk import Chunk, Lane, NeedsOrderError
from synapse_sdk.utils.converters.blocks.items import NO_ATTRIBUTES, TEXT, VALUES, BlockItem, Typed, typed_decoder

__all__ = ["NO_ATTRIBUTES", "TEXT", "VALUES", "BlockItem", "Chunk", "Lane", "NeedsOrderError", "Typed", "typed_decoder"]
