import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answer, HOSTILE, NEW, OLD, refusal, silence, summary, version } from "@/test/research";

const CODE = "class Net(Model):\n    def forward(self, x):\n        return x\n";
const LIST = answer("get", "/api/components/versions", [summary("loss/ce.py"), summary("model/net.py")]);
const STORY = answer("get", "/api/components/stories/model/net", [
  version(NEW, { is_active: true, aliases: ["active"], reason: HOSTILE, experiment_count: 1 }),
  version(OLD, { reason: "the first try" }),
]);
const CONTENT = http.get("*/api/components/versions/hash/:hash", ({ params }) =>
  HttpResponse.json({ data: { hash: params.hash, content: params.hash === OLD ? CODE.replace("x)", "y)") : CODE } }),
);
const NET = "/components?path=model%2Fnet.py";

test("while the list comes, the view says so", async () => {
  renderView("/components", silence("/api/components/versions"));

  expect(await screen.findByRole("status")).toHaveTextContent("Loading");
});

test("an empty store says how to fill it, and Scan Local does", async () => {
  const scan = answer("post", "/api/components/versions/scan", { registered: 2 }, "2 files, 2 new.");
  const { user } = renderView("/components", answer("get", "/api/components/versions", []), scan);

  expect(await screen.findByText("There are no components yet")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Scan Local" }));

  expect(await screen.findByText("2 new versions. 2 files, 2 new.")).toBeVisible();
});

test("a list that fails is said", async () => {
  renderView("/components", refusal("get", "/api/components/versions", 500, "The server failed."));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("the tree has categories with counts, and leads to a component", async () => {
  const { user, router } = renderView("/components", LIST, STORY, CONTENT);
  const tree = await screen.findByRole("navigation", { name: "Components by category" });

  expect(within(tree).getByText("loss")).toHaveTextContent("loss 1");
  await user.type(within(tree).getByRole("searchbox"), "net");
  expect(within(tree).queryByText("ce")).toBeNull();
  await user.click(within(tree).getByRole("link", { name: /net/ }));

  expect(router.state.location.search).toEqual({ path: "model/net.py" });
});

test("a component shows its code, its outline, and its history with who, when and why", async () => {
  renderView(NET, LIST, STORY, CONTENT);

  expect(await screen.findByRole("textbox", { name: `Code of model/net.py at ${NEW}` })).toHaveTextContent("class Net");
  const outline = screen.getByRole("list", { name: "Outline" });
  expect(within(outline).getByRole("button", { name: /class Net 1/ })).toBeVisible();
  expect(within(outline).getByRole("button", { name: /function forward 2/ })).toBeVisible();
  const history = screen.getByRole("region", { name: "Version history" });
  expect(within(history).getAllByText("Added by ada@example.org")).toHaveLength(2);
  expect(within(history).getByText("the first try")).toBeVisible();
  // What somebody wrote stays text.
  expect(within(history).getByText(HOSTILE)).toBeVisible();
});

test("two versions are shown beside each other, and the address says which", async () => {
  const { user, router } = renderView(NET, LIST, STORY, CONTENT);
  await user.selectOptions(await screen.findByRole("combobox", { name: "Compare 22222222 with" }), "11111111");

  expect(router.state.location.search).toEqual({ path: "model/net.py", hash: NEW, from: OLD });
  expect(await screen.findByRole("textbox", { name: `model/net.py at ${OLD}` })).toHaveTextContent("self, y");
  expect(screen.getByRole("textbox", { name: `model/net.py at ${NEW}` })).toHaveTextContent("self, x");
});

test("activating asks why, tells the server what was active, and says what it refuses", async () => {
  const sent: unknown[] = [];
  const change = http.post("*/api/components/changes", async ({ request }) => {
    sent.push(await request.json());
    return HttpResponse.json({ error: { code: "CONFLICT", message: "Somebody was faster." } }, { status: 409 });
  });
  const { user } = renderView(NET, LIST, STORY, CONTENT, change);
  await user.click(await screen.findByRole("button", { name: "Activate 11111111" }));
  const dialog = await screen.findByRole("dialog");
  await user.type(within(dialog).getByRole("textbox", { name: "Reason" }), "it is better");
  await user.click(within(dialog).getByRole("button", { name: "Activate" }));

  expect(await within(dialog).findByRole("alert")).toHaveTextContent("Somebody was faster.");
  const changes = [{ path: "model/net.py", hash: OLD, expected: NEW, aliases: ["active"] }];
  expect(sent).toEqual([{ changes, reason: "it is better" }]);
});

test("a set is in the address, and is activated as a whole", async () => {
  const sent: unknown[] = [];
  const change = http.post("*/api/components/changes", async ({ request }) => {
    sent.push(await request.json());
    return HttpResponse.json({ data: { id: 1 } });
  });
  const search = `set=${encodeURIComponent(JSON.stringify([`model/net.py@${OLD}`, `loss/ce.py@${OLD}`]))}`;
  const { user, router } = renderView(`/components?${search}`, LIST, change);
  await user.click(await screen.findByRole("button", { name: "Activate 2 versions" }));
  await user.click(await screen.findByRole("button", { name: "Activate" }));

  await expect.poll(() => router.state.location.search).toEqual({});
  const of = (path: string) => ({ path, hash: OLD, expected: NEW, aliases: ["active"] });
  expect(sent).toEqual([{ changes: [of("model/net.py"), of("loss/ce.py")], reason: "" }]);
});

test("all changes are listed, and one is undone with a reason", async () => {
  const record = {
    id: 5,
    kind: "scan",
    reason: "the kit",
    user: null,
    created_at: "2026-01-01T00:00:00Z",
    registered: 1,
    changes: [{ path: "model/net.py", alias: "active", from_hash: null, to_hash: NEW }],
  };
  const undo = refusal("post", "/api/components/changes/5/rollback", 409, "It was moved again since.");
  const { user } = renderView(
    "/components?show=changes",
    LIST,
    answer("get", "/api/components/changes", [record]),
    undo,
  );

  expect(await screen.findByRole("cell", { name: "the kit" })).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Undo change 5" }));
  await user.click(await screen.findByRole("button", { name: "Undo" }));

  expect(await screen.findByRole("alert")).toHaveTextContent("It was moved again since.");
});

const STAGED = {
  id: 7,
  kind: "change",
  reason: "for the night images",
  user: "ada@example.org",
  created_at: "2026-01-01T00:00:00Z",
  registered: 2,
  changes: [
    { path: "loss/ce.py", alias: "next", from_hash: null, to_hash: OLD },
    { path: "loss/ce.py", alias: "night", from_hash: null, to_hash: OLD },
    { path: "model/net.py", alias: "next", from_hash: null, to_hash: NEW },
  ],
};
const PUSHED = { ...STAGED, id: 9, changes: [{ path: "loss/ce.py", alias: "active", from_hash: OLD, to_hash: NEW }] };

test("what waits under another name is activated as a whole, after saying what that changes", async () => {
  const sent: unknown[] = [];
  const activate = http.post("*/api/components/changes/7/activate", async ({ request }) => {
    sent.push(await request.json());
    return HttpResponse.json({ error: { code: "CONFLICT", message: "It was moved since." } }, { status: 409 });
  });
  const log = answer("get", "/api/components/changes", [PUSHED, STAGED]);
  const { user } = renderView("/components?show=changes", LIST, log, activate);
  await user.click(await screen.findByRole("button", { name: "Activate all of set 7" }));
  const dialog = await screen.findByRole("dialog");

  // The other one is active as it is.
  expect(await within(dialog).findByText("1 component changes:")).toBeVisible();
  expect(
    within(dialog)
      .getAllByRole("listitem")
      .map((each) => each.textContent),
  ).toEqual(["loss/ce.py 22222222 → 11111111"]);
  await user.type(within(dialog).getByRole("textbox", { name: "Reason" }), "reviewed");
  await user.click(within(dialog).getByRole("button", { name: "Activate" }));

  expect(await within(dialog).findByRole("alert")).toHaveTextContent("It was moved since.");
  expect(sent).toEqual([{ alias: "active", expected: 9, reason: "reviewed" }]);
  expect(screen.queryByRole("button", { name: "Activate all of set 9", hidden: true })).toBeNull();
});
