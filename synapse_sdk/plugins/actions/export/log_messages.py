"""What an export tells people, in English and Korean."""

from __future__ import annotations

from synapse_sdk.plugins.log_messages import LogMessageCode, register_log_messages


class ExportLogMessageCode(LogMessageCode):
    """Codes of the messages that an export shows."""

    EXPORT_INITIALIZED = "EXPORT_INITIALIZED", "info"
    EXPORT_STARTING = "EXPORT_STARTING", "info"
    EXPORT_IN_PROCESS = "EXPORT_IN_PROCESS", "warning"
    EXPORT_NO_RESULTS = "EXPORT_NO_RESULTS", "warning"
    EXPORT_NO_CHANGES = "EXPORT_NO_CHANGES", "info"
    EXPORT_RESULTS_FETCHED = "EXPORT_RESULTS_FETCHED", "info"
    EXPORT_ROWS_MISSING = "EXPORT_ROWS_MISSING", "warning"
    EXPORT_DELEGATED_TO_SERVER = "EXPORT_DELEGATED_TO_SERVER", "info"
    EXPORT_CHANGES_DELEGATED = "EXPORT_CHANGES_DELEGATED", "info"
    EXPORT_RESUMED = "EXPORT_RESUMED", "info"
    EXPORT_DELEGATED_COMPLETED = "EXPORT_DELEGATED_COMPLETED", "success"
    EXPORT_CONVERTING_DATASET = "EXPORT_CONVERTING_DATASET", "info"
    EXPORT_CONVERTING = "EXPORT_CONVERTING", "info"
    EXPORT_CONVERTED = "EXPORT_CONVERTED", "info"
    EXPORT_SAVING_ORIGINAL = "EXPORT_SAVING_ORIGINAL", "info"
    EXPORT_SAVING_JSON = "EXPORT_SAVING_JSON", "info"
    EXPORT_SAVING_FILES = "EXPORT_SAVING_FILES", "info"
    EXPORT_FILES_SAVED = "EXPORT_FILES_SAVED", "info"
    EXPORT_FILES_SAVED_WITH_FAILURES = "EXPORT_FILES_SAVED_WITH_FAILURES", "warning"
    EXPORT_COMPLETED = "EXPORT_COMPLETED", "success"
    EXPORT_COMPLETED_WITH_FAILURES = "EXPORT_COMPLETED_WITH_FAILURES", "warning"

    EXPORT_LEFT_BEHIND = "EXPORT_LEFT_BEHIND", "warning"
    EXPORT_FAILED_AUTHENTICATION = "EXPORT_FAILED_AUTHENTICATION", "danger"
    EXPORT_FAILED_PERMISSION = "EXPORT_FAILED_PERMISSION", "danger"
    EXPORT_FAILED_NOT_FOUND = "EXPORT_FAILED_NOT_FOUND", "danger"
    EXPORT_FAILED_VALIDATION = "EXPORT_FAILED_VALIDATION", "danger"
    EXPORT_FAILED_CONFLICT = "EXPORT_FAILED_CONFLICT", "danger"
    EXPORT_FAILED_RATE_LIMIT = "EXPORT_FAILED_RATE_LIMIT", "danger"
    EXPORT_FAILED_SERVER = "EXPORT_FAILED_SERVER", "danger"
    EXPORT_FAILED_SERVER_JOB = "EXPORT_FAILED_SERVER_JOB", "danger"
    EXPORT_FAILED_CANCELLED = "EXPORT_FAILED_CANCELLED", "danger"
    EXPORT_FAILED_NETWORK = "EXPORT_FAILED_NETWORK", "danger"
    EXPORT_FAILED_BUNDLE = "EXPORT_FAILED_BUNDLE", "danger"
    EXPORT_FAILED_DISK_FULL = "EXPORT_FAILED_DISK_FULL", "danger"
    EXPORT_FAILED_STORAGE = "EXPORT_FAILED_STORAGE", "danger"
    EXPORT_FAILED_FORMAT = "EXPORT_FAILED_FORMAT", "danger"
    EXPORT_FAILED_DATA = "EXPORT_FAILED_DATA", "danger"


_C = ExportLogMessageCode

ENGLISH: dict[LogMessageCode, str] = {
    _C.EXPORT_INITIALIZED: "The export's storage and folder are ready.",
    _C.EXPORT_STARTING: "The export starts.",
    _C.EXPORT_IN_PROCESS: "The data is fetched by this process, which is deprecated: {reason}.",
    _C.EXPORT_NO_RESULTS: "No item matches the filter.",
    _C.EXPORT_NO_CHANGES: "No item was added or changed since that export.",
    _C.EXPORT_RESULTS_FETCHED: "{count} items match the filter.",
    _C.EXPORT_ROWS_MISSING: "{count} items vanished while they were fetched; they are not in the export.",
    _C.EXPORT_DELEGATED_TO_SERVER: "The server gathers {count} items into a bundle (job {job_id}).",
    _C.EXPORT_CHANGES_DELEGATED: "The server gathers what changed into a bundle (job {job_id}).",
    _C.EXPORT_RESUMED: "The export goes on with the server's job {job_id}.",
    _C.EXPORT_DELEGATED_COMPLETED: "The server gathered {count} items.",
    _C.EXPORT_CONVERTING_DATASET: "The data set is being converted.",
    _C.EXPORT_CONVERTING: "{count} items are being converted.",
    _C.EXPORT_CONVERTED: "{count} items were converted.",
    _C.EXPORT_SAVING_ORIGINAL: "Original files are being saved.",
    _C.EXPORT_SAVING_JSON: "Annotation files are being saved.",
    _C.EXPORT_SAVING_FILES: "{count} items are being saved.",
    _C.EXPORT_FILES_SAVED: "{count} items were saved.",
    _C.EXPORT_FILES_SAVED_WITH_FAILURES: "{success} items were saved, {failed} were not: see error_file_list.json.",
    _C.EXPORT_COMPLETED: "The export is complete: {count} items.",
    _C.EXPORT_COMPLETED_WITH_FAILURES: "The export is complete: {exported} items, {failed} failed.",
    _C.EXPORT_LEFT_BEHIND: "{folder} is unfinished and could not be removed: {reason}. Remove it, or go on.",
    _C.EXPORT_FAILED_AUTHENTICATION: "The server did not accept the access token. Log in again.",
    _C.EXPORT_FAILED_PERMISSION: "You may not export this, or a link has expired. Ask the project's manager.",
    _C.EXPORT_FAILED_NOT_FOUND: "The project, the data set or the storage does not exist, or you may not see it.",
    _C.EXPORT_FAILED_VALIDATION: "The server refused the filter or another parameter. Correct it and export again.",
    _C.EXPORT_FAILED_CONFLICT: "The state on the server does not allow this export. Try again later.",
    _C.EXPORT_FAILED_RATE_LIMIT: "The server asked to slow down. Try again later.",
    _C.EXPORT_FAILED_SERVER: "The server failed. Try again, and tell its operator if it goes on.",
    _C.EXPORT_FAILED_SERVER_JOB: "The server could not gather the data. Try again, or tell its operator.",
    _C.EXPORT_FAILED_CANCELLED: "The export was cancelled on the server. Export again if it is still wanted.",
    _C.EXPORT_FAILED_NETWORK: "The server could not be reached in time. Check the network and export again.",
    _C.EXPORT_FAILED_BUNDLE: "The bundle from the server is torn or not what it says. Export again.",
    _C.EXPORT_FAILED_DISK_FULL: "The target has no space left. Make room; then go on, or export again.",
    _C.EXPORT_FAILED_STORAGE: "The target storage cannot be written. Check its settings and rights.",
    _C.EXPORT_FAILED_FORMAT: "The data set breaks the rules of its format. See the validation report.",
    _C.EXPORT_FAILED_DATA: "An item could not be converted. See the job's log.",
}

KOREAN: dict[LogMessageCode, str] = {
    _C.EXPORT_INITIALIZED: "export 저장소와 폴더를 준비했습니다.",
    _C.EXPORT_STARTING: "export 를 시작합니다.",
    _C.EXPORT_IN_PROCESS: "이 프로세스가 직접 데이터를 조회합니다(deprecated). 사유: {reason}.",
    _C.EXPORT_NO_RESULTS: "필터에 맞는 항목이 없습니다.",
    _C.EXPORT_NO_CHANGES: "그 export 이후 추가되거나 바뀐 항목이 없습니다.",
    _C.EXPORT_RESULTS_FETCHED: "필터에 맞는 항목: {count}건.",
    _C.EXPORT_ROWS_MISSING: "조회 도중 {count}건이 사라져 export 에서 빠졌습니다.",
    _C.EXPORT_DELEGATED_TO_SERVER: "서버가 {count}건을 bundle 로 모으는 중입니다(job {job_id}).",
    _C.EXPORT_CHANGES_DELEGATED: "서버가 바뀐 항목을 bundle 로 모으는 중입니다(job {job_id}).",
    _C.EXPORT_RESUMED: "서버의 job {job_id} 로 export 를 이어서 진행합니다.",
    _C.EXPORT_DELEGATED_COMPLETED: "서버가 {count}건을 모았습니다.",
    _C.EXPORT_CONVERTING_DATASET: "데이터셋을 변환하는 중입니다.",
    _C.EXPORT_CONVERTING: "{count}건을 변환하는 중입니다.",
    _C.EXPORT_CONVERTED: "{count}건을 변환했습니다.",
    _C.EXPORT_SAVING_ORIGINAL: "원본 파일을 저장하는 중입니다.",
    _C.EXPORT_SAVING_JSON: "어노테이션 파일을 저장하는 중입니다.",
    _C.EXPORT_SAVING_FILES: "{count}건을 저장하는 중입니다.",
    _C.EXPORT_FILES_SAVED: "{count}건을 저장했습니다.",
    _C.EXPORT_FILES_SAVED_WITH_FAILURES: "{success}건 저장, {failed}건 실패. error_file_list.json 을 보세요.",
    _C.EXPORT_COMPLETED: "export 완료: {count}건.",
    _C.EXPORT_COMPLETED_WITH_FAILURES: "export 완료: {exported}건, 실패 {failed}건.",
    _C.EXPORT_LEFT_BEHIND: "미완성 {folder} 폴더를 지우지 못했습니다: {reason}. 지우거나 이어서 진행하세요.",
    _C.EXPORT_FAILED_AUTHENTICATION: "서버가 access token 을 거부했습니다. 다시 로그인하세요.",
    _C.EXPORT_FAILED_PERMISSION: "export 권한이 없거나 링크가 만료되었습니다. 프로젝트 관리자에게 문의하세요.",
    _C.EXPORT_FAILED_NOT_FOUND: "프로젝트, 데이터셋 또는 저장소가 없거나 볼 수 없습니다.",
    _C.EXPORT_FAILED_VALIDATION: "서버가 필터나 파라미터를 거부했습니다. 고친 뒤 다시 export 하세요.",
    _C.EXPORT_FAILED_CONFLICT: "서버의 현재 상태에서는 export 할 수 없습니다. 나중에 다시 시도하세요.",
    _C.EXPORT_FAILED_RATE_LIMIT: "서버가 요청을 줄이라고 했습니다. 나중에 다시 시도하세요.",
    _C.EXPORT_FAILED_SERVER: "서버 오류입니다. 다시 시도하고, 계속되면 운영자에게 알리세요.",
    _C.EXPORT_FAILED_SERVER_JOB: "서버가 데이터를 모으지 못했습니다. 다시 시도하고, 계속되면 운영자에게 알리세요.",
    _C.EXPORT_FAILED_CANCELLED: "서버에서 export 가 취소되었습니다. 필요하면 다시 export 하세요.",
    _C.EXPORT_FAILED_NETWORK: "서버에 제때 연결하지 못했습니다. 네트워크를 확인하고 다시 export 하세요.",
    _C.EXPORT_FAILED_BUNDLE: "서버의 bundle 이 손상되었거나 manifest 와 다릅니다. 다시 export 하세요.",
    _C.EXPORT_FAILED_DISK_FULL: "저장 공간이 부족합니다. 공간을 확보한 뒤 이어서 진행하거나 다시 export 하세요.",
    _C.EXPORT_FAILED_STORAGE: "대상 저장소에 쓸 수 없습니다. 설정과 권한을 확인하세요.",
    _C.EXPORT_FAILED_FORMAT: "데이터셋이 포맷 규칙에 맞지 않습니다. validation report 를 보세요.",
    _C.EXPORT_FAILED_DATA: "변환할 수 없는 항목이 있습니다. job 로그를 보세요.",
}

register_log_messages(ENGLISH)
register_log_messages(KOREAN, language="ko")
