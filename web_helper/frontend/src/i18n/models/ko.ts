import type { Catalogue } from "./en";

const models: Catalogue = {
  description: "학습으로 만든 것: 가중치와 그것을 만든 릴리스.",
  search: "모델 검색",
  none: "아직 모델이 없습니다",
  noneHint: "학습은 만든 가중치를 이렇게 등록합니다:",
  notFound: "“{{search}}” 모델이 없습니다",
  name: "이름",
  madeBy: "만든 릴리스",
  weights: "가중치 (SHA-256)",
  created: "생성",
  actions: "동작",
  metadata: "만든 조건",
  download: "가중치",
  downloadOne: "{{name}} 가중치",
  deleteOne: "{{name}} 삭제",
  question: "{{name}} 모델을 삭제할까요?",
  questionText: "더 이상 고를 수 없게 됩니다. 가중치 파일은 남습니다.",
};

export default models;
