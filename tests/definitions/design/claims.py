"""Checks what a post claims."""

from typing import TypedDict


class Claim(TypedDict):
    """Something that a post says is so."""

    id: str
    text: str


class Checked(TypedDict):
    """Whether it holds."""

    ok: bool


def check(claim: Claim) -> Checked:
    return {"ok": bool(claim["text"])}
