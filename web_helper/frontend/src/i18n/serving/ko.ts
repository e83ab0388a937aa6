import type { Catalogue } from "./en";

const serving: Catalogue = {
  description: "요청에 답하는 모델과 그것을 서빙하는 컴퓨터.",
  applications: "애플리케이션",
  none: "서빙 중인 모델이 없습니다",
  noneHint: "deployment가 있는 릴리스를 배포하면 그 상태가 여기에 나타납니다.",
  agents: "에이전트 용량",
  noAgents: "에이전트가 없습니다",
  status: {
    NOT_STARTED: "시작 전",
    DEPLOYING: "배포 중",
    DEPLOY_FAILED: "배포 실패",
    RUNNING: "실행 중",
    UNHEALTHY: "비정상",
    DELETING: "삭제 중",
    UNAVAILABLE: "사용 불가",
  },
  meaning: {
    NOT_STARTED: "등록되었고, 에이전트가 아직 시작하지 않았습니다.",
    DEPLOYING: "레플리카가 시작되고 있습니다.",
    DEPLOY_FAILED: "레플리카를 시작하지 못했습니다. 이유는 메시지에 있습니다.",
    RUNNING: "요청에 답합니다.",
    UNHEALTHY: "일부 레플리카가 답하지 않아 에이전트가 교체합니다.",
    DELETING: "하던 일을 마치고 사라집니다.",
    UNAVAILABLE: "에이전트의 소식이 없거나 에이전트가 더 이상 알지 못합니다.",
  },
  resource: { num_cpus: "코어", memory: "메모리", num_gpus: "GPU" },
  agent: {
    connected: "연결됨",
    away: "연결 안 됨",
    seen: "마지막 소식",
    held: "{{total}} 중 {{held}} 사용",
    unknown: "가진 자원을 알려 주지 않았습니다.",
  },
  list: {
    name: "애플리케이션",
    status: "상태",
    agent: "에이전트",
    replicas: "레플리카",
    replicasOf: "{{count}}개 중 {{ready}}개",
    changed: "변경",
    actions: "동작",
  },
  remove: {
    one: "{{name}} 삭제",
    question: "{{name}}을(를) 삭제할까요?",
    text: "하던 요청을 마치고 사라집니다. 그 뒤의 요청은 거절됩니다.",
  },
  deploy: {
    button: "배포",
    title: "릴리스 배포",
    description: "릴리스의 deployment가 에이전트에서 작업으로 실행되고, 그 에이전트가 서빙합니다.",
    release: "릴리스",
    next: "다음",
    none: "배포할 수 있는 릴리스가 없습니다",
    noneHint: "deployment 액션이 있는 릴리스를 배포할 수 있습니다.",
  },
};

export default serving;
