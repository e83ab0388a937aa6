import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight, CircleCheck, CircleX, LayoutGrid } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { reviewTask, type TaskAnnotations, type WorkStatus } from "@/api/tasks";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Textarea } from "@/components/ui/input";

type Verdict = "approved" | "rejected";

interface TaskHeaderProps {
  facts: TaskAnnotations;
  previousId: number | null;
  nextId: number | null;
  onOpen: (taskId: number) => void;
  onStatus: (status: WorkStatus) => void;
  asked: Verdict | null;
  onAsk: (verdict: Verdict | null) => void;
  /** Edits go first: a review is of what the server has. */
  onBeforeReview: () => Promise<boolean>;
  revision: () => string;
  onReviewed: (answer: TaskAnnotations) => void;
  status: ReactNode;
}

/** The task's name and state, the way to its neighbours, and what a reviewer says. */
export function TaskHeader(props: TaskHeaderProps) {
  const { t } = useTranslation(["tasks", "common"]);
  const { facts, previousId, nextId, onOpen, onStatus, asked, onAsk } = props;
  const review = useReview(props);
  const accept = () => {
    onAsk(null);
    review.mutate({ status: "approved", comment: "" });
  };
  return (
    <header className="flex flex-wrap items-center gap-2 border-b bg-card px-3 py-2">
      <Button asChild variant="ghost" size="small">
        <Link from="/projects/$projectId/tasks/$taskId" to="/projects/$projectId/tasks" search={(filters) => filters}>
          <LayoutGrid aria-hidden />
          {t("editor.back")}
        </Link>
      </Button>
      <Neighbour label={t("editor.previous")} taskId={previousId} onOpen={onOpen} icon={<ChevronLeft aria-hidden />} />
      <Neighbour label={t("editor.next")} taskId={nextId} onOpen={onOpen} icon={<ChevronRight aria-hidden />} />
      <h1 className="min-w-0 flex-1 truncate text-base font-semibold" title={facts.name}>
        {facts.name}
      </h1>
      <Badge>{t(`status.${facts.status}`)}</Badge>
      {facts.review && (
        <Badge
          tone={facts.review === "approved" ? "success" : facts.review === "rejected" ? "danger" : "neutral"}
          title={facts.review_comment}
        >
          {facts.review === "approved" && <CircleCheck aria-hidden />}
          {facts.review === "rejected" && <CircleX aria-hidden />}
          {t(`review.${facts.review}`)}
        </Badge>
      )}
      {props.status}
      <Button size="small" onClick={() => onStatus("completed")} disabled={facts.status === "completed"} title="C">
        {t("editor.complete")}
      </Button>
      <Button size="small" onClick={accept} disabled={review.isPending} title="Shift+A">
        <CircleCheck aria-hidden />
        {t("editor.accept")}
      </Button>
      <Button size="small" onClick={() => onAsk("rejected")} disabled={review.isPending} title="Shift+R">
        <CircleX aria-hidden />
        {t("editor.reject")}
      </Button>
      {review.isError && (
        <p role="alert" className="w-full text-danger">
          {review.error.message}
        </p>
      )}
      {facts.review === "rejected" && facts.review_comment && (
        <p className="w-full break-words">{facts.review_comment}</p>
      )}
      <Verdict
        asked={asked}
        onAsk={onAsk}
        onDecide={(status, comment) => {
          onAsk(null);
          review.mutate({ status, comment });
        }}
      />
    </header>
  );
}

function useReview({ facts, onBeforeReview, revision, onReviewed }: TaskHeaderProps) {
  const { t } = useTranslation("tasks");
  return useMutation({
    mutationFn: async (verdict: { status: Verdict; comment: string }) => {
      if (!(await onBeforeReview())) throw new Error(t("save.dirty"));
      return reviewTask(facts.task_id, { ...verdict, expected: revision() });
    },
    onSuccess: onReviewed,
  });
}

interface VerdictProps {
  asked: Verdict | null;
  onAsk: (verdict: Verdict | null) => void;
  onDecide: (verdict: Verdict, comment: string) => void;
}

/** Asks before it is accepted with a key, and why it is rejected. */
function Verdict({ asked, onAsk, onDecide }: VerdictProps) {
  const { t } = useTranslation(["tasks", "common"]);
  const [comment, setComment] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (asked) onDecide(asked, comment);
    setComment("");
  };
  return (
    <Dialog
      title={asked === "approved" ? t("editor.acceptTitle") : t("editor.rejectTitle")}
      closeLabel={t("common:close")}
      open={asked !== null}
      onOpenChange={(open) => !open && onAsk(null)}
    >
      <form onSubmit={submit} className="grid gap-4">
        <Field label={t("editor.comment")}>
          <Textarea value={comment} onChange={(event) => setComment(event.target.value)} maxLength={10_000} autoFocus />
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={() => onAsk(null)}>{t("common:cancel")}</Button>
          <Button type="submit" variant="primary">
            {asked === "approved" ? t("editor.accept") : t("editor.reject")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface NeighbourProps {
  label: string;
  taskId: number | null;
  onOpen: (taskId: number) => void;
  icon: ReactNode;
}

function Neighbour({ label, taskId, onOpen, icon }: NeighbourProps) {
  return (
    <Button
      variant="ghost"
      size="icon"
      aria-label={label}
      title={label}
      disabled={taskId === null}
      onClick={() => taskId !== null && onOpen(taskId)}
      className="size-8"
    >
      {icon}
    </Button>
  );
}
