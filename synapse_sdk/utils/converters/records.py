"""What readers yield, and what writers and validators report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.losses import LossCode, LossLog

MAX_FINDINGS = 1000
SUMS = ("items_in", "images", "items_skipped", "annotations_in", "annotations", "annotations_skipped")


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One image of a data set on disk, with its annotations in the platform's schema.

    Attributes:
        key: Stable and unique within the data set; the same folder read twice gives the same keys.
        name: File name of the image.
        image_path: None when the image is missing (a `BadFile` says so) or the data set names none.
        data: `{"annotations": [...]}` as in `synapse_sdk.wire.annotations`.
        held: What keeps the image in its place for as long as the item is there.
    """

    key: str
    name: str
    image_path: Path | None
    width: int | None
    height: int | None
    data: dict[str, Any]
    split: str | None = None
    tags: list[str] = field(default_factory=list)
    held: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BadFile:
    """Something on disk that could not be read as it stands; reading goes on behind it.

    Attributes:
        line: Counted from 1; None where the format has no useful lines.
        code: One word for grouping, such as `image_missing`, `malformed`, `zero_area`, `clipped`.
    """

    path: Path
    line: int | None
    message: str
    code: str = "malformed"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


@dataclass(slots=True)
class WriterReport:
    """What a writer did. `items_in == images + items_skipped`; the same holds for annotations.

    Attributes:
        splits: Images per split; the key is "" when nothing was split.
        per_class: Annotations per class name, zero included.
        conversions: How often a geometry was rewritten without loss, such as `bbox_to_polygon`.
        skipped: The loss report.
    """

    format: Format
    items_in: int = 0
    images: int = 0
    items_skipped: int = 0
    annotations_in: int = 0
    annotations: int = 0
    annotations_skipped: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    per_class: dict[str, int] = field(default_factory=dict)
    conversions: Counter[str] = field(default_factory=Counter)
    skipped: LossLog = field(default_factory=LossLog)

    @property
    def losses(self) -> dict[str, int]:
        """Number of entries in the loss report by reason code."""
        return {code.value: count for code, count in sorted(self.skipped.counts.items())}

    def to_dict(self) -> dict[str, Any]:
        """Counts as plain JSON, without the single entries of the loss report."""
        facts: dict[str, Any] = {name: getattr(self, name) for name in (*SUMS, "per_class")}
        return {
            "format": self.format.value,
            **facts,
            "splits": dict(self.splits),
            "conversions": dict(self.conversions),
            "losses": self.losses,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule, and where."""

    code: str
    path: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"

    def moved(self, old: Path, new: Path) -> Finding:
        """The same finding in a folder that has another name; as it is when its path is not below the old one."""
        path = Path(self.path)
        return replace(self, path=str(new / path.relative_to(old))) if path.is_relative_to(old) else self


@dataclass(slots=True)
class ValidationReport:
    """What a validator found. The first `MAX_FINDINGS` of each kind are kept; all are counted.

    Attributes:
        counts: `images`, `annotations`, `classes`, and `splits`.
    """

    format: Format
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    error_counts: Counter[str] = field(default_factory=Counter)
    warning_counts: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.error_counts

    def error(self, code: str, message: str, *, path: Path | str = "", line: int | None = None) -> None:
        self.error_counts[code] += 1
        if len(self.errors) < MAX_FINDINGS:
            self.errors.append(Finding(code, str(path), line, message))

    def warn(self, code: str, message: str, *, path: Path | str = "", line: int | None = None) -> None:
        self.warning_counts[code] += 1
        if len(self.warnings) < MAX_FINDINGS:
            self.warnings.append(Finding(code, str(path), line, message))

    def add_findings(self, found: ValidationReport, old: Path, new: Path) -> None:
        """Add what was found in a folder, as found in another."""
        self.errors += [finding.moved(old, new) for finding in found.errors]
        self.warnings += [finding.moved(old, new) for finding in found.warnings]
        self.error_counts.update(found.error_counts)
        self.warning_counts.update(found.warning_counts)

    def relative_to(self, root: Path) -> ValidationReport:
        """The same report with paths from the data set's root on, which are the same wherever it lies."""
        report = ValidationReport(self.format, counts=self.counts)
        report.add_findings(self, root, Path())
        return report

    def to_dict(self) -> dict[str, Any]:
        """The whole report as plain JSON."""
        return {
            "format": self.format.value,
            "ok": self.ok,
            "counts": self.counts,
            "error_counts": dict(self.error_counts),
            "warning_counts": dict(self.warning_counts),
            "errors": [asdict(finding) for finding in self.errors],
            "warnings": [asdict(finding) for finding in self.warnings],
        }


class UnfitError(ValueError):
    """An annotation that the format cannot carry; the writer turns it into a loss entry and goes on."""

    def __init__(self, code: LossCode, message: str) -> None:
        self.code = code
        super().__init__(message)


def annotations_of(item: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """The annotations of an item of the export, empty when it has no data."""
    data = item.get("data")
    return (data.get("annotations") or ()) if data else ()
