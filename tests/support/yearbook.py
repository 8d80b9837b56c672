"""A workflow in which every kind of step and every rule of a run has its part, and the world that it reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from bot.recorded_answers import RecordedAnswers

WORKFLOW = """\
workflow: yearbook
title: Make a yearbook
channel: "#content"
inputs:
  spoil: {type: boolean, default: false}
limits:
  concurrency: {max: 1, when_full: queue}
  budget: {tokens: 50000}
  items: 10
settings: {world: {type: string, format: uri}}
vars: {pages: [cover, essay, index]}
steps:
  draft:
    uses: model
    when: ${{ !inputs.spoil }}
    with: {model: writer, prompt: "A title for the yearbook. ${{ review.comment }}"}
    output: {title: string}
    retry: {attempts: 5, backoff: 20ms..50ms}
  agree:
    uses: approval
    with:
      question: Is this the title?
      show: ${{ steps.draft.output }}
      approvers: ["@editors"]
      edit: [title]
      changes: {rerun: draft, rounds: 3}
  pages:
    needs: [agree]
    foreach: ${{ vars.pages }}
    as: page
    key: ${{ page }}
    concurrency: 2
    steps:
      count:
        uses: python
        call: pages.py:count
        with: {page: "${{ page }}"}
      look:
        uses: approval
        with:
          question: Is ${{ page }} ready?
          show: {page: "${{ page }}", letters: "${{ steps.count.output }}"}
          approvers: ["@editors"]
          digest: 1m
    output: ${{ steps.count.output }}
  binding:
    uses: approval
    needs: [agree]
    with:
      question: How is it bound?
      approvers: ["@editors"]
      choices: [{value: soft, label: Soft}, {value: hard, label: Hard}]
  address:
    uses: form
    needs: [agree]
    with:
      question: Where does it go?
      approvers: ["@editors"]
      fields: {street: string}
  price:
    uses: http
    needs: [pages, binding, address]
    with: {url: "${{ settings.world }}/price", query: {run: "${{ run.id }}"}}
    output: {each: number}
    retry: {attempts: 5, backoff: 20ms..50ms}
  order:
    uses: http
    needs: [price]
    with:
      method: POST
      url: ${{ settings.world }}/order
      query: {run: "${{ run.id }}"}
      json: {book: "${{ run.id }}"}
    output: {number: string}
  stamp:
    uses: command
    needs: [order]
    with: {argv: [/bin/sh, note.sh, stamp]}
  press:
    uses: http
    needs: [stamp]
    effect: idempotent
    with:
      method: POST
      url: ${{ settings.world }}/press
      query: {run: "${{ run.id }}"}
      poll: {every: 50ms, until: "${{ response.body.state == 'done' }}", timeout: 1m}
  announced:
    uses: workflow
    needs: [press]
    call: announcement
    with: {what: "${{ steps.agree.output.content.title }}"}
  dry: {uses: wait, needs: [press], with: {for: 30ms}}
  paid: {uses: wait, needs: [dry, announced], with: {event: paid, timeout: 1h}}
  shelf:
    uses: http
    after: [paid]
    with:
      method: PUT
      url: ${{ settings.world }}/shelf
      query: {run: "${{ run.id }}"}
      json: {book: "${{ run.id }}"}
    undo:
      uses: http
      with: {method: DELETE, url: "${{ settings.world }}/shelf", query: {run: "${{ run.id }}"}}
  tell: {uses: message, after: [shelf], with: {to: thread, text: "On the shelf."}}
  spoiled: {uses: stop, after: [tell], when: "${{ inputs.spoil }}", with: {outcome: failed, reason: Ink was spilt}}
finally:
  tidy:
    uses: command
    effect: idempotent
    with: {argv: [/bin/sh, note.sh, tidy]}
  goodbye: {uses: message, with: {to: requester, text: "The yearbook: ${{ run.outcome }}"}}
outputs:
  title: "${{ has(steps.agree.output) ? steps.agree.output.content.title : '' }}"
  letters: "${{ has(steps.pages.output) ? steps.pages.output : [] }}"
  binding: "${{ has(steps.binding.output) ? steps.binding.output.choice : '' }}"
  to: "${{ has(steps.address.output) ? steps.address.output.content.street : '' }}"
  order: "${{ has(steps.order.output) ? steps.order.output.number : '' }}"
  said: "${{ has(steps.announced.output) ? steps.announced.output.said : '' }}"
  paid: "${{ has(steps.paid.output) ? steps.paid.output.data : null }}"
"""
CHILD = """\
workflow: announcement
title: Announce something
slack: {show: when_needed}
inputs: {what: string}
steps:
  words: {uses: transform, with: {said: "Soon: ${{ inputs.what }}"}}
  post: {uses: command, needs: [words], with: {argv: [/bin/sh, note.sh, post]}}
outputs: {said: "${{ steps.words.output.said }}"}
"""
PAGES = """\
from engine.kit import effect


@effect("idempotent")
def count(page: str) -> int:
    return len(page)
"""
NOTE = 'echo "$1 $POINTSMAN_RUN $IDEMPOTENCY_KEY" >> effects\n'
ANSWERS: list[dict[str, Any]] = [
    {"contains": ["shorter"], "answers": [{"json": {"title": "Second"}}]},
    {"answers": [{"json": {"title": "First"}}]},
]
ONCE = frozenset({"order", "stamp", "post"})
"""Steps whose effect must not happen twice."""


@dataclass
class World:
    """What lies outside of the service, and remembers everything that was done to it."""

    done: list[tuple[str, str, str]] = field(default_factory=list)  # what, of which run, under which key
    shelf: set[str] = field(default_factory=set)
    url: str = ""
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        app = web.Application()
        app.router.add_get("/price", self._price)
        app.router.add_post("/order", self._order)
        app.router.add_post("/press", self._press)
        app.router.add_get("/press", self._press)
        app.router.add_put("/shelf", self._place)
        app.router.add_delete("/shelf", self._remove)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    def keys(self, what: str, run: str) -> list[str]:
        """The idempotency keys under which this was done for a run."""
        return [key for one, of, key in self.done if (one, of) == (what, run)]

    def _note(self, request: web.Request, what: str) -> str:
        run = request.query["run"]
        self.done.append((what, run, request.headers.get("Idempotency-Key", "")))
        return run

    async def _price(self, request: web.Request) -> web.Response:
        run = request.query["run"]
        self._asked["price", run] += 1
        if self._asked["price", run] == 1:
            return web.json_response({"error": "counting"}, status=503)
        return web.json_response({"each": 18.5})

    async def _order(self, request: web.Request) -> web.Response:
        run = self._note(request, "order")
        return web.json_response({"number": f"A-{len(self.keys('order', run))}"})

    async def _press(self, request: web.Request) -> web.Response:
        run = request.query["run"]
        if request.method == "POST":
            self._note(request, "press")
            where = {"Location": f"/press?run={run}"}
            return web.json_response({"state": "printing"}, status=202, headers=where)
        self._asked["press", run] += 1
        return web.json_response({"state": "done" if self._asked["press", run] > 1 else "printing"})

    async def _place(self, request: web.Request) -> web.Response:
        self.shelf.add(self._note(request, "shelf"))
        return web.json_response({})

    async def _remove(self, request: web.Request) -> web.Response:
        self.shelf.discard(self._note(request, "unshelf"))
        return web.json_response({})


def write_workflows(folder: Path) -> None:
    """The files of the workflow, its child and what they use."""
    folder.mkdir(parents=True)
    for name, text in (
        ("yearbook.yaml", WORKFLOW),
        ("announcement.yaml", CHILD),
        ("pages.py", PAGES),
        ("note.sh", NOTE),
    ):
        (folder / name).write_text(text)


def write_settings(folder: Path, world: World, models_url: str) -> dict[str, str]:
    """The operator's files; gives the environment that names them."""
    settings, models = folder / "settings.yaml", folder / "models.yaml"
    operator = {"settings": {"yearbook": {"world": world.url}}, "hosts": [world.url.removeprefix("http://")]}
    endpoint = {"kind": "openai", "base_url": f"{models_url}/v1", "model": "recorded"}
    settings.write_text(yaml.safe_dump(operator))
    models.write_text(yaml.safe_dump({"writer": endpoint}))
    return {"POINTSMAN_SETTINGS": str(settings), "POINTSMAN_MODELS": str(models)}


def recorded() -> RecordedAnswers:
    return RecordedAnswers.parse(ANSWERS)
