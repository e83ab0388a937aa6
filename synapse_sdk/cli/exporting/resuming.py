"""An export that survives this process: the server's job goes on, and a note says how to go on with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from synapse_sdk.cli.exporting.notes import ExportNote, notes_folder
from synapse_sdk.cli.exporting.summary import RESULTS
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import say
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ClientError, ConverterLostError, ExportJobFailedError, StorageError
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.formats import FormatExportAction, FormatExportParams
from synapse_sdk.plugins.actions.export.output.partial import remove_marks, remove_partials
from synapse_sdk.plugins.actions.export.steps import DelegateEnqueueStep, DelegateStreamProgressStep
from synapse_sdk.plugins.actions.export.steps.preparation import open_target
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.plugins.steps import StepRegistry, StepResult
from synapse_sdk.utils.network import is_same_origin
from synapse_sdk.utils.validation import validate_params

Hold = Callable[[], AbstractContextManager[None]]


def open_note(job_id: str, client: BackendV2Client) -> ExportNote:
    """The note of an export to resume.

    Raises:
        UsageError: This is no job's id, or the export was begun on another server.
        ConfigurationError: This machine knows of no such export.
        ExportError: Another process works on it.
    """
    note = ExportNote.open(job_id)
    if not is_same_origin(note.host, client.base_url):
        note.close()
        raise UsageError(f"The export {job_id} was begun on {note.host}. Log in there, or name it with --host.")
    return note


class ResumableExport(FormatExportAction):
    """The built-in export, with a note of its job.

    Attributes:
        note: What to resume with; None until the server has a job for this export.
        hold: Holds Ctrl-C back while the server takes the job and the note is written.
    """

    def __init__(self, params: FormatExportParams, ctx: RuntimeContext, note: ExportNote | None = None) -> None:
        super().__init__(params, ctx)
        self.note = note
        self.hold: Hold = nullcontext
        self._context: ExportContext | None = None

    @classmethod
    def prepare(
        cls, params: dict[str, Any], ctx: RuntimeContext, note: ExportNote | None, hold: Hold = nullcontext
    ) -> ResumableExport:
        """The action with its parameters checked; those of a note were checked when it was written.

        Args:
            params: The parameters.
            ctx: What the action runs in.
            note: That of the export to resume; None begins one.
            hold: What holds Ctrl-C back; nothing does when absent.

        Raises:
            PluginValidationError: They do not fit.
        """
        context = {} if note else {"client": ctx.client, "action": cls.action_name}
        action = cls(validate_params(FormatExportParams, params, context=context), ctx, note)
        action.hold = hold
        return action

    def create_context(self) -> ExportContext:
        """The context, which knows whether there is a note already."""
        context = super().create_context()
        context.is_noted = self.note is not None
        self._context = context
        return context

    def setup_steps(self, registry: StepRegistry[ExportContext]) -> None:
        """Register the nine steps, of which one writes the note."""
        super().setup_steps(registry)
        if self.note is None:
            registry.unregister(NotedEnqueueStep.step_name)
            registry.insert_before(DelegateStreamProgressStep.step_name, NotedEnqueueStep(self))

    def run_steps(self, registry: StepRegistry[Any], context: Any) -> dict[str, Any]:
        """Run the steps, or answer what a process that was killed at the very end has completed.

        Raises:
            RuntimeError: A step failed; its exception is the cause.
            OSError: The target cannot be opened.
        """
        if self.note is not None and self.note.result is not None:
            open_target(context)
            return self.note.result
        result = super().run_steps(registry, context)
        if self.note is not None:
            # Between mark and note nobody could tell any more that the folder is this export's.
            with suppress(OSError):
                self.note.complete({name: result.get(name) for name in RESULTS})
        return result

    def close(self, outcome: BaseException | None) -> None:
        """Keep the note when the export can be resumed, and say how; remove it when not.

        Args:
            outcome: What ended the run; None when it is complete.
        """
        if self.note is None:
            if isinstance(outcome, KeyboardInterrupt):
                say("There is nothing to go on with: run the same command again.")
            return
        if outcome is not None and is_worth_resuming(outcome):
            say(
                f"The server's part of this export is kept until it expires.\n"
                f"  Go on with: synapse export --resume {self.note.job_id}"
            )
            # What can be read already is of a job that has ended.
            if self._context is None or self._context.results is None:
                say(f"  Or stop it: synapse job cancel {self.note.job_id}")
            self.note.close()
            return
        root = self._root(self.note)
        if root is not None:
            settle = remove_marks if outcome is None else remove_partials
            with suppress(OSError):
                settle(root, self.note.job_id)
        self.note.discard()

    def _root(self, note: ExportNote) -> Any:
        """Where the export's folder is made; None when that is in a storage which was never opened."""
        opened = self._context.path_root if self._context is not None else None
        return opened or (Path(note.params["out"]) if note.params.get("out") else None)


class NotedEnqueueStep(DelegateEnqueueStep):
    """Starts the server's job and writes the note; from then on a failure here leaves the job to the server."""

    def __init__(self, action: ResumableExport) -> None:
        self._action = action

    def execute(self, context: ExportContext) -> StepResult:
        # Ctrl-C in between would leave a job of which nobody here knows.
        with self._action.hold():
            result = super().execute(context)
            self._write_note(context)
        return result

    def _write_note(self, context: ExportContext) -> None:
        params = self._action.params.model_dump(mode="json", exclude_none=True)
        try:
            self._action.note = ExportNote.write(str(context.job_id), context.v2_client.base_url, params)
        except OSError as exc:
            reason = f"nothing can be noted in {notes_folder()} ({exc.strerror or exc})"
            context.log_message(f"Should this break off, it cannot be gone on with: {reason}.", "warning")
            return
        context.is_noted = context.is_resumable = True
        context.log_message(f"Should this break off: synapse export --resume {context.job_id}")


def is_worth_resuming(outcome: BaseException) -> bool:
    """Whether another attempt with the same bundle may end better: the fault is of this machine or the network."""
    if isinstance(outcome, KeyboardInterrupt):
        return True
    links = [outcome, outcome.__cause__, getattr(outcome.__cause__, "__cause__", None)]
    if any(isinstance(link, ExportJobFailedError) for link in links):
        return False
    return any(isinstance(link, (ClientError, ConverterLostError, StorageError, OSError)) for link in links)
