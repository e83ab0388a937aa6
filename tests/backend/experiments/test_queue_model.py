"""The queue against a small model of its rules: workers that come, go, forget and return, and people who interfere.

The model knows the order, who holds what, and the reviewed table of states; whatever the machine does, the server's states,
holders and attempts are the model's, and what a worker says about an attempt that is not the last is refused.
"""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from synapse_sdk.exceptions import ConflictError
from synapse_sdk.wire.experiments import ExperimentStatus as S
from synapse_sdk.wire.experiments import Priority, RunOutcome
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.services.experiments.queue import sweep
from web_helper.backend.services.experiments.transitions import Event, next_status

HOSTS = ("left", "right")
ORDER = list(reversed(Priority))
HELD = (S.ASSIGNED, S.RUNNING, S.PAUSED)
ENDS = {RunOutcome.COMPLETED: Event.COMPLETE, RunOutcome.FAILED: Event.FAIL, RunOutcome.CRASHED: Event.LOSE}


@dataclass
class Known:
    """An experiment as the model knows it."""

    number: int
    priority: Priority
    wanted: str | None
    status: S
    holder: str | None = None
    attempt: int = 0
    was_paused: bool = False
    is_crash_told: bool = False

    def happen(self, event: Event) -> bool:
        after = next_status(self.status, event)
        if after is None:
            return False
        if after is S.QUEUED or (after is S.PAUSED and self.status not in (S.RUNNING, S.PAUSED, S.CRASHED)):
            self.holder = None
        if after is not self.status:
            self.was_paused = self.status is S.PAUSED and after is S.CRASHED
        self.status = after
        return True


class Queue(RuleBasedStateMachine):
    def __init__(self, lab) -> None:
        super().__init__()
        self.lab = lab
        self.hosts = {name: lab.host(name) for name in HOSTS}
        self.model: dict[str, Known] = {}
        self.jobs: dict[str, dict[str, object]] = {name: {} for name in HOSTS}
        self.silent: set[str] = set()

    @rule(priority=st.sampled_from(Priority), wanted=st.sampled_from([None, None, *HOSTS]), hold=st.booleans())
    def submit(self, priority, wanted, hold) -> None:
        uid = self.lab.submit_one(priority=priority.value, hold=hold, **({} if wanted is None else {"device": wanted}))
        self.model[uid] = Known(len(self.model), priority, wanted, S.PENDING if hold else S.QUEUED)

    @rule(name=st.sampled_from(HOSTS), forgets=st.booleans())
    def take(self, name, forgets) -> None:
        self.silent.discard(name)
        known = {} if forgets else self.jobs[name]
        lost = [uid for uid, each in self.of(name, S.ASSIGNED) if uid not in known]
        if not lost:
            self.lose_silent()
        expected = lost[0] if lost else self.next_for(name, known)

        job = self.hosts[name].take(*known.values())

        assert (job and job.experiment.uid) == expected
        if job is None:
            return
        if not lost:
            each = self.model[expected]
            each.happen(Event.CLAIM)
            each.holder, each.attempt = name, each.attempt + 1
        self.jobs[name][expected] = job

    @precondition(lambda self: any(self.jobs.values()))
    @rule(data=st.data(), outcome=st.sampled_from([None, None, *ENDS]))
    def tell(self, data, outcome) -> None:
        name = data.draw(st.sampled_from([name for name in HOSTS if self.jobs[name]]))
        uid = data.draw(st.sampled_from(sorted(self.jobs[name], key=lambda each: self.model[each].number)))
        job, each = self.jobs[name][uid], self.model[uid]
        is_mine = (each.holder, each.attempt) == (name, job.attempt)
        has_begun = each.status not in (S.QUEUED, S.PENDING, S.ASSIGNED)
        try:
            if outcome is None:
                self.hosts[name].start(job)
            else:
                self.hosts[name].end(job, outcome)
        except ConflictError:
            is_taken = False
        else:
            is_taken = True
        if outcome is not None:
            assert is_taken == (is_mine and each.happen(ENDS[outcome]))
            each.is_crash_told |= is_taken and each.status is S.CRASHED
        elif is_mine and has_begun and self.lab.people.get_experiment(uid)["manifest"] is not None:
            assert is_taken  # Its manifest is there: the start was told before.
        else:
            assert is_taken == (is_mine and each.happen(Event.START))

    @precondition(lambda self: self.model)
    @rule(data=st.data(), verb=st.sampled_from(["cancel", "pause", "resume"]))
    def interfere(self, data, verb) -> None:
        uid = data.draw(st.sampled_from(list(self.model)))
        each = self.model[uid]
        event = {"cancel": Event.CANCEL, "pause": Event.PAUSE, "resume": Event.RESUME}[verb]
        if event is Event.RESUME and each.holder is None:
            event = Event.RELEASE
        try:
            getattr(self.lab.people, verb)(uid)
        except ConflictError:
            assert next_status(each.status, event) is None
        else:
            assert each.happen(event)

    @rule(name=st.sampled_from(HOSTS))
    def fall_silent(self, name) -> None:
        self.lab.silence(name, 100)
        self.silent.add(name)
        with self.lab.database.write() as session:
            sweep(session)
        self.lose_silent()

    @rule(name=st.sampled_from(HOSTS))
    def beat(self, name) -> None:
        self.silent.discard(name)
        jobs = self.jobs[name]
        mine = {
            uid for uid, job in jobs.items() if (self.model[uid].holder, self.model[uid].attempt) == (name, job.attempt)
        }
        for uid in mine:
            if self.model[uid].status is S.CRASHED and not self.model[uid].is_crash_told:
                self.model[uid].happen(Event.RECOVER_PAUSED if self.model[uid].was_paused else Event.RECOVER)
        self.lose_silent()

        told = self.hosts[name].beat(*jobs.values())

        going_on = {uid for uid in mine if self.model[uid].status in HELD}
        assert set(told.cancelled) == set(jobs) - going_on
        assert set(told.paused) == {uid for uid in going_on if self.model[uid].status is S.PAUSED}
        self.jobs[name] = {uid: job for uid, job in jobs.items() if uid in going_on}

    @invariant()
    def the_server_says_what_the_model_says(self) -> None:
        shown = {each["uid"]: each for each in self.lab.people.list_experiments(limit=500)}
        for uid, each in self.model.items():
            is_held = each.status not in (S.PENDING, S.QUEUED)
            assert (shown[uid]["status"], shown[uid]["attempt"]) == (each.status, each.attempt), uid
            assert shown[uid]["device"] == (each.holder if is_held else None), uid

    def teardown(self) -> None:
        # The next example has the same server, and a queue of its own.
        for uid, each in self.model.items():
            if not each.status.has_ended:
                self.lab.people.cancel(uid)

    def of(self, name: str, status: S) -> list[tuple[str, Known]]:
        return [(uid, each) for uid, each in self.model.items() if (each.holder, each.status) == (name, status)]

    def next_for(self, name: str, known: dict[str, object]) -> str | None:
        # Of what a worker has it lets go before it is given the next attempt.
        waiting = [(ORDER.index(each.priority), each.number, uid) for uid, each in self.model.items()
                   if each.status is S.QUEUED and each.wanted in (None, name) and uid not in known]  # fmt: skip
        return min(waiting)[2] if waiting else None

    def lose_silent(self) -> None:
        for each in self.model.values():
            if each.holder in self.silent and each.status in HELD:
                each.happen(Event.LOSE)


@SQLITE_ONLY
def test_whatever_happens_the_queue_is_what_its_rules_say(lab):
    run_state_machine_as_test(
        lambda: Queue(lab), settings=settings(max_examples=10, stateful_step_count=25, deadline=None)
    )
