"""`retry`: the run, then from where, by which version, with which inputs, and why, in any order.

    retry = RUN ["from" STEP] ["--version" "latest"] {name=value | name+=value} ["--confirm"] ["because" reason]

`from=STEP` and `version=latest` mean the same, as on the command line.
"""

from __future__ import annotations

from bot.grammar.asks import Misunderstanding, Retry, Value
from bot.grammar.parts import spoken_reason
from bot.grammar.render import join, render
from bot.grammar.suggestions import echo, unclosed
from bot.grammar.tokens import Token, Unclosed, tokens

LATEST = "latest"
_STEP, _VERSION, _CONFIRM, _WHY = "from", "version", "confirm", "because"


def retry(run: str, said: str) -> Retry | Misunderstanding:
    """What is said beside the run."""
    pieces = tokens(said)
    if isinstance(pieces, Unclosed):
        return unclosed(pieces, f"You want to retry {run}.", f"retry {run}")
    reader = _Reader(run, said, pieces)
    while reader.pieces:
        wrong = reader.take(reader.pieces.pop(0))
        if wrong is not None:
            return wrong
    return reader.meant()


class _Reader:
    """The line, read from left to right."""

    def __init__(self, run: str, said: str, pieces: list[Token]) -> None:
        self.run = run
        self.pieces = pieces
        self._said = said
        self._step = ""
        self._latest = False
        self._confirmed = False
        self._reason = ""
        self._given: dict[str, Value] = {}

    def meant(self) -> Retry:
        return Retry(self.run, self._step, self._latest, tuple(self._given.items()), self._confirmed, self._reason)

    def take(self, piece: Token) -> Misunderstanding | None:
        if piece.kind == "value":
            return self._word(piece)
        if piece.name == _CONFIRM and piece.kind == "option":
            self._confirmed = True
            return None
        text = piece.text if piece.kind == "named" else self._next()
        if piece.name == _STEP and not piece.append:
            return self._from(text)
        if piece.name == _VERSION and (piece.kind == "option" or text.lower() == LATEST):
            return self._version(text)
        return self._input(piece, text)

    def _word(self, piece: Token) -> Misunderstanding | None:
        word = "" if piece.quoted else piece.text.lower()
        if word == _WHY:
            self._reason = spoken_reason(self._said[piece.at :])
            self.pieces.clear()
            return None
        return self._from(self._next()) if word == _STEP else self._wrong(f"I don't understand {echo(piece.text)}.")

    def _next(self) -> str:
        """The value after a word that wants one."""
        return self.pieces.pop(0).text if self.pieces and self.pieces[0].kind == "value" else ""

    def _from(self, text: str) -> Misunderstanding | None:
        step = text.strip().strip("`")
        if not step:
            return self._wrong("You did not say from which step.", "from STEP")
        if self._step and self._step != step:
            return self._wrong(f"There are two steps: {echo(self._step)} and {echo(step)}.")
        self._step = step
        return None

    def _version(self, text: str) -> Misunderstanding | None:
        if text.lower() != LATEST:
            wrong = f"{echo(text)} is no version" if text else "You did not say which version"
            return self._wrong(f"{wrong}: a run goes on by its own, or by the latest.", "--version latest")
        self._latest = True
        return None

    def _input(self, piece: Token, text: str) -> Misunderstanding | None:
        before = self._given.get(piece.name)
        if before is not None and not piece.append:
            return self._wrong(f"{echo(piece.name)} is given twice: {echo(str(before))} and {echo(text)}.")
        if piece.kind == "option" and not text:
            return self._wrong(f"You did not say which value {echo(piece.name)} has.", f"{piece.name}=…")
        self._given[piece.name] = (*_parts(before), text) if piece.append else text
        return None

    def _wrong(self, what: str, then: str = "") -> Misunderstanding:
        """What was understood so far stays in the line that is offered."""
        understood = render(self.meant()).removeprefix(join("retry", self.run)).strip()
        told = f"You want to retry {self.run}" + (f", {understood}." if understood else ".")
        return Misunderstanding(told, what, join("retry", self.run, understood, then or "from STEP name=value"))


def _parts(before: Value | None) -> tuple[str, ...]:
    if before is None:
        return ()
    return before if isinstance(before, tuple) else (before,)
