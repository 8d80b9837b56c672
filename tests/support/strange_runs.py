"""Runs in any state, with whatever people, models and services may write into them, each made from a number."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from bot.views.past import Past, Pause
from bot.views.scene import Scene
from store.model import (
    Actor,
    Content,
    Decision,
    Edge,
    Failure,
    Gate,
    GatePlan,
    GateState,
    Plan,
    Run,
    RunStatus,
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
        verdict = self.one("approve", "reject")
        return Decision(self.actor(), verdict, self.moment(), "d", self.text(), "slack", self.one("", self.text()))

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
                made = [self.step(plan.name, f"item-{n}") for n in range(self._luck.randint(1, 3))]
            found.update({one.key: one for one in made})
        return found

    def plan(self, index: int) -> StepPlan:
        return StepPlan(
            f"s{index}",
            "http",
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
        )
