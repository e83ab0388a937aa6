"""Models of common results, for `result_model` of an action."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class TrainResult(BaseModel):
    """What a training leaves behind."""

    weights_path: str
    final_epoch: int
    best_epoch: int | None = None
    train_metrics: dict[str, float] = {}
    val_metrics: dict[str, float] = {}


class InferenceResult(BaseModel):
    """What an inference answers."""

    predictions: list[dict[str, Any]] = []
    processed_count: int = 0
    output_path: str | None = None


class ExportResult(BaseModel):
    """What an export wrote."""

    output_path: str
    exported_count: int
    format: str
    file_size_bytes: int | None = None


class UploadResult(BaseModel):
    """What an upload sent."""

    uploaded_count: int
    remote_path: str | None = None
    status: str = "completed"


class WeightsResult(BaseModel):
    """Where weights are."""

    weights_path: str
    checkpoint_paths: list[str] = []
    format: str = "pt"


class MetricsResult(BaseModel):
    """Numbers of one category."""

    metrics: dict[str, float]
    category: str = "default"
