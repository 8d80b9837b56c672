"""What will not run is not looked into: its inputs are never computed, and it grants nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.model import RunStatus, StepStatus
from tests.support.engines import MINA, block, ended, gate, plan, running, step

pytestmark = pytest.mark.anyio

BROKEN = {"n": "${{ inputs.missing.deeper + 1 }}"}


async def test_the_inputs_of_a_skipped_step_are_never_computed(tmp_path: Path) -> None:
    made = plan(
        step("off", when="${{ inputs.go }}", with_=BROKEN),
        step("behind", after=["off"], with_={"n": "${{ steps.off.output.n + 1 }}"}),
        gate("ask", when="${{ inputs.go }}", with_={"question": "${{ inputs.missing }}", "show": BROKEN}),
        block("some", each="${{ inputs.missing.list }}", when="${{ inputs.go }}"),
        step("some.one", with_=BROKEN),
        outputs={"off": "${{ has(steps.off.output) ? 'ran' : 'did not run' }}"},
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {"go": False}, actor=MINA)).run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"off": "did not run"}), run.error
        names = ("off", "behind", "ask", "some")
        assert {run.steps[name].status for name in names} == {StepStatus.SKIPPED}
        assert run.steps["ask"].gate is None


async def test_a_reference_that_leads_nowhere_is_an_error_with_its_place_and_never_null_or_its_own_text(
    tmp_path: Path,
) -> None:
    made = plan(step("tell", with_={"text": "Hello ${{ inputs.people[2].name }}", "n": "${{ inputs.people[0].age }}"}))
    for people, said in (
        ([{"name": "Ada"}], "text: 1:25: no item 2"),
        ([{"name": "Ada"}] * 3, "n: 1:22: this value has no field 'age'"),
    ):
        async with running(tmp_path / f"{len(people)}.db", made) as service:
            run = await ended(service, (await service.engine.start("sample", {"people": people}, actor=MINA)).run)
            assert run.status is RunStatus.FAILED
            assert said in run.error.message
            assert run.steps["tell"].output is None
