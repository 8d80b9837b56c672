"""Whatever bytes a file holds, reading it gives data or problems, and never an exception; both parsers agree."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.definitions import Surroundings
from engine.definitions.examination import examine
from engine.definitions.source import FAST, NODES_MAX, PLAIN, read

HERE = Path(__file__).parent
CORPUS = [path for folder in ("broken", "good", "design") for path in sorted((HERE / folder).glob("*.yaml"))]
SEEDS = [path.read_bytes() for path in CORPUS if path.stat().st_size < 4_000]
# Pieces of YAML and of expressions, so that mutations go where parsers and checkers branch.
PIECES = (
    b"\n",
    b"  ",
    b"- ",
    b": ",
    b":",
    b"#",
    b" #",
    b"'",
    b'"',
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"&a ",
    b"*a",
    b"!",
    b"!!str ",
    b"|\n",
    b">-\n",
    b"? ",
    b"%",
    b"@",
    b"`",
    b"\t",
    b"\r\n",
    b"\r",
    b"---\n",
    b"...\n",
    b"<<: ",
    b"~",
    b"null",
    b"true",
    b"1",
    b"-1",
    b".5",
    b"1e999",
    b"0x1f",
    b"0o17",
    b"\\",
    b'"\\u00e9"',
    b'"\\ud800"',
    b'"\\U00110000"',
    b"${{ ",
    b" }}",
    b"${{ inputs.a ? 1 : 2 }}",
    b"steps.a.output",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xc2\xa0",
    b"\x00",
    b"\xf0\x9f\x98\x80",
    b"with",
    b"uses",
    b"steps",
    b"\\x",
    b"=",
)


@st.composite
def mutated_files(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        width = draw(st.sampled_from((0, 0, 1, 2, 8)))
        data[at : at + width] = draw(st.sampled_from(PIECES))
    return bytes(data)


def _verdict(raw, loader):
    source = read("file.yaml", raw, loader)
    return source.data, [problem.render() for problem in source.problems]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(mutated_files(), st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode())))
def test_no_bytes_raise_anything_and_both_parsers_give_the_same_verdict(raw):
    assert _verdict(raw, FAST) == _verdict(raw, PLAIN)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated_files())
def test_no_file_makes_the_examination_raise_and_every_problem_renders(raw):
    source = read("file.yaml", raw)
    examined = examine(source, Path(__file__).parent / "broken", Surroundings(models=frozenset({"writer"})))
    errors = [problem for problem in examined.problems if problem.severity == "error"]
    assert (examined.plan is None) == bool(errors)
    for problem in examined.problems:
        assert problem.render().startswith(problem.file)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_both_parsers_say_the_same_of_every_file_of_the_corpus(path):
    raw = path.read_bytes()
    assert _verdict(raw, FAST) == _verdict(raw, PLAIN)


def test_a_bomb_of_aliases_is_stopped_while_it_is_small():
    levels = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12))
    source = read("bomb.yaml", f"a: &a [{','.join('x' * 9)}]\n{levels}".encode())
    assert source.data is None
    assert [problem.code for problem in source.problems] == ["too_large"]
    assert len(source.nodes) <= NODES_MAX


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "- - "])
def test_deep_nesting_is_refused_before_anything_recurses(opening):
    source = read("deep.yaml", (opening * 100_000).encode()[:400_000])
    assert source.data is None
    assert [problem.code for problem in source.problems] == ["too_deep"]
