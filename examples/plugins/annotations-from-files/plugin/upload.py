"""A folder of images, and a folder of annotation files beside it, become data units and tasks."""

from synapse_sdk.plugins.actions.upload import BaseUploadAction, UploadParams


class Upload(BaseUploadAction[UploadParams]):
    """All that it takes."""
