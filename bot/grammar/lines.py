"""A line of words to what it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.grammar.asks import (
    Approve,
    Ask,
    Cancel,
    Changes,
    Context,
    Endpoints,
    Help,
    ListWorkflows,
    Mine,
    Misunderstanding,
    Pause,
    Ping,
    Reject,
    Resume,
    Start,
    Status,
    Value,
    Waiting,
    WhoAmI,
    Why,
)
from bot.grammar.parts import gate_reference, input_named, run_reference, split, spoken_reason, words, workflow_named
from bot.grammar.phrases import courtesy, question
from bot.grammar.render import join, version_word, word
from bot.grammar.retrying import retry
from bot.grammar.slack_text import readable
from bot.grammar.suggestions import echo, no_gate, no_run, unclosed, unknown
from bot.grammar.tokens import Token, Unclosed, tokens
from engine.definitions.verbs import VERBS

_WRAPPED = re.compile(r"(```|`|\*|_)\s*(?=\S)(.*?)\s*\1", re.DOTALL)
_TRUE = "true"
_TRY = re.compile(r"try(?:\s+|\Z)", re.IGNORECASE)
_SAID_BESIDE = re.compile(r"from\s+\S|because\b|--|—|–|[A-Za-z_][\w-]*\+?=", re.IGNORECASE)


def parse(text: str, context: Context) -> Ask | Misunderstanding:
    """What a line asks for. `text` is as Slack delivers it; no line raises, and no guess changes anything."""
    line = _bare(text)
    if not line:
        return Help()
    word, rest = _first_word(line)
    verb = VERBS.get(word)
    named = verb is None and context.surface == "slash" and workflow_named(word, context) is not None
    if named and line.lower() == word:
        return _start(line, context)  # also when it is called `hello`, which would be a question anywhere else
    asked = courtesy(readable(line), context) or question(readable(line), in_run_thread=context.in_run_thread)
    if asked is not None:
        return asked
    if verb is not None:
        return _READERS[verb](rest, context)
    if named:
        return _start(line, context)
    return unknown(word, line, rest, context)


def _bare(text: str) -> str:
    """The line without a pasted `/flow` and without the code or bold marks of the message it was copied from."""
    line = text.strip()
    wrapped = _WRAPPED.fullmatch(line)
    if wrapped:
        line = wrapped[2]
    return re.sub(r"\A/[a-z][\w-]*(?:\s+|\Z)", "", line).strip()


def _first_word(line: str) -> tuple[str, str]:
    parts = line.split(None, 1)
    word = parts[0].lower()
    return (word if word == "?" else word.rstrip(":,.!?")), parts[1] if len(parts) > 1 else ""


# Readers, one a verb. -------------------------------------------------------------------------------------------------


def _start(rest: str, context: Context) -> Ask | Misunderstanding:
    pieces = tokens(rest)
    if isinstance(pieces, Unclosed):
        return unclosed(pieces, "You want to start a workflow.")
    if not pieces:
        return Misunderstanding("You want to start a workflow.", "You did not say which.", "list")
    first, *others = pieces
    if first.kind != "value" or not first.text.strip():
        return Misunderstanding(
            "You want to start a workflow.", f"Its name comes first, before {echo(first.name or first.text)}.", "list"
        )
    workflow = workflow_named(first.text, context) or first.text
    return _bound(workflow, others, context.inputs.get(workflow))


def _bound(workflow: str, pieces: list[Token], declared: tuple[str, ...] | None) -> Ask | Misunderstanding:
    """Options by name, then bare values in declared order."""
    given: dict[str, Value] = {}
    loose: list[Token] = []
    dry_run = False
    waiting = list(pieces)
    while waiting:
        piece = waiting.pop(0)
        if piece.kind == "value":
            loose.append(piece)
            continue
        name = input_named(piece.name, declared)
        if piece.kind == "option" and name in ("dry-run", "dry_run") and name not in (declared or ()):
            dry_run = True
            continue
        value = piece.text
        if piece.kind == "option":
            value = waiting.pop(0).text if waiting and waiting[0].kind == "value" else _TRUE
        if name in given and not piece.append:
            return _twice(workflow, name, given[name], value)
        given[name] = _appended(given.get(name), value) if piece.append else value
    named = set(given)
    left = _place(loose, given, declared)
    return Start(workflow, tuple(given.items()), left, dry_run, tuple(name for name in given if name not in named))


def _appended(before: Value | None, value: str) -> Value:
    if before is None:
        return (value,)
    return (*before, value) if isinstance(before, tuple) else (before, value)


def _place(loose: list[Token], given: dict[str, Value], declared: tuple[str, ...] | None) -> tuple[str, ...]:
    """Give bare values to the inputs that have none yet, in declared order; what is left over is returned."""
    free = [name for name in declared or () if name not in given]
    if len(loose) > 1 and free and not loose[0].quoted and loose[0].text.lower() == "about":
        given[free[0]] = " ".join(piece.text for piece in loose[1:])
        return ()
    for name, piece in zip(free, loose, strict=False):
        given[name] = piece.text
    return tuple(piece.text for piece in loose[len(free) :])


def _twice(workflow: str, name: str, first: Value, second: str) -> Misunderstanding:
    return Misunderstanding(
        f"You want to start {workflow}.",
        f"{echo(name)} is given twice: {echo(str(first))} and {echo(second)}.",
        f"run {word(workflow)} {name}={word(second)}",
    )


def _list(rest: str, context: Context) -> Ask | Misunderstanding:
    return ListWorkflows(words(rest))


def _help(rest: str, context: Context) -> Ask | Misunderstanding:
    return Help(words(rest))


def _status(rest: str, context: Context) -> Ask | Misunderstanding:
    if not rest:
        return Status("this" if context.in_run_thread else "")
    run = run_reference(rest)
    if run is None:
        return no_run("You want to know how a run stands.", rest, "status")
    return Status(run)


def _why(rest: str, context: Context) -> Ask | Misunderstanding:
    run = run_reference(rest) if rest else "this" if context.in_run_thread else "last"
    if run is None:
        return no_run("You want to know why a run waits.", rest, "why")
    return Why(run)


def _who(rest: str, context: Context) -> Ask | Misunderstanding:
    return Misunderstanding("You want to know who may decide.", "You did not say where.", "who can approve G-41")


def _waiting(rest: str, context: Context) -> Ask | Misunderstanding:
    return Waiting()


def _mine(rest: str, context: Context) -> Ask | Misunderstanding:
    return Mine()


def _whoami(rest: str, context: Context) -> Ask | Misunderstanding:
    return WhoAmI()


def _ping(rest: str, context: Context) -> Ask | Misunderstanding:
    return Ping()


def _endpoints(rest: str, context: Context) -> Ask | Misunderstanding:
    if not rest:
        return Endpoints()
    found, name = _TRY.match(rest), ""
    if found is not None:
        name = words(rest[found.end() :])
    if not name:
        wrong = "You did not say which." if found else f"I don't understand {echo(rest)}."
        return Misunderstanding("You want to know which endpoints are down.", wrong, "endpoints try NAME")
    return Endpoints(name)


def _cancel(rest: str, context: Context) -> Ask | Misunderstanding:
    word, _, reason = split(rest)
    if not word and context.in_run_thread:
        return Cancel("this")
    run = run_reference(word)
    if run is None:
        return no_run("You want to cancel a run.", rest, "cancel")
    return Cancel(run, spoken_reason(reason))


def _approve(rest: str, context: Context) -> Ask | Misunderstanding:
    found = gate_reference(rest)
    if found is None:
        return Misunderstanding("You want to approve something.", no_gate(rest), "approve G-41", verdict="approve")
    gate, version, said = found
    return Approve(gate, version, spoken_reason(said))


def _reject(rest: str, context: Context) -> Ask | Misunderstanding:
    found = gate_reference(rest)
    if found is None:
        return Misunderstanding(
            "You want to reject something.", no_gate(rest), "reject G-41 because …", verdict="reject"
        )
    gate, version, said = found
    reason = spoken_reason(said)
    if not reason.strip():
        return Misunderstanding(
            f"You want to reject {gate}.",
            "A rejection needs a reason: whoever asked reads it.",
            join("reject", gate, version_word(version), "because …"),
        )
    return Reject(gate, reason, version)


def _changes(rest: str, context: Context) -> Ask | Misunderstanding:
    found = gate_reference(rest)
    if found is None:
        return Misunderstanding("You want something changed.", no_gate(rest), "changes G-41 …")
    gate, version, said = found
    comment = spoken_reason(said)
    if not comment.strip():
        return Misunderstanding(
            f"You want changes at {gate}.", "Say which.", join("changes", gate, version_word(version), "…")
        )
    return Changes(gate, comment, version)


def _retry(rest: str, context: Context) -> Ask | Misunderstanding:
    found = _controlled(rest, context)
    if found is None:
        return no_run("You want to retry a run.", rest, "retry")
    return retry(*found)


def _pause(rest: str, context: Context) -> Ask | Misunderstanding:
    found = _controlled(rest, context)
    if found is None:
        return no_run("You want to pause a run.", rest, "pause")
    return Pause(found[0], spoken_reason(found[1]))


def _resume(rest: str, context: Context) -> Ask | Misunderstanding:
    found = _controlled(rest, context)
    return no_run("You want to resume a run.", rest, "resume") if found is None else Resume(found[0])


def _controlled(rest: str, context: Context) -> tuple[str, str] | None:
    """The run that is meant, and what is said beside; in a run's thread it need not be named."""
    word, _, said = split(rest)
    run = run_reference(word) if word else None
    if run is not None:
        return run, said
    implied = not word or _SAID_BESIDE.match(rest.strip()) is not None
    return ("this", rest.strip()) if implied and context.in_run_thread else None


_READERS: dict[str, Callable[[str, Context], Ask | Misunderstanding]] = {
    "run": _start,
    "list": _list,
    "status": _status,
    "why": _why,
    "who": _who,
    "waiting": _waiting,
    "mine": _mine,
    "endpoints": _endpoints,
    "cancel": _cancel,
    "approve": _approve,
    "reject": _reject,
    "changes": _changes,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "help": _help,
    "whoami": _whoami,
    "ping": _ping,
}
