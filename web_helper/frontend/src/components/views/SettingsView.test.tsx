import { screen, waitFor, within } from "@testing-library/react";
import { delay, HttpResponse, http, type JsonBodyType } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { ME } from "@/test/server";

const CREATED = "2026-01-01T00:00:00Z";
const HOSTILE = "<img src=x onerror=alert(1)>";
const meta = { request_id: "r", pagination: { next_cursor: null, previous_cursor: null, per_page: 100 } };
const list = (path: string, data: JsonBodyType) => http.get(`*${path}`, () => HttpResponse.json({ data, meta }));

const TOKEN = {
  id: 5,
  user_id: 1,
  name: "laptop",
  prefix: "syn_abcd",
  scopes: ["read", "write"],
  expires_at: null,
  revoked_at: null,
  last_used_at: null,
  session_of: null,
  created: CREATED,
};
const ADA = { ...ME, id: 2, email: "ada@example.org", name: "Ada", is_admin: false };
const STORAGE = {
  id: 1,
  name: "default",
  category: "internal",
  provider: "file_system",
  configuration: { location: "********" },
  is_default: true,
  created: CREATED,
};
const AGENT = {
  id: 1,
  name: "gpu-1",
  url: "http://gpu-1:8000",
  status: "connected",
  capacity: {},
  last_seen_at: CREATED,
  created: CREATED,
};
const PROJECT = {
  id: 7,
  name: "birds",
  description: "",
  data_collection_id: 1,
  configuration: {},
  created: CREATED,
};
const MEMBER = { id: 3, project_id: 7, user_id: 2, role: "viewer", created: CREATED };

/** Each section: where its list comes from, an item, what the item shows, and what is said without any. */
const SECTIONS = [
  ["tokens", "/v2/tokens/", TOKEN, "laptop", "You have no tokens"],
  ["members", "/v2/members/", MEMBER, "ada@example.org", "Only administrators reach this project"],
  ["users", "/v2/users/", ADA, "ada@example.org", "Nobody of that name"],
  ["storages", "/v2/storages/", STORAGE, "default", "There is no storage"],
  ["agents", "/v2/agents/", AGENT, "gpu-1", "No agent is registered"],
] as const;
const OTHERS = [list("/v2/projects/", [PROJECT]), list("/v2/users/", [ADA])];

test.each(SECTIONS)("%s are shown", async (section, path, row, shown) => {
  renderView(`/settings/${section}`, list(path, [row]), ...OTHERS);

  expect(await screen.findByText(shown)).toBeVisible();
});

test.each(SECTIONS)("without %s it is said what to do", async (section, path, _row, _shown, empty) => {
  renderView(`/settings/${section}`, list(path, []), ...OTHERS);

  expect(await screen.findByText(empty)).toBeVisible();
});

test.each(SECTIONS)("that %s are loading is said", async (section, path) => {
  renderView(
    `/settings/${section}`,
    http.get(`*${path}`, () => delay("infinite")),
    ...OTHERS,
  );

  expect(await screen.findByRole("heading", { name: "Settings" })).toBeVisible();
  await waitFor(() => expect(screen.getByText("Loading")).toBeInTheDocument());
});

test.each(SECTIONS)("that %s could not be loaded is said", async (section, path) => {
  const failed = { error: { code: "INTERNAL_ERROR", message: "The disk is gone." }, meta: { request_id: "r42" } };
  renderView(
    `/settings/${section}`,
    http.get(`*${path}`, () => HttpResponse.json(failed, { status: 500 })),
    ...OTHERS,
  );

  expect(await screen.findByText("The disk is gone.")).toBeVisible();
});

function refused(field: string, message: string) {
  const error = { code: "VALIDATION_ERROR", message: `${field}: ${message}`, details: [{ field, message }] };
  return HttpResponse.json({ error, meta: { request_id: "r" } }, { status: 400 });
}

test("a new token's key is shown once, and what is wrong with it at its field", async () => {
  const asked: unknown[] = [];
  const { user } = renderView(
    "/settings/tokens",
    list("/v2/tokens/", []),
    http.post("*/v2/tokens/", async ({ request }) => {
      const body = (await request.json()) as { name: string };
      asked.push(body);
      if (body.name === "") return refused("name", "String should have at least 1 character");
      return HttpResponse.json({ data: { ...TOKEN, key: "syn_whole-key" }, meta }, { status: 201 });
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Create a token" }));
  const dialog = await screen.findByRole("dialog", { name: "Create a token" });
  await user.click(within(dialog).getByRole("button", { name: "Create" }));
  const name = within(dialog).getByLabelText("Name");
  await waitFor(() => expect(name).toHaveAccessibleDescription(/at least 1 character/));

  await user.type(name, "laptop");
  await user.click(within(dialog).getByRole("button", { name: "Create" }));

  const shown = await screen.findByRole("dialog", { name: "Copy the key now" });
  expect(within(shown).getByText("syn_whole-key")).toBeVisible();
  expect(asked.at(-1)).toEqual({ name: "laptop", scopes: ["read", "write"] });
  await user.click(within(shown).getByRole("button", { name: "Close" }));
  await user.click(screen.getByRole("button", { name: "Create a token" }));
  expect(screen.queryByText("syn_whole-key")).not.toBeInTheDocument();
});

test("revoking a token asks first", async () => {
  const revoked: string[] = [];
  const { user } = renderView(
    "/settings/tokens",
    list("/v2/tokens/", [TOKEN]),
    http.delete("*/v2/tokens/:id/", ({ params }) => {
      revoked.push(String(params.id));
      return new HttpResponse(null, { status: 204 });
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Revoke laptop" }));
  const question = await screen.findByRole("alertdialog", { name: "Revoke laptop?" });
  expect(revoked).toEqual([]);

  await user.click(within(question).getByRole("button", { name: "Revoke" }));
  await waitFor(() => expect(revoked).toEqual(["5"]));
});

test("a member's role is changed in its row", async () => {
  const changed: unknown[] = [];
  const { user } = renderView(
    "/settings/members",
    list("/v2/members/", [MEMBER]),
    ...OTHERS,
    http.patch("*/v2/members/3/", async ({ request }) => {
      changed.push(await request.json());
      return HttpResponse.json({ data: MEMBER, meta });
    }),
  );
  await user.selectOptions(await screen.findByLabelText("Role of Ada"), "manager");

  await waitFor(() => expect(changed).toEqual([{ role: "manager" }]));
});

test("adding somebody unknown is refused with the server's words", async () => {
  const { user } = renderView(
    "/settings/members",
    list("/v2/members/", []),
    ...OTHERS,
    http.post("*/v2/members/", () =>
      HttpResponse.json(
        { error: { code: "NOT_FOUND", message: "There is no user eve@example.org." }, meta: { request_id: "r" } },
        { status: 404 },
      ),
    ),
  );
  await user.click(await screen.findByRole("button", { name: "Add a member" }));
  const dialog = await screen.findByRole("dialog", { name: "Add a member" });
  await user.type(within(dialog).getByLabelText("E-mail address"), "eve@example.org");
  await user.click(within(dialog).getByRole("button", { name: "Add a member" }));

  expect(await within(dialog).findByText("There is no user eve@example.org.")).toBeVisible();
});

test("nobody takes away their own rights", async () => {
  const { user } = renderView("/settings/users", list("/v2/users/", [ME, ADA]));
  await user.click(await screen.findByRole("button", { name: "Change Admin" }));

  expect(await screen.findByRole("menuitem", { name: "Deactivate" })).toHaveAttribute("aria-disabled", "true");
});

test("who is no administrator changes no users, storages and agents", async () => {
  const me = http.get("*/users/me/", () => HttpResponse.json({ ...ME, is_admin: false }));
  renderView("/settings/storages", me, list("/v2/storages/", [{ ...STORAGE, is_default: false }]));

  expect(await screen.findByText("default")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Add a storage" })).not.toBeInTheDocument();
  expect(screen.queryByRole("button", { name: "Delete default" })).not.toBeInTheDocument();
});

test("a storage is added with what its kind needs", async () => {
  const sent: unknown[] = [];
  const { user } = renderView(
    "/settings/storages",
    list("/v2/storages/", []),
    http.post("*/v2/storages/", async ({ request }) => {
      sent.push(await request.json());
      return refused("configuration.bucket_name", "there is no such bucket.");
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Add a storage" }));
  const dialog = await screen.findByRole("dialog", { name: "Add a storage" });
  await user.type(within(dialog).getByLabelText("Name"), "lab");
  await user.selectOptions(within(dialog).getByLabelText("Kind"), "s3");
  await user.type(within(dialog).getByLabelText("Bucket"), "images");
  await user.click(within(dialog).getByRole("button", { name: "Add a storage" }));

  await waitFor(() =>
    expect(within(dialog).getByLabelText("Bucket")).toHaveAccessibleDescription(/there is no such bucket/),
  );
  expect(sent).toEqual([
    { name: "lab", category: "internal", provider: "s3", configuration: { bucket_name: "images" }, is_default: false },
  ]);
});

test("one's name is saved, and the look is kept in this browser", async () => {
  const { user } = renderView(
    "/settings",
    http.patch("*/v2/users/1/", async ({ request }) =>
      HttpResponse.json({ data: { ...ME, ...((await request.json()) as object) }, meta }),
    ),
  );
  const name = await screen.findByLabelText("Name");
  await user.clear(name);
  await user.type(name, "Ada");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByText("Saved")).toBeVisible();

  await user.selectOptions(screen.getByLabelText("Theme"), "dark");
  expect(document.documentElement).toHaveClass("dark");
  await user.selectOptions(screen.getByLabelText("Theme"), "light");
  expect(document.documentElement).not.toHaveClass("dark");
});

test("names are text, whatever is in them", async () => {
  const { container } = renderView("/settings/tokens", list("/v2/tokens/", [{ ...TOKEN, name: HOSTILE }]));

  expect(await screen.findByText(HOSTILE)).toBeVisible();
  expect(container.querySelector("img")).toBeNull();
});
