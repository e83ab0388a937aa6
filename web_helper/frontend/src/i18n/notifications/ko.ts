import type { Catalogue } from "./en";

const notifications: Catalogue = {
  title: "알림",
  description: "서버와 다른 디바이스의 파일입니다. 어느 쪽을 쓸지 결정해야 합니다.",
  bell_zero: "알림",
  bell_one: "알림, 필요한 조치 {{count}}건",
  bell_other: "알림, 필요한 조치 {{count}}건",
  required_zero: "필요한 조치가 없습니다",
  required_one: "필요한 조치 {{count}}건",
  required_other: "필요한 조치 {{count}}건",
  none: "열린 질문이 없습니다. 작업 트리(--tree)를 유지하는 워커는 양쪽이 바뀌면 여기에 묻습니다.",
  pending: "열림",
  all: "전체",
  seeAll: "모두 보기",
  on: "{{host}}",
  local: "디바이스 {{host}}",
  server: "서버",
  nothing: "파일 없음",
  type: {
    local_newer: "디바이스에서 변경됨",
    both_changed: "양쪽에서 변경됨",
    local_only: "디바이스에만 있음",
    server_only: "서버에만 있음",
    server_newer: "서버가 최신",
  },
  showDiff: "차이 보기",
  hideDiff: "차이 숨기기",
  noText: "디바이스가 이 파일을 텍스트로 보내지 않아 해시만 알 수 있습니다: {{hash}}.",
  use_local: "서버에 업로드",
  use_server: "서버에서 다운로드",
  skip: "건너뛰기",
  status: { pending: "열림", answered: "결정됨", done: "적용됨", failed: "적용 실패" },
  decided: "{{user}} 님의 결정: {{what}}",
  waits: "디바이스가 다음 신호 때 적용합니다.",
};

export default notifications;
