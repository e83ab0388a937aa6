import "@testing-library/jest-dom/vitest";
import { onlineManager } from "@tanstack/react-query";
import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, beforeAll } from "vitest";
import { startI18n } from "@/i18n";
import { server } from "@/test/server";

// A view's code is loaded with its first test, on a machine that others use, too.
configure({ asyncUtilTimeout: 20_000 });
beforeAll(async () => {
  // An unforeseen request is a mistake of the test.
  server.listen({ onUnhandledFrame: "error" });
  await startI18n("en");
});
afterEach(() => {
  cleanup();
  server.resetHandlers();
  localStorage.clear();
  // A test of a server that is away must not silence the next one.
  onlineManager.setOnline(true);
});
afterAll(() => server.close());

// What jsdom lacks.
globalThis.matchMedia ??= (query) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.scrollTo = () => undefined;
Element.prototype.scrollTo ??= () => undefined;
Element.prototype.scrollIntoView ??= () => undefined;
// The editor asks where its text is.
Range.prototype.getClientRects ??= () => [] as unknown as DOMRectList;
Range.prototype.getBoundingClientRect ??= () => new DOMRect();
