import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/states";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="p-6">
      <Empty
        title={t("notFound.title")}
        action={
          <Button asChild>
            <Link to="/">{t("notFound.back")}</Link>
          </Button>
        }
      />
    </main>
  );
}
