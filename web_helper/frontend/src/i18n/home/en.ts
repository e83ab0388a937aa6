const home = {
  needs: {
    title: "Needs you",
    nothing: "Nothing waits for you.",
    conflicts_one: "{{shown}} conflict on a device",
    conflicts_other: "{{shown}} conflicts on devices",
    reviews_one: "{{shown}} annotation to review",
    reviews_other: "{{shown}} annotations to review",
    failed: "Failed in the last three days",
  },
  running: {
    title: "Runs now",
    nothing: "Nothing runs at the moment.",
    progress: "Progress of {{name}}",
    counted: "{{processed}} of {{total}}",
  },
  kind: { export: "Export", snapshot: "Snapshot", job: "Job", experiment: "Experiment" },
  status: {
    queued: "Waiting",
    pending: "Waiting",
    assigned: "Starting",
    running: "Running",
    paused: "Paused",
    failed: "Failed",
    crashed: "Crashed",
  },
  storage: {
    title: "Storage",
    used: "{{size}} in files",
    disk: "{{free}} free of {{total}} on its disk",
    full: "Disk of {{name}}, part that is taken",
    almostFull: "Almost full",
  },
  kept: {
    title: "Here",
    projects: "Projects",
    tasks: "Tasks",
    experiments: "Experiments",
    plugins: "Plugins",
    more: "over {{count}}",
  },
  empty: {
    title: "Nothing here yet",
    text: "See the whole way with photographs of ours: annotated, exported, and a model in between.",
    copy: "Copy the command",
    own: "Or begin with your own images, in a project of your own:",
  },
};

export default home;
export type Catalogue = typeof home;
