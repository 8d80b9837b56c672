"""What the workflow add_supplier knows of suppliers."""

from dataclasses import dataclass

import anyio.lowlevel

from engine.kit import NonRetryable, effect


@dataclass
class Checked:
    iban: str
    valid: bool


@dataclass
class Score:
    points: int
    accounts: list[str]


@effect("pure")
async def check_iban(iban: str) -> Checked:
    """Is its check sum right?"""
    await anyio.lowlevel.checkpoint()
    if not iban:
        raise NonRetryable("There is no IBAN.")
    digits = "".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])
    return Checked(iban, int(digits) % 97 == 1)


@effect("pure")
def score(since: int, accounts: list[str]) -> Score:
    """One point for each year and each good account."""
    return Score((2026 - since) * len(accounts), accounts)
