"""Uploads: files of any layout into data units of a collection."""

from synapse_sdk.plugins.actions.upload.action import BaseUploadAction, UploadProgressCategories
from synapse_sdk.plugins.actions.upload.context import UploadContext
from synapse_sdk.plugins.actions.upload.params import UploadParams
from synapse_sdk.plugins.actions.upload.steps import register_upload_steps

__all__ = ["BaseUploadAction", "UploadContext", "UploadParams", "UploadProgressCategories", "register_upload_steps"]
