import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answer, HOSTILE, question, refusal, silence } from "@/test/research";

const LIST = "/api/notifications";
const BOTH = answer("get", `${LIST}/3`, {
  ...question(),
  local_content: `# ${HOSTILE}\n`,
  server_content: "# the server's\n",
});

test("while the questions come, the view says so", async () => {
  renderView("/notifications", silence(LIST));

  expect(await screen.findByRole("status")).toHaveTextContent("Loading");
});

test("without a question nothing needs anybody", async () => {
  renderView("/notifications", answer("get", LIST, []));

  expect(await screen.findByText("Nothing needs you")).toBeVisible();
  expect(screen.getByRole("button", { name: "Notifications" })).toBeVisible();
});

test("questions that cannot be read are said", async () => {
  renderView("/notifications", refusal("get", LIST, 500, "The server failed."));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("a question shows both sides as text", async () => {
  const { user } = renderView("/notifications", answer("get", LIST, [question()]), BOTH);
  await user.click(await screen.findByRole("button", { name: "Show the difference" }));

  expect(await screen.findByRole("textbox", { name: "Device gpu-1" })).toHaveTextContent(HOSTILE);
  expect(screen.getByRole("textbox", { name: "Server" })).toHaveTextContent("the server's");
});

test("a file that is no text is named by its hash", async () => {
  const blind = answer("get", `${LIST}/3`, { ...question(), local_content: null, server_content: "x" });
  const { user } = renderView("/notifications", answer("get", LIST, [question()]), blind);
  await user.click(await screen.findByRole("button", { name: "Show the difference" }));

  expect(await screen.findByText(/has not sent this file as text/)).toHaveTextContent("1111111111111111");
});

test("what the server does not have is not offered for download", async () => {
  const only = question({ conflict_type: "local_only", server_hash: null, server_sha256: null });
  renderView("/notifications", answer("get", LIST, [only]));

  expect(await screen.findByRole("button", { name: "Upload to Server" })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Download from Server" })).toBeNull();
});

test.each([
  ["Upload to Server", "use_local"],
  ["Download from Server", "use_server"],
  ["Skip", "skip"],
])("%s is sent as %s, from the panel of the bell", async (name, resolution) => {
  let open = [question()];
  const sent: unknown[] = [];
  const { user } = renderView(
    "/notifications?show=all",
    http.get(`*${LIST}`, () => HttpResponse.json({ data: open })),
    http.post(`*${LIST}/3/answer`, async ({ request }) => {
      sent.push(await request.json());
      open = [];
      return HttpResponse.json({ data: question({ status: "answered" }) });
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Notifications, 1 action required" }));
  const panel = await screen.findByRole("dialog", { name: "Notifications" });
  expect(within(panel).getByText("1 action required")).toBeVisible();
  await user.click(within(panel).getByRole("button", { name }));

  expect(await within(panel).findByText("Nothing needs you")).toBeVisible();
  expect(sent).toEqual([{ resolution }]);
});

test("what was decided is told, and what came of it", async () => {
  const decided = question({
    status: "failed",
    resolution: "use_server",
    answered_by: "ada@example.org",
    outcome: "The file has changed since.",
  });
  renderView("/notifications?show=all", answer("get", LIST, [decided]));

  const card = await screen.findByRole("region", { name: "model/net.py on gpu-1" });
  expect(within(card).getByText("ada@example.org decided: Download from Server")).toBeVisible();
  expect(within(card).getByText("The file has changed since.")).toBeVisible();
  expect(within(card).queryByRole("button", { name: "Skip" })).toBeNull();
});
