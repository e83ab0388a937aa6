"""Tables. Importing this package registers all of them on `Base.metadata`."""

from synapse_sdk.wire.accounts import Role
from synapse_sdk.wire.ground_truth import EventLabel
from synapse_sdk.wire.work import ReviewStatus, WorkStatus
from web_helper.backend.models.account import Member, Setting, Token, User
from web_helper.backend.models.async_job import AsyncJob, JobKind
from web_helper.backend.models.base import Base
from web_helper.backend.models.change import ChangeCheckpoint, ChangeKind, ChangeLog, row_changes
from web_helper.backend.models.collection import (
    DataCollection,
    DataFile,
    DataFileClaim,
    DataUnit,
    DataUnitFile,
    FileSpecification,
    FileStatus,
)
from web_helper.backend.models.component import (
    ComponentAlias,
    ComponentAliasChange,
    ComponentBlob,
    ComponentChangeSet,
    ComponentManifest,
    ComponentManifestEntry,
    ComponentVersion,
)
from web_helper.backend.models.experiment import (
    RANKS,
    Device,
    DeviceConflict,
    Experiment,
    ExperimentChunk,
    ExperimentComponentSet,
    ExperimentSubmission,
)
from web_helper.backend.models.export_part import ExportPart
from web_helper.backend.models.ground_truth import (
    GroundTruth,
    GroundTruthDataset,
    GroundTruthDatasetVersion,
    GroundTruthEvent,
    VersionEvent,
)
from web_helper.backend.models.plugin import Agent, Job, JobLog, Model, Plugin, PluginRelease
from web_helper.backend.models.pre_annotation import PreAnnotation, PreAnnotationRun
from web_helper.backend.models.project import (
    Assignment,
    Project,
    Review,
    Tag,
    Task,
    TaskEdit,
    assignment_tags,
    task_tags,
)
from web_helper.backend.models.serve_application import ServeApplication
from web_helper.backend.models.storage import Storage

__all__ = [
    "RANKS",
    "Agent",
    "Assignment",
    "AsyncJob",
    "Base",
    "ChangeCheckpoint",
    "ChangeKind",
    "ChangeLog",
    "ComponentAlias",
    "ComponentAliasChange",
    "ComponentBlob",
    "ComponentChangeSet",
    "ComponentManifest",
    "ComponentManifestEntry",
    "ComponentVersion",
    "DataCollection",
    "DataFile",
    "DataFileClaim",
    "DataUnit",
    "DataUnitFile",
    "Device",
    "DeviceConflict",
    "EventLabel",
    "Experiment",
    "ExperimentChunk",
    "ExperimentComponentSet",
    "ExperimentSubmission",
    "ExportPart",
    "FileSpecification",
    "FileStatus",
    "GroundTruth",
    "GroundTruthDataset",
    "GroundTruthDatasetVersion",
    "GroundTruthEvent",
    "Job",
    "JobKind",
    "JobLog",
    "Member",
    "Model",
    "Plugin",
    "PluginRelease",
    "PreAnnotation",
    "PreAnnotationRun",
    "Project",
    "Review",
    "ReviewStatus",
    "Role",
    "ServeApplication",
    "Setting",
    "Storage",
    "Tag",
    "Task",
    "TaskEdit",
    "Token",
    "User",
    "VersionEvent",
    "WorkStatus",
    "assignment_tags",
    "row_changes",
    "task_tags",
]
