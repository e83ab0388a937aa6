import type { Catalogue } from "./en";

const home: Catalogue = {
  needs: {
    title: "확인이 필요한 항목",
    nothing: "기다리는 항목이 없습니다.",
    conflicts_one: "장치 충돌 {{shown}}건",
    conflicts_other: "장치 충돌 {{shown}}건",
    reviews_one: "검토할 주석 {{shown}}건",
    reviews_other: "검토할 주석 {{shown}}건",
    failed: "최근 3일 동안 실패",
  },
  running: {
    title: "실행 중",
    nothing: "지금 실행 중인 작업이 없습니다.",
    progress: "{{name}} 진행률",
    counted: "{{total}} 중 {{processed}}",
  },
  kind: { export: "내보내기", snapshot: "스냅샷", job: "작업", experiment: "실험" },
  status: {
    queued: "대기 중",
    pending: "대기 중",
    assigned: "시작 중",
    running: "실행 중",
    paused: "일시 중지",
    failed: "실패",
    crashed: "비정상 종료",
  },
  storage: {
    title: "스토리지",
    used: "파일 {{size}}",
    disk: "디스크 {{total}} 중 {{free}} 남음",
    full: "{{name}} 디스크의 사용 비율",
    almostFull: "거의 가득 참",
  },
  kept: {
    title: "현황",
    projects: "프로젝트",
    tasks: "태스크",
    experiments: "실험",
    plugins: "플러그인",
    more: "{{count}} 이상",
  },
  empty: {
    title: "아직 아무것도 없습니다",
    text: "제공되는 사진으로 전체 과정을 볼 수 있습니다. 주석, 모델, 내보내기까지 한 번에 진행됩니다.",
    copy: "명령 복사",
    own: "또는 직접 가진 이미지로 프로젝트를 시작하세요:",
  },
};

export default home;
