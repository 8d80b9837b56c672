"""What to say to a line that asks for nothing: what was understood, what is wrong, and what to type instead."""

from __future__ import annotations

import re
from difflib import get_close_matches

from bot.grammar.asks import Context, Misunderstanding
from bot.grammar.parts import workflow_named
from bot.grammar.render import join
from bot.grammar.slack_text import readable
from bot.grammar.tokens import Unclosed
from engine.definitions.verbs import VERBS

NEAR_MEANINGS = {
    "abort": "cancel",
    "kill": "cancel",
    "stop": "cancel",
    "execute": "run",
    "launch": "run",
    "trigger": "run",
    "begin": "run",
    "details": "status",
    "info": "status",
    "inspect": "status",
    "show": "status",
    "progress": "status",
    "deny": "reject",
    "decline": "reject",
    "accept": "approve",
    "commands": "help",
    "workflows": "list",
}
_SOUNDS_LIKE_YES = re.compile(
    r"(?:looks? (?:good|great|fine)|lgtm|ship it|go ahead|approved?|ok(?:ay)?|yes|yep|sure|fine by me)\b"
    r"|\+1|👍|:\+1:|:thumbsup:"
)
_SOUNDS_LIKE_NO = re.compile(r"(?:no|nope|rejected?|not (?:good|ok|yet)|denied)\b|-1|👎|:-1:|:thumbsdown:")
ECHO_MAX = 80
WORD_MAX = 60


def unknown(word: str, line: str, rest: str, context: Context) -> Misunderstanding:
    said = readable(line)
    sounds = said.lower()
    if _SOUNDS_LIKE_YES.match(sounds):
        return Misunderstanding(
            "That sounds like a yes.", "A reply alone decides nothing.", "approve G-41", verdict="approve"
        )
    if _SOUNDS_LIKE_NO.match(sounds):
        return Misunderstanding(
            "That sounds like a no.", "A reply alone decides nothing.", "reject G-41 because …", verdict="reject"
        )
    return Misunderstanding("", f"I don't know {echo(cut(said, WORD_MAX))}.", _nearest(word, rest, context))


def _nearest(word: str, rest: str, context: Context) -> str:
    word = word[:WORD_MAX]
    workflow = workflow_named(word, context)
    if workflow:
        return _suggested("run", workflow, rest)
    if word in NEAR_MEANINGS:
        return _suggested(NEAR_MEANINGS[word], rest)
    close = get_close_matches(word, [verb for verb in VERBS if len(verb) > 2], n=1, cutoff=0.7)
    if close:
        return _suggested(VERBS[close[0]], rest)
    close = get_close_matches(word.replace("-", "_"), context.inputs, n=1, cutoff=0.7)
    return _suggested("run", close[0], rest) if close else "help"


def _suggested(*parts: str) -> str:
    return cut(readable(join(*parts)), 200)


def no_run(understood: str, rest: str, verb: str) -> Misunderstanding:
    said = readable(rest).strip()
    wrong = f"{echo(said)} is not a run." if said else "You did not say which run."
    return Misunderstanding(understood, f"{wrong} Runs are called like R-7K2.", f"{verb} R-7K2" if said else "mine")


def no_gate(rest: str) -> str:
    said = readable(rest).strip()
    return f"{echo(said)} is not a gate; gates are called like G-41." if said else "You did not say which gate."


def unclosed(found: Unclosed, understood: str, verb: str = "run") -> Misunderstanding:
    closing = {"“": "”", "„": "“", "«": "»"}.get(found.quote, found.quote)
    opened = " ".join((found.before.split(" ")[-1] + found.rest).split())
    return Misunderstanding(
        understood,
        f"The quote {found.quote} that opens at {cut(opened, ECHO_MAX)} is never closed: "
        f"add {closing} where the value ends.",
        f"{verb} {found.before}{cut(found.rest.rstrip(), 200)}{closing}",
    )


def echo(text: str) -> str:
    return f"“{cut(' '.join(text.split()), ECHO_MAX)}”"


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
