"""The client of the component store, `/api/components`. Bodies and answers: `synapse_sdk.wire.components`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from synapse_sdk.clients.base import Call, decode_json, tls
from synapse_sdk.clients.kept_connection import KeptConnection
from synapse_sdk.clients.keyed import KeyedClient, path_part
from synapse_sdk.exceptions import ClientError
from synapse_sdk.wire.component_offer import OFFER, BrokenOfferError, HeadVersion, OfferHead, unpack_offer

API = "api/components"
_HEADERS = {"Accept": f"{OFFER}, application/json;q=0.9"}


class Contents(Protocol):
    """Bytes by SHA-256; each is asked for once, in whatever order they come."""

    def items(self) -> Iterable[tuple[str, bytes | memoryview]]:
        """All of them."""
        ...


@dataclass(frozen=True)
class FetchedOffer:
    """A `ComponentOffer` whose contents are bytes, unpacked while they are read."""

    versions: Mapping[str, HeadVersion]
    contents: Contents
    known: Sequence[str]
    needed: Sequence[str]
    missing: Sequence[str]
    unresolved: Sequence[Mapping[str, Any]]
    state: str


@dataclass(frozen=True)
class StoreNews:
    """What has become of the store.

    Attributes:
        state: Its name now.
        changed: Paths at which an alias was moved since the state that was asked about; None when that is not known.
        offer: The active versions at these paths; None when they are too many, or none.
    """

    state: str
    changed: Sequence[str] | None
    offer: FetchedOffer | None = None


class ComponentClient(KeyedClient):
    """Component versions: read, add, activate, compare, negotiate. Made as `KeyedClient` says."""

    _kept: KeptConnection | None = None

    def list_components(self, category: str | None = None) -> list[dict[str, Any]]:
        """Every component, or those of a category, with the hash of its active version."""
        found: list[dict[str, Any]] = self._get("versions" if category is None else f"versions/{path_part(category)}")
        return found

    def list_versions(self, category: str, name: str, *, include_content: bool = False) -> list[dict[str, Any]]:
        """The versions of a component, the newest first."""
        params = {"include_content": include_content}
        found: list[dict[str, Any]] = self._get(f"versions/{path_part(category)}/{path_part(name)}", params)
        return found

    def get_version(self, version_hash: str, path: str | None = None) -> dict[str, Any]:
        """One version with its content; `path` tells apart what a hash alone does not."""
        found: dict[str, Any] = self._get(f"versions/hash/{path_part(version_hash)}", {"path": path})
        return found

    def list_aliases(self, path: str | None = None) -> list[dict[str, Any]]:
        """Where aliases point, at one path or everywhere."""
        found: list[dict[str, Any]] = self._get("aliases", {"path": path})
        return found

    def list_changes(
        self, path: str | None = None, *, before: int | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """Change sets, the newest first: of one path, or all."""
        found: list[dict[str, Any]] = self._get("changes", {"path": path, "before": before, "limit": limit})
        return found

    def upload(self, path: str, content: str, *, activate: bool = True, reason: str = "") -> dict[str, Any]:
        """Store a content at a path."""
        body = {"path": path, "content": content, "activate": activate, "reason": reason}
        return self._post("versions/upload", body)

    def activate(self, version_hash: str, path: str | None = None, *, reason: str = "") -> dict[str, Any]:
        """Make a version the active one of its path."""
        return self._post("versions/activate", {"hash": version_hash, "path": path, "reason": reason})

    def diff(self, from_hash: str, to_hash: str, path: str | None = None) -> dict[str, Any]:
        """Two versions beside each other."""
        return self._post("versions/diff", {"from_hash": from_hash, "to_hash": to_hash, "path": path})

    def scan(self) -> tuple[int, str]:
        """Register what is new in the server's own folder: how many versions, and what the server says about it."""
        answer = self._ask("POST", "versions/scan", json={})
        return answer["data"]["registered"], answer["meta"]["message"]

    def change(self, changes: Sequence[Mapping[str, Any]], *, reason: str = "") -> dict[str, Any]:
        """Add versions and move aliases: all, or nothing (`synapse_sdk.wire.components.ComponentChange`)."""
        return self._post("changes", {"changes": list(changes), "reason": reason})

    def activate_set(
        self, change_set_id: int, *, alias: str = "active", expected: int | None = None, reason: str = ""
    ) -> dict[str, Any]:
        """Point an alias to everything that a change set pointed one to.

        Args:
            change_set_id: The set, from the answer that made it or from the log.
            alias: What is moved.
            expected: The newest set that you know of; refused when a later one has moved what this would move.
            reason: Why.
        """
        return self._post(
            f"changes/{int(change_set_id)}/activate", {"alias": alias, "expected": expected, "reason": reason}
        )

    def undo(self, change_set_id: int, *, reason: str = "") -> dict[str, Any]:
        """Point what a change set moved to where it was."""
        return self._post(f"changes/{int(change_set_id)}/rollback", {"reason": reason})

    def roll_back(self, paths: Sequence[str], *, reason: str = "") -> dict[str, Any]:
        """Activate, for each path, the version that was active before."""
        return self._post("rollback", {"paths": list(paths), "reason": reason})

    def negotiate(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What is lacking of what is needed (`synapse_sdk.wire.components.ComponentNegotiation`)."""
        return self._post("sync", dict(body))

    def fetch(self, body: Mapping[str, Any]) -> FetchedOffer:
        """As `negotiate`, for those who want bytes: nothing is packed into JSON and out of it.

        Raises:
            ClientError: The server could not be asked, or has not answered as such a server does.
        """
        call = Call("POST", f"{API}/sync", json=dict(body), headers=_HEADERS, is_long=True, repeatable=True)
        response = self.send(call)
        return _read_offer(response.content, response.headers.get("Content-Type", ""), call)

    def get_news(self, since: str) -> StoreNews:
        """What names the store's state, and what was changed since another.

        Raises:
            ClientError: The server could not be asked, or has not answered as such a server does.
        """
        call = Call("GET", f"{API}/state", params={"since": since}, headers=_HEADERS, is_long=True)
        content, media_type = self._ask_again(f"{call.url}?since={quote(since)}", call)
        if media_type == OFFER:
            offer = _read_offer(content, media_type, call)
            return StoreNews(offer.state, [*offer.versions, *offer.missing], offer)
        found = decode_json(content, 200, call.label)["data"]
        return StoreNews(found["state"], found["changed"])

    def close(self) -> None:
        """Close the connections."""
        super().close()
        if self._kept is not None:
            self._kept.close()

    def get_manifest(self, experiment_uid: str) -> dict[str, str]:
        """The versions that an experiment ran with, by path."""
        components: dict[str, str] = self._get(f"manifest/{path_part(experiment_uid)}")["components"]
        return components

    def save_manifest(self, experiment_uid: str, components: Mapping[str, str]) -> int:
        """Keep the versions that an experiment runs with; how many they are."""
        count: int = self._post(f"manifest/{path_part(experiment_uid)}", dict(components))["component_count"]
        return count

    def _ask_again(self, url: str, call: Call) -> tuple[bytes, str]:
        """Body and media type of the answer to what is asked all the time, as this URL or else as a call."""
        # A transport that was passed in carries everything.
        if self._kept is None and self._transport is None:
            own = self.http.headers
            headers = {name: own[name] for name in ("Authorization", "User-Agent") if name in own}
            self._kept = KeptConnection(self.base_url, headers | _HEADERS, self._timeout_of(call), tls())
        answer = None if self._kept is None else self._kept.get(url)
        if answer is None:
            response = self.send(call)
            answer = response.content, response.headers.get("Content-Type", "")
        return answer

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self._ask("GET", path, params=params)["data"]

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = self._ask("POST", path, json=body)["data"]
        return data

    def _ask(self, method: str, path: str, *, params: Any = None, json: Any = None) -> dict[str, Any]:
        # Every write says what shall be, so sending it twice does its work once; a rollback of a path alone does not.
        call = Call(method, f"{API}/{path}", params=params, json=json, is_long=True, repeatable=path != "rollback")
        answer: dict[str, Any] = self.send_json(call)
        return answer


def _read_offer(content: bytes, media_type: str, call: Call) -> FetchedOffer:
    contents: Contents
    try:
        if media_type == OFFER:
            head, contents = unpack_offer(content)
        else:
            found = decode_json(content, 200, call.label)["data"]
            contents = {digest: text.encode() for digest, text in found["contents"].items()}
            head = msgspec.convert(found | {"sizes": []}, OfferHead)
    except (BrokenOfferError, msgspec.ValidationError) as exc:
        raise ClientError(200, f"{call.label} was answered with what is no offer ({exc}).") from exc
    lists = (head.known, head.needed, head.missing, head.unresolved)
    return FetchedOffer(head.versions, contents, *lists, head.state)
