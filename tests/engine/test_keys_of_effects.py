"""The key that an outside service is given: the same for every attempt of one effect, and another for every other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from engine.rules.commands import Retry as Again
from store.model import Retry, RunStatus
from tests.support.engines import MINA, block, ended, plan, running, step

pytestmark = pytest.mark.anyio

SOON = Retry(attempts=2, backoff_min_ms=1, backoff_max_ms=1)
NOTE = "echo $IDEMPOTENCY_KEY $POINTSMAN_ATTEMPT >> {folder}/keys"
SECOND_TIME_LUCKY = NOTE + "; test $POINTSMAN_ATTEMPT = 2"


def shell(name: str, folder: Path, script: str, **more: object):
    return step(
        name,
        "command",
        with_={"argv": ["sh", "-c", script.format(folder=folder)]},
        effect="idempotent",
        retry=SOON,
        **more,
    )


def noted(folder: Path) -> list[tuple[str, str]]:
    return [tuple(line.split()) for line in (folder / "keys").read_text().splitlines()]


async def test_every_attempt_has_the_key_of_its_effect_and_every_item_another(tmp_path: Path) -> None:
    made = plan(block("all", each="[1, 2, 3]", as_="n"), shell("all.send", tmp_path, SECOND_TIME_LUCKY))
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED, run.error
    keys = Counter(key for key, _ in noted(tmp_path))
    assert list(keys.values()) == [2, 2, 2], "two attempts each, under one key"
    assert sorted(number for _, number in noted(tmp_path)) == ["1", "1", "1", "2", "2", "2"]


async def test_what_is_done_again_on_purpose_has_a_key_of_its_own(tmp_path: Path) -> None:
    made = plan(
        shell("send", tmp_path, NOTE), step("bad", after=["send"], with_={"n": "${{ inputs.missing }}"}, retry=SOON)
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        await service.engine.perform(run.id, Again(MINA, from_step="send", confirmed=True))
        await ended(service, run)
    (first, _), (second, _) = noted(tmp_path)
    assert first != second


async def test_one_start_for_two_requests_does_not_make_an_effect_happen_once(tmp_path: Path) -> None:
    """The dedupe key makes one run; what its step does twice is told apart by the step's own key alone."""
    made = plan(shell("send", tmp_path, SECOND_TIME_LUCKY))
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        first = await engine.start("sample", {}, actor=MINA, dedupe_key="monday")
        second = await engine.start("sample", {}, actor=MINA, dedupe_key="monday")
        assert second.run.id == first.run.id
        await ended(service, first.run)
        other = await engine.start("sample", {}, actor=MINA, dedupe_key="tuesday")
        await ended(service, other.run)
    keys = Counter(key for key, _ in noted(tmp_path))
    assert list(keys.values()) == [2, 2], "the effect was begun twice in each run, under a key that names the run"
