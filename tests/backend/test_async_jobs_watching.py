"""Many watchers, one reader: what the progress hub shows of jobs that change under it."""

import asyncio
import threading
import uuid

import pytest

from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.database import Database
from web_helper.backend.models import AsyncJob
from web_helper.backend.queries import async_jobs
from web_helper.backend.queries.async_jobs import JobEnd
from web_helper.backend.services.exports.job_progress import ProgressHub, progress_event


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


def add_job(database: Database) -> str:
    job_id = str(uuid.uuid4())
    with database.write() as session:
        session.add(AsyncJob(id=job_id, kind="export", params={}))
    return job_id


def change(database: Database, act, *args):
    with database.write() as session:
        return act(session, *args)


async def collect(hub: ProgressHub, job_id: str, after: int = -1, seen: list | None = None) -> list:
    """All states to the end; `seen` has those that have come so far."""
    seen = [] if seen is None else seen
    async for state in hub.watch(job_id, after):
        seen.append(state)
    return seen


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event.
            await asyncio.sleep(0.02)


def run_to_the_end(database: Database, job_id: str) -> None:
    change(database, async_jobs.begin_attempt, job_id)
    change(database, async_jobs.record_total, job_id, 1, 100)
    change(database, async_jobs.record_progress, job_id, 1, 60)
    change(database, async_jobs.record_progress, job_id, 1, 40)
    change(database, async_jobs.end_attempt, job_id, 1, JobEnd(AsyncJobStatus.SUCCEEDED, processed=100, result={}))


def test_a_watcher_sees_ascending_revisions_and_the_end(database):
    async def scenario():
        hub, job_id = ProgressHub(database), add_job(database)
        watching = asyncio.create_task(collect(hub, job_id, seen=(seen := [])))
        await until(lambda: seen)
        await asyncio.to_thread(run_to_the_end, database, job_id)
        states = await asyncio.wait_for(watching, 60)
        hub.close()
        return states

    states = asyncio.run(scenario())
    revisions = [state.revision for state in states]
    assert revisions == sorted(set(revisions))
    assert states[0].status == AsyncJobStatus.QUEUED
    assert [progress_event(state).event for state in states][-1] == "completed"
    assert (states[-1].processed, states[-1].total) == (100, 100)


def test_watching_goes_on_after_the_last_seen_event(database):
    async def scenario():
        hub, job_id = ProgressHub(database), add_job(database)
        await asyncio.to_thread(change, database, async_jobs.begin_attempt, job_id)
        watching = asyncio.create_task(collect(hub, job_id, after=1, seen=(seen := [])))
        await asyncio.to_thread(change, database, async_jobs.record_total, job_id, 1, 7)
        await until(lambda: seen)
        await asyncio.to_thread(change, database, async_jobs.fail_job, job_id, "no")
        states = await asyncio.wait_for(watching, 60)
        hub.close()
        return states

    assert [state.revision for state in asyncio.run(scenario())] == [2, 3]


def test_the_end_is_told_even_to_those_who_have_seen_it(database):
    job_id = add_job(database)
    change(database, async_jobs.request_cancel, job_id)
    states = asyncio.run(collect(ProgressHub(database), job_id, after=99))
    assert [state.status for state in states] == [AsyncJobStatus.CANCELLED]


def test_a_deleted_job_ends_its_watchers(database):
    async def scenario():
        hub, job_id = ProgressHub(database), add_job(database)
        watching = asyncio.create_task(collect(hub, job_id, seen=(seen := [])))
        await until(lambda: seen)

        def delete(session):
            session.delete(async_jobs.find_job(session, job_id))

        await asyncio.to_thread(change, database, delete)
        return await asyncio.wait_for(watching, 60)

    assert progress_event(asyncio.run(scenario())[-1]).event == "failed"


def test_five_hundred_watchers_cost_one_thread_and_one_connection(database):
    async def scenario():
        hub, job_ids = ProgressHub(database), [add_job(database) for _ in range(5)]
        before = threading.active_count()
        watching = [asyncio.create_task(collect(hub, job_ids[number % 5])) for number in range(500)]
        await asyncio.sleep(0.6)
        threads, connections = threading.active_count() - before, database.engine.pool.checkedout()
        for job_id in job_ids:
            await asyncio.to_thread(change, database, async_jobs.fail_job, job_id, "no")
        await asyncio.wait_for(asyncio.gather(*watching), 60)
        hub.close()
        return threads, connections

    threads, connections = asyncio.run(scenario())
    assert threads <= 1
    assert connections <= 1


def test_nothing_is_read_when_nobody_watches(database):
    async def scenario():
        hub, job_id = ProgressHub(database), add_job(database)
        watching = asyncio.create_task(collect(hub, job_id, seen=(seen := [])))
        await until(lambda: seen)
        watching.cancel()
        # Only this one is left.
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        states = asyncio.create_task(collect(hub, job_id))
        await asyncio.to_thread(change, database, async_jobs.fail_job, job_id, "no")
        return await asyncio.wait_for(states, 60)

    states = asyncio.run(scenario())
    assert states[-1].status == AsyncJobStatus.FAILED


def test_progress_never_goes_back_and_an_overtaken_attempt_changes_nothing(database):
    job_id = add_job(database)
    change(database, async_jobs.begin_attempt, job_id)
    change(database, async_jobs.record_total, job_id, 1, 100)
    change(database, async_jobs.record_progress, job_id, 1, 80)
    change(database, async_jobs.begin_attempt, job_id)
    change(database, async_jobs.record_total, job_id, 2, 100)
    change(database, async_jobs.record_progress, job_id, 2, 10)
    change(database, async_jobs.record_progress, job_id, 1, 95)
    assert change(database, async_jobs.end_attempt, job_id, 1, JobEnd(AsyncJobStatus.FAILED, error="old")) is None
    (state,) = change(database, async_jobs.read_states, [job_id])
    assert (state.status, state.processed, state.total) == (AsyncJobStatus.RUNNING, 80, 100)


def test_a_wish_to_cancel_that_came_in_time_wins_over_success(database):
    job_id = add_job(database)
    change(database, async_jobs.begin_attempt, job_id)
    change(database, async_jobs.request_cancel, job_id)
    change(database, async_jobs.end_attempt, job_id, 1, JobEnd(AsyncJobStatus.SUCCEEDED, processed=3, result={"a": 1}))
    (state,) = change(database, async_jobs.read_states, [job_id])
    assert state.status == AsyncJobStatus.CANCELLED
