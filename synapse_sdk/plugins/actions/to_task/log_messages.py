"""Every sentence that a pre-annotation shows to people, in English and Korean."""

from __future__ import annotations

from synapse_sdk.plugins.log_messages import LogMessageCode, register_log_messages


class ToTaskLogMessageCode(LogMessageCode):
    """Codes of the messages that a pre-annotation shows."""

    TASK_DATA_ANNOTATING = "TASK_DATA_ANNOTATING", "info"
    TASK_DATA_PREPROCESSOR_DEPLOYING = "TASK_DATA_PREPROCESSOR_DEPLOYING", "info"
    TASK_DATA_COMPLETED = "TASK_DATA_COMPLETED", "success"
    TASK_DATA_COMPLETED_WITH_FAILURES = "TASK_DATA_COMPLETED_WITH_FAILURES", "warning"


_C = ToTaskLogMessageCode

register_log_messages(
    {
        _C.TASK_DATA_ANNOTATING: "{count} tasks are being annotated (method {method}).",
        _C.TASK_DATA_PREPROCESSOR_DEPLOYING: "No pre-processor is running; one is being deployed.",
        _C.TASK_DATA_COMPLETED: "{count} tasks are annotated.",
        _C.TASK_DATA_COMPLETED_WITH_FAILURES: "{success} tasks are annotated, {failed} failed.",
    }
)
register_log_messages(
    {
        _C.TASK_DATA_ANNOTATING: "task {count}건을 어노테이션하는 중입니다(method {method}).",
        _C.TASK_DATA_PREPROCESSOR_DEPLOYING: "실행 중인 pre-processor 가 없어 배포합니다.",
        _C.TASK_DATA_COMPLETED: "task {count}건을 어노테이션했습니다.",
        _C.TASK_DATA_COMPLETED_WITH_FAILURES: "task {success}건 어노테이션, {failed}건 실패.",
    },
    language="ko",
)
