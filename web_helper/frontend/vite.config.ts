import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const SERVER = process.env.SYNAPSE_SERVER ?? "http://127.0.0.1:8100";
// Everything that is not the UI's own is the server's.
const API = "^/(?!$|src/|node_modules/|@|index.html|assets/).*";
const FRAME =
  /node_modules[\\/](?:react|react-dom|scheduler|@tanstack[\\/](?:react-router|router-core|history|react-query|query-core|react-store|store)|i18next|react-i18next|openapi-fetch|clsx|class-variance-authority|tailwind-merge|use-sync-external-store)[\\/]/;
const PACKED = /\.(?:js|css|svg)$/;

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Beside each file, the same packed: the server sends it as it lies there. */
function packAssets(): Plugin {
  return {
    name: "pack-assets",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      const packed = Object.values(bundle).filter((file) => PACKED.test(file.fileName));
      await Promise.all(
        packed.map((file) => {
          const content = file.type === "chunk" ? file.code : file.source;
          return writeFile(
            join(dir, `${file.fileName}.gz`),
            gzipSync(content, { level: constants.Z_BEST_COMPRESSION }),
          );
        }),
      );
    },
  };
}

export default defineConfig({
  plugins: [react(), tailwindcss(), packAssets()],
  resolve: {
    alias: [
      { find: "@", replacement: source("./src") },
      { find: /^react-remove-scroll$/, replacement: source("./src/lib/removeScroll.tsx") },
    ],
  },
  build: {
    outDir: "../backend/static",
    emptyOutDir: true,
    manifest: true,
    // The Content-Security-Policy allows nothing inline, and no `data:` but for pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What every page needs, in one file in place of twenty.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "frame", test: FRAME }] } } },
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      [API]: {
        target: SERVER,
        bypass: (request) => (request.headers.accept?.includes("text/html") ? "/index.html" : undefined),
      },
    },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    testTimeout: 30_000,
  },
});
