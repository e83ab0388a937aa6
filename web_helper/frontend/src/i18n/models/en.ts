const models = {
  description: "What training has made: weights, and the release that made them.",
  search: "Search models",
  none: "There is no model yet",
  noneHint: "A training registers the weights that it makes:",
  notFound: "No model is called “{{search}}”",
  name: "Name",
  madeBy: "Made by",
  weights: "Weights (SHA-256)",
  created: "Created",
  actions: "Actions",
  metadata: "What it was made with",
  download: "Weights",
  downloadOne: "Weights of {{name}}",
  deleteOne: "Delete {{name}}",
  question: "Delete the model {{name}}?",
  questionText: "It can no longer be chosen. The file with its weights stays.",
};

export default models;
export type Catalogue = typeof models;
