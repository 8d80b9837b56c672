"""Gates that nobody could pass, clocks that make no sense, and answers that lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.definitions.gate_shapes import ApprovalWith, FormWith
from engine.definitions.graph import Graph
from engine.definitions.misfits import is_misspelt
from engine.definitions.outline import Outline, Site, short_names
from engine.definitions.problem import Findings, did_you_mean, listing, suggestion
from engine.definitions.shape import AccessShape
from engine.definitions.source import Path
from engine.definitions.step_shapes import ApprovalStep
from engine.rules.expressions import Type
from engine.rules.expressions.types import field_of, kinds


@dataclass(frozen=True, slots=True)
class Company:
    """The people around a file, as far as they are known here."""

    access: AccessShape
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    calendars: frozenset[str] | None = None

    def people(self, references: Sequence[str]) -> frozenset[str] | None:
        """The people behind the references; None when a group's members are not known here."""
        people: set[str] = set()
        for reference in references:
            if reference.startswith("@"):
                members = self.groups.get(reference) or self.groups.get(reference[1:])
                if members is None:
                    return None
                people |= {member.lower() for member in members}
            else:
                people.add(reference.lower())
        return frozenset(people)


def check_gate(
    findings: Findings, site: Site, said: ApprovalWith | FormWith, company: Company, shown: Type | None
) -> None:
    """Can this gate be passed at all, do its clocks make sense, and is its card about what it shows?"""
    path: Path = (*site.path, "with")
    if _somebody(findings, path, site, said):
        _enough_people(findings, path, said, company)
    _fields(findings, path, said, shown)
    _clocks(findings, path, said)
    if said.hours and company.calendars is not None and said.hours not in company.calendars:
        hint = suggestion(said.hours, sorted(company.calendars), what="calendars")
        message = f"the operator's settings have no calendar `{said.hours}`"
        findings.error((*path, "hours"), "unknown_calendar", message, hint)
    if isinstance(said, ApprovalWith):
        _offers(findings, path, said)


def _somebody(findings: Findings, path: Path, site: Site, said: ApprovalWith | FormWith) -> bool:
    """Whether it is said in one way who decides."""
    seats = said.all_of if isinstance(said, ApprovalWith) else []
    written = (*path, "approvers") in findings.source.keys
    if seats:
        for key in ("approvers", "quorum"):
            if (*path, key) in findings.source.keys:
                message = f"`all_of` says who decides, and `{key}` says it again"
                findings.error((*path, key), "two_ways_to_decide", message, "keep one of them", key=True)
        return True
    if not said.approvers and not written and not is_misspelt((*path, "approvers"), findings):
        message = f"`approvers` is missing in step `{site.called.rpartition('.')[2]}`"
        findings.error(path, "missing_key", message, "add `approvers:`")
    return bool(said.approvers)


def _enough_people(findings: Findings, path: Path, said: ApprovalWith | FormWith, company: Company) -> None:
    seats = said.all_of if isinstance(said, ApprovalWith) else []
    if not seats:
        people = said.approvers if isinstance(said.approvers, tuple) else said.approvers.among
        place = (*path, "approvers") if isinstance(said.approvers, tuple) else (*path, "approvers", "among")
        quorum = said.quorum if isinstance(said, ApprovalWith) else 1
        _no_doubles(findings, place, people)
        _passable(findings, (*path, "quorum"), place, people, quorum, said.requester_may_decide, company)
        return
    for index, seat in enumerate(seats):
        place = (*path, "all_of", index)
        _no_doubles(findings, (*place, "approvers"), seat.approvers)
        members = company.people(seat.approvers)
        if members is not None and len(members) < seat.quorum:
            message = f"{seat.quorum} people must approve, and only {len(members)} may decide"
            hint = f"lower `quorum:` to {len(members)}, or name more people"
            findings.error((*place, "quorum"), "gate_without_decider", message, hint)
            return
    everybody = [company.people(seat.approvers) for seat in seats]
    known = [one for one in everybody if one is not None]
    if len(known) == len(seats) and not _seated(known, [seat.quorum for seat in seats]):
        message = "nobody may sit in two groups at once, and there are not enough people for all of these"
        findings.error((*path, "all_of"), "gate_without_decider", message, "name more people, or lower a `quorum:`")
        return
    union = tuple(dict.fromkeys(one for seat in seats for one in seat.approvers))
    quorum = sum(seat.quorum for seat in seats)
    place = (*path, "all_of")
    _passable(findings, place, place, union, quorum, said.requester_may_decide, company)


def _seated(groups: Sequence[frozenset[str]], quorums: Sequence[int]) -> bool:
    """Whether every seat can be taken by somebody who takes no other."""
    seats = [group for group, quorum in zip(groups, quorums, strict=True) for _ in range(quorum)]
    taken: dict[str, int] = {}

    def sit(seat: int, tried: set[str]) -> bool:
        for person in sorted(seats[seat] - tried):
            tried.add(person)
            if person not in taken or sit(taken[person], tried):
                taken[person] = seat
                return True
        return False

    return all(sit(seat, set()) for seat in range(len(seats)))


def _no_doubles(findings: Findings, path: Path, approvers: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for index, reference in enumerate(approvers):
        first = seen.setdefault(reference.lower(), index)
        if first != index:
            message = f'"{reference}" is named twice'
            findings.error((*path, index), "approver_twice", message, "name everybody once: nobody has two votes")


def _passable(
    findings: Findings,
    at_quorum: Path,
    at_people: Path,
    references: Sequence[str],
    quorum: int,
    requester_too: bool,
    company: Company,
) -> None:
    people = company.people(references)
    if people is None:
        return
    if quorum > len(people):
        message = f"{quorum} people must approve, and only {len(people)} may decide"
        hint = f"lower `quorum:` to {len(people)}, or name more people"
        findings.error(at_quorum, "gate_without_decider", message, hint)
        return
    if requester_too:
        return
    starters = company.people(company.access.start) if company.access.start != ("members",) else None
    hint = "name one more, name a group, or write requester_may_decide: true"
    if starters is not None and all(len(people - {one}) < quorum for one in starters):
        message = "whoever starts a run may not decide in it, so nobody is left to decide at this gate"
        findings.error(at_people, "gate_without_decider", message, hint)
    elif len(people) == quorum and (starters is None or starters & people):
        who = "the only person" if quorum == 1 else f"one of the {quorum} people"
        message = f"when {who} who must approve starts a run, nobody can pass this gate"
        findings.warning(at_people, "requester_blocks_gate", message, hint)


def _fields(findings: Findings, path: Path, said: ApprovalWith | FormWith, shown: Type | None) -> None:
    """The fields of a card, and those that may be edited, are fields of what is shown."""
    card, edit = said.card, said.edit if isinstance(said, ApprovalWith) else []
    places = [((*path, "card", "fields", index), name) for index, name in enumerate(card.fields)]
    places += [((*path, "card", "body"), card.body)] if card.body else []
    places += [((*path, "edit", index), name) for index, name in enumerate(edit)]
    if not places:
        return
    if said.show is None:
        for key in ("card", "edit"):
            if any(place[len(path)] == key for place, _ in places):
                told = "the card has fields, and nothing is shown" if key == "card" else "nothing is shown to edit"
                findings.error((*path, key), f"{key}_without_show", told, "add `show:`")
        return
    for place, name in places:
        known = field_of(shown or {}, name)
        possible = kinds(shown or {})
        if known.type is None and possible is not None:
            hint = did_you_mean(name, known.names) or f"it has: {listing(known.names)}"
            hint = hint if known.names else f"only an object has fields; show one: show: {{{name}: …}}"
            findings.error(place, "unknown_field", f"what is shown has no field `{name}`", hint)


def _clocks(findings: Findings, path: Path, said: ApprovalWith | FormWith) -> None:
    due, expires = said.due, said.expires
    if due is None:
        for key in ("remind_before_due", "remind_after_due", "escalate_after_due"):
            if (*path, key) in findings.source.keys:
                message = f"`{key}` counts from `due`, and there is none"
                findings.error((*path, key), "due_missing", message, "add for instance `due: 4h`", key=True)
    elif due >= expires:
        message = "the gate expires before it is due"
        findings.error((*path, "due"), "due_after_expiry", message, "make `due:` shorter than `expires:`")
    else:
        _moments(findings, path, said, due)
    late, whom = said.escalate_after_due is not None, bool(said.escalate_to)
    if late and not whom:
        message = "nobody is named whom to ask then"
        hint = 'add `escalate_to: ["@leads"]`'
        findings.error((*path, "escalate_after_due"), "escalation_incomplete", message, hint, key=True)
    elif whom and not late and (*path, "escalate_to") in findings.source.keys:
        message = "it is not said when these are asked"
        hint = "add `escalate_after_due: 0s`"
        findings.error((*path, "escalate_to"), "escalation_incomplete", message, hint, key=True)


def _moments(findings: Findings, path: Path, said: ApprovalWith | FormWith, due: int) -> None:
    left = said.expires - due
    early = next((n for n, ms in enumerate(said.remind_before_due) if ms >= due), None)
    if early is not None:
        message = "this reminder would come before the gate opens"
        findings.error(_nth(findings, path, "remind_before_due", early), "never_reminded", message, "make it shorter")
    late = next((n for n, ms in enumerate(said.remind_after_due) if ms >= left), None)
    if late is not None:
        message = "this reminder would come after the gate has expired"
        findings.error(_nth(findings, path, "remind_after_due", late), "never_reminded", message, "make it shorter")
    if said.escalate_after_due is not None and said.escalate_after_due >= left:
        message = "the gate expires before others are asked"
        findings.error((*path, "escalate_after_due"), "never_escalated", message, "make it shorter")


def _nth(findings: Findings, path: Path, key: str, index: int) -> Path:
    listed = (*path, key, index)
    return listed if listed in findings.source.nodes else (*path, key)


def check_digest(findings: Findings, outline: Outline, site: Site, said: ApprovalWith | FormWith) -> None:
    """Are there others to share a card with, and does anybody see it in time?"""
    path: Path = (*site.path, "with", "digest")
    if said.digest is None:
        return
    written = path in findings.source.keys
    if not _is_in_a_list(outline, site):
        if written:  # else it is a default for the gates of this file, and means those in lists
            message = "`digest` gathers the gates of a list on one card, and this one asks once"
            findings.error(path, "digest_without_list", message, "leave it out, or do the step for each: foreach:")
        return
    at = path if written else site.path
    for key, until, what in (("due", said.due, "is due"), ("expires", said.expires, "expires")):
        if until is not None and said.digest >= until:
            message = f"the gate {what} before the card that gathers it is posted"
            findings.error(at, "gathered_too_long", message, f"make `digest:` shorter than `{key}:`")
            return


def _is_in_a_list(outline: Outline, site: Site) -> bool:
    block = site.block
    while block and block in outline.sites:
        if outline.sites[block].loops:
            return True
        block = outline.sites[block].block
    return False


def _offers(findings: Findings, path: Path, said: ApprovalWith) -> None:
    """Answers that a gate with choices does not have."""
    if not said.choices:
        return
    for key, why in _NOT_WITH_CHOICES.items():
        if (*path, key) in findings.source.keys:
            message = f"with `choices` people neither approve nor reject, so `{key}` has no use"
            findings.error((*path, key), "choices_instead", message, why, key=True)


_NOT_WITH_CHOICES = {
    "auto": "use a condition: when: ${{ … }}",
    "edit": "ask for the data with `uses: form`",
    "on_reject": "offer an answer for it, and look at steps.NAME.output.choice",
    "changes": "offer an answer for it, and look at steps.NAME.output.choice",
    "all_of": "use one gate for each group",
}


def check_changes(findings: Findings, outline: Outline, graph: Graph, site: Site) -> str | None:
    """The step that is done again when people ask for changes; None where there is none."""
    changes = site.step.with_.changes if isinstance(site.step, ApprovalStep) else None
    auto = site.step.with_.auto if isinstance(site.step, ApprovalStep) else None
    path: Path = (*site.path, "with")
    if changes is None:
        if auto is not None and auto.changes is not None and (*path, "changes") not in findings.source.keys:
            message = "it is not said what is done again"
            hint = "add `changes: {rerun: STEP}` to the gate"
            findings.error((*path, "auto", "changes"), "changes_missing", message, hint, key=True)
        return None
    name = f"{site.block}.{changes.rerun}" if site.block else changes.rerun
    at = (*path, "changes", "rerun")
    above = [one for one in outline.within(site.block) if one in graph.above(site.name)]
    if name in outline.unclear:
        return None
    if name not in outline.sites:
        hint = suggestion(changes.rerun, short_names(above), what="steps before this gate")
        findings.error(at, "unknown_step", f"there is no step `{changes.rerun}` beside this gate", hint)
        return None
    if name not in above:
        message = f"this gate does not depend on `{changes.rerun}`: doing that again would change nothing here"
        hint = f"name a step before it: {listing(short_names(above))}" if above else "show something of that step"
        findings.error(at, "rerun_without_effect", message, hint)
        return None
    return name
