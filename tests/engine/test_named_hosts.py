"""Who may name the host that a step reaches: authors and operators; requesters only from the operator's list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine.activities import Result
from engine.outside import Outside, activity
from engine.provenance import named_by
from engine.service import Options, serving
from store.model import Plan, Run, StepPlan
from tests.support.engines import MINA, block, definition, ended, gate, plan, step

pytestmark = pytest.mark.anyio

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
INPUTS = {
    "site": {"type": "string"},
    "id": {"type": "string"},
    "region": {"type": "string", "enum": ["eu", "us"]},
    "test": {"type": "boolean"},
}
SCOPE = {"settings": {"base": "https://cms.example/api", "host": "cms.example"}, "vars": {"v": "https://a.example"}}


def ask(url: str, after: tuple[str, ...] = (), name: str = "ask") -> StepPlan:
    return step(name, "http", after, with_={"url": url})


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://cms.example/posts/${{ inputs.id }}", ""),
        ("https://cms.example?id=${{ inputs.id }}", ""),
        ("${{ settings.base }}/posts/${{ inputs.id }}", ""),
        ("${{ settings.base }}/${{ inputs.site }}", ""),
        ("${{ vars.v }}/x", ""),
        ("https://${{ settings.host }}/${{ inputs.id }}", ""),
        ("https://${{ inputs.region }}.example/x", ""),
        ("${{ inputs.test ? 'https://test.example' : 'https://real.example' }}/x", ""),
        ("https://cms.example/${{ run.id }}", ""),
        ("${{ steps.list.output.next }}", ""),
        ("${{ steps.fixed.output.url }}/x", ""),
        ("${{ inputs.site }}", "inputs.site"),
        ("${{ inputs.site }}/x", "inputs.site"),
        ("https://${{ inputs.site }}/x", "inputs.site"),
        ("https://cms.example${{ inputs.id }}", "inputs.id"),
        ("https://cms.example:${{ inputs.id }}/x", "inputs.id"),
        ("https://cms.example@${{ inputs.site }}/x", "inputs.site"),
        ("https://${{ settings.host }}${{ inputs.id }}/x", "inputs.id"),
        ("https://cms.example\\${{ inputs.id }}/x", "inputs.id"),
        ("${{ settings.base + inputs.id }}", "inputs.id"),
        ("${{ inputs }}", "inputs"),
        ("${{ steps.copied.output.url }}/x", "steps.copied.output.url"),
        ("${{ steps.twice.output.url }}/x", "steps.twice.output.url"),
        ("${{ steps.written.output }}", "steps.written.output"),
        ("${{ steps.review.output.content.url }}", "steps.review.output.content.url"),
        ("${{ previous.outputs.url }}", "previous.outputs.url"),
        ("${{ steps.each.output[0].url }}", "steps.each.output"),
        ("https://cms.example/${{ steps.each.status }}", ""),
    ],
)
def test_what_names_a_host(url: str, named: str) -> None:
    made = plan(
        ask("https://cms.example/list", name="list"),
        step("fixed", with_={"url": "${{ settings.base }}"}),
        step("copied", with_={"url": "${{ inputs.site }}"}),
        step("twice", "python", spec={"call": "a.py:f"}, with_={"url": "${{ steps.copied.output.url }}"}),
        step("written", "model", with_={"prompt": "Name a site."}),
        gate("review"),
        block("each", each="[inputs.site]", with_={"url": "${{ steps.one.output.url }}"}),
        step("each.one", with_={"url": "${{ item }}"}),
        ask(url),
        inputs=INPUTS,
    )
    assert named_by(made, made.step("ask"), url, SCOPE) == named


@pytest.mark.parametrize(
    ("each", "named"), [("[inputs.site]", "item"), ("['https://a.example']", ""), ("steps.list.output", "")]
)
def test_an_element_of_a_list_is_what_the_list_is_made_of(each: str, named: str) -> None:
    made = plan(
        ask("https://cms.example/list", name="list"),
        block("each", each=each),
        ask("${{ item }}", name="each.ask"),
        inputs=INPUTS,
    )
    assert named_by(made, made.step("each.ask"), "${{ item }}", SCOPE) == named


# End to end ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, host: str = "127.0.0.1") -> str:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, 0).start()
            return f"http://{host}:{runner.addresses[0][1]}"

        yield start


async def came_of(folder: Path, made: Plan, inputs: dict[str, Any], *hosts: str, **more: Any) -> Run:
    async with serving(Options(database=folder / "a.db", allowed_hosts=hosts), **more) as service:
        await service.engine.use({"sample": definition(made, folder)})
        await service.drive_all()
        return await ended(service, (await service.engine.start("sample", inputs, actor=MINA)).run)


async def test_a_host_that_a_requester_names_is_reached_only_when_it_is_listed(tmp_path: Path, serve: Any) -> None:
    reached = []

    async def handler(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.json_response({"ok": True})

    url = await serve(handler)
    made = plan(ask("${{ inputs.site }}/x"), inputs={"site": {"type": "string"}})
    run = await came_of(tmp_path, made, {"site": url}, "127.0.0.2")
    assert run.error is not None
    assert (run.error.code, run.error.retryable) == ("http_refused", False)
    assert "named by `inputs.site`" in run.error.message
    assert reached == []
    run = await came_of(tmp_path, made, {"site": url}, url.removeprefix("http://"))
    assert run.steps["ask"].output is not None
    assert reached == ["/x"]


async def test_a_public_host_that_a_requester_names_is_not_even_looked_up(tmp_path: Path) -> None:
    made = plan(ask("https://${{ inputs.site }}/x"), inputs={"site": {"type": "string"}})
    run = await came_of(tmp_path, made, {"site": "93.184.216.34"})
    assert run.error is not None
    assert (run.error.code, run.error.maybe_happened) == ("http_refused", False)
    assert '"93.184.216.34" to `hosts`' in run.error.hint


async def test_a_listed_host_cannot_send_a_requester_on_to_another(tmp_path: Path, serve: Any) -> None:
    reached = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.json_response({})

    inside = await serve(elsewhere)

    async def listed(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{inside}/inside")

    url = await serve(listed)
    made = plan(ask("${{ inputs.site }}/x"), inputs={"site": {"type": "string"}})
    run = await came_of(tmp_path, made, {"site": url}, url.removeprefix("http://"))
    assert run.error is not None
    assert run.error.code == "http_refused"
    assert reached == []


async def test_a_body_is_not_handed_on_to_another_host(tmp_path: Path, serve: Any) -> None:
    reached = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(await request.text())
        return web.json_response({})

    inside = (await serve(elsewhere)).replace("127.0.0.1", "localhost")

    async def first(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{inside}/take")

    url = await serve(first)
    made = plan(step("send", "http", with_={"method": "POST", "url": url, "json": {"text": "confidential"}}))
    run = await came_of(tmp_path, made, {}, "127.0.0.0/8")
    assert run.error is not None
    assert "redirects the POST with its body to localhost" in run.error.message
    assert reached == []
    run = await came_of(tmp_path, made, {}, "127.0.0.0/8", "localhost")
    assert run.steps["send"].output is not None
    assert reached == ['{"text":"confidential"}']


async def test_the_seam_for_rehearsals_needs_no_host(tmp_path: Path) -> None:
    async def fake(work: Any) -> Result:
        return Result(output={"asked": work.with_["url"], "named": work.host_from})

    outside = Outside(activity=lambda workflow, spec: fake if spec.uses == "http" else activity(workflow, spec))
    made = plan(ask("${{ inputs.site }}"), inputs={"site": {"type": "string"}})
    run = await came_of(tmp_path, made, {"site": "https://x.example"}, outside=outside)
    assert run.steps["ask"].output is not None
    assert run.steps["ask"].output.value == {"asked": "https://x.example", "named": "inputs.site"}
