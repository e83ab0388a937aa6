"""What a finished export comes to, for people and for scripts."""

from __future__ import annotations

from typing import Any

from synapse_sdk.cli.output import print_facts, print_json, warn

_GATHERED = {"delegated": "by the server", "in-process": "from here", "merged": "from both exports"}

# Of what an action answers, what is told of it.
RESULTS = ("export_path", "exported_count", "failed_count", "deleted_count", "report")


def summarize(result: dict[str, Any], *, head: str, seconds: float) -> dict[str, Any]:
    """The counts of an export.

    Args:
        result: What the action answered.
        head: Who gathered the data: `delegated`, `in-process` or `merged`.
        seconds: How long it took.
    """
    report = result.get("report") or {}
    return {
        "path": result.get("export_path"),
        "exported": result["exported_count"],
        "failed": result["failed_count"],
        "deleted": result.get("deleted_count"),
        "annotations": report.get("annotations", 0),
        "skipped_annotations": report.get("annotations_skipped", 0),
        "splits": {split: count for split, count in (report.get("splits") or {}).items() if split},
        "losses": report.get("losses", {}),
        "head": head,
        "seconds": round(seconds, 2),
    }


def print_summary(summary: dict[str, Any], *, as_json: bool) -> None:
    """Print it, and warn of what is missing."""
    is_whole = summary["deleted"] is None
    if as_json:
        print_json(summary)
    else:
        splits = ", ".join(f"{name} {count:,}" for name, count in summary["splits"].items())
        facts = {
            "Path": summary["path"],
            "Items": f"{summary['exported']:,}",
            **({} if is_whole else {"Deleted since": f"{summary['deleted']:,}"}),
            "Annotations": f"{summary['annotations']:,}",
            **({"Splits": splits} if splits else {}),
            "Left out": f"{summary['failed']:,} items, {summary['skipped_annotations']:,} annotations",
            "Data gathered": _GATHERED[summary["head"]],
            "Seconds": f"{summary['seconds']:.1f}",
        }
        print_facts(facts)
    if is_whole and not summary["exported"] + summary["failed"]:
        warn("Nothing matches the filter; the export is empty.")
    elif summary["losses"]:
        counts = ", ".join(f"{count} {code}" for code, count in summary["losses"].items())
        is_short = summary["failed"] or summary["skipped_annotations"]
        what = "Not everything could be carried" if is_short else "Nothing is left out, but some are kept with less"
        warn(f"{what} ({counts}); loss_report.json lists it.")
    # Last, so that it is what is seen: training goes on without them, and says nothing.
    if summary["failed"]:
        selected = summary["exported"] + summary["failed"]
        warn(
            f"{summary['failed']:,} of {selected:,} items are missing from this data set; error_file_list.json says "
            "why. An export with --strict fails instead."
        )
