"""The annotations of a Python function as JSON Schema, read from its source: what is not certain is anything."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from store.model import Json

_SIMPLE: dict[str, Json] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "list": {"type": "array"},
    "dict": {"type": "object"},
    "Any": {},
    "object": {},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
_LISTS = frozenset({"list", "List", "Sequence", "Iterable", "Collection", "set", "frozenset"})
_MAPS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_DEPTH_MAX = 20


class Annotations:
    """Reads annotations with the classes and aliases of one module in sight."""

    def __init__(self, module: ast.Module) -> None:
        self.classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
        self.aliases = {
            target.id: node.value
            for node in module.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self._opening: list[str] = []

    def schema(self, annotation: ast.expr | None) -> Json:
        """The schema that an annotation promises; None when it promises nothing that is known."""
        if annotation is None or len(self._opening) > _DEPTH_MAX:
            return None
        match annotation:
            case ast.Constant(value=None):
                return {"type": "null"}
            case ast.Constant(value=str(text)):
                return self._quoted(text)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return self._named(name)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._union([left, right])
            case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
                return self._subscripted(name, inner)
        return None

    def _quoted(self, text: str) -> Json:
        try:
            return self.schema(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError):
            return None

    def _named(self, name: str) -> Json:
        if name in self.classes and name not in self._opening:
            self._opening.append(name)
            try:
                return self._class(self.classes[name])
            finally:
                self._opening.pop()
        if name in self.aliases and name not in self._opening:
            self._opening.append(name)
            try:
                return self.schema(self.aliases[name])
            finally:
                self._opening.pop()
        return _SIMPLE.get(name)

    def _subscripted(self, name: str, inner: ast.expr) -> Json:
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name in _LISTS:
            return {"type": "array", "items": self.schema(parts[0]) or {}}
        if name in _MAPS and len(parts) == 2:
            return {"type": "object", "additionalProperties": self.schema(parts[1]) or {}}
        if name == "Optional":
            return self._union([parts[0], ast.Constant(value=None)])
        if name == "Union":
            return self._union(parts)
        if name in ("Annotated", "Required", "ReadOnly"):
            return self.schema(parts[0])
        if name == "Literal" and all(isinstance(part, ast.Constant) for part in parts):
            values = [part.value for part in parts if isinstance(part, ast.Constant)]
            return {"enum": values} if all(isinstance(value, str | int | bool | None) for value in values) else None
        return None

    def _union(self, parts: Sequence[ast.expr]) -> Json:
        schemas = [self.schema(part) for part in parts]
        if any(schema is None or schema == {} for schema in schemas):
            return None
        return {"anyOf": schemas}

    def _class(self, node: ast.ClassDef) -> Json:
        """A TypedDict, dataclass or pydantic model without further bases; of other classes nothing is known."""
        bases = [base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases]
        plain = bases in (["TypedDict"], ["BaseModel"]) or (not bases and _is_dataclass(node))
        if not plain:
            return None
        partial = any(word.arg == "total" and _is_false(word.value) for word in node.keywords)
        properties: dict[str, Json] = {}
        required: list[str] = []
        for statement in node.body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            name = statement.target.id
            optional = _inner_of(statement.annotation, "NotRequired")
            properties[name] = self.schema(optional or statement.annotation) or {}
            # What a model or dataclass fills in by itself is there when it is returned.
            if optional is None and not partial:
                required.append(name)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _inner_of(annotation: ast.expr, name: str) -> ast.expr | None:
    match annotation:
        case ast.Subscript(value=ast.Name(id=found) | ast.Attribute(attr=found), slice=inner) if found == name:
            return inner
    return None


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False
