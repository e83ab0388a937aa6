// The way in until the full user interface is there: who is logged in, which projects there are, what was exported.
const REFRESH_MS = 3000;
const STORED = "synapse-token";
const at = (id) => document.getElementById(id);

function takeTokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  sessionStorage.setItem(STORED, token);
  // The key must not stay in the address bar, where it would be copied and shared.
  history.replaceState(null, "", location.pathname);
}

class LoginNeeded extends Error {}

async function fetchData(path) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(STORED) ?? ""}` };
  const answer = await fetch(path, { headers });
  if (answer.status === 401) throw new LoginNeeded();
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error?.message ?? `The server answered ${answer.status}.`);
  return body.data ?? body;
}

// textContent only: names come from users and must never become markup.
function fill(table, rows, emptyNote) {
  const body = at(table).tBodies[0];
  body.replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    for (const { text, as = "td" } of cells) {
      const cell = row.appendChild(document.createElement("td"));
      const inner = as === "td" ? cell : cell.appendChild(document.createElement(as));
      inner.textContent = text;
    }
    return row;
  }));
  at(table).hidden = rows.length === 0;
  at(emptyNote).hidden = rows.length > 0;
}

const projectRow = (project) => [
  { text: project.name },
  { text: (project.configuration?.class_schema?.classes ?? []).map((c) => c.name).join(", ") },
  { text: `synapse export --project '${project.name}' --target assignment --format coco --out ./out`, as: "code" },
];

const exportRow = (job) => [
  { text: new Date(job.created).toLocaleString() },
  { text: job.params?.target ?? job.kind },
  { text: job.error ? `${job.status}: ${job.error}` : job.status },
  { text: `${job.progress.processed} of ${job.progress.total ?? "?"}` },
];

async function show() {
  try {
    const me = await fetchData("/users/me/");
    at("who").textContent = me.email;
    fill("projects", (await fetchData("/v2/projects/")).map(projectRow), "no-projects");
    fill("exports", (await fetchData("/v2/async-jobs/")).map(exportRow), "no-exports");
    at("login").hidden = true;
    at("work").hidden = false;
    at("problem").textContent = "";
  } catch (error) {
    const isLogin = error instanceof LoginNeeded;
    at("login").hidden = !isLogin;
    at("work").hidden = isLogin;
    at("problem").textContent = isLogin ? "" : `${error.message} Trying again.`;
    if (isLogin) return;
  }
  setTimeout(show, REFRESH_MS);
}

at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(STORED, at("key").value.trim());
  show();
});
addEventListener("hashchange", () => { takeTokenFromAddress(); show(); });
takeTokenFromAddress();
show();
