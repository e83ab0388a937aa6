import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@/styles.css";
import { lookForServer, noteNoAnswer } from "@/api/connection";
import { App } from "@/app/App";
import { takeKeyFromAddress } from "@/app/oneClick";
import { createQueryClient } from "@/app/queryClient";
import { createAppRouter } from "@/app/router";
import { followTheme } from "@/app/theme";
import { startI18n } from "@/i18n";

const RELOADED = "synapse-reloaded";
const RELOAD_AFTER_MS = 60_000;

followTheme();
// A newer server has no files of the page that was loaded before: load it again, but not again and again.
globalThis.addEventListener("vite:preloadError", async () => {
  if (!(await lookForServer())) noteNoAnswer();
  else if (Date.now() - Number(sessionStorage.getItem(RELOADED)) > RELOAD_AFTER_MS) {
    sessionStorage.setItem(RELOADED, String(Date.now()));
    location.reload();
  }
});
// The link was followed in a tab that shows the UI already.
globalThis.addEventListener("hashchange", async () => {
  if (await takeKeyFromAddress()) location.reload();
});
const root = document.getElementById("root");
if (root === null) throw new Error("The page has no #root.");
const queryClient = createQueryClient();
await Promise.all([startI18n(), takeKeyFromAddress()]);
const router = createAppRouter(queryClient);
createRoot(root).render(
  <StrictMode>
    <App queryClient={queryClient} router={router} />
  </StrictMode>,
);
