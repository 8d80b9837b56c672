"""Answers to those who decide or cancel: what was recorded, or why not and who may. All of them are private."""

from __future__ import annotations

from bot.attached import NotTaken
from bot.views import blocks
from bot.views.answers import unsure_of
from bot.views.gate_buttons import gate_buttons
from bot.views.gate_words import choice_label, quoted, standing
from bot.views.markup import bold, clip, escape, link, one_line
from bot.views.reply import Reply, said
from bot.views.scene import Scene, actor_markup, asked_markup
from bot.wording import RUN_STATES, VERDICTS, Circumstances, ago, refusal_text
from engine.rules import gates
from engine.rules.commands import Refusal
from store.model import Decision, Gate, GateState, Millis, Person, Run, Verdict

DOING: dict[Verdict, str] = {
    "approve": "approve",
    "reject": "reject",
    "changes": "request changes at",
    "choose": "answer",
    "answer": "answer",
}


def decided(scene: Scene, gate: Gate, verdict: Verdict, address: str = "", *, user: str = "") -> Reply:
    """The decision is on disk; the card follows when Slack lets it."""
    question = escape(clip(one_line(gate.question), 200))
    own = next((one for one in reversed(gate.decisions) if one.actor.id == user), None)
    chosen = f" {quoted(choice_label(gate, own.choice))}" if own and own.choice else ""
    edited = "edited and " if own and own.edits and verdict == "approve" else ""
    sentence = f"You {edited}{VERDICTS[verdict]}{chosen and f' with{chosen} at'} {_gate(gate, address)}: {question}"
    if gate.state is GateState.OPEN and gate.quorum > 1:
        return said(sentence, _so_far(scene, gate))
    if verdict == "changes":
        return said(sentence, "It is recorded; what is done again shows in the run's message.")
    return said(sentence, "It is recorded; the card says so in a moment.")


def _so_far(scene: Scene, gate: Gate) -> str:
    word = "answers" if gate.terms.choices else "approvals"
    return f"That makes {len(standing(gate))} of {gate.quorum} {word}."


def refused(
    scene: Scene,
    gate: Gate,
    refusal: Refusal,
    person: Person,
    now: Millis,
    *,
    address: str = "",
    unsure: tuple[str, ...] = (),
) -> Reply:
    """Why an answer did not count, who may give one, and what became of the gate meanwhile."""
    if refusal is Refusal.ACTOR_NOT_MEMBER and person.why_not == "unknown":
        refusal = Refusal.ACTOR_UNKNOWN
    own = next((one for one in reversed(gate.decisions) if one.actor.id == person.id), None)
    if refusal is Refusal.ALREADY_DECIDED and own is not None and gate.state is GateState.OPEN:
        return said(
            f"You have {VERDICTS[own.verdict]} {_gate(gate, address)} already, {ago(now - own.at)}. It counts once."
        )
    last = _closing(gate)
    about = Circumstances(
        run=scene.run.name,
        gate=_gate(gate, address),
        verdict=VERDICTS[last.verdict] if last else "decided",
        by=_by(last, person) if last else "somebody",
        ago_ms=_elapsed(refusal, gate, last, now),
        approvers=asked_markup(scene, gate.approvers) or "nobody",
        link=link(address, f"{gate.name} v{gate.version}") if address else f"{gate.name} v{gate.version}",
        why_not=person.why_not,
    )
    if refusal is Refusal.ONCE_WOULD_REPEAT:
        card = link(address, "the card") if address else "the card"
        return said(
            "This would do again what must not happen twice unseen, so nothing was changed.",
            f"Press *Request Changes* on {card}: its form names the steps, and asks whether you mean it.",
        )
    if refusal is Refusal.GATE_NOT_OPEN and gate.state is GateState.WITHDRAWN and scene.run.status.finished:
        how = f"{scene.run.name} is {RUN_STATES[scene.run.status]}"
        return said(f"{_gate(gate, address)} is not open for decisions: {how}. Nothing was changed.")
    more = unsure_of(unsure) if refusal in (Refusal.ACTOR_NOT_APPROVER, Refusal.ACTOR_NOT_AMONG) else ""
    return said(refusal_text(refusal, about), more)


def other_version(gate: Gate, asked: int, address: str = "") -> Reply:
    """`approve G-41 v1`, when v2 is the one that counts."""
    newest = _gate(gate, address)
    return said(f"You wrote v{asked}, but {newest} is the one to decide on. Nothing was changed.")


def not_the_card(gate: Gate | None, address: str = "") -> Reply:
    """A click on a message that is not where this gate is decided."""
    if gate is None:
        return said("This is no card that I know; nothing was changed.")
    return said(f"This is not the card of {gate.name}. Please decide on {_gate(gate, address)}. Nothing was changed.")


def form_missed(gate: Gate | None, verdict: Verdict = "reject") -> Reply:
    """A form could not be opened in time, or came back empty."""
    typed = {"reject": "reject {} because …", "changes": "changes {} …"}.get(verdict, "") if gate else ""
    again = f" Click again, or type `{typed.format(gate.name)}`." if gate and typed else " Please click again."
    what = "the form for your reason" if verdict == "reject" else "the form"
    return said(f"I could not open {what} in time, so nothing was decided.{again}")


def file_not_taken(gate: Gate, trouble: NotTaken) -> Reply:
    """A file that was put into a form cannot be had."""
    why = f"I cannot take “{escape(one_line(trouble.name))}”: {escape(one_line(trouble.why))}."
    return said(f"{why} {escape(one_line(trouble.cure))}".strip(), f"Nothing was decided; {gate.name} is still open.")


def may_not_look() -> Reply:
    return said("Only people who may see this run may see all that it asks about. Nothing was changed.")


def content_missed() -> Reply:
    """The window could not be opened in time."""
    return said("I could not show it in time. Please click again.")


def cancelling(scene: Scene, address: str = "") -> Reply:
    run = scene.run
    if run.status.finished:
        return said(f"{_run(run, address)} is {RUN_STATES[run.status]}; open gates are withdrawn.")
    return said(f"{_run(run, address)} is being cancelled: what runs is asked to stop, open gates are withdrawn.")


def not_cancelled(scene: Scene, refusal: Refusal, now: Millis, address: str = "") -> Reply:
    ended = scene.run.ended_at
    about = Circumstances(run=_run(scene.run, address), ago_ms=None if ended is None else now - ended)
    return said(refusal_text(refusal, about))


def may_not_cancel(scene: Scene, address: str = "") -> Reply:
    """Names those who may."""
    others = [one for one in scene.workflow.access.control if one != "members"]
    requester = actor_markup(scene.run.requester)
    who = f"{requester} or {asked_markup(scene, others)}" if others else requester
    return said(f"Only {who} may cancel {_run(scene.run, address)}. Nothing was changed.")


def sure_to_cancel(scene: Scene, address: str = "") -> Reply:
    """`cancel last` and `cancel this` name a run only by what happens to be around."""
    run = scene.run
    title = bold(clip(one_line(scene.title), 150))
    button = blocks.button("Cancel Run", "run_cancel", run.id, style="danger", label=f"Cancel run {run.name}")
    return said(
        f"Cancel {title} {_run(run, address)}? What runs is asked to stop, and open gates are withdrawn. "
        f"What has already happened stays. Or type `cancel {run.name}`.",
        more=[blocks.actions(button)],
    )


def did_you_mean(gate: Gate, verdict: Verdict, address: str = "") -> Reply:
    """Somebody said something that sounds like a decision: here are the real buttons."""
    question = escape(clip(one_line(gate.question), 200))
    offered = gates.offered(gate)
    typed = f", or type `approve {gate.name}` or `reject {gate.name} because …`" if "approve" in offered else ""
    wish = DOING[verdict] if verdict in offered else "answer"
    return said(
        f"Do you want to {wish} {_gate(gate, address)}? A reply alone does not count.",
        f"{question}\nPress a button{typed}.",
        more=[blocks.actions(*gate_buttons(gate))],
    )


def carried_out() -> Reply:
    """After a restart, when nothing more can be told."""
    return said("I was restarted just after I carried this out. The run's messages show how it stands.")


def would(what: str) -> Reply:
    """What a line would do, when it is only tried out."""
    return said(f"This would {what}. Nothing was changed.")


_DECIDED = (GateState.APPROVED, GateState.REJECTED, GateState.RETURNED, GateState.ANSWERED)


def _closing(gate: Gate) -> Decision | None:
    if gate.state not in _DECIDED or not gate.decisions:
        return None
    return gate.decisions[-1]


def _by(decision: Decision, person: Person) -> str:
    return "you" if decision.actor.id == person.id else actor_markup(decision.actor)


def _elapsed(refusal: Refusal, gate: Gate, last: Decision | None, now: Millis) -> Millis | None:
    if refusal is Refusal.GATE_EXPIRED:
        return max(0, now - (gate.closed_at or gate.expires_at))
    return max(0, now - last.at) if refusal is Refusal.ALREADY_DECIDED and last else None


def _gate(gate: Gate, address: str) -> str:
    name = f"{gate.name} v{gate.version}"
    return link(address, name) if address else bold(name)


def _run(run: Run, address: str) -> str:
    return link(address, run.name) if address else run.name
