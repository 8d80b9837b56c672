"""The door of HTTP mode: only what Slack signed, just now, and for the first time, changes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.service_with_sandbox import ServedOffice, post, served, signed_command

pytestmark = pytest.mark.anyio

LINE = "run hello name=Nobody"


@pytest.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedOffice]:
    async with served(tmp_path_factory.mktemp("door"), "http") as opened:
        yield opened


async def refused(office: ServedOffice, request: dict) -> None:
    before = len(await office.runs())
    assert await post(office, request) == 401
    await office.all_answered()
    assert len(await office.runs()) == before


async def test_what_slack_signed_is_carried_out(office: ServedOffice) -> None:
    before = len(await office.runs())
    assert await post(office, signed_command(office, LINE)) == 200
    await office.all_answered()
    assert len(await office.runs()) == before + 1


async def test_a_signature_by_another_secret_is_refused(office: ServedOffice) -> None:
    await refused(office, signed_command(office, LINE, secret="somebody-elses"))


async def test_a_body_that_was_changed_after_signing_is_refused(office: ServedOffice) -> None:
    request = signed_command(office, LINE)
    await refused(office, request | {"data": request["data"].replace(b"Nobody", b"Somebody")})


async def test_no_signature_at_all_is_refused(office: ServedOffice) -> None:
    request = signed_command(office, LINE)
    kept = {name: value for name, value in request["headers"].items() if not name.startswith("X-Slack")}
    await refused(office, request | {"headers": kept})


@pytest.mark.parametrize("age_seconds", [400, -400])
async def test_a_signature_of_another_time_is_refused(office: ServedOffice, age_seconds: int) -> None:
    await refused(office, signed_command(office, LINE, age_seconds=age_seconds))


async def test_a_request_that_is_sent_again_by_somebody_changes_nothing(office: ServedOffice) -> None:
    before = len(await office.runs())
    request = signed_command(office, LINE)
    assert [await post(office, request) for _ in range(3)] == [200, 200, 200]
    await office.all_answered()
    assert len(await office.runs()) == before + 1
    assert sum("Starting *Say hello*" in one for one in office.whispers("mina")) == len(await office.runs())
