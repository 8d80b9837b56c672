"""Gates that nobody could pass, and data that goes on after a gate without having been shown there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.definitions.graph import Graph
from engine.definitions.problem import Findings, did_you_mean, listing
from engine.definitions.references import Place, Use
from engine.definitions.shape import AccessShape, AnyStep, ApprovalStep, TransformStep
from engine.definitions.source import Path
from engine.rules.expressions import Type

_LEAVES = frozenset({"http", "command", "python"})  # kinds that carry data to where it cannot be taken back


def check_gate(
    findings: Findings,
    name: str,
    step: ApprovalStep,
    access: AccessShape,
    groups: Mapping[str, Sequence[str]],
    shown: Type | None,
) -> None:
    """Can this gate be passed at all, and is its card about what it shows?"""
    path: Path = ("steps", name, "with")
    _no_doubles(findings, (*path, "approvers"), step.with_.approvers)
    _enough_people(findings, path, step, access, groups)
    _card(findings, path, step, shown)
    due, expires = step.with_.due, step.with_.expires
    if due is not None and due >= expires:
        message = "the gate expires before it is due"
        findings.error((*path, "due"), "due_after_expiry", message, "make `due:` shorter than `expires:`")


def _no_doubles(findings: Findings, path: Path, approvers: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for index, reference in enumerate(approvers):
        first = seen.setdefault(reference.lower(), index)
        if first != index:
            message = f'"{reference}" is named twice'
            findings.error((*path, index), "approver_twice", message, "name everybody once: nobody has two votes")


def _enough_people(
    findings: Findings, path: Path, step: ApprovalStep, access: AccessShape, groups: Mapping[str, Sequence[str]]
) -> None:
    people = _people(step.with_.approvers, groups)
    if people is None:
        return
    quorum = step.with_.quorum
    if quorum > len(people):
        message = f"{quorum} people must approve, and only {len(people)} may decide"
        findings.error(
            (*path, "quorum"), "gate_without_decider", message, f"lower `quorum:` to {len(people)}, or name more people"
        )
        return
    if step.with_.requester_may_decide:
        return
    starters = _people(access.start, groups) if access.start != ("members",) else None
    hint = "name one more, name a group, or write requester_may_decide: true"
    if starters is not None and all(len(people - {one}) < quorum for one in starters):
        message = "whoever starts a run may not decide in it, so nobody is left to decide at this gate"
        findings.error((*path, "approvers"), "gate_without_decider", message, hint)
    elif len(people) == quorum and (starters is None or starters & people):
        who = "the only person" if quorum == 1 else f"one of the {quorum} people"
        message = f"when {who} who must approve starts a run, nobody can pass this gate"
        findings.warning((*path, "approvers"), "requester_blocks_gate", message, hint)


def _people(references: Sequence[str], groups: Mapping[str, Sequence[str]]) -> frozenset[str] | None:
    """The people behind the references; None when a group's members are not known here."""
    people: set[str] = set()
    for reference in references:
        if reference.startswith("@"):
            members = groups.get(reference) or groups.get(reference[1:])
            if members is None:
                return None
            people |= {member.lower() for member in members}
        else:
            people.add(reference.lower())
    return frozenset(people)


def _card(findings: Findings, path: Path, step: ApprovalStep, shown: Type | None) -> None:
    """The fields of a card are fields of what is shown."""
    card = step.with_.card
    if not card.fields and not card.body:
        return
    if step.with_.show is None:
        findings.error((*path, "card"), "card_without_show", "the card has fields, and nothing is shown", "add `show:`")
        return
    properties = shown.get("properties") if shown else None
    if not isinstance(properties, Mapping):
        return
    places = [((*path, "card", "fields", index), name) for index, name in enumerate(card.fields)]
    places += [((*path, "card", "body"), card.body)] if card.body else []
    for place, name in places:
        if name not in properties:
            hint = did_you_mean(name, properties) or f"it has: {listing(properties)}"
            findings.error(place, "unknown_field", f"what is shown has no field `{name}`", hint)


def warn_of_unseen_data(
    findings: Findings, graph: Graph, steps: Mapping[str, AnyStep], places: Mapping[str, Place]
) -> None:
    """Warn where a step uses data that the approvers of the gate before it were not shown."""
    gates = [name for name, step in steps.items() if isinstance(step, ApprovalStep)]
    above = {name: graph.above(name) for name in steps} if gates else {}
    for name, step in steps.items():
        before = [gate for gate in gates if gate in above[name]]
        if step.uses not in _LEAVES or not before:
            continue
        seen = [use.reference.path for gate in before for use in places[gate].uses if len(use.path) > 3]
        for use in places[name].uses:
            if _unseen(use, before, above, seen, steps, places):
                source = use.step
                findings.warning(
                    use.path,
                    "not_shown_at_gate",
                    f"`{name}` uses data of `{source}` that gate `{before[-1]}` did not show",
                    f"add it to `show:` of `{before[-1]}`, or use steps.{before[-1]}.output.content",
                    offset=use.offset,
                )


def _unseen(
    use: Use,
    before: Sequence[str],
    above: Mapping[str, frozenset[str]],
    seen: Sequence[tuple[str, ...]],
    steps: Mapping[str, AnyStep],
    places: Mapping[str, Place],
) -> bool:
    source = use.step
    if source is None or use.part != "output" or source not in steps or source in before:
        return False
    # What came into being after a gate could not be shown there; that is what later gates are for.
    if all(gate in above[source] for gate in before):
        return False
    if _covered(use.reference.path, seen):
        return False
    if isinstance(steps[source], TransformStep):
        inner = [one for one in places[source].uses if one.step and one.part == "output"]
        return any(_unseen(one, before, above, seen, steps, places) for one in inner)
    return True


def _covered(path: tuple[str, ...], seen: Sequence[tuple[str, ...]]) -> bool:
    return any(path[: len(shown)] == shown for shown in seen)
