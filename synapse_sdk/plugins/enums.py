"""Words of the plugin framework that appear in config.yaml, on the wire and in code."""

from __future__ import annotations

from enum import StrEnum


class PluginCategory(StrEnum):
    """What a plugin is for."""

    NEURAL_NET = "neural_net"
    EXPORT = "export"
    UPLOAD = "upload"
    SMART_TOOL = "smart_tool"
    POST_ANNOTATION = "post_annotation"
    PRE_ANNOTATION = "pre_annotation"
    DATA_VALIDATION = "data_validation"
    CONVERTER = "converter"
    CUSTOM = "custom"


class RunMethod(StrEnum):
    """How a server runs an action."""

    JOB = "job"
    TASK = "task"
    SERVE = "serve"
    RESTAPI = "restapi"


class ExecutionMode(StrEnum):
    """Where `run_plugin` runs an action: a child process here, or an engine elsewhere."""

    LOCAL = "local"
    TASK = "task"
    JOB = "job"


class PackageManager(StrEnum):
    """What installs a plugin's requirements."""

    PIP = "pip"
    UV = "uv"


class DataType(StrEnum):
    """What a plugin's data is."""

    IMAGE = "image"
    TEXT = "text"
    VIDEO = "video"
    PCD = "pcd"
    AUDIO = "audio"


class AnnotationCategory(StrEnum):
    """What kind of annotation a smart tool makes."""

    OBJECT_DETECTION = "object_detection"
    CLASSIFICATION = "classification"
    SEGMENTATION = "segmentation"
    KEYPOINT = "keypoint"
    TEXT = "text"


class AnnotationType(StrEnum):
    """The shape of an annotation that a smart tool makes."""

    BBOX = "bbox"
    POLYGON = "polygon"
    POINT = "point"
    LINE = "line"
    MASK = "mask"
    LABEL = "label"


class SmartToolType(StrEnum):
    """How a smart tool works with a person."""

    INTERACTIVE = "interactive"
    AUTOMATIC = "automatic"
    SEMI_AUTOMATIC = "semi_automatic"


class LogLevel(StrEnum):
    """Weight of a log entry. `danger` is an error that a person should see."""

    DEBUG = "debug"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    DANGER = "danger"
    ERROR = "error"
    CRITICAL = "critical"


ACTION_DEFAULT_METHODS: dict[str, RunMethod] = {
    "upload": RunMethod.JOB,
    "export": RunMethod.JOB,
    "download": RunMethod.JOB,
    "convert": RunMethod.JOB,
    "train": RunMethod.JOB,
    "test": RunMethod.JOB,
    "deployment": RunMethod.JOB,
    "add_task_data": RunMethod.JOB,
    "to_task": RunMethod.JOB,
    "inference": RunMethod.SERVE,
    "auto_label": RunMethod.TASK,
}
"""Method of an action whose config.yaml names none; any other action is a task."""
