"""Deliveries to webhooks over HTTP: proved, put on disk, and answered with the run; no body is written to the log."""

from __future__ import annotations

import orjson
import structlog
from aiohttp import web

from bot.callers import RATE, Throttle
from bot.objections import wrong_delivery
from bot.requests import Objection
from bot.wording import Circumstances, refusal_text
from engine.api import Engine, NotStarted, UnknownRun
from engine.faults import ActivityFault
from engine.quantities import Rate
from engine.webhooks import Delivery, Hook, NoSuchHook, NotProved, Taken, Unfit, Unreadable, Webhooks

log = structlog.get_logger("webhooks")

PATH = "/hooks"


class Hooks:
    """Takes deliveries at `/hooks/NAME`, or `/hooks/WORKFLOW/NAME` where several workflows have one of that name.

    With `?run=R-7K2` a delivery goes to the run that waits for it; else it starts one.
    """

    def __init__(self, engine: Engine, rate: Rate = RATE) -> None:
        self._engine = engine
        self._webhooks = Webhooks(engine)
        self._throttle = Throttle(rate)

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"{PATH}/{{name}}", self._take), web.post(f"{PATH}/{{workflow}}/{{name}}", self._take)]

    async def _take(self, received: web.Request) -> web.Response:
        hook = self._find(received)
        body = await received.read()
        headers = {name.lower(): value for name, value in received.headers.items()}
        delivery = Delivery(body, headers, dict(received.query))
        self._prove(hook, delivery, received)
        self._throttle.use(hook.id, self._engine.clock.now())
        taken = await self._taken(hook, delivery)
        if taken.refusal is not None:
            message = refusal_text(taken.refusal, Circumstances(run=taken.run.name))
            raise Objection(taken.refusal.value, message, status=409)
        log.info("webhook.taken", webhook=hook.id, run=taken.run.name, existing=taken.existing, bytes=len(body))
        run = taken.run
        answer = {"run": run.id, "name": run.name, "existing": taken.existing, "status": run.status.value}
        return web.Response(body=orjson.dumps(answer), status=202, content_type="application/json")

    def _find(self, received: web.Request) -> Hook:
        name, workflow = received.match_info["name"], received.match_info.get("workflow", "")
        try:
            return self._webhooks.find(name, workflow)
        except NoSuchHook as error:
            if error.workflows:
                log.warning("webhook.ambiguous", webhook=name, workflows=error.workflows)
                hint = f"Send to {PATH}/WORKFLOW/{name}."
                message = f"More than one workflow has a webhook {name}."
                raise Objection("which_webhook", message, hint, status=404) from None
            raise Objection("unknown_webhook", f"There is no webhook {name} here.", status=404) from None

    def _prove(self, hook: Hook, delivery: Delivery, received: web.Request) -> None:
        try:
            hook.prove(delivery)
        except NotProved as why:
            size = len(delivery.body)
            log.warning("webhook.refused", webhook=hook.id, why=str(why), remote=received.remote, bytes=size)
            raise Objection(
                "not_proved",
                f"This delivery does not prove where it comes from: {why}.",
                "Compare the secret at the sender with the one that the workflow names.",
                status=401,
            ) from None
        except ActivityFault as fault:
            log.error("webhook.no_secret", webhook=hook.id, why=fault.message, cure=fault.hint)
            raise Objection("no_secret", "The secret of this webhook is not set here.", status=503) from None

    async def _taken(self, hook: Hook, delivery: Delivery) -> Taken:
        run = delivery.query.get("run", "")
        try:
            if run:
                return await self._webhooks.bring(hook, delivery, run)
            return await self._webhooks.start(hook, delivery)
        except Unreadable as error:
            raise Objection("bad_request", f"The body is not JSON: {error}.", "Send JSON.", status=400) from None
        except Unfit as error:
            log.warning("webhook.unfit", webhook=hook.id, inputs=[one.name for one in error.problems])
            raise wrong_delivery(hook.plan.workflow, error.problems) from None
        except UnknownRun:
            message = f"{hook.plan.workflow} has no run {run}."
            raise Objection("unknown_run", message, status=404) from None
        except NotStarted as refused:  # later it may be possible: senders try again what ended with 503
            log.warning("webhook.not_started", webhook=hook.id, why=refused.message)
            raise Objection("not_started", refused.message, "Send it again later.", status=503) from None
