"""The export that `synapse export` runs."""

from __future__ import annotations

from synapse_sdk.plugins.actions.export.action import ExportAction
from synapse_sdk.plugins.actions.export.exporter import BaseExporter
from synapse_sdk.plugins.actions.export.formats.exporter import FormatExporter
from synapse_sdk.plugins.actions.export.formats.params import FormatExportParams


class FormatExportAction(ExportAction):
    """Exports into a data set format; the `export` action of the built-in plugin `synapse-export`."""

    params_model = FormatExportParams

    @property
    def entrypoint(self) -> type[BaseExporter]:
        """The exporter of data set formats."""
        return FormatExporter
