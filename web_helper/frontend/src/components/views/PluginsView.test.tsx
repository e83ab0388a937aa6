import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { failing, one, pageOf, pending, refusal } from "@/test/pages";
import { PLUGIN, RELEASE } from "@/test/plugins";
import { renderView } from "@/test/renderView";

test("it says that it loads, that it failed, that there is none", async () => {
  renderView("/plugins", pending("/v2/plugins/")).unmount();
  renderView("/plugins", failing("/v2/plugins/")).unmount();
  renderView("/plugins", pageOf("/v2/plugins/", []));

  expect(await screen.findByText("There is no plugin yet")).toBeVisible();
  expect(screen.getByText(/synapse plugin create/)).toBeVisible();
});

test("a failure is told", async () => {
  renderView("/plugins", failing("/v2/plugins/"));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("plugins are listed; a hostile name stays text", async () => {
  const hostile = { ...PLUGIN, id: 2, code: "evil", name: "<script>alert(1)</script>" };
  renderView("/plugins", pageOf("/v2/plugins/", [PLUGIN, hostile]));

  expect(await screen.findByRole("link", { name: "Trainer" })).toHaveAttribute("href", "/plugins/trainer");
  expect(screen.getByRole("link", { name: "<script>alert(1)</script>" })).toBeVisible();
});

test("what one searches for stands in the address and goes to the server", async () => {
  const asked: (string | null)[] = [];
  const { user, router } = renderView(
    "/plugins",
    http.get("*/v2/plugins/", ({ request }) => {
      asked.push(new URL(request.url).searchParams.get("search"));
      return HttpResponse.json({ data: [], meta: { request_id: "r", pagination: { next_cursor: null } } });
    }),
  );

  await user.type(await screen.findByRole("searchbox", { name: "Search plugins" }), "yolo");
  expect(await screen.findByText("No plugin is called “yolo”")).toBeVisible();
  expect(router.state.location.search).toEqual({ search: "yolo" });
  expect(asked.at(-1)).toBe("yolo");
});

test("an archive that is refused says why at the field; one that is taken is shown", async () => {
  let isRefused = true;
  const { user, router } = renderView(
    "/plugins",
    pageOf("/v2/plugins/", [PLUGIN]),
    one("/v2/plugins/trainer/", PLUGIN),
    pageOf("/v2/plugin-releases/", [RELEASE]),
    http.post("*/v2/plugin-releases/", async ({ request }) =>
      isRefused || !(await request.text()).includes("a.zip")
        ? refusal(400, "file: is not a zip archive.", { file: "is not a zip archive." })
        : HttpResponse.json({ data: RELEASE, meta: {} }, { status: 201 }),
    ),
  );

  await user.click(await screen.findByRole("button", { name: "Upload a release" }));
  const dialog = screen.getByRole("dialog");
  await user.upload(within(dialog).getByLabelText("Archive"), new File(["x"], "a.zip", { type: "application/zip" }));
  await user.click(within(dialog).getByRole("button", { name: "Upload" }));
  expect(await within(dialog).findByRole("alert")).toHaveTextContent("is not a zip archive.");
  expect(within(dialog).getByLabelText("Archive")).toBeInvalid();

  isRefused = false;
  await user.click(within(dialog).getByRole("button", { name: "Upload" }));
  expect(await screen.findByRole("heading", { name: /Trainer/ })).toBeVisible();
  expect(router.state.location.pathname).toBe("/plugins/trainer");
});
