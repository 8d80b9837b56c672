"""An endpoint is down, or answers again: what those hear who keep things running, and answers about endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.views import blocks
from bot.views.markup import bold, clip, code, escape, one_line
from bot.views.reply import Reply, said
from bot.views.scene import Rendering, when
from bot.wording import counted, endpoint_text, length
from bot.wording import listed as enumerated
from store.endpoints import Endpoint
from store.model import Millis

TRY = "endpoint_try"
MESSAGE_MAX = 500
LISTED_MAX = 20


@dataclass(frozen=True, slots=True)
class Outage:
    """One time that an endpoint was down."""

    name: str  # "host cms.example.com"
    since: Millis
    runs: int  # that wait for it
    tried_at: Millis | None  # when it is tried again
    message: str  # its last answer


def down_notice(outage: Outage) -> Rendering:
    """It is down: since when, who waits, what happens by itself, and what it said last."""
    wait = f"{counted(outage.runs, 'run waits', 'runs wait')} for it" if outage.runs else "Nobody waits for it just now"
    head = f"{bold(_title(outage.name))} is down since {when(outage.since)}: {wait}."
    again = f"It is tried again {when(outage.tried_at)}" if outage.tried_at is not None else "It is tried again"
    first = again if outage.runs else "The next run that needs it tries it"
    lines = [head, f"{first}; what waits goes on by itself as soon as it answers.", _last(outage.message)]
    button = blocks.button("Try Now", TRY, outage.name, label=f"Try {endpoint_text(outage.name)} now")
    return _rendering(lines, blocks.actions(button, block_id=f"outage:{outage.since}"))


def directly(notice: Rendering) -> Rendering:
    """The same for one person, and why they read it alone."""
    why = "No channel for alerts is open to me, so you get this directly. An operator can name one as `alerts:`."
    return replace(notice, blocks=(*notice.blocks, blocks.context(why)))


def closed_notice(outage: Outage, up_at: Millis | None) -> Rendering:
    """What the notice says once it answers again."""
    head = f"{bold(_title(outage.name))} was down from {when(outage.since)}{_until(up_at)}."
    return _rendering([head, _back(outage, up_at)])


def answered_again(outage: Outage, up_at: Millis | None) -> Rendering:
    """The reply below the notice."""
    return _rendering([f"{_title(outage.name)} answers again. {_back(outage, up_at)}"])


def listed(held: Sequence[tuple[Endpoint, int]], prefix: str, now: Millis) -> Reply:
    """`endpoints`: those that are down, each with who waits for it."""
    if not held:
        return said("Every endpoint answered when it was asked last.")
    lines = [_line(one, runs, now) for one, runs in held[:LISTED_MAX]]
    tip = f"{code(f'{prefix}endpoints try {_short(held[0][0].name)}')} tries one at once."
    return said(f"{counted(len(held), 'endpoint is', 'endpoints are')} down:", "\n".join(lines), tip)


def tried(name: str, state: str, runs: int) -> Reply:
    """What came of `try`."""
    called = bold(_title(name))
    match state:
        case "up":
            return said(f"{called} is not held: whoever needs it asks it at once. Nothing was changed.")
        case "under_way":
            return said(f"{called} is being tried at this moment. Nothing was changed.")
    if not runs:
        return said(f"{called} is tried by the next run that needs it. No run waits for it now.")
    return said(f"{called} is tried now, by the first of {counted(runs, 'run')} in line.")


def unknown_endpoint(name: str, known: Sequence[str], prefix: str) -> Reply:
    told = f"I know no endpoint {code(clip(one_line(name), 80))} that is down. Nothing was changed."
    names = ", ".join(code(_short(one)) for one in known[:LISTED_MAX])
    return said(told, f"Down are: {names}." if names else f"{code(prefix + 'endpoints')} lists those that are down.")


def may_not_try(operators: Sequence[str]) -> Reply:
    who = escape(enumerated(list(operators)[:10], "or"), 400) if operators else "whoever runs me"
    return said(
        f"Only {who}, or who controls a workflow that waits for it, may try an endpoint. Nothing was changed. "
        "It is tried again by itself."
    )


def _line(one: Endpoint, runs: int, now: Millis) -> str:
    since = f" since {when(one.held_since)}, for {length(max(0, now - one.held_since))}" if one.held_since else ""
    later = one.held_until is not None and one.held_until > now
    again = f" · tried again {when(one.held_until)}" if later and one.held_until is not None else " · about to be tried"
    waits = counted(runs, "run waits", "runs wait")
    return f"• {bold(_title(one.name))} is down{since} · {waits}{again}\n  {_last(one.message)}".rstrip()


def _title(name: str) -> str:
    text = escape(endpoint_text(name), 200)
    return text if name.startswith("host ") else f"{text[:1].upper()}{text[1:]}"


def _short(name: str) -> str:
    return name.partition(" ")[2] or name


def _last(message: str) -> str:
    return f"Its last answer: {escape(clip(one_line(message), MESSAGE_MAX))}" if message.strip() else ""


def _until(up_at: Millis | None) -> str:
    return f" to {when(up_at)}" if up_at is not None else ""


def _back(outage: Outage, up_at: Millis | None) -> str:
    took = f" It was down for {length(max(0, up_at - outage.since))}." if up_at is not None else ""
    return f"What waited for it goes on by itself.{took}"


def _rendering(lines: Sequence[str], *more: blocks.Block) -> Rendering:
    text = "\n".join(line for line in lines if line)
    return Rendering(clip(text.replace("*", ""), blocks.FALLBACK_MAX), (blocks.section(text), *more))
