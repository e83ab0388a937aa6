"""Annotation files of the usual formats, and one of a team's own."""

from __future__ import annotations

import csv
from typing import Any

from synapse_sdk.plugins.actions.to_task import FileToTaskAction


class ToTask(FileToTaskAction):
    """COCO, YOLO, Pascal VOC and LabelMe are known already; here is what to do with another format."""

    def convert_data_from_file(
        self,
        primary_file_url: str,
        primary_file_name: str,
        data_file_url: str,
        data_file_name: str,
        task_data: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """CSV has one box per line, `category,x,y,width,height` in pixels; anything else is told by its content."""
        if not data_file_name.endswith(".csv"):
            return super().convert_data_from_file(
                primary_file_url, primary_file_name, data_file_url, data_file_name, task_data=task_data
            )
        text = self.read_data_file(data_file_url).decode()
        return {"annotations": [box(number, row) for number, row in enumerate(csv.reader(text.splitlines()), 1)]}


def box(number: int, row: list[str]) -> dict[str, Any]:
    """One line as an annotation. A line that is none raises, which costs its own task and no other."""
    category, *numbers = row
    x, y, width, height = (float(value) for value in numbers)
    return {"id": number, "type": "bbox", "category": category, "bbox": [x, y, width, height]}
