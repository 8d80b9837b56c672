"""What a run's thread says when it is let go on after its end: what is done again, and which approvals still hold."""

from __future__ import annotations

from collections.abc import Iterable

from bot.views import blocks
from bot.views.gate_words import gate_key, short_digest
from bot.views.markup import clip, code, escape, link, one_line
from bot.views.past import Again
from bot.views.scene import Rendering, Scene, actor_markup, when
from bot.wording import listed
from store.model import Decision, Gate, StepKey

NAMED_MAX = 8
REASON_MAX = 300


def again_key(run_id: str, n: int) -> str:
    """The key of the line about the n-th time that the run was let go on."""
    return f"again:{run_id}:{n}"


def again_line(scene: Scene, again: Again) -> Rendering:
    """Who, by what, and what of people's words still stands. What is looked at later is added when it is."""
    lines = [_first(scene, again), *_approvals(scene, again)]
    text = "\n".join(lines)
    return Rendering(clip(text.replace("*", ""), blocks.FALLBACK_MAX), (blocks.section(text),))


def _first(scene: Scene, again: Again) -> str:
    version = ", by the newest version of the workflow" if again.newer else ""
    changed = ", ".join(code(name) for name in again.changed[:NAMED_MAX])
    inputs = f", with another {changed}" if changed else ""
    why = f": “{escape(one_line(again.reason), REASON_MAX)}”." if again.reason.strip() else "."
    titles = _titles(scene, again.redone)
    done = f" Done again: {escape(listed(titles), 600)}." if titles else ""
    return f"Retried by {actor_markup(again.actor)} {when(again.at)}{version}{inputs}{why}{done}"


def _approvals(scene: Scene, again: Again) -> list[str]:
    lines = [
        f"{_approval(scene, key, gate)} still holds: nothing before it is done again."
        for key, gate in _known(scene, again.untouched)
    ]
    for key, gate in _known(scene, again.kept):
        lines.append(f"{_approval(scene, key, gate)} still holds: what was shown is the same ({short_digest(gate)}).")
    for key, gate in _known(scene, again.asked):
        lines.append(f"{_title(scene, key)} is asked again: what was shown has changed. {_card(scene, gate)}")
    for key, gate in _known(scene, again.anew):
        lines.append(f"{_title(scene, key)} is asked again, as was wished. {_card(scene, gate)}")
    return lines[:NAMED_MAX]


def _known(scene: Scene, gates: Iterable[str]) -> list[tuple[StepKey, Gate]]:
    return [scene.past.gates[one] for one in gates if one in scene.past.gates]


def _approval(scene: Scene, key: StepKey, gate: Gate) -> str:
    """`The approval of Editorial review by @Ravi`"""
    by = list(dict.fromkeys(actor_markup(one.actor) for one in gate.decisions if _counts(one, gate)))
    who = f" by {listed(by[:NAMED_MAX])}" if by else ""
    word = "answer to" if gate.terms.form is not None or gate.terms.choices else "approval of"
    return f"The {word} {_title(scene, key)}{who}"


def _counts(decision: Decision, gate: Gate) -> bool:
    return decision.verdict in ("approve", "answer", "choose") and decision.digest == gate.digest


def _card(scene: Scene, gate: Gate) -> str:
    address = scene.links.get(gate_key(gate.id), "")
    name = f"{gate.name} v{gate.version}"
    return link(address, name) if address else name


def _title(scene: Scene, key: StepKey) -> str:
    step = scene.run.steps.get(key)
    return escape(scene.row_title(step) if step is not None else key, 150)


def _titles(scene: Scene, keys: Iterable[StepKey]) -> list[str]:
    found = list(dict.fromkeys(scene.row_title(scene.run.steps[key]) for key in keys if key in scene.run.steps))
    rest = len(found) - NAMED_MAX
    return [*found[:NAMED_MAX], f"{rest} more"] if rest > 0 else found
