"""Asks the segmenter for every task of a project."""

from __future__ import annotations

from typing import Any

from synapse_sdk.plugins.actions.to_task import FileToTaskAction


class ToTask(FileToTaskAction):
    """Files come in the usual formats; the model's answer is task data as it stands."""

    def convert_data_from_inference(
        self,
        inference_data: dict[str, Any],
        task_data: dict[str, Any] | None = None,  # noqa: ARG002 - the documented signature.
    ) -> dict[str, Any]:
        return {"annotations": inference_data["annotations"]}
