import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ClassDefinition } from "@/api/projects";
import type { TaskAnnotations, WorkStatus } from "@/api/tasks";
import { AnnotationPanel } from "@/components/editor/AnnotationPanel";
import { beginning, categoriesOf } from "@/components/editor/beginning";
import { Canvas, clampedZoom, fitZoom } from "@/components/editor/Canvas";
import { KeypointTool } from "@/components/editor/KeypointTool";
import { Layers } from "@/components/editor/Layers";
import { Conflict, SaveStatus } from "@/components/editor/SaveStatus";
import { Shortcuts } from "@/components/editor/Shortcuts";
import { Surface } from "@/components/editor/Surface";
import { TaskHeader } from "@/components/editor/TaskHeader";
import { type Tool, Toolbar } from "@/components/editor/Toolbar";
import { useAutosave } from "@/components/editor/useAutosave";
import { useEdits } from "@/components/editor/useEdits";
import { useHistory } from "@/components/editor/useHistory";
import { useKeys } from "@/components/editor/useKeys";
import type { Picture } from "@/components/editor/usePicture";
import { Empty } from "@/components/ui/states";
import { type AnnotationData, corrected, dataOf, drawnOf } from "@/lib/annotations";

interface TaskEditorProps {
  taskId: number;
  read: TaskAnnotations;
  picture: Picture | null;
  classes: ClassDefinition[];
  previousId: number | null;
  nextId: number | null;
  onOpen: (taskId: number) => void;
  onSaved: (answer: TaskAnnotations) => void;
}

export function TaskEditor(props: TaskEditorProps) {
  const { taskId, read, picture, classes, previousId, nextId, onOpen, onSaved } = props;
  const { t } = useTranslation("tasks");
  const [start] = useState(() => beginning(taskId, read));
  const [facts, setFacts] = useState(read);
  const history = useHistory(() => drawnOf(start.data));
  const [base, setBase] = useState(start.data);
  const data = useMemo(() => dataOf(history.present, base), [history.present, base]);
  const take = useCallback(
    (answer: TaskAnnotations) => {
      setFacts(answer);
      onSaved(answer);
    },
    [onSaved],
  );
  const saving = useAutosave({ taskId, read, data, isConflict: start.isConflict, onSaved: take });
  const [isShowingTheirs, setIsShowingTheirs] = useState(false);
  const theirDrawn = useMemo(() => drawnOf((saving.theirs?.data ?? null) as AnnotationData | null), [saving.theirs]);
  const drawn = isShowingTheirs ? theirDrawn : history.present;

  const width = read.width ?? picture?.width ?? 1000;
  const height = read.height ?? picture?.height ?? 1000;
  const frame = useRef<HTMLElement>(null);
  const [zoom, setZoom] = useState(1);
  const zoomTo = useCallback(
    (to: number | "fit") =>
      setZoom(to === "fit" ? fitZoom(frame.current, width, height) : clampedZoom(to, width, height)),
    [width, height],
  );
  useLayoutEffect(() => zoomTo("fit"), [zoomTo]);

  const categories = useMemo(
    () => categoriesOf(classes, history.present, t("editor.noClass")),
    [classes, history.present, t],
  );
  const [chosenCategory, setCategory] = useState<string>();
  const category = chosenCategory ?? categories[0] ?? t("editor.noClass");
  const [tool, setTool] = useState<Tool>("select");
  const [selectedKey, select] = useState<string | null>(null);
  const [isHelping, setIsHelping] = useState(false);
  const selected = drawn.some((each) => each.key === selectedKey) ? selectedKey : null;
  const edits = useEdits({
    drawn: history.present,
    change: history.change,
    category,
    width,
    height,
    isReadOnly: isShowingTheirs,
    select,
  });

  const choose = (keepsMine: boolean) => {
    const found = saving.theirs;
    if (!found) return;
    setIsShowingTheirs(false);
    if (!keepsMine) {
      setBase(found.data as AnnotationData | null);
      history.reset(drawnOf(found.data as AnnotationData | null));
    }
    take(found);
    saving.settle(found, keepsMine);
  };
  const pick = (next: Tool) => {
    setTool(next);
    if (next !== "select") select(null);
  };
  const recategorise = (name: string) => {
    setCategory(name);
    const chosen = history.present.find((each) => each.key === selected);
    if (chosen) edits.replace(chosen.key, { ...corrected(chosen.annotation), category: name });
  };
  const cycle = (step: 1 | -1) => {
    const at = drawn.findIndex((each) => each.key === selected);
    const next = at < 0 ? (step === 1 ? 0 : drawn.length - 1) : (at + step + drawn.length) % drawn.length;
    select(drawn[next]?.key ?? null);
  };
  const [asked, setAsked] = useState<"approved" | "rejected" | null>(null);
  useKeys({
    next: () => nextId !== null && onOpen(nextId),
    previous: () => previousId !== null && onOpen(previousId),
    tool: pick,
    cycle,
    giveClass: (number) => {
      const name = categories[number - 1];
      if (name !== undefined) recategorise(name);
    },
    remove: () => selected && edits.remove(selected),
    move: (dx, dy, resizes) => {
      if (selected === null) return false;
      if (resizes) edits.resize(selected, dx, dy);
      else edits.move(selected, dx, dy);
      return true;
    },
    add: edits.addBox,
    undo: history.undo,
    redo: history.redo,
    zoom: (by) => zoomTo(by === "fit" ? "fit" : zoom * by),
    complete: () => void saving.setStatus("completed"),
    accept: () => setAsked("approved"),
    reject: () => setAsked("rejected"),
    escape: () => (tool === "select" ? select(null) : setTool("select")),
    help: () => setIsHelping(true),
  });

  return (
    <div className="flex h-full flex-col">
      <TaskHeader
        facts={facts}
        previousId={previousId}
        nextId={nextId}
        onOpen={onOpen}
        onStatus={(status: WorkStatus) => saving.setStatus(status)}
        asked={asked}
        onAsk={setAsked}
        onBeforeReview={saving.save}
        revision={saving.revision}
        onReviewed={(answer) => {
          take(answer);
          saving.settle(answer, false);
        }}
        status={<SaveStatus state={saving.state} problem={saving.problem} />}
      />
      {saving.theirs && (
        <Conflict
          theirs={saving.theirs}
          mineCount={history.present.length}
          isShowingTheirs={isShowingTheirs}
          onShow={setIsShowingTheirs}
          onChoose={choose}
        />
      )}
      {saving.state === "offline" && <p className="border-b bg-warning/10 px-4 py-2">{t("save.offline")}</p>}
      {start.isRestored && !start.isConflict && saving.state !== "saved" && (
        <p className="border-b bg-info/10 px-4 py-2">{t("save.restored")}</p>
      )}
      <Toolbar
        tool={tool}
        onTool={pick}
        zoom={zoom}
        onZoom={zoomTo}
        canUndo={history.canUndo}
        canRedo={history.canRedo}
        onUndo={history.undo}
        onRedo={history.redo}
        category={category}
        categories={categories}
        onCategory={setCategory}
        onHelp={() => setIsHelping(true)}
        isReadOnly={isShowingTheirs}
      />
      <div className="flex min-h-0 flex-1 max-md:flex-col">
        {picture ? (
          <Canvas frame={frame} width={width} height={height} zoom={zoom} onZoom={zoomTo}>
            <Surface
              url={picture.url}
              label={t("editor.image", { name: read.name })}
              scale={width / picture.width}
              drawn={drawn}
              selected={selected}
              tool={tool === "rectangle" || tool === "polygon" ? tool : null}
              onSelect={select}
              onCreate={edits.create}
              onChange={edits.reshape}
            />
            <Layers
              width={width}
              height={height}
              zoom={zoom}
              drawn={drawn}
              selected={selected}
              classes={classes}
              isReadOnly={isShowingTheirs}
              onSelect={select}
              onChange={edits.replace}
            />
            {tool === "keypoints" && (
              <KeypointTool
                width={width}
                height={height}
                zoom={zoom}
                category={category}
                classes={classes}
                onDone={edits.addKeypoints}
              />
            )}
          </Canvas>
        ) : (
          <div className="flex-1 p-6">
            <Empty title={t("editor.noImage")} />
          </div>
        )}
        <AnnotationPanel
          drawn={drawn}
          selected={selected}
          classes={classes}
          categories={categories}
          origin={facts.origin}
          isReadOnly={isShowingTheirs}
          onSelect={select}
          onChange={edits.replace}
          onDelete={edits.remove}
          onAddBox={edits.addBox}
        />
      </div>
      <Shortcuts open={isHelping} onOpenChange={setIsHelping} />
    </div>
  );
}
