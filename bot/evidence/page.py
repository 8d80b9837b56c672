"""The record of a run as one page: what it was about, who decided on what, every step, every event.

The page loads nothing from anywhere and runs no script. Everything that people or models wrote is escaped.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from bot.evidence.lines import line, who
from bot.picture import picture
from engine.evidence import Evidence
from store.codec import load
from store.events import KINDS, DecisionMade, Event, GateOpened, PolicyDecided
from store.model import Actor, Content, Json, Millis, Plan, Run, Step

SHOWN_CHARS = 20_000  # of one value; the whole of it stands in the bundle
DRAWN_CHARS = 200_000  # of a picture that a step gave as SVG

STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --soft: #4b5563; --line: #d1d5db; --paper: #fff; --box: #f6f7f9 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e7eb; --soft: #9ca3af; --line: #374151; --paper: #111827; --box: #1f2937 } }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 62rem; margin: 2.5rem auto; padding: 0 1.25rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; width: 100% }
td, th { border-top: 1px solid var(--line); padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top }
th { font-weight: 600; white-space: nowrap } .soft { color: var(--soft) }
pre { background: var(--box); padding: .7rem; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere }
details { margin: .3rem 0 } summary { cursor: pointer } .picture { overflow-x: auto }
code { font-size: .92em } p, code, td, h1, h3, summary { overflow-wrap: anywhere }
.drawn { background: #fff; max-width: 100%; border-radius: 6px }
@media (max-width: 44rem) {
  body { margin: 1rem auto } th { white-space: normal }
  .rows tr { display: block; border-top: 1px solid var(--line); padding: .4rem 0 }
  .rows td { display: inline; border: 0; padding: 0 .5rem 0 0 } .rows tr:first-child { display: none } }
"""


Resolve = Callable[[Content | None], Json]


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the history; no event where its content was erased."""

    seq: int
    at: Millis
    actor: Actor
    event: Event | None
    step: str


def page(evidence: Evidence, plan: Plan) -> str:
    """The whole page as HTML."""
    run, events = evidence.run, list(told(evidence))
    resolve = _values(evidence.values)
    sections = [
        _head(run),
        _facts(run, evidence),
        f'<h2>The run</h2><div class="picture">{picture(plan, _states(run))}</div>',
        _section("Inputs", _value(resolve(run.inputs))),
        _section("Outputs", _value(resolve(run.outputs))) if run.outputs else "",
        _drawn(run, resolve),
        _decisions(events, resolve),
        _answers(run),
        _steps(run, resolve),
        _history(events),
        _proof(),
    ]
    title = escape(f"{run.name} · {run.workflow}")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style><body>{''.join(sections)}</body></html>\n"
    )


def told(evidence: Evidence) -> Iterable[Happened]:
    """Everything that happened, in order."""
    for link in evidence.links:
        header = json.loads(link.header)
        event = None if link.content is None else load(KINDS[link.kind], link.content)
        yield Happened(link.seq, header["at"], load(Actor, header["actor"]), event, header["step"] or "")


def _values(values: Mapping[str, Path]) -> Resolve:
    def resolve(content: Content | None) -> Json:
        if content is None or content.hash is None:
            return None if content is None else content.value
        path = values.get(content.hash)
        return f"(no longer there: {content.hash})" if path is None else json.loads(path.read_bytes())

    return resolve


def _head(run: Run) -> str:
    return f"<h1>{escape(run.name)} · {escape(run.workflow)}</h1><p class=soft>{escape(_outcome(run))}</p>"


def _outcome(run: Run) -> str:
    why = run.error.message if run.error else run.reason
    return f"{run.status.value.capitalize()}{': ' + why if why else ''}"


def _facts(run: Run, evidence: Evidence) -> str:
    rows = {
        "Started": f"{_moment(run.created_at)} by {who(run.requester)}",
        "Ended": _moment(run.ended_at) if run.ended_at else "not yet",
        "Run": run.id,
        "Trace": run.trace_id,
        "Version": run.version,
        "Head of the chain": evidence.links[-1].hash.hex(),
        **({"Its content was erased": _moment(run.erased_at)} if run.erased_at else {}),
        "Spent on models": ", ".join(f"{amount:,} {name}" for name, amount in run.usage.items()) or "nothing",
    }
    cells = "".join(f"<tr><th>{escape(name)}<td><code>{escape(value)}</code>" for name, value in rows.items())
    return f"<table>{cells}</table>"


def _states(run: Run) -> dict[str, str]:
    """The state of each step; of a step in a list the one that matters most."""
    weight = ["failed", "unknown", "waiting", "running", "ready", "pending", "succeeded", "cancelled", "skipped"]
    states: dict[str, str] = {}
    for step in run.steps.values():
        known = states.get(step.name)
        if known is None or weight.index(step.status.value) < weight.index(known):
            states[step.name] = step.status.value
    return states


def _decisions(history: Iterable[Happened], resolve: Resolve) -> str:
    parts: list[str] = []
    opened: dict[str, GateOpened] = {}
    for one in history:
        if isinstance(one.event, GateOpened):
            opened[one.step] = one.event
        elif isinstance(one.event, PolicyDecided):
            parts.append(_by_policy(one, one.event, resolve))
        elif isinstance(one.event, DecisionMade):
            parts.append(_decision(one, one.event, opened.get(one.step), resolve))
    return f"<h2>Decisions</h2>{''.join(parts) or '<p class=soft>Nobody was asked.</p>'}"


def _decision(one: Happened, made: DecisionMade, asked: GateOpened | None, resolve: Resolve) -> str:
    seen = made.edited or (asked.shown if asked else None)
    question = f"<p>{escape(asked.question)}</p>" if asked else ""
    eligible = f"<p class=soft>Could decide: {escape(', '.join(asked.approvers))}</p>" if asked else ""
    digest = f"<code>{escape(made.edited_digest or made.digest)}</code>"
    return (
        f"<h3>{escape(one.step)} · {escape(line(made))}</h3>"
        f"<p class=soft>{_moment(one.at)}, event {one.seq}, digest {digest}</p>{question}{eligible}"
        f"<details><summary>What was decided on</summary>{_value(resolve(seen))}</details>"
    )


def _by_policy(one: Happened, made: PolicyDecided, resolve: Resolve) -> str:
    return (
        f"<h3>{escape(one.step)} · {escape(line(made))}</h3>"
        f"<p class=soft>{_moment(one.at)}, event {one.seq}, digest <code>{escape(made.digest)}</code></p>"
        f"<details><summary>What was decided on</summary>{_value(resolve(made.shown))}</details>"
    )


def _drawn(run: Run, resolve: Resolve) -> str:
    """What steps have drawn as SVG, as pictures: in these no script runs and nothing is loaded."""
    parts = ""
    for step in run.steps.values():
        output = resolve(step.output)
        values = list(output.values()) if isinstance(output, dict) else [output]
        for value in values:
            if isinstance(value, str) and value.startswith("<svg ") and len(value) <= DRAWN_CHARS:
                data, name = b64encode(value.encode()).decode(), escape(step.key)
                parts += f'<p><img class=drawn alt="drawn by {name}" src="data:image/svg+xml;base64,{data}">'
    return f"<h2>Drawn by its steps</h2>{parts}" if parts else ""


def _answers(run: Run) -> str:
    """Which model answered which prompt at which step, and what it cost; nothing when no model was asked."""
    rows = ""
    for step in run.steps.values():
        receipt = step.receipt if isinstance(step.receipt, Mapping) else {}
        if "prompt_hash" not in receipt:
            continue
        tokens = f"{receipt.get('tokens_in')} in, {receipt.get('tokens_out')} out"
        micros = int(receipt.get("usd_micros") or 0)
        cost = f"${micros / 1_000_000:.6f}" if micros else "$0"
        told = (step.key, receipt.get("model_answered"), tokens, cost)
        cells = "".join(f"<td>{escape(str(one))}" for one in told)
        rows += f"<tr>{cells}<td><code>{escape(str(receipt['prompt_hash'])[:16])}…</code>"
    head = "<tr><th>Step<th>Model<th>Tokens<th>Cost<th>Prompt (hash)"
    return f"<h2>Answers of models</h2><table class=rows>{head}{rows}</table>" if rows else ""


def _steps(run: Run, resolve: Resolve) -> str:
    return f"<h2>Steps</h2>{''.join(_step(step, resolve) for step in run.steps.values())}"


def _step(step: Step, resolve: Resolve) -> str:
    attempts = f", attempt {step.attempt}" if step.attempt > 1 else ""
    error = f"<p>{escape(step.error.message)}</p>" if step.error else ""
    output = f"<p class=soft>Output</p>{_value(resolve(step.output))}" if step.output else ""
    receipt = f"<p class=soft>Receipt</p>{_value(step.receipt)}" if step.receipt else ""
    summary = f"<b>{escape(step.key)}</b> <span class=soft>{step.status.value}{attempts}</span>"
    return f"<details><summary>{summary}</summary>{error}{output}{receipt}</details>"


def _history(history: Iterable[Happened]) -> str:
    rows = "".join(_row(one) for one in history if one.event is None or line(one.event))
    head = "<tr><th>#<th>When (UTC)<th>Step<th>What<th>By"
    return f"<h2>Everything that happened</h2><table class=rows>{head}{rows}</table>"


def _row(one: Happened) -> str:
    words = "(erased)" if one.event is None else line(one.event)
    when, by = f"<td class=soft>{_moment(one.at)}", f"<td class=soft>{escape(who(one.actor))}"
    return f"<tr><td>{one.seq}{when}<td>{escape(one.step)}<td>{escape(words)}{by}"


def _proof() -> str:
    return (
        "<h2>How to check this</h2><p>Every line above stands in <code>events.jsonl</code>, and each is covered by a "
        "hash of itself and of all before it. <code>python check.py</code>, beside this page, follows them; it needs "
        "nothing but Python.</p>"
    )


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>{body}"


def _value(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    cut = f"\n… {len(text) - SHOWN_CHARS:,} more characters in the bundle" if len(text) > SHOWN_CHARS else ""
    return f"<pre>{escape(text[:SHOWN_CHARS] + cut)}</pre>"


def _moment(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
