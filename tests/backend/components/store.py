"""Short words for what tests do with the component store."""

from typing import Any

from starlette.testclient import TestClient

API = "/api/components"


class Store:
    """Speaks to the endpoints; every answer's envelope is checked on its way."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        response = self.client.request(method, f"{API}{path}", **options)
        assert response.status_code == status, response.text
        body = response.json()
        if status >= 400:
            assert set(body) == {"error", "meta"}
            return body["error"]
        assert set(body) == {"data", "meta"}
        assert set(body["meta"]) == {"message", "timestamp", "version"}
        assert body["meta"]["version"] == "1.0"
        return body["data"]

    def get(self, route: str, status: int = 200, **params: Any) -> Any:
        return self.call("GET", route, status, params=params)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self.call("POST", path, status, json=body)

    def upload(self, path: str, content: str, *, status: int = 200, **fields: Any) -> Any:
        return self.post("/versions/upload", {"path": path, "content": content, **fields}, status)

    def active(self) -> dict[str, str | None]:
        return {each["path"]: each["active_hash"] for each in self.get("/versions")}

    def history(self, path: str) -> list[tuple[str, bool]]:
        listed = self.get(f"/versions/{path.removesuffix('.py')}")
        return [(each["hash"], each["is_active"]) for each in listed]

    def log(self, **params: Any) -> list[dict[str, Any]]:
        return self.get("/changes", **params)
