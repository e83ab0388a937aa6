"""What a run prints, live: by SSE and by WebSocket, and gone on with where it broke."""

import json
import signal
import threading

import httpx2
import pytest
from websockets.sync.client import connect

from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.exceptions import ClientConnectionError
from tests.agent.stage import until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]
COUNT = 40
COUNTING = f"for i in range({COUNT}):\n    print('line', i, '한')\n    time.sleep(0.05)\nreturn 'whole'"
LINES = [f"line {i} 한" for i in range(COUNT)]


def url_of(agent, job, path="logs/stream/"):
    return f"{agent.url}/jobs/{job}/{path}"


def events_by_sse(agent, job, **headers):
    """Id and event of everything that comes."""
    with httpx2.stream(
        "GET", url_of(agent, job), headers={"Authorization": agent.api_token, **headers}, trust_env=False, timeout=60
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        number = None
        for line in answer.iter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            if line.startswith("data: "):
                yield number, json.loads(line[6:])


def events_by_websocket(agent, job, position=0):
    url = url_of(agent, job, "logs/").replace("http", "ws", 1)
    with connect(f"{url}?position={position}", additional_headers={"Authorization": agent.api_token}) as socket:
        for text in socket:
            event = json.loads(text)
            yield event["position"], event


def lines_of(events):
    return [event["message"] for _, event in events if event["type"] == "log"]


@pytest.fixture(scope="module")
def ended(stage, agent):
    job = stage.run(stage.publish(COUNTING), agent)
    stage.wait(job)
    return job


@pytest.mark.parametrize("cut", [0, 1, 17, COUNT])
def test_a_stream_goes_on_behind_the_last_event_that_was_seen(agent, ended, cut):
    first = list(events_by_sse(agent, ended))[:cut]
    seen = first[-1][0] if first else 0

    rest = list(events_by_sse(agent, ended, **{"Last-Event-ID": str(seen)}))

    assert lines_of(first) + lines_of(rest) == LINES
    assert rest[-1][1]["type"] == "complete"
    assert rest[-1][1]["message"] == "succeeded"
    again = list(events_by_websocket(agent, ended, seen))
    assert again == rest


@pytest.mark.parametrize("last", ["-1", "x", ""])
def test_what_is_no_position_is_refused(agent, ended, last):
    headers = {"Authorization": agent.api_token, "Last-Event-ID": last}
    assert httpx2.get(url_of(agent, ended), headers=headers, trust_env=False, timeout=60).status_code == 422


@pytest.mark.parametrize(("protocol", "number"), [("http", signal.SIGKILL), ("websocket", signal.SIGTERM)])
def test_a_watcher_misses_and_repeats_nothing_when_the_agent_is_restarted(stage, own_agent, protocol, number):
    agent = own_agent
    job = stage.run(stage.publish(COUNTING), agent)
    until(lambda: "line 3" in stage.console(job))
    client, seen = AgentClient(agent.url, agent.api_token), []
    watcher = threading.Thread(target=lambda: seen.extend(client.tail_job_logs(job, 120, protocol=protocol)))
    watcher.start()
    until(lambda: seen)

    agent.kill(number)
    agent.start(agent.port)

    watcher.join(120)
    client.close()
    assert seen == LINES
    assert stage.wait(job)["result"] == "whole"


@pytest.mark.parametrize("protocol", ["auto", "http"])
def test_a_watcher_gives_an_agent_up_that_stays_away(stage, own_agent, protocol):
    agent = own_agent
    job = stage.run(stage.publish("print('up')\ntime.sleep(600)"), agent)
    seen = []
    with AgentClient(agent.url, agent.api_token) as client:
        until(lambda: "up" in stage.console(job))
        # As long as an agent of a busy machine may take for its first answer, too.
        lines = client.tail_job_logs(job, 8, protocol=protocol)
        seen.append(next(lines))
        agent.kill()

        with pytest.raises(ClientConnectionError):
            seen.extend(lines)

    assert seen == ["up"]
    agent.start()
    stage.v1.update_job(job, {"status": "stopped"})
    stage.wait(job)


def test_a_line_without_end_is_cut_between_its_characters(stage, agent):
    job = stage.run(stage.publish("print('한' * 100_000, end='')"), agent)
    stage.wait(job)

    lines = lines_of(events_by_sse(agent, job))

    assert len(lines) > 1
    assert "".join(lines) == "한" * 100_000


def test_a_watcher_is_told_of_what_was_left_out(stage, agent):
    body = "block = ('x' * 9999 + '\\n') * 100\nfor _ in range(30):\n    sys.stdout.write(block)\nprint('last words')"
    job = stage.run(stage.publish(body), agent)
    stage.wait(job)

    lines = lines_of(events_by_sse(agent, job))

    assert lines[-1] == "last words"
    notes = [line for line in lines if "bytes of output were left out here" in line]
    assert len(notes) == 1
    gap = int(notes[0].split()[0].strip("[").replace(",", ""))
    # The line before the gap has lost its end.
    assert gap + sum(len(line) + 1 for line in lines if line not in notes) - 1 == 30 * 1_000_000 + len("last words\n")
