"""`/playground/{id}/`: an app under the server's own address, for whoever is logged in, and for nobody's benefit else."""

import json
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from synapse_agent.engines.docker.protocol import RunState
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.process_engine import BASE, ProcessEngine
from tests.playground.scene import PlaygroundHost, write_release
from tests.playground.server import running_platform

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground")]
PAGE = {"Accept": "text/html"}


class Scene:
    """A platform whose only agent has an app that talks."""

    def __init__(self, platform, host, folder):
        self.platform, self.host = platform, host
        self.agent = platform.add_agent(host)
        self.container = platform.upload(write_release(folder, code="talker", app=apps.TALKS))
        self.path = f"/playground/{self.container['id']}/"

    def ticket(self) -> str:
        """The address that a browser is sent to, as a path."""
        answer = self.browser().get(self.path, headers=PAGE)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def browser(self) -> httpx2.Client:
        client = self.platform.client()
        assert client.post("/v2/session/", json={"key": self.platform.token}).status_code == 204
        return client


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    engine = ProcessEngine(folder / "engine")
    host = PlaygroundHost(folder / "agent", engine, gradio_container_base_image=BASE)
    with running_platform(folder / "server") as platform:
        yield Scene(platform, host, folder)
    engine.close()


def test_every_method_path_query_and_body_reaches_the_app(scene):
    admin = scene.platform.admin
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        body = b"x" * 100_000 if method != "GET" else None
        answer = admin.request(method, f"{scene.path}a%2Fb//c%20d?q=1&q=%C3%A9", content=body)
        said = answer.json()
        assert (answer.status_code, said["method"], said["path"]) == (207, method, "/a%2Fb//c%20d")
        assert (said["query"], said["size"]) == ("q=1&q=%C3%A9", len(body or b""))
        assert answer.headers["x-own"] == "1"


def test_the_app_learns_where_it_is_and_nothing_of_its_visitor(scene):
    place = scene.ticket()
    headers = {"Authorization": "Token syn_x", "X-API-Key": "syn_y", "SYNAPSE-ACCESS-TOKEN": "syn_z"}
    headers |= {"Origin": "null", "Referer": f"{scene.platform.url}{place}", "X-Forwarded-Prefix": "/evil"}
    browser = scene.browser()
    said = browser.get(place, headers=headers).json()["headers"]

    held = [*browser.cookies.values(), scene.platform.token, scene.host.server_key, "syn_", "/evil"]
    assert held[0].startswith("syn_")
    assert not [value for value in said.values() if any(secret in value for secret in held)]
    assert not {"authorization", "cookie", "origin", "referer", "x-api-key", "synapse-access-token"} & set(said)
    assert said["host"] == urlsplit(scene.platform.url).netloc
    assert said["x-forwarded-prefix"] == place.rstrip("/")
    assert said["x-gradio-server"] == scene.platform.url + place.rstrip("/")


def test_its_answers_stay_in_a_sandbox_and_set_nothing_of_the_platform(scene):
    for answer in (scene.platform.client().get(scene.ticket()), scene.platform.admin.get(scene.path)):
        policy = answer.headers["content-security-policy"]
        assert "sandbox allow-scripts" in policy
        assert "frame-ancestors 'self'" in policy
        assert "allow-same-origin" not in policy
        assert "allow-top-navigation" not in policy
        assert not {"set-cookie", "clear-site-data", "x-frame-options"} & set(answer.headers)
        assert answer.headers["referrer-policy"] == "no-referrer"
        # Readable for pages without an origin where the address is the permission, and for no others.
        is_shared = answer.headers.get("access-control-allow-origin")
        assert is_shared == ("null" if "~" in str(answer.url) else None)


def test_pages_without_an_origin_may_send_what_others_may(scene):
    asks = {"Origin": "null", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-own"}
    answer = scene.platform.client().options(scene.ticket(), headers=asks)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "null"
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "x-own"


def test_streams_go_both_ways_as_they_come(scene):
    # What comes of a stream that goes on for hours came as it was said.
    with scene.platform.admin.stream("GET", f"{scene.path}events?count=1000000") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert next(answer.iter_text()).startswith("data: 0\n")
    assert scene.platform.admin.get(f"{scene.path}events?count=20").text.count("data: ") == 20
    parts = [bytes([number]) * 50_000 for number in range(40)]
    answer = scene.platform.admin.post(f"{scene.path}echo", content=iter(parts))
    assert answer.content == b"".join(parts)


def test_the_app_hears_that_its_visitor_has_left(scene):
    admin = scene.platform.admin
    with admin.stream("GET", f"{scene.path}events?count=1000000") as answer:
        lines = answer.iter_text()
        assert next(lines)
        assert admin.get(f"{scene.path}followed").json() >= 1
    until(lambda: admin.get(f"{scene.path}followed").json() == 0, 60)


def test_redirections_of_the_app_stay_below_its_root(scene):
    place, client = scene.ticket(), scene.platform.client()
    for given, expected in {
        "/login": f"{place}login",
        "next": "next",
        f"{place}x": f"{place}x",
        f"{scene.platform.url}/y": f"{place}y",
        "https://example.org/z": "https://example.org/z",
        "//example.org/z": "//example.org/z",
    }.items():
        answer = client.get(f"{place}move", params={"to": given})
        assert (answer.status_code, answer.headers["location"]) == (307, expected)


def test_a_websocket_goes_through_with_messages_and_its_end(scene):
    address = scene.platform.url.replace("http", "ws") + scene.ticket() + "talk?x=1"
    with connect(address, subprotocols=["chat"], additional_headers={"Cookie": "a=b"}, proxy=None) as talk:
        assert talk.subprotocol == "chat"
        said = json.loads(talk.recv(timeout=30))
        assert not {"cookie", "authorization"} & set(said)
        talk.send("abc")
        assert talk.recv(timeout=30) == "cba"
        talk.send(b"\x00\x01")
        assert talk.recv(timeout=30) == b"\x01\x00"
        talk.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            talk.recv(timeout=30)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


def test_a_program_opens_a_websocket_with_its_token(scene):
    address = scene.platform.url.replace("http", "ws") + scene.path + "talk"
    headers = {"Authorization": f"Token {scene.platform.token}"}
    with connect(address, additional_headers=headers, proxy=None) as talk:
        assert "authorization" not in json.loads(talk.recv(timeout=30))
        talk.send("abc")
        assert talk.recv(timeout=30) == "cba"
    cookie = {"Cookie": f"synapse_session={next(iter(scene.browser().cookies.values()))}"}
    with pytest.raises(InvalidStatus), connect(address, additional_headers=cookie, proxy=None):
        pass


def test_without_a_login_nobody_comes_in(scene):
    stranger = scene.platform.client()
    answer = stranger.get(scene.path, headers=PAGE)
    assert (answer.status_code, answer.headers["location"][:12]) == (303, "/login?next=")
    assert stranger.get(scene.path).status_code == 401
    assert stranger.post(scene.path, content=b"x").status_code == 401
    assert stranger.get(f"{scene.path}~forged/").status_code == 403
    other = scene.ticket().replace(scene.path, f"/playground/{scene.agent}-99/")
    assert stranger.get(other).status_code == 404
    for place in ("~forged/talk", "talk"):
        with (
            pytest.raises(InvalidStatus),
            connect(scene.platform.url.replace("http", "ws") + scene.path + place, proxy=None),
        ):
            pass
    # Nor by the agent's own door.
    agent = scene.platform.agents[scene.agent]
    number = scene.container["record"]
    assert stranger.get(f"{agent}/containers/{number}/app/").status_code == 401


def test_a_ticket_ends_with_the_login_that_it_was_made_for(scene):
    admin = scene.platform.admin
    made = admin.post("/v2/tokens/", json={"name": "visitor", "scopes": ["read"]}).json()["data"]
    browser = scene.platform.client()
    assert browser.post("/v2/session/", json={"key": made["key"]}).status_code == 204
    place = browser.get(scene.path, headers=PAGE).headers["location"]
    stranger = scene.platform.client()
    assert stranger.get(place).status_code == 207

    assert browser.delete("/v2/session/").status_code == 204

    assert stranger.get(place).status_code == 401
    again = stranger.get(f"{place}a?b=1", headers=PAGE)
    assert (again.status_code, again.headers["location"]) == (303, f"{scene.path}a?b=1")


def test_a_ticket_opens_nothing_for_a_later_login_whatever_number_that_gets(scene):
    # SQLite gives the number of the newest session again when that has ended.
    browser, stranger = scene.browser(), scene.platform.client()
    place = browser.get(scene.path, headers=PAGE).headers["location"]
    assert stranger.get(place).status_code == 207
    assert browser.delete("/v2/session/").status_code == 204
    scene.browser()
    assert stranger.get(place).status_code == 401


def test_the_cookie_alone_changes_nothing_and_the_plain_address_needs_its_slash(scene):
    browser = scene.browser()
    posted = browser.post(scene.path, content=b"x", headers={"Sec-Fetch-Site": "same-origin"})
    assert posted.status_code == 409
    assert browser.post(scene.path, content=b"x", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.get(scene.path.rstrip("/") + "?a=1").headers["location"] == f"{scene.path}?a=1"


def test_a_paused_app_goes_on_when_it_is_visited(scene):
    admin, path = scene.platform.admin, f"/v2/playground-containers/{scene.container['id']}/"
    assert admin.post(f"{path}pause/").json()["data"]["container"]["status"] == "paused"
    assert scene.host.engine.inspect(scene.container["container_id"]).state is RunState.PAUSED
    assert admin.get(scene.path).status_code == 207
    assert admin.get(path).json()["data"]["status"] == "running"


def test_a_stopped_app_says_so(scene):
    admin, path = scene.platform.admin, f"/v2/playground-containers/{scene.container['id']}/"
    assert admin.post(f"{path}stop/").json()["data"]["container"]["status"] == "stopped"
    refused = admin.get(scene.path)
    assert (refused.status_code, "start it" in refused.json()["error"]["message"]) == (409, True)
    scene.platform.made(admin.post(f"{path}start/").json()["data"])
    until(lambda: admin.get(scene.path).status_code == 207, 60)
