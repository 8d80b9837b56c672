from typing import TypedDict

from engine.kit import effect


class Claim(TypedDict):
    claim: str
    ok: bool


@effect("pure")
def check(claims: list[str]) -> list[Claim]:
    return [{"claim": c, "ok": True} for c in claims]
