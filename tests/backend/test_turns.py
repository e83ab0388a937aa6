"""Writers take turns: nobody who came later goes first, and nobody waits for ever."""

import threading
import time
from contextlib import ExitStack

import pytest

from web_helper.backend.core.turns import Turns

LONG_SECONDS = 60.0


def wait_in_line(turns: Turns, act) -> threading.Thread:
    """A thread that waits for its turn; it is in line when this returns."""
    before = turns.waiting

    def run():
        with turns.turn(LONG_SECONDS):
            act()

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + LONG_SECONDS
    while turns.waiting == before:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return thread


def test_whoever_has_waited_longest_is_next():
    turns, order = Turns(), []
    with turns.turn(LONG_SECONDS):
        threads = [wait_in_line(turns, lambda n=n: order.append(n)) for n in range(8)]
    for thread in threads:
        thread.join(LONG_SECONDS)
    assert order == list(range(8))
    assert turns.waiting == 0


def test_a_turn_that_fails_is_over_too():
    turns = Turns()
    with pytest.raises(ValueError, match="nothing"), turns.turn(0.0):
        raise ValueError("nothing")
    with turns.turn(0.0):
        assert turns.waiting == 0


def test_whoever_loses_patience_goes_on_without_and_takes_nobodys_turn():
    turns, order = Turns(), []
    with ExitStack() as held:
        held.enter_context(turns.turn(LONG_SECONDS))
        with turns.turn(0.01):
            order.append("impatient")
        last = wait_in_line(turns, lambda: order.append("patient"))
        assert order == ["impatient"]
    last.join(LONG_SECONDS)
    assert order == ["impatient", "patient"]


def test_writers_of_one_database_see_each_others_work_in_order(database):
    """What a transaction reads is what the one before it has left."""
    from sqlalchemy import text

    with database.write() as session:
        session.execute(text("CREATE TABLE counted (n INTEGER)"))
        session.execute(text("INSERT INTO counted VALUES (0)"))

    def count():
        for _ in range(10):
            with database.write() as session:
                session.execute(text("UPDATE counted SET n = n + 1"))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_SECONDS)
    with database.write() as session:
        assert session.scalar(text("SELECT n FROM counted")) == 40
        session.execute(text("DROP TABLE counted"))
