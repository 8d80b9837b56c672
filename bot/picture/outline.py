"""The picture as text, for terminals: a line a step, a block around its steps, and what each one waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.picture.graph import Node
from bot.picture.looks import look


def outlined(nodes: Sequence[Node], title: str) -> str:
    """The steps in an order in which each stands below all that it needs."""
    lines = list(_lines(nodes, ""))
    name = max((len(first) for first, _, _ in lines), default=0)
    under = max((len(second) for _, second, _ in lines), default=0)
    rows = (f"{first.ljust(name)}  {second.ljust(under)}  {third}".rstrip() for first, second, third in lines)
    return "\n".join([title, *rows])


def _lines(nodes: Sequence[Node], indent: str) -> Iterator[tuple[str, str, str]]:
    ordered = _in_order(nodes)
    for node in ordered:
        end = node is ordered[-1]
        mark = f"{look(node.state).mark or ('?' if node.maybe else '•')} "
        needs = ", ".join(needed.rpartition(".")[2] for needed in node.needs)
        after = f"after {needs}" if needs else ""
        condition = "if its condition holds" if node.maybe and not node.state else ""
        under = ", ".join(word for word in (node.under, condition) if word)
        yield f"{indent}{'└─' if end else '├─'} {mark}{node.name.rpartition('.')[2]}", under, after
        yield from _lines(node.inner, f"{indent}{'   ' if end else '│  '}")


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    left, placed, ordered = list(nodes), set[str](), list[Node]()
    while left:
        ready = [
            node for node in left if set(node.needs) <= placed and not (node.last and any(not one.last for one in left))
        ]
        node = (ready or left)[0]
        left.remove(node)
        placed.add(node.name)
        ordered.append(node)
    return ordered
