"""Parameters that every training has; a plugin's own model derives from them."""

from __future__ import annotations

from pydantic import BaseModel


class BaseTrainParams(BaseModel):
    """What to train from.

    Attributes:
        checkpoint: Id of the model to start from; None starts anew.
    """

    checkpoint: int | None = None
