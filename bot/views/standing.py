"""How runs stand: one in full, why it waits, who may decide, and lists of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.digests import Digest
from bot.views import blocks
from bot.views.block_card import count_text, rows_within
from bot.views.blocks import Piece, words
from bot.views.digest_words import counted_text, digest_title, range_text
from bot.views.gate_words import choice_label, decided_by, digest_key, may_do, needed, people, quoted, verb_of
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.outcome import failure_lines
from bot.views.reply import Reply, fallback, said
from bot.views.run_words import ending_text, failed_step, progress, queued_text, state_text
from bot.views.scene import Held, Scene, actor_markup, asked_markup, kin_markup, when
from bot.views.waiting import WaitingGate, waiting
from bot.wording import (
    EXPIRY_EFFECTS,
    RUN_STATES,
    SECOND_MS,
    STEP_STATES,
    ago,
    counted,
    length,
    listed,
    ordinal,
    without_answer,
)
from engine.rules.winding_up import belongs
from store.lookups import RunRow
from store.model import Gate, GateState, Millis, RunStatus, Step, StepStatus, block_of

STEPS_MAX = 30
GATES_MAX = 5
LISTED_MAX = 10


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run, as a line in a list."""

    row: RunRow
    title: str
    state: str  # in words
    address: str = ""


def status(scene: Scene, now: Millis, address: str = "") -> Reply:
    """A run in full: state, steps, and what it waits for."""
    run = scene.run
    started = f"started by {actor_markup(run.requester)} {_since(run.created_at, now)}"
    head = f"{_title(scene, address)} · {state_text(scene)} · {started}"
    shown = _of_the_workflow(scene)
    steps = [_step_pieces(scene, step, now) for step in shown[:STEPS_MAX]]
    rest = len(shown) - STEPS_MAX
    if rest > 0:
        steps.append([words(f"… and {counted(rest, 'more step')}")])
    listed = [blocks.rich_text(blocks.rich_list(*steps, ordered=True))] if steps else []
    told = "\n".join(line for line in (escape(progress(scene)), *_reasons(scene, now)) if line)
    return _with_text(said(head, told, more=listed), steps)


def why(scene: Scene, now: Millis, address: str = "") -> Reply:
    """What a run waits for, since when, and who can help; or that nothing is wrong."""
    return said(f"{_title(scene, address)} · {state_text(scene)}", *_reasons(scene, now))


def who_decides(scene: Scene, address: str = "") -> Reply:
    """Who may decide at the open gates of a run; when none is open, who decided at the others."""
    gates = _alone(scene)
    shared = [f"{range_text(one.open)}: {who_may(scene, one.open[0].gate)}" for one in _shared(scene)]
    if not gates and not shared:
        return said(f"{_title(scene, address)} waits for nobody's decision.", "\n".join(_decided(scene)[:GATES_MAX]))
    return said(*[*shared, *(f"{_gate_name(gate)}: {who_may(scene, gate)}" for gate in gates)][:GATES_MAX])


def who_may(scene: Scene, gate: Gate) -> str:
    """`@editors may decide; whoever started the run may not.`"""
    asked = asked_markup(scene, gate.approvers) or "Nobody"
    requester = scene.run.requester
    barred = not gate.requester_may_decide and requester.kind == "person"
    own = f" {actor_markup(requester)}, who started the run, may not." if barred else ""
    return f"{asked} {may_do(gate)}{needed(scene, gate)}.{own}"


def _decided(scene: Scene) -> list[str]:
    """Of each gate that people closed, what they said and who they were."""
    found = []
    for gate in (step.gate for step in scene.run.steps.values() if step.gate is not None):
        by = [] if gate.state is GateState.OPEN else decided_by(gate)
        if by:
            chosen = f" {quoted(choice_label(gate, by[-1].choice))}" if by[-1].choice else ""
            found.append(f"{_gate_name(gate)}: *{verb_of(gate)}*{chosen} by {people(by[:3])}.")
    return found


def mine(runs: Sequence[ListedRun], now: Millis, prefix: str) -> Reply:
    """The asker's runs, newest first."""
    if not runs:
        return said(f"You have not started a run yet. {code(prefix + 'list')} shows what you may start.")
    return said("Your runs:", "\n".join(f"• {run_line(one, now)}" for one in runs[:LISTED_MAX]))


def overview(
    runs: Sequence[ListedRun], gates: Sequence[WaitingGate], now: Millis, prefix: str, waiting_count: int = 0
) -> Reply:
    """`status` without a run: mine, and what waits for me."""
    first, second = mine(runs, now, prefix), waiting(gates, prefix, waiting_count)
    return Reply(fallback([second.text, first.text]), (*second.blocks, *first.blocks)[: blocks.BLOCKS_MAX])


def run_line(one: ListedRun, now: Millis) -> str:
    return f"{_named(one.row.name, one.address)} {escape(one_line(one.title), 80)}: {run_state(one, now)}"


def run_state(one: ListedRun, now: Millis) -> str:
    """`done 5 min ago`, and why when it failed; `running · started 5 min ago`."""
    row = one.row
    if row.ended_at is None:
        return f"{one.state} · started {_since(row.started_at, now)}"
    error = without_answer(row.error) if row.error and row.status is RunStatus.FAILED else None
    failed = f": {escape(clip(one_line(error.message), 120))}" if error else ""
    return f"{one.state} {_since(row.ended_at, now)}{failed}"


# Reasons. -------------------------------------------------------------------------------------------------------------


def _reasons(scene: Scene, now: Millis) -> list[str]:
    run = scene.run
    match run.status:
        case RunStatus.QUEUED:
            holders = listed([kin_markup(one) for one in scene.holders])
            going = f" Under way before it: {holders}." if holders else ""
            place = escape(queued_text(scene).removeprefix("Queued: "))
            return [f"It is {place}: as many runs of it as allowed are under way.{going} Nothing is broken."]
        case RunStatus.PAUSED:
            return [f"It is paused: {escape(one_line(run.reason) or 'no reason was given', 500)}"]
        case RunStatus.FAILED:
            return [*failure_lines(scene), *_unsettled(scene)]
        case RunStatus.SUCCEEDED | RunStatus.REJECTED | RunStatus.CANCELLED:
            reason = f": {escape(one_line(run.reason), 400)}" if run.reason.strip() else "."
            return [
                f"It ended {_since(run.ended_at or now, now)}, {RUN_STATES[run.status]}{reason}",
                *_unsettled(scene),
            ]
        case RunStatus.ENDING:
            return [f"It is ending: {ending_text(scene)}."]
        case RunStatus.RUNNING:
            return _running(scene, now)


def _running(scene: Scene, now: Millis) -> list[str]:
    steps = [step for step in scene.run.steps.values() if not _is_block(scene, step)]
    told = [_digest_reason(scene, one, now) for one in _shared(scene)]
    alone = {gate.id for gate in _alone(scene)}
    told += [_gate_reason(scene, step, now) for step in steps if step.gate and step.gate.id in alone]
    told += [_unknown(scene, step) for step in steps if step.status is StepStatus.UNKNOWN]
    troubles = len(told)
    told += [_at_work(scene, step, now) for step in steps if step.status is StepStatus.RUNNING]
    told += [_to_come(scene, step, now) for step in steps if step.status is StepStatus.READY]
    told += [_waits(scene, step) for step in steps if step.status is StepStatus.WAITING and not _asks(step)]
    told += [_block_line(scene, step) for step in _under_way(scene)]
    if scene.off:
        told.insert(0, off_line(scene))
    if len(told) > GATES_MAX:
        told = [*told[:GATES_MAX], f"… and {len(told) - GATES_MAX} more."]
    if not told:
        return ["It is between two steps; the next one starts in a moment."]
    down = any(one.down_since is not None for one in scene.held.values())
    broken = down or any(step.status is StepStatus.UNKNOWN or step.failures for step in steps)
    return [*told, "" if broken or not troubles else "Nothing is broken."]


def off_line(scene: Scene) -> str:
    """That nothing more of the run begins, and who can change that."""
    on = code(f"pointsman enable {scene.run.workflow}")
    why = escape(one_line(scene.off), 300)
    return f"The workflow is switched off ({why}): no further step begins. An operator switches it on with {on}."


def _gate_reason(scene: Scene, step: Step, now: Millis) -> str:
    gate = step.gate
    assert gate is not None
    due = f" An answer is due {when(gate.due_at)}." if gate.due_at is not None and not gate.overdue else ""
    late = " It is overdue." if gate.overdue else ""
    expiry = EXPIRY_EFFECTS[scene.gate_plan(step.name).on_expiry]
    return (
        f"Waiting {length(max(0, now - gate.opened_at))} for {bold(scene.row_title(step))} ({_gate_name(gate)}): "
        f"{who_may(scene, gate)}{due}{late} Without a decision by {when(gate.expires_at)} {expiry}."
    )


def _shared(scene: Scene) -> list[Digest]:
    """The cards on which several gates stand, some of them open."""
    return [one for one in scene.digests if one.open and len(one.items) > 1]


def _alone(scene: Scene) -> list[Gate]:
    """The open gates that have a card of their own."""
    beside = {one.gate.id for digest in _shared(scene) for one in digest.items}
    return [gate for gate in _open_gates(scene) if gate.id not in beside]


def _digest_reason(scene: Scene, digest: Digest, now: Millis) -> str:
    """Gates that share a card, as one."""
    first = digest.open[0]
    due_at = min((one.gate.due_at for one in digest.open if one.gate.due_at is not None), default=None)
    due = f" The first answer is due {when(due_at)}." if due_at is not None else ""
    late = " Some are overdue." if any(one.gate.overdue for one in digest.open) else ""
    since = length(max(0, now - first.gate.opened_at))
    where = f"{range_text(digest.items)}; {counted_text(digest)}"
    address = scene.links.get(digest_key(digest.id), "")
    card = f" {link(address, 'Open the card')}." if address else ""
    what = bold(digest_title(scene, digest))
    return f"Waiting {since} for {what} ({where}): {who_may(scene, first.gate)}{due}{late}{card}"


def _unknown(scene: Scene, step: Step) -> str:
    owner = asked_markup(scene, [scene.workflow.owner]) if scene.workflow.owner else "an operator"
    return (
        f"Nobody can tell whether {bold(scene.row_title(step))} took effect. {owner} must settle it: "
        f"{code(f'pointsman settle {scene.run.name} {step.key}')}."
    )


def _unsettled(scene: Scene) -> list[str]:
    """What stays open about a run that has ended: it can be settled no more, but somebody may want to look."""
    steps = [step for step in scene.run.steps.values() if step.status is StepStatus.UNKNOWN]
    return [f"Nobody can say whether {bold(scene.row_title(step))} happened." for step in steps]


def _at_work(scene: Scene, step: Step, now: Millis) -> str:
    since = f", for {length(max(0, now - step.started_at))}" if step.started_at is not None else ""
    tried = step.failures + step.crashes
    attempt = f", attempt {tried + 1}" if tried else ""
    return f"{bold(scene.row_title(step))} is at work{since}{attempt}."


def _to_come(scene: Scene, step: Step, now: Millis) -> str:
    title = bold(scene.row_title(step))
    if scene.off:
        return f"{title} begins when the workflow is switched on again."
    if step.key in scene.held:
        return f"{title} {_in_line(scene.held[step.key], now)}"
    if step.due_at is None or step.due_at <= now:
        return f"{title} is about to start."
    failed = f" It failed: {escape(clip(one_line(step.error.message), 300))}" if step.error else ""
    return f"{title} is tried again in {length(step.due_at - now)}.{failed}"


def _in_line(held: Held, now: Millis) -> str:
    """For which endpoint, since when, at which place, and when somebody finds out whether it answers again."""
    place = f"It is {ordinal(held.place)} in line"
    if held.down_since is None:
        return f"waits for its turn at {escape(held.endpoint)}, which has as much to do as it may. {place}."
    later = held.tried_at is not None and held.tried_at > now
    again = f"It is tried again {when(held.tried_at)}" if later and held.tried_at else "It is being tried"
    said = f" Its last answer: {escape(clip(one_line(held.message), 300))}" if held.message.strip() else ""
    down = f"waits for {escape(held.endpoint)}, which is down since {when(held.down_since)}"
    return f"{down}. {place}. {again}, and this goes on by itself.{said}"


def _asks(step: Step) -> bool:
    return step.gate is not None and step.gate.state is GateState.OPEN


def _waits(scene: Scene, step: Step) -> str:
    title = bold(scene.row_title(step))
    until = f" until {when(step.due_at)}" if step.due_at is not None else ""
    if step.child is not None:
        child = scene.kin.get(step.child)
        named = kin_markup(child) if child else "another run"
        return f"{title} waits for the end of {named}."
    if step.event:
        return f"{title} waits for {escape(one_line(step.event), 200)}{', at most' if until else ''}{until}."
    return f"{title} waits{until}."


def _is_block(scene: Scene, step: Step) -> bool:
    return scene.plan.knows(step.name) and scene.plan.step(step.name).uses == "block"


def _under_way(scene: Scene) -> list[Step]:
    """The blocks of the workflow itself that are being worked through."""
    rows = (scene.run.steps.get(spec.name) for spec in scene.plan.within("") if spec.uses == "block")
    return [row for row in rows if row is not None and row.status is StepStatus.RUNNING]


def _block_line(scene: Scene, block: Step) -> str:
    return f"{bold(scene.row_title(block))}: {count_text(scene, block, list(rows_within(scene, block)))}."


# Parts. ---------------------------------------------------------------------------------------------------------------


def _open_gates(scene: Scene) -> list[Gate]:
    gates = [step.gate for step in scene.run.steps.values()]
    return [gate for gate in gates if gate is not None and gate.state is GateState.OPEN]


def _of_the_workflow(scene: Scene) -> list[Step]:
    """The steps of the workflow itself, what is taken back, and the last steps; a block stands for all within it."""
    rows = scene.run.steps.values()
    named = [row for row in rows if ":" not in row.name and (not block_of(row.name) and row.item is None)]
    main = [row for row in named if not belongs(scene.plan, row)]
    undoing = sorted((row for row in rows if ":" in row.name), key=lambda row: row.n)
    last = [row for row in named if belongs(scene.plan, row) and row.status is not StepStatus.PENDING]
    return [*main, *undoing, *last]


def _step_pieces(scene: Scene, step: Step, now: Millis) -> list[Piece]:
    details = [f"{STEP_STATES[step.status]}{_so_long(step, now)}"]
    if _is_block(scene, step) and step.started_at is not None:
        details.append(count_text(scene, step, list(rows_within(scene, step))))
    if step.round > 1:
        details.append(f"round {step.round}")
    if step.failures + step.crashes and not step.status.finished:
        details.append(f"attempt {step.failures + step.crashes + (step.status is StepStatus.RUNNING)}")
    if step.child is not None and step.child in scene.kin:
        details.append(scene.kin[step.child].name)
    if step.gate is not None and step.gate.state is GateState.OPEN:
        details.append(_gate_name(step.gate))
    if step.status is StepStatus.FAILED and step.error and step is not failed_step(scene):
        details.append(clip(one_line(step.error.message), 150))
    if step.status is StepStatus.SKIPPED and step.reason:
        details.append(clip(one_line(step.reason), 150))
    return [words(scene.row_title(step), bold=True), words(f": {', '.join(details)}")]


def _so_long(step: Step, now: Millis) -> str:
    """` in 12 s` for what is done, ` for 12 s` for what is under way; nothing for a moment."""
    if step.started_at is None or step.status in (StepStatus.SKIPPED, StepStatus.PENDING):
        return ""
    so_long_ms = max(0, (step.ended_at or now) - step.started_at)
    word = {StepStatus.SUCCEEDED: "in", StepStatus.FAILED: "after", StepStatus.CANCELLED: "after"}
    return f" {word.get(step.status, 'for')} {length(so_long_ms)}" if so_long_ms >= SECOND_MS else ""


def _with_text(reply: Reply, items: Sequence[Sequence[Piece]]) -> Reply:
    """The list of steps in the text too, for those who hear it read out."""
    lines = ["".join(str(piece.get("text", "")) for piece in item) for item in items]
    listed = [f"{number}. {escape(line)}" for number, line in enumerate(lines, 1)]
    return Reply(fallback([reply.text, *listed]), reply.blocks)


def _title(scene: Scene, address: str) -> str:
    return f"{bold(clip(one_line(scene.title), 150))} {_named(scene.run.name, address)}"


def _named(name: str, address: str) -> str:
    return link(address, name) if address else name


def _gate_name(gate: Gate) -> str:
    return f"{gate.name} v{gate.version}"


def _since(at: Millis, now: Millis) -> str:
    return ago(max(0, now - at))
