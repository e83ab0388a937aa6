"""A pre-annotation that reads the usual formats as they come."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from synapse_sdk.plugins.actions.to_task.action import ToTaskAction
from synapse_sdk.plugins.actions.to_task.enums import ToTaskEvent
from synapse_sdk.plugins.actions.to_task.file_formats import convert
from synapse_sdk.plugins.actions.to_task.file_formats.recognise import AnnotationFormat, recognise_format
from synapse_sdk.plugins.actions.to_task.params import ToTaskParams
from synapse_sdk.utils.converters.reading import Problems

# Files that stand for a whole project are parsed once; one per split is usual.
MAX_INDEXED_FILES = 4


class _Image(NamedTuple):
    """The image that is annotated: its name, and width and height in pixels where they are known."""

    name: str
    size: tuple[int, int] | None


class FileToTaskAction(ToTaskAction):
    """Annotates tasks from COCO, YOLO, Pascal VOC and LabelMe files; the format is told by each file's content.

    The numbers of YOLO classes are looked up in `extra_params["class_names"]`, else in the project's classes by id.
    What cannot be kept of a file is logged per task (`to_task_file_problem`); a file that cannot be read at all fails
    its task.
    """

    def __init__(self, params: ToTaskParams, ctx: Any) -> None:
        super().__init__(params, ctx)
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._indexes: dict[str, convert.CocoIndex] = {}

    def convert_data_from_file(
        self,
        primary_file_url: str,  # noqa: ARG002 - the documented signature.
        primary_file_name: str,
        data_file_url: str,
        data_file_name: str,
        task_data: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The file's annotations.

        Raises:
            FormatError: The file is none of the known formats, or is broken.
            ClientError: It could not be fetched.
        """
        unit: Mapping[str, Any] = (task_data or {}).get("data_unit") or {}
        width, height = unit.get("width"), unit.get("height")
        image = _Image(primary_file_name, (int(width), int(height)) if width and height else None)
        problems = convert.problems_of(data_file_name)
        known = self.known_data_file(data_file_url)
        if known is None or known.content is not None or not known.sha256:
            annotations = self._read(self.read_data_file(data_file_url), image, problems)
        else:
            annotations = self._read_large(data_file_url, known.sha256, image, problems)
        if problems.found:
            found = [f"{problem.code}: {problem.message}" for problem in problems.drain()]
            self.log(ToTaskEvent.FILE_PROBLEM, {"task_id": (task_data or {}).get("id"), "problems": found})
        return {"annotations": annotations}

    def _read(self, content: bytes, image: _Image, problems: Problems) -> list[dict[str, Any]]:
        fmt = recognise_format(content)
        if fmt is AnnotationFormat.VOC:
            return convert.convert_voc(content, image.size, problems)
        if fmt is AnnotationFormat.LABELME:
            return convert.convert_labelme(content, image.size, problems)
        if fmt is AnnotationFormat.YOLO:
            return convert.convert_yolo(content, image.size, problems, self._class_names)
        return convert.CocoIndex(content).annotations_of(image.name, image.size, problems)

    def _read_large(self, url: str, sha256: str, image: _Image, problems: Problems) -> list[dict[str, Any]]:
        """A file that did not come with its task: perhaps one COCO file for many tasks, which is fetched once."""
        with self._lock:
            own_lock = self._locks.setdefault(sha256, threading.Lock())
        with own_lock:
            index = self._indexes.get(sha256)
            if index is None:
                content = self.read_data_file(url)
                if recognise_format(content) is not AnnotationFormat.COCO:
                    return self._read(content, image, problems)
                index = convert.CocoIndex(content)
                self._keep(sha256, index)
        return index.annotations_of(image.name, image.size, problems)

    def _keep(self, sha256: str, index: convert.CocoIndex) -> None:
        with self._lock:
            self._indexes[sha256] = index
            while len(self._indexes) > MAX_INDEXED_FILES:
                self._indexes.pop(next(iter(self._indexes)))

    @cached_property
    def _class_names(self) -> list[str]:
        given = (self.params.extra_params or {}).get("class_names")
        if isinstance(given, list):
            return [str(name) for name in given]
        project = self.ctx.client.get_project(self.params.project) if self.ctx.client else {}
        schema = (project.get("configuration") or {}).get("class_schema") or {}
        return [entry["name"] for entry in sorted(schema.get("classes") or [], key=lambda entry: int(entry["id"]))]
