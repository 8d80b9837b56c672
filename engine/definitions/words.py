"""The single values of a workflow file: names, people, channels, lengths of time. Each says how it is written."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.definitions.cron import HOW, NotCron, cron_line
from engine.definitions.problem import did_you_mean
from engine.definitions.verbs import PLANNED, VERBS
from engine.quantities import UNIT_MS, Rate, duration_ms
from engine.rules.expressions.texts import pattern_problem
from store.model import Json, StartRate

LENGTH_MAX_MS = 10 * 366 * UNIT_MS["d"]  # a longer wait is a slip of the keyboard
HOW_LONG = "write for instance 30s, 15m, 4h, 2d or 2h30m"
NAME = r"[a-z][a-z0-9_]*"
NAME_MAX = 60  # characters: names are shown side by side on a phone

_NAME = re.compile(NAME)
_UNITS = {
    "ms": ("ms", "msec", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
_LOOSE_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*(?:,|and)?", re.I)
_PERSON = re.compile(r"@[^\s@,<>]+|[UW][A-Z0-9]{2,}|[^\s@<>,]+@[^\s@<>,]+\.[^\s@<>,]+")
_CHANNEL = re.compile(r"#[^\s#@,.A-Z<>]{1,80}|[CG][A-Z0-9]{2,}")
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/\S+")
# What the expression language calls something else already.
_TAKEN_IN_EXPRESSIONS = """
as break const continue else false for function has if import in let loop namespace null package return true var void
while
"""
_RESERVED = frozenset(_TAKEN_IN_EXPRESSIONS.split())
_SORT = {"an element": "item", "an event": "event", "a trigger": "run"}
EACH = "each"  # what the step of a list without a block of its own is called


def given(value: Json) -> str:
    """A value of the file in a few words, for messages: never more than a glimpse."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value if len(value) <= 40 else value[:39] + "…"}"'
        case list():
            return "a list"
    return "a map"


def something(value: Json) -> Json:
    """A key may be left out, but not left empty."""
    if value is None:
        refuse("no_value", "there is no value here", "write one, or delete the line")
    return value


def refuse(code: str, message: str, hint: str = "") -> NoReturn:
    """Stop the reading of one value with words of our own."""
    raise PydanticCustomError("pointsman", "{said}", {"code": code, "said": message, "hint": hint})


def length_ms(value: Json) -> int:
    """A length of time in milliseconds. Refuses everything else with what was probably meant."""
    something(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        refuse("bad_duration", f"a length of time is needed here, not {given(value)}", HOW_LONG)
    if not isinstance(value, str):
        refuse(
            "bad_duration", f"{value} of what? a length of time needs its unit", f"write {value}s, {value}m or {value}h"
        )
    try:
        length = duration_ms(value)
    except ValueError:
        refuse("bad_duration", f'"{value[:40]}" is no length of time', _meant(value) or HOW_LONG)
    if length > LENGTH_MAX_MS:
        refuse("bad_duration", f'"{value[:40]}" is longer than ten years', HOW_LONG)
    return length


def positive_length_ms(value: Json) -> int:
    length = length_ms(value)
    if length <= 0:
        refuse("bad_duration", f'"{value}" is no time at all', HOW_LONG)
    return length


def _meant(text: str) -> str:
    """`4 h`, `2 Hours, 30 min` and the like, as they are written here."""
    rest, parts = text.strip(), []
    while rest:
        match = _LOOSE_PART.match(rest)
        unit = _UNIT_OF.get(match.group(2).lower()) if match else None
        if match is None or unit is None:
            return ""
        parts.append(match.group(1) + unit)
        rest = rest[match.end() :].strip()
    return f"write {''.join(parts)}" if parts else ""


def backoff_ms(value: Json) -> tuple[int, int]:
    """`2s..60s`: the first wait and the longest one."""
    hint = "write for instance 2s..60s: the first wait and the longest one"
    something(value)
    if not isinstance(value, str):
        refuse("bad_backoff", f"a range of two lengths of time is needed here, not {given(value)}", hint)
    first, dots, longest = value.partition("..")
    low = length_ms(first.strip())
    high = length_ms(longest.strip()) if dots else low
    if high < low:
        refuse("bad_backoff", f"{first.strip()} is longer than {longest.strip()}", f"write {longest}..{first}")
    return low, high


def name_fault(word: str, what: str) -> tuple[str, str, str] | None:
    """Why a word is no good name: code, message and hint; None when it is one."""
    if not _NAME.fullmatch(word):
        better = re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")
        why = " (in expressions a hyphen is a minus)" if "-" in word else ""
        form = "small letters, digits and _, beginning with a letter"
        hint = f"write `{better}`" if _NAME.fullmatch(better) else f"use {form}"
        return "bad_name", f"`{word[:60]}` is no name for {what}: names are {form}{why}", hint
    if len(word) > NAME_MAX:
        return "bad_name", f"this name has {len(word)} characters; {NAME_MAX} are allowed", "use a shorter one"
    if word in _RESERVED:
        return (
            "reserved_name",
            f"`{word}` has a meaning of its own in expressions",
            f"write for instance `{word}_{_SORT.get(what, 'step')}`",
        )
    if word == EACH and what == "a step":
        return "reserved_name", "`each` is what a step with `foreach:` does for one element", "write for instance `one`"
    return None


def _workflow_name(value: Json) -> str:
    if not isinstance(value, str):
        refuse(
            "wrong_type", f"the workflow's name is needed here, not {given(value)}", "write for instance publish_post"
        )
    fault = name_fault(value, "a workflow")
    if fault is not None:
        refuse(*fault)
    if value in VERBS or value in PLANNED:
        refuse("reserved_name", f"`{value}` is a command in Slack", f"write for instance `{value}_workflow`")
    return value


def _person(value: Json) -> str:
    hint = 'write "@handle" of a group, an e-mail address, or an id such as U012ABCDE'
    something(value)
    if not isinstance(value, str):
        refuse("bad_person", f"a person or group is needed here, not {given(value)}", hint)
    if value.startswith("#"):
        refuse("bad_person", f'"{value}" is a channel, and a person or group is needed here', hint)
    if "${{" in value:
        refuse("bad_person", "a person or group is needed here, not an expression", FROM_DATA)
    if not _PERSON.fullmatch(value):
        better = f'write "@{value}"' if re.fullmatch(r"[\w.-]+", value) else hint
        refuse("bad_person", f'"{value[:60]}" names no person or group', better)
    return value


def _channel(value: Json) -> str:
    hint = 'write "#name" (in quotes) or an id such as C012ABCDE'
    something(value)
    if not isinstance(value, str):
        refuse("bad_channel", f"a channel is needed here, not {given(value)}", hint)
    if not _CHANNEL.fullmatch(value):
        bare = value.lstrip("#").lower().replace(" ", "-")
        better = f'write "#{bare}"' if re.fullmatch(r"[\w-]{1,80}", bare) else hint
        refuse("bad_channel", f'"{value[:60]}" names no channel', better)
    return value


def _starters(value: Json) -> tuple[str, ...]:
    """Who may do something: `members`, or people and groups."""
    if value == "members":
        return ("members",)
    listed = value if isinstance(value, list) else [value]
    if not listed:
        refuse("nobody", "nobody may do this", 'write members, or name people: ["@team"]')
    if "members" in listed:
        refuse(
            "bad_person",
            "`members` means everybody, so nobody else need be named",
            "write members alone, or only names",
        )
    return tuple(_person(one) for one in listed)


def _secret(value: Json) -> str:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        # Never repeat the text: somebody may have put the secret itself here.
        hint = 'write "env:NAME" and set the variable NAME where the service runs; or write "file:/run/secrets/name"'
        refuse("bad_secret", "a secret is a reference to where its value stands, never the value itself", hint)
    return value


def _approvers(value: Json) -> tuple[str, ...]:
    something(value)
    if not isinstance(value, list):
        hint = f'write ["{value}"]' if isinstance(value, str) else 'write for instance ["@editors"]'
        hint = FROM_DATA if isinstance(value, str) and "${{" in value else hint
        refuse("wrong_type", f"a list of people or groups is needed here, not {given(value)}", hint)
    if not value:
        refuse("gate_without_decider", "nobody may decide at this gate", 'name somebody: ["@editors"]')
    return tuple(value)


def _recipient(value: Json) -> str:
    """Whom a message goes to."""
    hint = 'write requester, thread, channel, "#name", "@handle", an e-mail address, or an id such as U012ABCDE'
    something(value)
    if not isinstance(value, str):
        refuse("bad_recipient", f"a person or channel is needed here, not {given(value)}", hint)
    if value in RECIPIENTS or "${{" in value or _PERSON.fullmatch(value) or _CHANNEL.fullmatch(value):
        return value
    near = did_you_mean(value, RECIPIENTS)
    refuse("bad_recipient", f'"{value[:60]}" names no person or channel', near or hint)


def _event_channel(value: Json) -> str:
    if isinstance(value, str) and value.startswith("@"):
        refuse("bad_channel", f'"{value[:60]}" is a person or group, and a channel is needed here', 'write "#name"')
    return _channel(value)


def _thread_or_channel(value: Json) -> str:
    """Where a message is looked for: among the answers to the run, or in a channel."""
    return "thread" if value == "thread" else _event_channel(value)


def _cron(value: Json) -> str:
    something(value)
    if not isinstance(value, str):
        refuse("bad_cron", f"a cron line is needed here, not {given(value)}", HOW)
    try:
        return cron_line(value)
    except NotCron as error:
        refuse("bad_cron", str(error), error.hint)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: Json) -> str:
    hint = "write for instance Europe/Berlin, America/New_York or UTC"
    something(value)
    if not isinstance(value, str):
        refuse("bad_zone", f"a time zone is needed here, not {given(value)}", hint)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        ends = next((zone for zone in sorted(_zones()) if zone.lower().endswith(f"/{value.lower()}")), "")
        better = f"write {ends}" if ends else did_you_mean(value, _zones()) if "/" in value else ""
        refuse("bad_zone", f'there is no time zone "{value[:60]}"', better or hint)
    return value


def _trigger_name(value: Json) -> str:
    something(value)
    if not isinstance(value, str):
        refuse("wrong_type", f"a name is needed here, not {given(value)}", "write for instance weekly")
    fault = name_fault(value, "a trigger")
    if fault is not None:
        refuse(*fault)
    return value


def _pattern(value: Json) -> str:
    something(value)
    if not isinstance(value, str):
        refuse("bad_pattern", f"a regular expression is needed here, not {given(value)}", "write it in quotes")
    wrong = pattern_problem(value)
    if wrong:
        why = wrong.removeprefix("unusable pattern: ")
        hint = "write it as for matches() in expressions, where no pattern can take for ever"
        refuse("bad_pattern", f"this pattern cannot be used: {why}", hint)
    return value


def _rate(value: Json) -> StartRate:
    hint = "write for instance 10/min, 100/h or 500/d"
    something(value)
    try:
        rate = Rate.parse(value)
    except ValueError:
        refuse("bad_rate", f"a rate is needed here, not {given(value)}", hint)
    return StartRate(rate.count, rate.period_ms)


def _call(value: Json) -> str:
    hint = "write file.py:function for a file beside this one, or package.module:function"
    if not isinstance(value, str):
        refuse("bad_call", f"a function is needed here, not {given(value)}", hint)
    if not re.fullmatch(r"[^:]+:[A-Za-z_]\w*", value):
        refuse("bad_call", f'"{value[:60]}" names no function', hint)
    return value


FROM_DATA = 'approvers may come from data: {from: "${{ … }}", among: ["@editors"]}'
RECIPIENTS = ("requester", "thread", "channel")
_AS_TEXT: dict[str, Any] = {"type": "string"}
PositiveDuration = Annotated[
    int, BeforeValidator(positive_length_ms), WithJsonSchema({**_AS_TEXT, "examples": ["30s", "4h", "2h30m"]})
]
MaybeDuration = Annotated[
    int | None, BeforeValidator(positive_length_ms), WithJsonSchema({**_AS_TEXT, "examples": ["30s", "4h", "2h30m"]})
]
Backoff = Annotated[tuple[int, int], BeforeValidator(backoff_ms), WithJsonSchema({**_AS_TEXT, "examples": ["2s..60s"]})]
WorkflowName = Annotated[
    str, BeforeValidator(_workflow_name), WithJsonSchema({**_AS_TEXT, "pattern": f"^{NAME}$", "maxLength": NAME_MAX})
]
PersonRef = Annotated[str, BeforeValidator(_person), WithJsonSchema({**_AS_TEXT, "examples": ["@editors"]})]
Channel = Annotated[str, BeforeValidator(_channel), WithJsonSchema({**_AS_TEXT, "examples": ["#general"]})]
_PEOPLE: dict[str, Any] = {"anyOf": [_AS_TEXT, {"type": "array", "items": _AS_TEXT, "minItems": 1}]}
Allowed = Annotated[tuple[str, ...], BeforeValidator(_starters), WithJsonSchema({**_PEOPLE, "examples": ["members"]})]
SecretRef = Annotated[
    str,
    BeforeValidator(_secret),
    WithJsonSchema({**_AS_TEXT, "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\\s]+)$"}),
]
Approvers = Annotated[
    tuple[PersonRef, ...],
    BeforeValidator(_approvers),
    WithJsonSchema({"type": "array", "items": _AS_TEXT, "minItems": 1, "examples": [["@editors"]]}),
]
Call = Annotated[str, BeforeValidator(_call), WithJsonSchema({**_AS_TEXT, "examples": ["steps.py:count"]})]
Recipient = Annotated[str, BeforeValidator(_recipient), WithJsonSchema({**_AS_TEXT, "examples": ["requester"]})]
EventChannel = Annotated[str, BeforeValidator(_event_channel), WithJsonSchema({**_AS_TEXT, "examples": ["#help"]})]
ThreadOrChannel = Annotated[
    str, BeforeValidator(_thread_or_channel), WithJsonSchema({**_AS_TEXT, "examples": ["thread", "#help"]})
]
CronText = Annotated[str, BeforeValidator(_cron), WithJsonSchema({**_AS_TEXT, "examples": ["0 9 * * 1"]})]
Zone = Annotated[str, BeforeValidator(_zone), WithJsonSchema({**_AS_TEXT, "examples": ["Europe/Berlin"]})]
TriggerName = Annotated[
    str, BeforeValidator(_trigger_name), WithJsonSchema({**_AS_TEXT, "pattern": f"^{NAME}$", "maxLength": NAME_MAX})
]
Pattern = Annotated[str, BeforeValidator(_pattern), WithJsonSchema({**_AS_TEXT, "format": "regex"})]
MaybeRate = Annotated[
    StartRate | None, BeforeValidator(_rate), WithJsonSchema({**_AS_TEXT, "examples": ["10/min", "100/h"]})
]
