"""Random expressions over fixed data, for what must hold of every expression."""

from __future__ import annotations

from hypothesis import strategies as st

DATA = {
    "d": {
        "i": 3,
        "j": -7,
        "zero": 0,
        "x": 2.5,
        "whole": 3.0,
        "s": "héllo, wörld",
        "t": "b",
        "empty": "",
        "yes": True,
        "no": False,
        "n": None,
        "l": [3, 1, 2],
        "mixed": [1, "a", None, True, 2.5],
        "words": ["b", "a", "c"],
        "none": [],
        "m": {"a": 1, "b": "x", "c": {"k": 2}},
        "rows": [
            {"id": 1, "tag": "a", "ok": True},
            {"id": 2, "tag": "b", "ok": False},
            {"id": 3, "tag": "a", "ok": True},
        ],
    }
}

# Expressions by the kind they are meant to have; now and then one of another kind stands in, so that faults are
# compared too.

quoted = st.sampled_from(["''", "'a'", '"b"', r"'\u00e9\n'", "'''it's'''", r"r'\d'", "'héllo'", "'a,b'", "' a\t'"])
variables = st.sampled_from(["d", "e"])


def call(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda values: template.format(*values))


def expressions(depth: int) -> dict[str, st.SearchStrategy[str]]:
    """Strategies for integer, number, string, boolean, list, object and any, nested up to `depth`."""
    integer = st.one_of(
        st.integers(-9, 30).map(str),
        st.sampled_from(["0x1F", "d.i", "d.j", "d.zero", "d['i']", "d.m.a", "d.m.c.k", "d.l[0]"]),
    )
    number = st.one_of(integer, st.sampled_from(["1.5", "-0.0", "3.0", "1e3", ".5", "d.x", "d.whole"]))
    string = st.one_of(quoted, st.sampled_from(["d.s", "d.t", "d.empty", "d.m.b", "d.words[1]", "d.rows[0].tag"]))
    boolean = st.one_of(st.sampled_from(["true", "false", "d.yes", "d.no", "d.rows[1].ok"]))
    lists = st.sampled_from(["d.l", "d.words", "d.none", "d.mixed", "d.rows", "[]", "[1, 2.0, 'a']", "d.m", "d['l']"])
    objects = st.sampled_from(["d.m", "d", "{}", "{'a': 1, 'b': 'x'}", "d.m.c", "d.rows[2]"])
    wrong = st.sampled_from(["d.zz", "1 / d.zero", "d.m.zz.y", "d.l[9]", "null", "d.n", "d.l[-1]"])
    if depth:
        below = expressions(depth - 1)
        integer, number, string, boolean, lists, objects = _nested(
            below, integer, number, string, boolean, lists, objects
        )
    # No number with a fraction stands in for anything: arithmetic that mixes numbers is a deviation.
    mistaken = st.one_of(integer, string, boolean, lists, objects, wrong)
    every = st.one_of(mistaken, number)
    kinds = {
        "integer": integer,
        "number": number,
        "string": string,
        "boolean": boolean,
        "list": lists,
        "object": objects,
    }
    return {kind: st.one_of(*[strategy] * 9, mistaken) for kind, strategy in kinds.items()} | {"any": every}


def _nested(below: dict[str, st.SearchStrategy[str]], *atoms: st.SearchStrategy[str]) -> list[st.SearchStrategy[str]]:
    i, s, b, li, o, x = (below[k] for k in ("integer", "string", "boolean", "list", "object", "any"))
    not_null = x.filter(lambda text: text != "null")
    item = loops(below)
    integers = [
        call("{} {} {}", i, st.sampled_from("+-*%"), i),
        call("({} + {}) * {}", i, i, i),
        call("-({})", i),
        call("size({})", st.one_of(s, li, o)),
        call("({}).size()", st.one_of(s, li, o)),
        call("({}).indexOf({})", s, s),
        call("int({})", st.one_of(i, st.sampled_from(["'12'", "'-3'", "'x'", "''", "'1.5'", "2.9", "-2.9", "d.x"]))),
        call("({}) ? ({}) : ({})", b, i, i),
        call("(({0} * {1}) / ({1}))", st.integers(0, 9).map(str), st.sampled_from(["3", "-7", "d.i", "d.j", "d.zero"])),
    ]
    strings = [
        call("{} + {}", s, s),
        call("string({})", st.one_of(i, s, b)),
        call("({}).{}()", s, st.sampled_from(["lowerAscii", "upperAscii", "trim"])),
        call("({}).reverse()", quoted),
        call("({}).substring({})", s, i),
        call("({}).substring({}, {})", s, i, i),
        call("({}).replace({}, {})", s, s, s),
        call("({}).replace({}, {}, {})", s, s, s, st.sampled_from(["-1", "0", "1", "2"])),
        call("({}).join({})", li, s),
        call("({}) ? ({}) : ({})", b, s, s),
    ]
    booleans = [
        call("({} {} {})", not_null, st.sampled_from(["==", "!="]), not_null),
        call("({} {} {})", below["number"], st.sampled_from(["<", "<=", ">", ">="]), below["number"]),
        call("({} {} {})", s, st.sampled_from(["<", "<=", ">", ">="]), s),
        call("({} {} {})", x, st.sampled_from(["<", ">="]), x),
        call("(({}) {} ({}))", b, st.sampled_from(["&&", "||"]), b),
        call("(({}) {} ({}) {} ({}))", b, st.sampled_from(["&&", "||"]), b, st.sampled_from(["&&", "||"]), b),
        call("({} in {})", x, st.one_of(li, o)),
        call("!({})", b),
        call("({}).{}({})", s, st.sampled_from(["contains", "startsWith", "endsWith"]), s),
        call(
            "({}).matches({})",
            s,
            st.sampled_from(["'^[a-h]'", "'l+'", "r'\\bw'", "'^$'", "'('", "'(?i)HÉL'", "'^.{12}$'"]),
        ),
        call(
            "has({})", st.sampled_from(["d.m.a", "d.m.zz", "d.rows[0].id", "d.rows[0].zz", "d.m.c.k", "d.i.z", "d.s.z"])
        ),
        call("bool({})", st.sampled_from(["'true'", "'false'", "'x'", "''", "'1'", "'FALSE'", "true"])),
        call("({}) ? ({}) : ({})", b, b, b),
        call("(d.n == {})", st.sampled_from(["null", "1", "''"])),
        call("({}).{}({}, {})", li, st.sampled_from(["all", "exists", "exists_one"]), variables, item["boolean"]),
    ]
    made = [
        call("[{}, {}]", x, x),
        call("{} + {}", li, li),
        call("({}).filter({}, {})", li, variables, item["boolean"]),
        call("({}).map({}, {})", li, variables, item["any"]),
        call("({}).map({}, {}, {})", li, variables, item["boolean"], item["any"]),
        call("({}).split({})", s, s),
        call("({}).split({}, {})", s, s, st.sampled_from(["-1", "0", "1", "2", "3"])),
        call("({}) ? ({}) : ({})", b, li, li),
    ]
    maps = [call("{{'a': {}, 'b': {}}}", x, x), call("{{string({}): {}}}", s, x), call("({}) ? ({}) : ({})", b, o, o)]
    grown = [
        st.one_of(atom, *more) for atom, more in zip(atoms, (integers, [], strings, booleans, made, maps), strict=True)
    ]
    return [grown[0], st.one_of(atoms[1], grown[0]), *grown[2:]]


def loops(below: dict[str, st.SearchStrategy[str]]) -> dict[str, st.SearchStrategy[str]]:
    """Bodies of macros: expressions that may use the variable `e`, and `d`, which a macro may shadow."""
    item = st.sampled_from(["e", "e.id", "e.tag", "e.ok", "e.zz"])
    boolean = st.one_of(
        below["boolean"],
        call(
            "({} {} {})",
            item,
            st.sampled_from(["==", "!=", ">", "<="]),
            below["any"].filter(lambda text: text != "null"),
        ),
        call("({} in {})", item, below["list"]),
        st.sampled_from(["e", "e.ok", "e.id > 1 || e.tag == 'b'", "d.tag == 'a' && d.id > 1", "e.exists(e, e == 'a')"]),
    )
    value = st.one_of(below["any"], item, call("[{}, {}]", item, below["any"]), call("e.id + {}", below["integer"]))
    return {"boolean": boolean, "any": value}


KINDS = expressions(3)
