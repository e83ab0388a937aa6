"""Every sentence that a training shows to people, in English and Korean."""

from __future__ import annotations

from synapse_sdk.plugins.log_messages import LogMessageCode, register_log_messages


class TrainLogMessageCode(LogMessageCode):
    """Codes of the messages that a training shows."""

    TRAIN_MODEL_UPLOADED = "TRAIN_MODEL_UPLOADED", "success"
    TRAIN_CHECKPOINT_LOADED = "TRAIN_CHECKPOINT_LOADED", "info"


_C = TrainLogMessageCode

register_log_messages(
    {
        _C.TRAIN_MODEL_UPLOADED: "The weights are model {model} of the platform.",
        _C.TRAIN_CHECKPOINT_LOADED: "The training starts from model {model}.",
    }
)
register_log_messages(
    {
        _C.TRAIN_MODEL_UPLOADED: "가중치를 플랫폼의 모델 {model} 로 저장했습니다.",
        _C.TRAIN_CHECKPOINT_LOADED: "모델 {model} 에서 학습을 시작합니다.",
    },
    language="ko",
)
