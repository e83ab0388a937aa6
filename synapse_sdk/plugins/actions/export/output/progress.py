"""Progress at meaningful intervals: about a hundred reports, however many items there are."""

from __future__ import annotations

from collections.abc import Callable

REPORTS = 100


class Progress:
    """Counts items and reports each percent, and the last one.

    Args:
        total: Items expected; a wrong guess is corrected upwards.
        report: Called with `(current, total)`.
    """

    def __init__(self, total: int, report: Callable[[int, int], None]) -> None:
        self.current = 0
        self._reported = -1
        self._total = total
        self._interval = max(1, total // REPORTS)
        self._report = report

    def advance(self, count: int = 1) -> bool:
        """Count items; answers whether it was reported."""
        before, self.current = self.current, self.current + count
        is_due = self.current // self._interval > before // self._interval or self.current == self._total
        if is_due:
            self._reported = self.current
            self._report(self.current, max(self._total, self.current))
        return is_due

    def finish(self) -> None:
        """Report that nothing more comes."""
        if not self._reported == self.current == self._total:
            self._report(self.current, self.current)
