"""expressions: the small language between `${{` and `}}`, a subset of CEL over JSON.

Pure and bounded: no clock, no input or output, no attributes of objects, and a limit on everything.
`docs/expressions.md` is the guide for authors. Start with expression.py (parse, check, evaluate), then templates.py
(JSON with expressions in it).

    expression   an expression; parse, check, evaluate
    templates    JSON whose strings hold `${{ … }}`, and the conditions of `when:`
    problems     what is wrong, where, and what to do next
    tokens       text to tokens
    parser       tokens to parts, within bounds
    nodes        the parts
    narrowing    what a condition proves to be there
    references   which data is read, and whether its absence is provided for
    types        types are JSON Schemas: taking them apart, joining, naming
    checker      what can be proved before a run
    operations   what the operators do with types
    assign       whether one schema's values fit another
    compiler     parts to closures
    paths        fields and keys, strict or where they may be missing
    loops        the macros: all, exists, filter, map …
    frame        one evaluation: its data, its loop variables, its budget
    operators    what the operators do with values
    functions    the table of functions
    texts, numbers, lists, dates   what they do
    patterns, regexes              matches(), in linear time
"""

from engine.rules.expressions.assign import Schema, assignable
from engine.rules.expressions.expression import Expression, check, evaluate, free_names, parse
from engine.rules.expressions.frame import JSON
from engine.rules.expressions.problems import (
    ExpressionError,
    Place,
    Problem,
    did_you_mean,
    pointed,
    position,
    spoken_place,
)
from engine.rules.expressions.references import Reference
from engine.rules.expressions.templates import (
    PlacedExpression,
    PlacedProblem,
    Template,
    TemplateError,
    condition,
    parse_template,
)
from engine.rules.expressions.types import (
    Type,
    any_type,
    enum_of,
    kinds,
    list_of,
    map_of,
    nullable,
    object_of,
    spoken,
    united,
    without_null,
)

__all__ = [
    "JSON",
    "Expression",
    "ExpressionError",
    "Place",
    "PlacedExpression",
    "PlacedProblem",
    "Problem",
    "Reference",
    "Schema",
    "Template",
    "TemplateError",
    "Type",
    "any_type",
    "assignable",
    "check",
    "condition",
    "did_you_mean",
    "enum_of",
    "evaluate",
    "free_names",
    "kinds",
    "list_of",
    "map_of",
    "nullable",
    "object_of",
    "parse",
    "parse_template",
    "pointed",
    "position",
    "spoken",
    "spoken_place",
    "united",
    "without_null",
]
