"""Webhooks: a delivery from outside that proves where it comes from starts a run, or brings a run what it waits for.

The delivery is put down in the commit that acts on it, so that a copy of it gives the first run: for a day by its
content and the sender's number for it, or for ever by what the workflow calls the same (`dedupe`).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import orjson

from engine.api import Engine, Request, UnknownRun
from engine.inputs import InputProblem
from engine.mapping import resolve
from engine.rules.commands import Refusal, SignalRun
from engine.rules.expressions import ExpressionError, condition, evaluate
from engine.starting import dedupe_key
from engine.triggered import inputs_from
from store import lookups, receipts
from store.database import Writer
from store.model import Actor, Json, Plan, Run, Webhook
from store.receipts import Receipt

SIGNATURES = ("x-hub-signature-256", "x-signature", "x-signature-256")
TOKENS = ("authorization", "x-webhook-token", "x-gitlab-token")
NUMBERS = ("webhook-id", "x-github-delivery", "x-gitlab-event-uuid", "x-delivery-id", "idempotency-key")
_TOLD = frozenset({"content-type", "user-agent", "date", "webhook-timestamp", *NUMBERS})
_PRIVATE = re.compile(r"auth|cookie|credential|forwarded|key|password|real-ip|secret|session|signature|token")
HEADER_MAX = 1_000  # characters


class NoSuchHook(LookupError):
    """No workflow has a webhook of this name, or more than one has."""

    def __init__(self, name: str, workflows: tuple[str, ...]) -> None:
        super().__init__(name)
        self.workflows = workflows


class NotProved(Exception):
    """A delivery does not prove that it comes from who knows the secret; the text says why, for the log."""


class Unreadable(ValueError):
    """The body of a delivery is no JSON; the text says where it stops being any."""


class Unfit(ValueError):
    """A delivery does not give what the workflow is to be started with."""

    def __init__(self, problems: tuple[InputProblem, ...]) -> None:
        super().__init__("; ".join(one.message for one in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Delivery:
    """What somebody sent; the names of headers are in lower case."""

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]

    def event(self) -> dict[str, Json]:
        """What expressions see of it: nothing that proves who sent it. Raises Unreadable."""
        try:
            body = orjson.loads(self.body) if self.body.strip() else None
        except orjson.JSONDecodeError as error:
            raise Unreadable(str(error)) from None
        return {"body": body, "headers": _told(self.headers), "query": _shown(self.query)}

    @property
    def digest(self) -> str:
        """The same for copies: of the body, and the sender's own number for the delivery."""
        number = next((self.headers[name] for name in NUMBERS if name in self.headers), "")
        return sha256(self.body + b"\0" + number.encode()).hexdigest()


def _told(headers: Mapping[str, str]) -> dict[str, Json]:
    plain = {name: value for name, value in headers.items() if name in _TOLD or name.startswith("x-")}
    return {
        name: _writable(value[:HEADER_MAX])
        for name, value in plain.items()
        if name in _TOLD or not _PRIVATE.search(name)
    }


def _shown(query: Mapping[str, str]) -> dict[str, Json]:
    return {name: _writable(value) for name, value in query.items() if not _PRIVATE.search(name.lower())}


def _writable(text: str) -> str:
    """The text without bytes that were no UTF-8: no encoding can write what stands for them."""
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of a workflow, as it stands in its file."""

    plan: Plan
    trigger: Webhook

    @property
    def id(self) -> str:
        return f"{self.plan.workflow}/{self.trigger.name}"

    @property
    def actor(self) -> Actor:
        return Actor("trigger", f"webhook:{self.id}", f"webhook {self.trigger.name}")

    def prove(self, delivery: Delivery) -> None:
        """Raises NotProved, or ActivityFault when the secret is not set here."""
        if not self.trigger.verify:
            return
        secret = resolve(self.plan.secrets[self.trigger.secret], self.trigger.secret).reveal().encode()
        if self.trigger.verify == "token":
            given = [_bearer(delivery.headers[name]) for name in TOKENS if name in delivery.headers]
            expected, what = secret, "token"
        else:
            given = [_hex(delivery.headers[name]) for name in SIGNATURES if name in delivery.headers]
            expected, what = hmac.new(secret, delivery.body, sha256).hexdigest().encode(), "signature"
        if not given:
            raise NotProved(f"it bears no {what}")
        if not any(hmac.compare_digest(one, expected) for one in given):
            raise NotProved(f"its {what} does not fit")


def _bearer(header: str) -> bytes:
    return header.removeprefix("Bearer ").strip().encode("utf-8", "replace")


def _hex(header: str) -> bytes:
    return header.strip().removeprefix("sha256=").lower().encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery: its run, whether the run was there before, and why a waiting run did not take it."""

    run: Run
    existing: bool
    refusal: Refusal | None = None


class Webhooks:
    """Takes deliveries for the workflows that are loaded."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, name: str, workflow: str = "") -> Hook:
        """Raises NoSuchHook."""
        found = [
            Hook(definition.plan, trigger)
            for definition in self._engine.definitions.values()
            for trigger in definition.workflow.triggers
            if isinstance(trigger, Webhook) and trigger.name == name and workflow in ("", definition.workflow.name)
        ]
        if len(found) != 1:
            raise NoSuchHook(name, tuple(one.plan.workflow for one in found))
        return found[0]

    async def start(self, hook: Hook, delivery: Delivery) -> Taken:
        """Start the run of a delivery that has proved itself; a copy gives the first one.

        Raises Unreadable, Unfit, NotStarted, or a StoreFault.
        """
        event = delivery.event()
        values = _inputs(hook, event)
        own = _own_key(hook, event)
        receipt = f"webhook:{hook.id}:" + (delivery.digest if own is None else f"={own}")
        key = dedupe_key(hook.plan, values) if own is None else f"webhook:{hook.id}:{own}"
        origin = {"surface": "webhook", "webhook": hook.id}
        request = Request(values, self._engine.content.kept(dict(values)), hook.actor, origin, key)

        def start(tx: Writer) -> Taken:
            first = self._first(tx, receipt)
            if first is not None:
                return first
            started = self._engine.start_in(tx, hook.plan, request)
            self._put(tx, receipt, hook, delivery, started.run)
            return Taken(started.run, started.existing)

        return await self._engine.database.write(start)

    async def bring(self, hook: Hook, delivery: Delivery, ref: str) -> Taken:
        """Bring a delivery to the run that waits for it, and that its address names.

        Raises Unreadable, UnknownRun, or a StoreFault.
        """
        body = self._engine.content.kept(delivery.event()["body"])
        receipt = f"webhook:{hook.id}:{delivery.digest}"

        def bring(tx: Writer) -> Taken:
            first = self._first(tx, receipt)
            if first is not None:
                return first
            run = self._addressed(tx, hook, ref)
            signal = SignalRun(hook.actor, hook.trigger.name, body)
            performed = self._engine.change(tx, run.id, signal)
            if performed.refusal is None:
                self._put(tx, receipt, hook, delivery, run)
            return Taken(performed.run, True, performed.refusal)

        return await self._engine.database.write(bring)

    def _addressed(self, tx: Writer, hook: Hook, ref: str) -> Run:
        found = lookups.run_id(tx, ref)
        run = None if found is None else self._engine.run_in(tx, found)
        if run is None or run.workflow != hook.plan.workflow:
            raise UnknownRun(ref)
        return run

    def _first(self, tx: Writer, receipt: str) -> Taken | None:
        known = receipts.of(tx, receipt)
        return None if known is None else Taken(self._engine.run_in(tx, known.answer["run"]), True)

    def _put(self, tx: Writer, receipt: str, hook: Hook, delivery: Delivery, run: Run) -> None:
        """Put the delivery down; what it said is on record with the run, as far as the workflow took it."""
        about = {"webhook": hook.id, "sha256": sha256(delivery.body).hexdigest(), "bytes": len(delivery.body)}
        now, answer = self._engine.clock.now(), {"run": run.id, "name": run.name}
        receipts.put(tx, Receipt(receipt, "webhook", about, now, "answered", answer))


def _inputs(hook: Hook, event: dict[str, Json]) -> dict[str, Json]:
    """The inputs of a run, mapped from the delivery. Raises Unfit with everything that is wrong."""
    found = inputs_from(hook.plan, hook.trigger.inputs, event)
    if found.problems:
        raise Unfit(found.problems)
    return found.values


def _own_key(hook: Hook, event: dict[str, Json]) -> str | None:
    """What the workflow calls the same delivery; None when it does not say. Raises Unfit."""
    if hook.trigger.dedupe is None:
        return None
    try:
        value = evaluate(condition(hook.trigger.dedupe), {"event": event})
    except ExpressionError as error:
        raise Unfit((InputProblem("dedupe", f"`dedupe` could not be computed: {error}"),)) from None
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise Unfit((InputProblem("dedupe", "`dedupe` gave neither a text nor a whole number"),))
    return str(value)
