"""What deployments and inferences tell people, in English and Korean."""

from __future__ import annotations

from synapse_sdk.plugins.log_messages import LogMessageCode, register_log_messages


class InferenceLogMessageCode(LogMessageCode):
    """Codes of the messages that inference actions show."""

    MODEL_DOWNLOADING = "MODEL_DOWNLOADING", "info"
    MODEL_LOADED = "MODEL_LOADED", "info"
    INFERENCE_STARTED = "INFERENCE_STARTED", "info"
    INFERENCE_COMPLETED = "INFERENCE_COMPLETED", "success"


class DeploymentLogMessageCode(LogMessageCode):
    """Codes of the messages that a deployment shows."""

    DEPLOYMENT_STARTED = "DEPLOYMENT_STARTED", "info"
    DEPLOYMENT_ACCEPTED = "DEPLOYMENT_ACCEPTED", "info"
    DEPLOYMENT_DENIED = "DEPLOYMENT_DENIED", "danger"
    DEPLOYMENT_UNPUBLISHED = "DEPLOYMENT_UNPUBLISHED", "warning"
    DEPLOYMENT_REGISTERED = "DEPLOYMENT_REGISTERED", "success"


_I, _D = InferenceLogMessageCode, DeploymentLogMessageCode

ENGLISH: dict[LogMessageCode, str] = {
    _I.MODEL_DOWNLOADING: "Model {model} is being downloaded.",
    _I.MODEL_LOADED: "Model {model} is loaded.",
    _I.INFERENCE_STARTED: "The inference of {count} inputs starts.",
    _I.INFERENCE_COMPLETED: "The inference is complete: {count} inputs.",
    _D.DEPLOYMENT_STARTED: "{name} is being deployed: {replicas} replicas.",
    _D.DEPLOYMENT_ACCEPTED: "The agent starts the replicas of {name}.",
    _D.DEPLOYMENT_DENIED: "{name} was not deployed: {reasons}.",
    _D.DEPLOYMENT_UNPUBLISHED: "{name} is not published on this server: only the agent knows the application.",
    _D.DEPLOYMENT_REGISTERED: "{name} is registered on the server.",
}

KOREAN: dict[LogMessageCode, str] = {
    _I.MODEL_DOWNLOADING: "모델 {model} 을(를) 내려받는 중입니다.",
    _I.MODEL_LOADED: "모델 {model} 을(를) 불러왔습니다.",
    _I.INFERENCE_STARTED: "입력 {count}건의 추론을 시작합니다.",
    _I.INFERENCE_COMPLETED: "추론 완료: {count}건.",
    _D.DEPLOYMENT_STARTED: "{name} 을(를) 배포하는 중입니다: replica {replicas}개.",
    _D.DEPLOYMENT_ACCEPTED: "agent 가 {name} 의 replica 를 시작합니다.",
    _D.DEPLOYMENT_DENIED: "{name} 을(를) 배포하지 않았습니다: {reasons}.",
    _D.DEPLOYMENT_UNPUBLISHED: "{name} 은(는) 이 서버에 publish 되지 않아 agent 만 알고 있습니다.",
    _D.DEPLOYMENT_REGISTERED: "{name} 을(를) 서버에 등록했습니다.",
}

register_log_messages(ENGLISH)
register_log_messages(KOREAN, language="ko")
