"""Do the claims of a post hold? Every quote stands in the text, has a source, and no number goes without one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from typing_extensions import TypedDict

from engine.kit import NonRetryable, effect

NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s?(?:%|percent)?")
NOT_A_SOURCE = ("example.com", "localhost", "bit.ly", "t.co")


class Claim(TypedDict):
    id: str
    quote: str
    source: str


class Check(TypedDict):
    checked: int
    sources: list[str]


@effect("pure")
def check(title: str, body: str, claims: list[Claim]) -> Check:
    """Return what was checked; raise with every problem at once when a claim does not hold."""
    text = _plain(body)
    problems = [problem for claim in claims for problem in _problems(claim, text)]
    problems += _numbers_without_claim(text, _plain(title), claims)
    if problems:
        raise NonRetryable(f'"{title}" cannot go out as it is: ' + "; ".join(problems))
    return {"checked": len(claims), "sources": sorted({_host(claim["source"]) for claim in claims})}


def _problems(claim: Claim, text: str) -> Iterator[str]:
    quote = _plain(claim["quote"])
    if quote not in text:
        yield f"{claim['id']}: “{claim['quote']}” does not stand in the text"
    source = urlsplit(claim["source"])
    if source.scheme != "https" or "." not in source.netloc:
        yield f"{claim['id']}: its source {claim['source'] or '(none)'} is not an https address"
    elif _host(claim["source"]) in NOT_A_SOURCE:
        yield f"{claim['id']}: {_host(claim['source'])} is not a source"


def _numbers_without_claim(text: str, title: str, claims: list[Claim]) -> Iterator[str]:
    """Numbers of the title name the subject; every other one must stand in a claim."""
    sourced = set(_numbers(title)) | {number for claim in claims for number in _numbers(_plain(claim["quote"]))}
    for number in dict.fromkeys(_numbers(text)):
        if number not in sourced:
            yield f"the number {number} has no source"


def _numbers(text: str) -> Iterator[str]:
    return (match.group().strip() for match in NUMBER.finditer(text))


def _host(address: str) -> str:
    return urlsplit(address).netloc.lower().removeprefix("www.")


def _plain(text: str) -> str:
    """Lower case, with straight quotes and single spaces: how people compare two sentences."""
    straight = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xA0: " "})
    return " ".join(straight.lower().split())
