import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { classesOf, type Project, projectQueries } from "@/api/projects";
import { CreateProject } from "@/components/projects/CreateProject";
import { QueryFailure } from "@/components/QueryFailure";
import { SearchBox } from "@/components/SearchBox";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

const route = getRouteApi("/shell/projects");
const IMPORT_COMMAND = "synapse import coco annotations.json --images images --project my-project";
const SHOWN_CLASSES = 6;

export function ProjectsView() {
  const { t } = useTranslation(["tasks", "common"]);
  const { search } = route.useSearch();
  const navigate = useNavigate({ from: "/projects" });
  const [isCreating, setIsCreating] = useState(false);
  const setSearch = useCallback(
    (words: string | undefined) => navigate({ search: { search: words }, replace: true }),
    [navigate],
  );
  const create = (
    <Button variant="primary" onClick={() => setIsCreating(true)}>
      <Plus aria-hidden />
      {t("create.title")}
    </Button>
  );
  return (
    <Page title={t("projects.title")} description={t("projects.description")} actions={create}>
      <SearchBox label={t("projects.search")} value={search} onChange={setSearch} />
      <ProjectList search={search} />
      <CreateProject open={isCreating} onOpenChange={setIsCreating} />
    </Page>
  );
}

function ProjectList({ search }: { search: string | undefined }) {
  const { t } = useTranslation(["tasks", "common"]);
  const projects = useInfiniteQuery(projectQueries.list(search));
  if (projects.isPending) return <Loading label={t("common:loading")} />;
  if (projects.isError) return <QueryFailure error={projects.error} onRetry={() => projects.refetch()} />;
  if (projects.data.length === 0) return search ? <Empty title={t("projects.noneFound")} /> : <FirstProject />;
  return (
    <>
      <Table label={t("projects.title")}>
        <thead>
          <tr>
            <Th>{t("projects.name")}</Th>
            <Th>{t("projects.classes")}</Th>
            <Th>{t("projects.created")}</Th>
          </tr>
        </thead>
        <tbody>
          {projects.data.map((project) => (
            <ProjectRow key={project.id} project={project} />
          ))}
        </tbody>
      </Table>
      {projects.hasNextPage && (
        <Button className="justify-self-center" onClick={() => projects.fetchNextPage()}>
          {t("common:more")}
        </Button>
      )}
    </>
  );
}

function ProjectRow({ project }: { project: Project }) {
  const { t } = useTranslation("tasks");
  const classes = classesOf(project);
  const more = classes.length - SHOWN_CLASSES;
  return (
    <Tr>
      <Td>
        <Link
          to="/projects/$projectId/tasks"
          params={{ projectId: String(project.id) }}
          className="font-medium text-primary underline-offset-4 hover:underline"
        >
          {project.name}
        </Link>
        {project.description && <p className="line-clamp-2 text-muted-foreground">{project.description}</p>}
      </Td>
      <Td>
        <span className="flex flex-wrap gap-1">
          {classes.slice(0, SHOWN_CLASSES).map((each) => (
            <Badge key={each.id}>{each.name}</Badge>
          ))}
          {more > 0 && <span className="text-muted-foreground">{t("projects.more", { count: more })}</span>}
          {classes.length === 0 && <span className="text-muted-foreground">{t("projects.anyClass")}</span>}
        </span>
      </Td>
      <Td>
        <When iso={project.created} />
      </Td>
    </Tr>
  );
}

function FirstProject() {
  const { t } = useTranslation(["tasks", "common"]);
  return (
    <Empty title={t("projects.none")}>
      <p className="mb-3">{t("projects.noneHint")}</p>
      <Copyable text={IMPORT_COMMAND} label={t("common:copy")} doneLabel={t("common:copied")} />
    </Empty>
  );
}
