"""Checks a Pascal VOC folder against the format's rules."""

from __future__ import annotations

from pathlib import Path

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.compact import HashSet
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.names import split_suffix
from synapse_sdk.utils.converters.records import ValidationReport
from synapse_sdk.utils.converters.validation import folder_has_files, walk_files
from synapse_sdk.utils.converters.voc.reader import find_annotations, split_of_list
from synapse_sdk.utils.converters.voc.xml_tree import Element, XmlError, read_xml


def validate_voc(path: Path) -> ValidationReport:
    """Check every XML file, its image where there are images, and the lists of splits."""
    report = ValidationReport(Format.VOC, counts={"images": 0, "annotations": 0, "classes": 0, "splits": {}})
    try:
        folder = find_annotations(path)
    except FormatError as exc:
        report.error("missing", str(exc), path=path)
        return report
    images = folder.parent / "JPEGImages"
    check = _Check(report, images if folder_has_files(images) else None)
    stems = HashSet()
    for file in walk_files(folder):
        if file.suffix == ".xml":
            report.counts["images"] += 1
            stems.add(file.stem)
            check.file(file)
    report.counts["classes"] = len(check.classes)
    _check_lists(folder.parent / "ImageSets" / "Main", stems, report)
    return report


def _check_lists(folder: Path, stems: HashSet, report: ValidationReport) -> None:
    listed = HashSet()
    for file in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
        count = 0
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                count += 1
                stem = line.rstrip("\n")
                if stem not in stems:
                    report.error(
                        "annotation_missing", f"there is no annotation file {stem}.xml", path=file, line=number
                    )
                if not listed.add(stem):
                    report.error("duplicate_name", f"{stem} is listed twice", path=file, line=number)
        report.counts["splits"][split_of_list(file) or ""] = count
    if folder.is_dir() and len(listed) != len(stems):
        report.error("not_listed", f"{len(stems) - len(listed)} annotation files are in no list", path=folder)


class _Check:
    def __init__(self, report: ValidationReport, images: Path | None) -> None:
        self._report = report
        self._images = images
        self._names = HashSet()
        self._file = Path()
        self.classes: set[str] = set()

    def file(self, file: Path) -> None:
        self._file = file
        try:
            root = read_xml(file)
        except XmlError as exc:
            self._error("malformed", str(exc), exc.line)
            return
        except OSError as exc:
            self._error("unreadable", f"the file cannot be read: {exc.strerror}", None)
            return
        size = self._size(root)
        self._check_name(root)
        for element in root.children_named("object"):
            self._report.counts["annotations"] += 1
            self._check_object(element, size)

    def _size(self, root: Element) -> tuple[float, float] | None:
        element = root.child("size")
        try:
            assert element is not None
            size = float(element.child_text("width")), float(element.child_text("height"))
            if min(size) > 0:
                return size
        except (AssertionError, ValueError):
            pass
        self._error(
            "bad_size", "there is no <size> with a width and height above 0", element.line if element else root.line
        )
        return None

    def _check_name(self, root: Element) -> None:
        name = root.child_text("filename")
        if split_suffix(name)[0] != self._file.stem:
            self._error("bad_file_name", f"<filename> {name!r} does not fit the name of its annotation file", root.line)
        if not self._names.add(name):
            self._error("duplicate_file_name", f"another annotation file names the image {name}", root.line)
        if self._images is not None and not (self._images / name).is_file():
            self._error("image_missing", f"there is no image {name} in {self._images.name}", root.line)

    def _check_object(self, element: Element, size: tuple[float, float] | None) -> None:
        name = element.child_text("name")
        if not name:
            self._error("bad_class", "an object has no <name>", element.line)
        self.classes.add(name)
        for flag in ("truncated", "difficult", "occluded"):
            if element.child_text(flag) not in ("", "0", "1"):
                self._error("bad_flag", f"<{flag}> is {element.child_text(flag)!r}, not 0 or 1", element.line)
        box = element.child("bndbox")
        try:
            assert box is not None
            left, top, right, bottom = (float(box.child_text(tag)) for tag in ("xmin", "ymin", "xmax", "ymax"))
        except (AssertionError, ValueError):
            self._error("bad_box", "an object has no <bndbox> of four numbers", element.line)
            return
        # Comparisons with NaN are false: each rule says what must hold.
        if not (left < right and top < bottom):
            self._error("bad_box", f"the box {left:g},{top:g},{right:g},{bottom:g} has no area", box.line)
        elif size and not (left >= 1 and top >= 1 and right <= size[0] and bottom <= size[1]):
            self._error("bad_box", f"the box {left:g},{top:g},{right:g},{bottom:g} reaches beyond 1 … {size}", box.line)

    def _error(self, code: str, message: str, line: int | None) -> None:
        self._report.error(code, message, path=self._file, line=line)
