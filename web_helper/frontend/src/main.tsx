import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@/styles.css";
import { App } from "@/app/App";
import { createQueryClient } from "@/app/queryClient";
import { createAppRouter } from "@/app/router";
import { showTheme } from "@/app/theme";
import { startI18n } from "@/i18n";

showTheme();
const root = document.getElementById("root");
if (root === null) throw new Error("The page has no #root.");
const queryClient = createQueryClient();
const router = createAppRouter(queryClient);
await startI18n();
createRoot(root).render(
  <StrictMode>
    <App queryClient={queryClient} router={router} />
  </StrictMode>,
);
