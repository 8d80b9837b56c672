"""Answers to `run`: it starts, it would start, or why it does not, with a line that would work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from difflib import get_close_matches
from typing import Any

from bot.attached import NotTaken
from bot.grammar import Start, render
from bot.grammar.asks import Value
from bot.views import markup
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.reply import Reply, said
from bot.views.run_words import state_text
from bot.views.scene import Scene, actor_markup
from bot.wording import ago, listed
from engine.inputs import InputProblem
from store.model import Json, Millis, Plan, Workflow

USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")
ECHO_MAX = 150
PROBLEMS_MAX = 12


def started(workflow: Workflow, run_name: str, shown_in: str, notes: Sequence[str] = ()) -> Reply:
    """`shown_in` is the id of the channel or direct message where the run shows itself."""
    return said(f"Starting {_title(workflow)} ({run_name}). {_progress(shown_in)}", *notes)


def started_before(scene: Scene, now: Millis, address: str = "") -> Reply:
    """The workflow says that what was asked for is the same as what this run does."""
    run = scene.run
    named = link(address, run.name) if address else run.name
    verb, since = ("has been done already", run.ended_at) if run.status.finished else ("is under way already", None)
    facts = [f"{state_text(scene)} {ago(now - since)}" if since is not None else state_text(scene)]
    facts.append(f"started by {actor_markup(run.requester)} {ago(max(0, now - run.created_at))}")
    return said(
        f"This {verb} as {named}: {_title(scene.workflow)}, {', '.join(facts)}. Nothing was started.",
        "The workflow counts runs with these inputs as the same one (`dedupe:`).",
    )


def started_by_another(workflow: Workflow) -> Reply:
    """The same, to somebody who may not see the run."""
    return said(
        f"{_title(workflow)} has been started with the same inputs before, and counts that as the same run. "
        "Nothing was started."
    )


def would_start(workflow: Workflow, plan: Plan, ask: Start, shown_in: str, notes: Sequence[str] = ()) -> Reply:
    return said(
        f"This would start {_title(workflow)}. {_progress(shown_in)} Nothing was started.",
        understood(plan, ask),
        *notes,
    )


def not_started(
    workflow: Workflow, plan: Plan, ask: Start, problems: Sequence[InputProblem], corrected: Start, prefix: str
) -> Reply:
    """All problems at once, what was understood, and a corrected line that keeps what was good."""
    lines = [f"• {problem_line(problem)}" for problem in problems[:PROBLEMS_MAX]]
    if ask.loose:
        names = listed([code(name) for name in plan.inputs]) or "no inputs"
        text = escape(clip(one_line(" ".join(ask.loose)), ECHO_MAX))
        lines.append(f"• “{text}” belongs to no input: this workflow takes {names}. Text with spaces needs quotes.")
    return said(
        f"I did not start {_title(workflow)}; nothing was changed.",
        "\n".join(lines),
        understood(plan, ask),
        "Copy, complete and send:",
        copy=f"{prefix}{render(corrected)}",
    )


def not_taken(workflow: Workflow, trouble: NotTaken) -> Reply:
    """A file that was given cannot be had."""
    name, why = escape(one_line(trouble.name)), escape(one_line(trouble.why))
    return said(
        f"I did not start {_title(workflow)}; nothing was changed.",
        f"• I cannot take “{name}”: {why}. {escape(one_line(trouble.cure))}".rstrip(),
    )


def refused(workflow: Workflow, why: str, hint: str) -> Reply:
    """The workflow lets nothing begin at this moment: it is switched off, or a limit of its own is reached."""
    return said(f"I did not start {_title(workflow)}: {escape(one_line(why))}", escape(one_line(hint)))


def unknown_workflow(name: str, close: Sequence[str], prefix: str) -> Reply:
    wrong = f"I don't know a workflow “{escape(clip(one_line(name), 60))}”. Nothing was started."
    if not close:
        return said(f"{wrong} {code(prefix + 'list')} shows what you may start.")
    return said(f"{wrong} Did you mean {listed([code(one) for one in close], 'or')}?")


def may_not_start(workflow: Workflow, more: str = "") -> Reply:
    who = listed([_reference(one) for one in workflow.access.start[:10]], "or") or "nobody"
    return said(f"Only {who} may start {_title(workflow)}. Nothing was started.", more)


def not_here(channel: str) -> str:
    """Why a run shows itself elsewhere."""
    return f"I'm not in {_place(channel)}; {code('/invite @flow')} there brings me in."


def understood(plan: Plan, ask: Start) -> str:
    """What was given, escaped and short; sensitive values stay out of it."""
    given = [f"{code(name)} = {echoed(plan.inputs.get(name), value)}" for name, value in ask.given]
    return f"Understood: {', '.join(given)}" if given else ""


def example(name: str, plan: Plan) -> str:
    """A line that starts this workflow, with something in the place of each required input."""
    needed = [(key, schema) for key, schema in plan.inputs.items() if is_required(schema)]
    return render(Start(name, tuple((key, sample(schema)) for key, schema in needed)))


def corrected(plan: Plan, ask: Start, problems: Sequence[InputProblem]) -> Start:
    """The same line with good values kept, bad ones replaced and missing ones added."""
    joined = _joined(plan, ask)
    if joined is not None:
        return joined
    bad = {problem.name for problem in problems}
    kept: dict[str, Value] = {}
    taken = {name for name, _ in ask.given}
    for written, value in ask.given:
        name = written if written in plan.inputs else _meant(written, plan, taken)
        if name and (name not in bad or name != written):
            kept[name] = "…" if is_sensitive(plan.inputs[name]) else value
    missing = {name: sample(plan.inputs[name]) for name in plan.inputs if name in bad and name not in kept}
    return Start(ask.workflow, tuple((kept | missing).items()), dry_run=ask.dry_run)


def sample(schema: Json) -> str:
    """A value of the right kind, to be written over."""
    if not isinstance(schema, dict):
        return "…"
    if schema.get("enum"):
        return str(schema.get("default", schema["enum"][0]))
    if "default" in schema and isinstance(schema["default"], str | int | float):
        return _typed(schema["default"])
    kinds = {"integer": str(schema.get("minimum", 1)), "number": str(schema.get("minimum", 1)), "boolean": "true"}
    return kinds.get(str(schema.get("type")), "…")


def is_required(schema: Json) -> bool:
    return not isinstance(schema, dict) or ("default" not in schema and not schema.get("optional"))


def is_sensitive(schema: Json) -> bool:
    return isinstance(schema, dict) and schema.get("sensitive") is True


def _meant(written: str, plan: Plan, taken: Set[str]) -> str:
    """The input that a misspelt name stands for, if that has no value yet."""
    close = get_close_matches(written.lower().replace("-", "_"), plan.inputs, n=1, cutoff=0.6)
    return close[0] if close and close[0] not in taken else ""


def _joined(plan: Plan, ask: Start) -> Start | None:
    """Words without quotes were taken for several values: the first input gets all of them."""
    if len(ask.positional) + len(ask.loose) < 2 or not ask.positional:
        return None
    first = ask.positional[0]
    schema: Mapping[str, Any] = plan.inputs.get(first) or {}
    if schema.get("type", "string") != "string" or "enum" in schema:
        return None
    given = dict(ask.given)
    words = [str(given[name]) for name in ask.positional] + list(ask.loose)
    named = {name: value for name, value in ask.given if name in plan.inputs and name not in ask.positional}
    return Start(ask.workflow, tuple(({first: " ".join(words)} | named).items()), dry_run=ask.dry_run)


def problem_line(problem: InputProblem) -> str:
    """The message names its input itself."""
    return " ".join(_sentence(part) for part in (problem.message, problem.hint) if part.strip())


def _sentence(text: str) -> str:
    shown = escape(clip(one_line(text), 300))
    return shown if shown[-1] in ".!?…" else f"{shown}."


def echoed(schema: Json, value: Value) -> str:
    """What was given, escaped and short; nothing of a sensitive value."""
    if is_sensitive(schema):
        return "(not shown)"
    text = ", ".join(value) if isinstance(value, tuple) else value
    return f"“{escape(clip(one_line(text), ECHO_MAX))}”"


def _progress(shown_in: str) -> str:
    return f"Progress in {_place(shown_in)}."


def _place(channel: str) -> str:
    return "our direct messages" if channel[:1] in ("", "D") else markup.channel(channel)


def _title(workflow: Workflow) -> str:
    return bold(clip(one_line(workflow.title or workflow.name), 150))


def _reference(reference: str) -> str:
    return markup.user(reference) if USER_ID.fullmatch(reference) else escape(one_line(reference), 80)


def _typed(value: str | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
