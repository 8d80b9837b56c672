"""A run in words: how it stands, where it is, what it was given and what it gave."""

from __future__ import annotations

from collections.abc import Sequence

from bot.views.markup import bold, clip, escape, is_aligned, is_web_link, link, one_line
from bot.views.scene import Held, Scene, actor_markup
from bot.wording import (
    NEEDS_A_PERSON,
    RUN_STATES,
    SECOND_MS,
    WAITS_FOR_A_DECISION,
    counted,
    length,
    ordinal,
    size_text,
    titled,
)
from engine.rules.winding_up import belongs
from store.model import GateState, Json, Run, RunStatus, Step, StepStatus

INPUT_MAX = 120
INPUTS_MAX = 600
OUTPUT_MAX = 300
QUEUE_MAX = 80
OUTPUTS_MAX = 10


def state_text(scene: Scene) -> str:
    """How a run stands, in two or three words."""
    run = scene.run
    if run.status is RunStatus.RUNNING and _unknown(run):
        return NEEDS_A_PERSON
    if run.status is RunStatus.RUNNING and _open_gates(run) and not _active(scene):
        return WAITS_FOR_A_DECISION
    if run.status is RunStatus.SUCCEEDED and run.warnings:
        return "done, with warnings"
    if run.status is RunStatus.ENDING and run.outcome is not None:
        return f"ending, {RUN_STATES[run.outcome]}"
    return RUN_STATES[run.status]


def progress(scene: Scene) -> str:
    """The title of the list of steps: what is going on in it."""
    run = scene.run
    match run.status:
        case RunStatus.QUEUED:
            return queued_text(scene)
        case RunStatus.PAUSED:
            return f"Paused: {run.reason}" if run.reason.strip() else "Paused"
        case RunStatus.ENDING:
            return f"Ending: {ending_text(scene)}"
        case RunStatus.RUNNING if scene.off and _active(scene):
            return f"Held: the workflow is switched off · {_position(scene)}"
        case RunStatus.RUNNING:
            return f"{_focus(scene)} · {_position(scene)}"
        case RunStatus.SUCCEEDED:
            return done(run).capitalize()
        case RunStatus.FAILED | RunStatus.REJECTED:
            place = culprit(scene)
            return f"{RUN_STATES[run.status].capitalize()}{f' at {place}' if place else ''}{_took(run, 'after')}"
        case RunStatus.CANCELLED:
            return f"Cancelled{_took(run, 'after')}"


def queued_text(scene: Scene) -> str:
    """`Queued: 3rd in line of publish_post`, and of which of its queues."""
    run = scene.run
    of = f" for {clip(one_line(run.queue), QUEUE_MAX)}" if run.queue else ""
    return f"Queued: {ordinal(scene.ahead + 1)} in line of {run.workflow}{of}"


def held_text(held: Held) -> str:
    """`waits for cms.example.com, which is down`"""
    if held.down_since is not None:
        return f"waits for {held.endpoint}, which is down"
    return f"waits for its turn at {held.endpoint}"


def ending_text(scene: Scene) -> str:
    """What is still done for a run whose outcome is settled."""
    if not scene.run.winding_up:
        return "stopping what is still under way"
    left = [step for step in scene.run.steps.values() if belongs(scene.plan, step) and not step.status.finished]
    if any(step.name.endswith(":undo") for step in left):
        return "taking back what was done"
    return f"last steps, {_titles(scene, left)}" if left else "last steps"


def culprit(scene: Scene) -> str:
    """The title of the step that decided how a run ended; empty when no single one did."""
    match scene.run.outcome or scene.run.status:
        case RunStatus.FAILED:
            found = failed_step(scene)
        case RunStatus.REJECTED:
            found = turned_down(scene)
        case _:
            found = None
    return scene.row_title(found) if found else ""


def failed_step(scene: Scene) -> Step | None:
    """The step whose failure ended the run: within a block, the first in it that failed."""
    steps = scene.run.steps
    for spec in scene.plan.within(""):
        step = steps.get(spec.name)
        if step is not None and step.status is StepStatus.FAILED and spec.on_failure == "stop" and spec.phase == "main":
            return _innermost(scene, step) if spec.uses == "block" else step
    return None


def _innermost(scene: Scene, block: Step) -> Step:
    inside = f"{block.name}."
    failed = (
        step
        for step in scene.run.steps.values()
        if step.status is StepStatus.FAILED
        and step.name.startswith(inside)
        and scene.plan.knows(step.name)
        and scene.plan.step(step.name).uses != "block"
        and scene.plan.step(step.name).on_failure == "stop"
    )
    return min(failed, key=lambda step: (step.ended_at or 0, step.n), default=block)


def turned_down(scene: Scene) -> Step | None:
    """The gate at which the run was rejected, or at which nobody decided."""
    found = [(step.gate.closed_at or 0, step) for step in scene.run.steps.values() if step.gate and _ends(scene, step)]
    return max(found, key=lambda one: one[0], default=(0, None))[1]


def _ends(scene: Scene, step: Step) -> bool:
    policy, state = scene.gate_plan(step.name), step.gate.state if step.gate else None
    if state is GateState.EXPIRED:
        return policy.on_expiry == "reject"
    return state is GateState.REJECTED and policy.on_reject == "end"


def done(run: Run) -> str:
    """`done in 3 h 11 min, with warnings`"""
    return f"{RUN_STATES[RunStatus.SUCCEEDED]}{_took(run, 'in')}{', with warnings' if run.warnings else ''}"


def _took(run: Run, word: str) -> str:
    """` after 3 h 11 min`; nothing when it took no time worth a word."""
    took_ms = (run.ended_at or run.created_at) - run.created_at
    return f" {word} {length(took_ms)}" if took_ms >= SECOND_MS else ""


def inputs_line(scene: Scene) -> str:
    """The inputs on one line, without those that are sensitive, empty or merely left as they were."""
    given = scene.value(scene.run.inputs)
    if not isinstance(given, dict):
        return ""
    parts = []
    for name, schema in scene.plan.inputs.items():
        sensitive = isinstance(schema, dict) and schema.get("sensitive") is True
        if name in given and not sensitive and given[name] not in (None, "", [], {}):
            parts.append(f"{titled(name)}: {clip(one_line(in_words(given[name])), INPUT_MAX)}")
    return clip(" · ".join(parts), INPUTS_MAX)


def in_words(value: Json) -> str:
    """A JSON value as people write it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return _list_in_words(value)
        case {"name": str() as name, "size": int() as size, "hash": str(), "media_type": str()}:
            return f"{name} ({size_text(size)})"
        case {"name": str() as name, **rest} if "size" in rest or "url" in rest:
            return name  # a file
        case dict():
            return ", ".join(f"{key}: {_part_in_words(item)}" for key, item in value.items())
        case _:
            return str(value)


def _list_in_words(items: Sequence[Json]) -> str:
    """What stands between the items is what they do not hold themselves."""
    if items and all(is_sentence(item) for item in items):
        return " ".join(items)
    if any(_has_parts(item) or isinstance(item, list) or is_sentence(item) for item in items):
        return "; ".join(in_words(item).rstrip(".;") for item in items)
    return ", ".join(in_words(item) for item in items)


def is_sentence(value: Json) -> bool:
    """What cannot stand in a row with others, separated by commas."""
    return isinstance(value, str) and " " in value and value.rstrip().endswith((".", "!", "?", ";"))


def _part_in_words(value: Json) -> str:
    """What stands in an object; of what holds more objects only how many they are."""
    match value:
        case list() | dict() | "" if not value:
            return "none"
        case list() if any(isinstance(item, list) or _has_parts(item) for item in value):
            return counted(len(value), "item")
        case dict() if _has_parts(value) and any(isinstance(part, dict | list) for part in value.values()):
            return counted(len(value), "field")
        case dict() if _has_parts(value):
            return f"({in_words(value)})"
    return in_words(value)


def _has_parts(value: Json) -> bool:
    """Whether it is an object, and no file, which has a name."""
    return isinstance(value, dict) and not ("name" in value and ("size" in value or "url" in value))


def _focus(scene: Scene) -> str:
    """What is under way: work before waiting, people before the clock."""
    steps = [step for step in scene.run.steps.values() if not _is_block(scene, step)]
    busy = [step for step in steps if step.status in (StepStatus.RUNNING, StepStatus.READY)]
    if busy:
        held = [scene.held[step.key] for step in busy if step.key in scene.held]
        stuck = f" {held_text(held[0])}" if held and len(held) == len(busy) else ""
        return f"{_titles(scene, busy)}{stuck}"
    unknown = [step for step in steps if step.status is StepStatus.UNKNOWN]
    if unknown:
        return f"{_titles(scene, unknown)} needs a person"
    asking = _open_gates(scene.run)
    if asking:
        return f"Waiting for a decision: {_titles(scene, asking)}"
    waiting = [step for step in steps if step.status is StepStatus.WAITING]
    return f"Waiting: {_titles(scene, waiting)}" if waiting else "Running"


def _titles(scene: Scene, steps: list[Step]) -> str:
    others = len({step.name for step in steps}) - 1
    title = scene.step_title(steps[0].name)
    return f"{title} and {others} more" if others > 0 else title


def _position(scene: Scene) -> str:
    steps = scene.run.steps
    main = [spec.name for spec in scene.plan.within("") if spec.phase == "main"]
    done = sum(name in steps and steps[name].status.finished for name in main)
    return f"step {min(done + 1, len(main))} of {len(main)}"


def _open_gates(run: Run) -> list[Step]:
    return [step for step in run.steps.values() if step.gate is not None and step.gate.state is GateState.OPEN]


def _is_block(scene: Scene, step: Step) -> bool:
    return scene.plan.knows(step.name) and scene.plan.step(step.name).uses == "block"


def _unknown(run: Run) -> bool:
    return any(step.status is StepStatus.UNKNOWN for step in run.steps.values())


def _active(scene: Scene) -> bool:
    busy = (StepStatus.READY, StepStatus.RUNNING)
    return any(step.status in busy and not _is_block(scene, step) for step in scene.run.steps.values())


def output_lines(scene: Scene, *, links_only: bool = False) -> list[str]:
    """What came out of it, each part on a line of its own under its name; addresses as links."""
    found = _outputs(scene)
    told = [(name, in_words(value)) for name, value in found if not (isinstance(value, str) and is_aligned(value))]
    wanted = [(name, text) for name, text in told if is_web_link(text) or not links_only]
    known = _people(scene)
    return [f"{bold(titled(name))}: {_linked(known.get(text, text))}" for name, text in wanted[:OUTPUTS_MAX]]


def _people(scene: Scene) -> dict[str, str]:
    """Who had to do with the run, by id: an output that names one is told by the name, without calling them in."""
    decided = [one.actor for step in scene.run.steps.values() if step.gate for one in step.gate.decisions]
    return {who.id: f"@{who.name}" for who in (scene.run.requester, *decided) if who.kind == "person" and who.name}


def drawn_outputs(scene: Scene) -> list[tuple[str, str]]:
    """The tables and charts that came out of it, by their names."""
    return [(name, value) for name, value in _outputs(scene) if isinstance(value, str) and is_aligned(value)]


def _outputs(scene: Scene) -> list[tuple[str, Json]]:
    outputs = scene.value(scene.run.outputs)
    if not isinstance(outputs, dict):
        return []
    return [(name, value) for name, value in outputs.items() if value not in (None, "", [], {})]


def _linked(text: str) -> str:
    return link(text) if is_web_link(text) else escape(one_line(text), OUTPUT_MAX)


def because(run: Run) -> str:
    """`: the reason`, escaped, when there is one."""
    return f": {escape(one_line(run.reason), 400)}" if run.reason.strip() else ""


def who_said_no(scene: Scene) -> str:
    """Who said no, and why, when it was said at a gate."""
    at = turned_down(scene)
    for decision in at.gate.decisions if at and at.gate else ():
        if decision.verdict == "reject":
            comment = one_line(decision.comment)
            return f"Rejected by {actor_markup(decision.actor)}" + (f": “{escape(comment, 400)}”" if comment else "")
    return ""
