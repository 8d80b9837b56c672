"""Runs in any state, with whatever people, models and services may write into them, each made from a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from bot.digests import Digest, Item
from bot.views.past import Ending, Past, Pause
from bot.views.scene import Kin, Scene
from store.model import (
    NO_TERMS,
    Actor,
    Choice,
    Content,
    Decision,
    Edge,
    Failure,
    Fan,
    Gate,
    GatePlan,
    GateState,
    GateTerms,
    Plan,
    Review,
    Run,
    RunStatus,
    Seats,
    Step,
    StepPlan,
    StepStatus,
    Workflow,
)

T = TypeVar("T")

HOSTILE = (
    "<!channel>",
    "<@U0EVIL>",
    "<https://evil.example|click me>",
    "*bold* _it_ ~gone~ `code` ```block```",
    "&lt;!here&gt; & <",
    "> quoted\n> twice",
    "\u202egnitide\u202c \x00\x1b[31m \ufeff",
    "👩‍👩‍👧‍👦" * 40,
    "@channel #general :tada:",
    "{run} %s ${{ secrets.x }}",
    "x" * 4_000,
    "<&>" * 2_000,
    "a\n" * 500,
    "   ",
    "",
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))
seeds = st.integers(0, 2**32 - 1)


def odd_scene(seed: int) -> Scene:
    """The scene with this number: one to a hundred and twenty steps, a few of them strange."""
    return _Odd(seed).scene()


class _Odd:
    def __init__(self, seed: int) -> None:
        self._luck = Random(seed)

    def one(self, *choices: T) -> T:
        return self._luck.choice(choices)

    def some(self, most: int, make: Callable[[], T]) -> list[T]:
        return [make() for _ in range(self._luck.randint(0, most))]

    def maybe(self, make: Callable[[], T]) -> T | None:
        return make() if self._luck.random() < 0.6 else None

    def text(self) -> str:
        plain = self.one("Write the draft", "Größe prüfen", "ok", "日本語の題名", "a" * 130)
        return self.one(*HOSTILE, plain, plain, plain, f"{self.one(*HOSTILE)} {self.one(*HOSTILE)}")

    def moment(self) -> int:
        return self._luck.randint(1_600_000_000_000, 1_900_000_000_000)

    def flag(self) -> bool:
        return self._luck.random() < 0.5

    def actor(self) -> Actor:
        person = Actor("person", self.one("U0MINA", "U0RAVI", "U0ADA"), self.text())
        return self.one(person, Actor(self.one("operator", "trigger", "engine"), self.text(), self.text()))

    def value(self, depth: int = 0) -> Any:
        scalar = self.one(None, True, False, 7, -1.5, 10**15, self.text(), self.text(), self.text())
        if depth > 2 or self.flag():
            return scalar
        if self.flag():
            return self.some(8, lambda: self.value(depth + 1))
        return {self.text(): self.value(depth + 1) for _ in range(self._luck.randint(0, 24))}

    def failure(self) -> Failure:
        code = self.one("timeout", "http_status", "odd")
        return Failure(code, self.text(), self.text(), detail=self.one(self.value(), {"stderr": self.text()}))

    def decision(self) -> Decision:
        verdict = self.one("approve", "reject", "changes", "choose", "answer")
        edits = self.one(None, None, {self.text(): [self.value(), self.value()], "body": ["a\nb", self.text()]})
        return Decision(
            self.actor(), verdict, self.moment(), self.one("d", "e"), self.text(), "slack", self.one("", self.text()),
            choice=self.one("", "a", self.text()), matches=("@editors",), edits=edits,
        )  # fmt: skip

    def terms(self) -> GateTerms:
        seats = (Seats(("@editors",), 1), Seats(("@legal", self.text()), 2))
        form = {"properties": {"a": {"type": "string", "sensitive": self.flag()}, self.text(): {"type": "integer"}}}
        left = self._luck.randint(0, 3)
        return GateTerms(
            seats=self.one((), seats),
            form=self.one(None, None, form),
            edit=self.one((), ("title", "body")),
            choices=self.one((), (), (Choice("a", self.text()), Choice("b"))),
            rounds_max=self.one(0, left, left + 2),
            rounds_left=left,
            reminders=tuple(self.some(2, self.moment)),
            escalate_to=self.one((), ("U0LENA", self.text())),
        )

    def gate(self, gate_id: str) -> Gate:
        shown = self.one(self.value(), {"title": self.text(), "body": self.text(), self.text(): self.value()})
        return Gate(
            id=gate_id,
            number=self._luck.randint(1, 10**6),
            version=self._luck.randint(1, 99),
            state=self.one(*GateState),
            question=self.text(),
            shown=Content(shown),
            card=self.one(None, self.value(), {"fields": ["title", self.text(), 5], "body": self.one("body", 5)}),
            digest=f"{self._luck.getrandbits(256):064x}",
            approvers=tuple(self.some(20, lambda: self.one("@editors", "U0ADA", self.text()))),
            quorum=self.one(1, 1, 2, 5),
            requester_may_decide=self.flag(),
            opened_at=self.moment(),
            due_at=self.maybe(self.moment),
            expires_at=self.moment(),
            overdue=self.flag(),
            closed_at=self.maybe(self.moment),
            decisions=tuple(self.some(12, self.decision)),
            terms=self.one(NO_TERMS, self.terms()),
            reminded=self.one(0, 1, 2),
            escalated=self.flag(),
        )

    def step(self, name: str, item: str | None) -> Step:
        return Step(
            name,
            item,
            status=self.one(*StepStatus),
            attempt=self._luck.randint(0, 12),
            failures=self._luck.randint(0, 12),
            crashes=self._luck.randint(0, 3),
            due_at=self.maybe(self.moment),
            started_at=self.maybe(self.moment),
            ended_at=self.maybe(self.moment),
            error=self.maybe(self.failure),
            reason=self.text(),
            gate=self.maybe(lambda: self.gate(f"gate-{name}-{item}")),
            round=self.one(1, 1, 3),
            review=self.maybe(lambda: Review(self.one(2, 3), self.text(), Content(self.value()), self.text())),
            output=self.maybe(
                lambda: Content(self.one(self.value(), {"content": self.value(), "to": "thread", "text": self.text()}))
            ),
            event=self.one("", self.text()),
            child=self.one(None, "run-2"),
        )

    def steps(self, plans: tuple[StepPlan, ...]) -> dict[str, Step]:
        found: dict[str, Step] = {}
        everywhere = self.one(*StepStatus)
        for index, plan in enumerate(plans):
            if index >= 4:
                made = [Step(plan.name, status=everywhere)]
            elif self.flag():
                made = [self.step(plan.name, None)]
            else:
                made = self.items(plan)
            found.update({one.key: one for one in made})
        return found

    def items(self, plan: StepPlan) -> list[Step]:
        """A block with its items, or a few rows of one step."""
        rows = [self.step(plan.name, f"item-{n}") for n in range(self._luck.randint(1, 3))]
        if plan.uses != "block":
            return [self.step(plan.name, None), *rows]
        own = replace(self.step(plan.name, None), fan=Fan(Content([]), 3, 3, self._luck.randint(0, 3), self.one(0, 1)))
        return [own, *(replace(row, gate=None, memo=0) for row in rows)]

    def plan(self, index: int) -> StepPlan:
        return StepPlan(
            f"s{index}",
            self.one("http", "http", "block", "message"),
            self.text() if index < 4 else "",
            needs=(Edge(f"s{index - 1}"),) if index else (),
            on_failure=self.one("stop", "continue"),
            gate=GatePlan(
                ("@editors",),
                on_expiry=self.one("reject", "approve", "fail", "continue"),
                on_reject=self.one("end", "continue"),
            ),
        )

    def past(self) -> Past:
        pauses = self.some(3, lambda: Pause(self.moment(), self.actor(), self.text(), self.maybe(self.moment)))
        return Past(
            gates={name: ("s0", self.gate(name)) for name in ("gate-8", "gate-9") if self.flag()},
            pauses=tuple(pauses),
            cancelled_by=self.maybe(self.actor),
            endings=tuple(self.some(2, self.ending)),
            replaced={"gate-8": self.text()},
        )

    def ending(self) -> Ending:
        again = self.maybe(self.moment)
        status = self.one(RunStatus.FAILED, RunStatus.REJECTED, RunStatus.CANCELLED)
        return Ending(
            self.moment(), status, self.maybe(self.failure), self.text(), again, self.actor() if again else None
        )

    def workflow(self) -> Workflow:
        return Workflow(
            "odd",
            self.text(),
            "v",
            owner=self.one("", "@content-leads", "U0LENA", "<!everyone>"),
            channel=self.one("", "#content", "C0CONTENT"),
            alerts_failed=self.one("", "#content-alerts"),
            show=self.one("always", "always", "when_needed", "never"),
        )

    def run(self, steps: dict[str, Step]) -> Run:
        status = self.one(*RunStatus)
        return Run(
            id="run-1",
            name="R-7K2",
            workflow="odd",
            version="v",
            requester=self.actor(),
            origin=self.one({}, {"channel": "C0CONTENT"}, {"channel": "D0MINA"}),
            inputs=Content(self.one(self.value(), {"a": self.value(), "b": self.text(), "secret": "hunter2"})),
            trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
            created_at=self.moment(),
            duration_ms=1,
            status=status,
            seq=self._luck.randint(1, 9),
            steps=steps,
            outcome=status if status.finished else self.one(None, RunStatus.FAILED, RunStatus.CANCELLED),
            outputs=self.maybe(lambda: Content(self.value())),
            error=self.maybe(self.failure),
            reason=self.text(),
            warnings=self.flag(),
            ended_at=self.maybe(self.moment),
        )

    def scene(self) -> Scene:
        count = self.one(1, 2, 4, 6, 49, 50, 51, 120)
        plans = tuple(self.plan(index) for index in range(count))
        schema: dict[str, Any] = {"a": {"type": "string"}, "b": {}, "secret": {"sensitive": True}}
        return Scene(
            run=self.run(self.steps(plans)),
            plan=Plan("odd", schema, plans, version="v"),
            workflow=self.workflow(),
            names={"@editors": "S0EDITORS", "#content": "C0CONTENT", "@content-leads": "S0LEADS"},
            past=self.past(),
            kin={"run-2": Kin(self.text(), self.one("", "https://team.example/archives/C01/p9"))},
            ahead=self.one(0, 3),
        )


def odd_digest(seed: int) -> tuple[Scene, Digest]:
    """A card that one to forty strange gates share, in its run."""
    odd = _Odd(seed)
    scene = odd.scene()
    keys = [f"checks.look[{n}{odd.text()}]" for n in range(odd.one(1, 2, 7, 40))]
    gates = {key: replace(odd.gate(f"d{n}"), number=n) for n, key in enumerate(keys, 1)}
    rows = {key: Step("checks.look", key.partition("[")[2][:-1], gate=gate) for key, gate in gates.items()}
    digest = Digest("d0", "checks.look", 1, 1, tuple(Item(key, gate) for key, gate in gates.items()))
    run = replace(scene.run, steps={**scene.run.steps, **rows})
    return replace(scene, run=run, digests=(digest,)), digest
