"""Do the statements of a post hold? Every quote stands in the text, has a source, and no number goes without one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from typing_extensions import TypedDict

from engine.kit import effect

NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s?(?:%|percent)?")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
NOT_A_SOURCE = ("example.com", "localhost", "bit.ly", "t.co")


class Claim(TypedDict):
    id: str
    quote: str
    source: str


class Check(TypedDict):
    ok: bool
    problem: str


@effect("pure")
def statements(title: str, body: str, claims: list[Claim]) -> list[Claim]:
    """What the post states: its claims, and every sentence with a number that none of them covers.

    Numbers of the title name the subject; nobody needs a source for them.
    """
    sourced = {number for text in (title, *(claim["quote"] for claim in claims)) for number in _numbers(text)}
    found = [sentence.strip() for sentence in SENTENCE_END.split(body) if _numbers(sentence) - sourced]
    return [*claims, *(Claim(id=f"n{n}", quote=quote, source="") for n, quote in enumerate(found, 1))]


@effect("pure")
def check(claim: Claim, body: str) -> Check:
    """Whether a claim holds, and else everything that is wrong with it."""
    problems = []
    if _plain(claim["quote"]) not in _plain(body):
        problems.append("it does not stand in the text")
    source = urlsplit(claim["source"])
    if not claim["source"]:
        problems.append(f"{_listed(_numbers(claim['quote'])) or 'it'} has no source")
    elif source.scheme != "https" or "." not in source.netloc:
        problems.append(f"its source {claim['source']} is not an https address")
    elif _host(claim["source"]) in NOT_A_SOURCE:
        problems.append(f"{_host(claim['source'])} is not a source")
    return {"ok": not problems, "problem": "; ".join(problems)}


def _numbers(text: str) -> set[str]:
    return {match.group().strip() for match in NUMBER.finditer(_plain(text))}


def _listed(numbers: set[str]) -> str:
    return ", ".join(f"the number {number}" for number in sorted(numbers))


def _host(address: str) -> str:
    return urlsplit(address).netloc.lower().removeprefix("www.")


def _plain(text: str) -> str:
    """Lower case, with straight quotes and single spaces: how people compare two sentences."""
    straight = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xA0: " "})
    return " ".join(straight.lower().split())
