"""Text to parts: precedence climbing over the tokens, with bounds so that no text can exhaust the parser."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NoReturn

from engine.rules.expressions.nodes import (
    Call,
    Chain,
    Coalesce,
    Conditional,
    Has,
    Index,
    Link,
    ListOf,
    Literal,
    Logic,
    Macro,
    MapOf,
    Name,
    Node,
    Scalar,
    Select,
    Unary,
    path_of,
)
from engine.rules.expressions.problems import ExpressionError, Problem
from engine.rules.expressions.tokens import Token, tokens

TEXT_MAX: Final = 4096  # characters; a longer one belongs in a python step
DEPTH_MAX: Final = 40  # levels of parts within parts, which also bounds every recursion over them

_RANKS: Final = {"||": 1, "&&": 2} | dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3)
_RANKS.update(dict.fromkeys("+-", 4) | dict.fromkeys("*/%", 5))
_CONSTANTS: Final[dict[str, Scalar]] = {"true": True, "false": False, "null": None}
_KEYWORDS: Final = {*_CONSTANTS, "in"}
_RESERVED: Final = {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"} | {
    *("package", "namespace", "return", "var", "void", "while"),
}
_WORDS: Final = {
    "and": "for 'and', write '&&'",
    "or": "for 'or', write '||'",
    "not": "for 'not', write '!'",
    "is": "to compare, write '=='",
    "if": "a choice is written test ? value : other",
    "else": "a choice is written test ? value : other",
}
# Bodies of a macro besides the name of its variable: fewest and most.
MACROS: Final = {
    "all": (1, 1),
    "exists": (1, 1),
    "exists_one": (1, 1),
    "filter": (1, 1),
    "map": (1, 2),
    "groupBy": (1, 1),
    "sortBy": (1, 1),
}


@lru_cache(maxsize=4096)
def parsed(text: str) -> Node:
    """The parts of an expression. Raises ExpressionError that points at the first thing that cannot be read."""
    if len(text) > TEXT_MAX:
        hint = "move the computation into a transform or python step"
        problem = Problem(TEXT_MAX, len(text) - TEXT_MAX, f"longer than {TEXT_MAX:,} characters", hint)
        raise ExpressionError(problem, text)
    parser = _Parser(text)
    node = parser.expression()
    parser.finish()
    return node


class _Parser:
    """One pass over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokens(text))
        self._at = 0
        self._nested = 0

    # Tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _is(self, mark: str) -> bool:
        token = self._token
        return token.text == mark and token.kind in {"mark", "name"}

    def _take(self) -> Token:
        token = self._token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _taken(self, mark: str) -> bool:
        if self._is(mark):
            self._take()
            return True
        return False

    def _expect(self, mark: str, opened: Token) -> int:
        """The end of the mark that closes what `opened` began."""
        if self._is(mark):
            return self._take().end
        if self._token.kind == "end":
            self._fail(opened, f"'{opened.text}' is not closed", f"it needs a '{mark}'")
        self._unexpected(f"'{mark}'")

    def _fail(self, at: Token | Node, message: str, hint: str = "") -> NoReturn:
        length = max(1, at.end - at.offset)
        raise ExpressionError(Problem(at.offset, length, message, hint), self._text)

    def _unexpected(self, wanted: str) -> NoReturn:
        token = self._token
        if token.kind == "end":
            self._fail(token, f"the expression ends where {wanted} is needed")
        hint = _WORDS.get(token.text, "") if token.kind == "name" else ""
        self._fail(token, f"unexpected '{_shortened(token.text)}' where {wanted} is needed", hint)

    def finish(self) -> None:
        if self._token.kind != "end":
            self._unexpected("an operator or the end")

    def _depth(self, offset: int, parts: Iterable[Node]) -> int:
        depth = 1 + max((part.depth for part in parts), default=0)
        if depth > DEPTH_MAX:
            raise ExpressionError(_too_deep(offset), self._text)
        return depth

    # Operators

    def expression(self) -> Node:
        """A whole expression, the choice `test ? yes : no` included."""
        self._nested += 1
        if self._nested > DEPTH_MAX:
            raise ExpressionError(_too_deep(self._token.offset), self._text)
        test = self._binary(1)
        node = self._choice(test) if self._is("?") else test
        self._nested -= 1
        return node

    def _choice(self, test: Node) -> Node:
        opened = self._take()
        yes = self._binary(1)
        if self._is("?"):
            self._fail(self._token, "a choice within a choice", "put the inner one in parentheses")
        self._expect(":", opened)
        no = self.expression()
        return Conditional(
            offset=test.offset,
            length=no.end - test.offset,
            depth=self._depth(opened.offset, (test, yes, no)),
            test=test,
            yes=yes,
            no=no,
        )

    def _binary(self, floor: int) -> Node:
        """Operators of rank `floor` and above. Those of one rank become one flat chain."""
        left = self._unary()
        while (rank := self._rank()) >= floor:
            links: list[Link] = []
            while self._rank() == rank:
                operator = self._take()
                links.append(Link(operator=operator.text, offset=operator.offset, operand=self._binary(rank + 1)))
            left = self._joined(left, links, rank)
        return left

    def _rank(self) -> int:
        token = self._token
        return _RANKS.get(token.text, 0) if token.kind in {"mark", "name"} else 0

    def _joined(self, first: Node, links: list[Link], rank: int) -> Node:
        operands = (first, *(link.operand for link in links))
        length = operands[-1].end - first.offset
        depth = self._depth(links[0].offset, operands)
        if rank <= 2:
            operator = links[0].operator
            return Logic(offset=first.offset, length=length, depth=depth, operator=operator, operands=operands)
        return Chain(offset=first.offset, length=length, depth=depth, first=first, links=tuple(links))

    def _unary(self) -> Node:
        signs: list[Token] = []
        while self._is("!") or self._is("-"):
            signs.append(self._take())
            if signs[-1].text != signs[0].text:
                self._fail(signs[-1], "'!' and '-' side by side", "put the inner one in parentheses")
        node = self._postfix()
        for sign in reversed(signs):
            node = self._signed(sign, node)
        return node

    def _signed(self, sign: Token, node: Node) -> Node:
        length = node.end - sign.offset
        if sign.text == "-" and isinstance(node, Literal) and type(node.value) in {int, float}:
            return Literal(offset=sign.offset, length=length, value=-node.value)  # type: ignore[operator]
        depth = self._depth(sign.offset, (node,))
        return Unary(offset=sign.offset, length=length, depth=depth, operator=sign.text, operand=node)

    # Fields, keys and calls

    def _postfix(self) -> Node:
        node = self._primary()
        while True:
            if self._taken("."):
                node = self._member(node)
            elif self._is("["):
                node = self._index(node)
            elif self._is("("):
                self._fail(self._token, "only functions can be called", "a call is written name(…) or value.name(…)")
            else:
                return node

    def _member(self, target: Node) -> Node:
        field = self._token
        if field.kind != "name" or field.text in _KEYWORDS:
            hint = 'for a key that is not a name, write object["key"]' if field.kind != "end" else ""
            self._fail(field, "a field name is needed after '.'", hint)
        self._take()
        if self._is("("):
            return self._method(target, field)
        return Select(
            offset=target.offset,
            length=field.end - target.offset,
            depth=self._depth(field.offset, (target,)),
            operand=target,
            field=field.text,
            field_offset=field.offset,
        )

    def _index(self, target: Node) -> Node:
        opened = self._take()
        key = self.expression()
        end = self._expect("]", opened)
        depth = self._depth(opened.offset, (target, key))
        return Index(offset=target.offset, length=end - target.offset, depth=depth, operand=target, key=key)

    def _method(self, target: Node, name: Token) -> Node:
        if name.text in MACROS:
            return self._macro(target, name)
        arguments, end = self._arguments()
        parts = (target, *arguments)
        return Call(
            offset=target.offset,
            length=end - target.offset,
            depth=self._depth(name.offset, parts),
            name=name.text,
            name_offset=name.offset,
            arguments=parts,
            method=True,
        )

    def _macro(self, target: Node, name: Token) -> Node:
        arguments, end = self._arguments()
        fewest, most = MACROS[name.text]
        usage = f"write list.{name.text}(item, …), where item is a name for each item"
        if not fewest < len(arguments) <= most + 1:
            self._fail(name, f"{name.text}() needs the name of its item and what to do with it", usage)
        variable, *bodies = arguments
        if not isinstance(variable, Name):
            self._fail(variable, f"the first argument of {name.text}() is a name for each item", usage)
        return Macro(
            offset=target.offset,
            length=end - target.offset,
            depth=self._depth(name.offset, (target, *bodies)),
            name=name.text,
            name_offset=name.offset,
            target=target,
            variable=variable.name,
            body=bodies[-1],
            keep=bodies[0] if len(bodies) == 2 else None,
        )

    def _arguments(self) -> tuple[tuple[Node, ...], int]:
        opened = self._take()
        arguments: list[Node] = []
        while not self._is(")"):
            arguments.append(self.expression())
            if not self._taken(","):
                break
            if self._is(")"):
                self._unexpected("an argument")
        return tuple(arguments), self._expect(")", opened)

    # Values

    def _primary(self) -> Node:
        token = self._token
        if token.kind in {"number", "string"}:
            self._take()
            return Literal(offset=token.offset, length=len(token.text), value=token.value)
        if token.kind == "name" and token.text != "in":
            return self._named()
        if self._is("("):
            return self._parenthesised()
        if self._is("["):
            return self._list()
        if self._is("{"):
            return self._map()
        self._unexpected("a value")

    def _parenthesised(self) -> Node:
        opened = self._take()
        node = self.expression()
        self._expect(")", opened)
        return node

    def _named(self) -> Node:
        token = self._take()
        if token.text in _CONSTANTS:
            return Literal(offset=token.offset, length=len(token.text), value=_CONSTANTS[token.text])
        if token.text in _RESERVED or (token.text in _WORDS and self._token.kind in {"name", "number", "string"}):
            self._fail(token, f"'{token.text}' cannot be a name here", _WORDS.get(token.text, ""))
        if self._is("("):
            return self._function(token)
        return Name(offset=token.offset, length=len(token.text), name=token.text)

    def _function(self, name: Token) -> Node:
        arguments, end = self._arguments()
        length, depth = end - name.offset, self._depth(name.offset, arguments)
        if name.text == "has":
            return Has(offset=name.offset, length=length, depth=depth, path=self._has_path(name, arguments))
        if name.text == "coalesce":
            if not arguments:
                self._fail(name, "coalesce() needs a value", "write coalesce(value, default)")
            return Coalesce(offset=name.offset, length=length, depth=depth, choices=arguments)
        if name.text in MACROS:
            self._fail(name, f"{name.text}() stands after a list", f"write list.{name.text}(item, …)")
        return Call(
            offset=name.offset,
            length=length,
            depth=depth,
            name=name.text,
            name_offset=name.offset,
            arguments=arguments,
            method=False,
        )

    def _has_path(self, name: Token, arguments: tuple[Node, ...]) -> Node:
        if len(arguments) == 1 and isinstance(arguments[0], Select):
            return arguments[0]
        hint = "write has(a.b)"
        if len(arguments) == 1 and isinstance(arguments[0], Index):
            hint = 'for a key, write "key" in object'
        elif len(arguments) == 1 and path_of(arguments[0]):
            hint = f"to know whether it is null, write {path_of(arguments[0])[0]} != null"  # type: ignore[index]
        self._fail(name, "has() needs a field", hint)

    def _list(self) -> Node:
        opened = self._take()
        items: list[Node] = []
        while not self._is("]"):
            items.append(self.expression())
            if not self._taken(","):
                break
        end = self._expect("]", opened)
        depth = self._depth(opened.offset, items)
        return ListOf(offset=opened.offset, length=end - opened.offset, depth=depth, items=tuple(items))

    def _map(self) -> Node:
        opened = self._take()
        entries: list[tuple[Node, Node]] = []
        while not self._is("}"):
            key = self.expression()
            if not self._taken(":"):
                self._unexpected("':'")
            entries.append((key, self.expression()))
            if not self._taken(","):
                break
        end = self._expect("}", opened)
        depth = self._depth(opened.offset, (part for entry in entries for part in entry))
        return MapOf(offset=opened.offset, length=end - opened.offset, depth=depth, entries=tuple(entries))


def _too_deep(offset: int) -> Problem:
    return Problem(offset, 1, f"nested deeper than {DEPTH_MAX} levels", "split it over several transform steps or vars")


def _shortened(text: str) -> str:
    return text if len(text) <= 20 else text[:19] + "…"
