import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { ExperimentDetail } from "@/api/experiments";
import { Table, Td, Th, Tr } from "@/components/ui/table";

/** What was on the disk, checked, when the run began; before that, what was frozen for it. */
export function RunManifest({ experiment }: { experiment: ExperimentDetail }) {
  const { t } = useTranslation("experiments");
  const { manifest } = experiment;
  const components = manifest?.components ?? experiment.components;
  return (
    <div className="grid gap-4">
      {manifest === null && <p className="text-muted-foreground">{t("detail.waits")}</p>}
      <Table label={t("detail.manifest")}>
        <thead>
          <tr>
            <Th>{t("detail.path")}</Th>
            <Th>{t("detail.hash")}</Th>
            <Th>SHA-256</Th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(components).map(([path, version]) => (
            <Tr key={path}>
              <Td>
                <Link
                  to="/components"
                  search={{ path, hash: version.hash }}
                  className="text-primary underline-offset-4 hover:underline"
                >
                  {path}
                </Link>
              </Td>
              <Td className="font-mono text-[13px]">{version.hash}</Td>
              <Td className="max-w-64 truncate font-mono text-[13px]" title={version.sha256}>
                {version.sha256}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {manifest && <Environment manifest={manifest} />}
    </div>
  );
}

function Environment({ manifest }: { manifest: NonNullable<ExperimentDetail["manifest"]> }) {
  const { t } = useTranslation("experiments");
  const facts: [string, unknown][] = [
    [t("detail.host"), manifest.host],
    [t("detail.gpu"), manifest.gpu],
    [t("detail.python"), manifest.python],
    [t("detail.seed"), manifest.seed],
    [t("detail.core"), manifest.core_hash],
    [t("detail.base"), manifest.base_hash],
    [t("detail.configHash"), manifest.config_sha256],
    [t("detail.lock"), manifest.lock_sha256],
    ...Object.entries(manifest.environment ?? {}),
  ];
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <Table label={t("detail.environment")}>
      <tbody>
        {known.map(([name, value]) => (
          <Tr key={name}>
            <th scope="row" className="w-48 px-3 py-2 text-left align-top font-medium">
              {name}
            </th>
            <Td className="font-mono text-[13px] break-all">
              {typeof value === "string" ? value : JSON.stringify(value)}
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
