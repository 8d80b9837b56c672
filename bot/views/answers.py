"""Answers that need no run: help, lists, misunderstandings, and every way of saying no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from bot.grammar import Misunderstanding
from bot.views.markup import bold, clip, code, escape, one_line
from bot.views.reply import Reply, said
from bot.wording import WHY_NOT_MEMBER, counted
from engine.inputs import InputRow, describe_inputs
from store.model import Person, Plan, Workflow

LISTED_MAX = 20
SAID_MAX = 300
OFF_MAX = 200

# Verb, one real example and what it does; `{}` stands for the way of addressing us in this place.
FIRST_STEPS = (
    ("list", "what you may start"),
    ("status R-7K2", "how a run stands; without a run: yours, and what waits for you"),
    ("why R-7K2", "what a run waits for, and who can help"),
    ("waiting", "what waits for you"),
    ("approve G-41", "say yes at a gate; `reject G-41 because …` says no"),
    ("cancel R-7K2", "stop a run"),
)
IN_A_RUNS_THREAD = (
    ("status", "how this run stands"),
    ("why", "what it waits for, and who can help"),
    ("who can approve this", "who may decide"),
    ("cancel", "stop it"),
)
VERB_HELP = {
    "run": "Starts a run: `run NAME input=value …`. Put text with spaces in quotes; values without a name go to the "
    "inputs in their order. `--dry-run` only tells what would happen.",
    "list": "Lists what you may start: `list`, or `list word` to search.",
    "status": "Tells how a run stands: `status R-7K2`, `status last`; in a run's thread just `status`.",
    "why": "Tells what a run waits for: `why R-7K2`; in a run's thread just `why`.",
    "who": "Tells who may decide: `who can approve G-41`.",
    "waiting": "Lists the gates that wait for you.",
    "mine": "Lists your runs.",
    "cancel": "Stops a run: `cancel R-7K2 because …`. What runs is asked to stop; what has happened stays.",
    "approve": "Says yes at a gate: `approve G-41`, or `approve G-41 v2` to mean that version and no other.",
    "reject": "Says no at a gate, with a reason that whoever asked will read: `reject G-41 because …`.",
    "changes": "Asks for changes at a gate that takes them: `changes G-41 …`; what is done again starts at once.",
    "retry": "Lets a run that has ended go on where it broke: `retry R-7K2`; `from STEP` does that step again too, "
    "`--version latest` goes on by the newest version, `name=value` changes an input first.",
    "pause": "Holds a run: `pause R-7K2 because …`. What is under way goes on to its end; nothing more is started.",
    "resume": "Lets a paused run go on: `resume R-7K2`.",
    "endpoints": "Lists the endpoints that are down and who waits for them; `endpoints try NAME` tries one at once.",
    "whoami": "Tells who you are here, and which groups of approvers you are in.",
    "ping": "Tells whether I am listening.",
}


def misunderstood(said_wrong: Misunderstanding, prefix: str) -> Reply:
    """What was understood, what is wrong, and what to type instead."""
    understood = escape(said_wrong.understood, SAID_MAX)
    if not said_wrong.suggestion:
        return said(f"{understood} {escape(said_wrong.wrong, SAID_MAX)}".strip())
    return said(
        f"{understood} {escape(said_wrong.wrong, SAID_MAX)} Nothing was changed.".strip(),
        "Try:",
        copy=f"{prefix}{said_wrong.suggestion}",
    )


def help_overview(startable: Sequence[Workflow], prefix: str, *, in_run_thread: bool, example: str) -> Reply:
    """One screen: the most used words with one real example each."""
    lines = IN_A_RUNS_THREAD if in_run_thread else FIRST_STEPS
    shown = [f"• {code(prefix + line)}: {meaning}" for line, meaning in lines]
    if startable and not in_run_thread:
        shown.insert(0, f"• {code(prefix + example)}: start {bold(startable[0].title or startable[0].name)}")
    more = f"More: {code(prefix + 'help run')}, {code(prefix + 'help NAME')} for a workflow and its inputs."
    return said("I run workflows and hold them at gates until people decide.", "\n".join(shown), more)


def help_verb(verb: str, prefix: str) -> Reply:
    return said(f"{code(prefix + verb)}: {VERB_HELP[verb]}")


def help_workflow(workflow: Workflow, plan: Plan, prefix: str, example: str, off: str = "") -> Reply:
    """What a workflow does, its inputs with type and default, and one line that runs it."""
    inputs = [f"• {_input_line(row)}" for row in describe_inputs(plan)]
    return said(
        f"{bold(workflow.title or workflow.name)} ({code(workflow.name)})",
        switched_off(off),
        escape(workflow.description, 1_000),
        "\n".join(inputs) if inputs else "It takes no inputs.",
        copy=f"{prefix}{example}",
    )


def listing(
    startable: Sequence[Workflow], search: str, prefix: str, off: Mapping[str, str] = MappingProxyType({})
) -> Reply:
    """The workflows that this person may start; of those that are switched `off`, who did it and why."""
    if not startable and search:
        return said(f"Nothing that you may start has “{escape(search, 80)}” in it. {code(prefix + 'list')} shows all.")
    if not startable:
        return said("There is nothing here that you may start.")
    lines = [
        f"• {code(one.name)} {escape(clip(one_line(one.title), 100))}{_about(one)}{_off(off.get(one.name, ''))}"
        for one in startable[:LISTED_MAX]
    ]
    rest = len(startable) - LISTED_MAX
    if rest > 0:
        lines.append(f"… and {counted(rest, 'more')}; {code(prefix + 'list WORD')} searches.")
    return said("You may start:", "\n".join(lines), f"{code(prefix + 'help NAME')} tells what one needs.")


def who_you_are(person: Person, groups: Sequence[str], unsure: Sequence[str]) -> Reply:
    if not person.member:
        return not_a_member(person)
    known = f"You are {bold(person.name or person.id)} ({code(person.id)}), a member here."
    inside = f"You are in: {escape(', '.join(groups), SAID_MAX)}." if groups else "You are in no group of approvers."
    return said(known, inside, unsure_of(unsure))


def pong() -> Reply:
    return said("I am here, and listening.")


def courtesy(word: Literal["hello", "thanks", "ok"], prefix: str) -> Reply:
    """A short answer to small talk, with what may be asked."""
    opening = {"hello": "Hello!", "thanks": "You are welcome!", "ok": "Good. (That decided nothing.)"}[word]
    return said(
        f"{opening} {code(prefix + 'list')} shows what you may start, {code(prefix + 'status')} how your runs stand, "
        f"{code(prefix + 'help')} the rest."
    )


# Ways of saying no. ---------------------------------------------------------------------------------------------------


def not_a_member(person: Person) -> Reply:
    """For guests, outsiders, bots and people of whom Slack cannot say who they are. Reveals nothing."""
    if person.why_not == "unknown":
        return said("Slack cannot tell me who you are at the moment, so nothing was changed. Please try again.")
    if person.why_not == "unverifiable":
        return said(
            "This Slack does not let me check who anybody is, so I start and decide nothing for anybody, and nothing "
            "was changed. Trying again does not help; whoever runs me finds the cause with `pointsman doctor`."
        )
    why = WHY_NOT_MEMBER.get(person.why_not, "")
    return said(f"I work only for members of this organisation{f'; {why}' if why else ''}. Nothing was changed.")


def not_yet() -> Reply:
    """What was asked for is noted, and cannot be judged before Slack says something."""
    return said("This takes a moment: I am waiting for Slack. I have what you asked for, and answer as soon as I can.")


def never_told() -> Reply:
    """Slack never said what was needed, however often it was asked."""
    return said("Slack did not give me what this needs, however often I asked. Nothing was changed; please try again.")


def not_in_shared_channels() -> Reply:
    return said(
        "This channel is shared with another organisation, so I do nothing here and nothing was changed. "
        "Write to me in a direct message or in a channel of your own organisation."
    )


def no_such_run(reference: str, prefix: str) -> Reply:
    known = {"this": "This is no run's thread.", "last": "You have not started a run yet."}
    sentence = known.get(reference, f"I know no run {code(clip(reference, 40))}.")
    return said(f"{sentence} {code(prefix + 'mine')} lists yours.")


def no_such_gate(reference: str, prefix: str) -> Reply:
    return said(f"I know no gate {code(clip(reference, 40))}. {code(prefix + 'waiting')} lists what waits for you.")


def no_such_topic(topic: str, close: str, prefix: str) -> Reply:
    more = f" Did you mean {code(prefix + 'help ' + close)}?" if close else ""
    return said(f"There is no help on “{escape(one_line(topic), 80)}”.{more} {code(prefix + 'help')} shows the rest.")


def unsure_of(references: Sequence[str]) -> str:
    """A sentence for groups that Slack would not tell of; empty when there are none."""
    if not references:
        return ""
    return f"Slack did not tell me who is in {escape(', '.join(references), SAID_MAX)}, so I count nobody in."


def broken(token: str, effect: str) -> Reply:
    """Our own fault. `effect` says whether anything was changed."""
    return said(f"Something broke on my side ({token}). {effect}")


def unknown_button() -> Reply:
    return said("I don't know this button any more; nothing was changed. Use the newest message of the run.")


# Parts. ---------------------------------------------------------------------------------------------------------------


def _about(workflow: Workflow) -> str:
    return f": {escape(clip(one_line(workflow.description), 150))}" if workflow.description else ""


def switched_off(why: str) -> str:
    """Who switched a workflow off, when and why; empty for one that is on."""
    return f"*Switched off* by {escape(clip(one_line(why), OFF_MAX))}" if why else ""


def _off(why: str) -> str:
    return f"\n  {switched_off(why)}" if why else ""


def _input_line(row: InputRow) -> str:
    needed = ", required" if row.required else ""
    default = f", default {code(clip(str(row.default), 60))}" if row.default is not None else ""
    described = f": {escape(clip(one_line(row.description), 200))}" if row.description else ""
    return f"{code(row.name)} ({escape(clip(row.type, 150))}{needed}{default}){described}"
