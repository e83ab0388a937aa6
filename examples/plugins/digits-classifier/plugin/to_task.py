"""Asks the classifier for every task of a project."""

from __future__ import annotations

from typing import Any

from synapse_sdk.plugins.actions.to_task import ToTaskAction


class ToTask(ToTaskAction):
    def convert_data_from_inference(
        self,
        inference_data: dict[str, Any],
        task_data: dict[str, Any] | None = None,  # noqa: ARG002 - the documented signature.
    ) -> dict[str, Any]:
        label, score = inference_data["label"], inference_data["score"]
        return {"annotations": [{"id": 1, "type": "classification", "category": label, "score": score}]}
