"""What an action reads and makes, in words that a pipeline can check before it starts.

A type that is derived from another can stand in for it.
"""

from __future__ import annotations


class DataType:
    """Root of the semantic types."""

    name = "data"


class Dataset(DataType):
    """Images and annotations of any layout."""

    name = "dataset"


class DMDataset(Dataset):
    """A data set in the data manager's own layout."""

    name = "dm_dataset"


class DMv1Dataset(DMDataset):
    """The layout's first version."""

    name = "dm_v1_dataset"


class DMv2Dataset(DMDataset):
    """The layout's second version."""

    name = "dm_v2_dataset"


class YOLODataset(Dataset):
    """A data set for YOLO trainers."""

    name = "yolo_dataset"


class COCODataset(Dataset):
    """A data set in COCO's JSON."""

    name = "coco_dataset"


class PascalVOCDataset(Dataset):
    """A data set in Pascal VOC's XML."""

    name = "pascal_voc_dataset"


class Model(DataType):
    """A trained model of any form."""

    name = "model"


class ModelWeights(Model):
    """Weights for a known architecture."""

    name = "model_weights"


class ONNXModel(Model):
    """A model in ONNX."""

    name = "onnx_model"


class TensorRTModel(Model):
    """A model compiled for TensorRT."""

    name = "tensorrt_model"


class Result(DataType):
    """An outcome that is neither data set nor model."""

    name = "result"


class TestResults(Result):
    """Outcome of an evaluation."""

    __test__ = False  # pytest would collect it for its name.
    name = "test_results"


class InferenceResults(Result):
    """Outcome of an inference."""

    name = "inference_results"
