"""Pictures of plans and runs: nothing overlaps, arrows lead on, and every state is told by a word."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.picture import picture
from bot.picture.drawing import draw
from bot.picture.graph import Standing, graph
from bot.picture.layout import WIDE, lay_out
from bot.picture.lettering import fitted, width
from bot.picture.looks import LOOKS, TEXT
from bot.picture.outline import outlined
from bot.picture.pixels import png
from store.model import StepStatus
from store.plan import Changes
from tests.support.engines import block, gate, plan, step

TITLES = st.one_of(st.just(""), st.text(max_size=60))


@st.composite
def plans(draw):
    """Plans of any shape: steps that need earlier ones, some of them in blocks."""
    specs, blocks = [], {"": []}
    for n in range(draw(st.integers(1, 16))):
        inside = draw(st.sampled_from(sorted(blocks)))
        name = f"{inside}.s{n}" if inside else f"s{n}"
        needs = draw(st.lists(st.sampled_from(blocks[inside]), unique=True, max_size=3)) if blocks[inside] else []
        title = draw(TITLES)
        if inside.count(".") < 2 and draw(st.integers(0, 4)) == 0:
            specs.append(block(name, needs, title=title, each="${{ inputs.list }}" if draw(st.booleans()) else None))
            blocks[name] = []
        else:
            specs.append(step(name, "http", needs, title=title))
        blocks[inside].append(name)
    return plan(*specs)


def boxes(layout, left=0.0, top=0.0):
    """Each node's box in the whole picture, by its name."""
    for place in layout.places.values():
        if place.node is None:
            continue
        x, y, wide, high = layout.box(place)
        yield place.node.name, (left + x, top + y, left + x + wide, top + y + high)
        if place.inner is not None:
            yield from boxes(place.inner, left + x, top + y)


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@given(plans())
@settings(max_examples=60, deadline=None)
def test_no_step_covers_another_and_every_arrow_leads_on(made):
    layout = lay_out(graph(made, {}))

    def look(layout):
        wide, high = layout.size
        found = dict(boxes(layout))
        beside = {place.node.name: found[place.node.name] for place in layout.places.values() if place.node}
        for (one, first), (other, second) in combinations(beside.items(), 2):
            assert not overlap(first, second), f"{one} and {other}"
        for left, top, right, bottom in beside.values():
            assert left >= -0.01
            assert top >= -0.01
            assert right <= wide + 0.01
            assert bottom <= high + 0.01
        for chain in layout.chains:
            ranks = [layout.places[key].rank for key in chain]
            assert ranks == list(range(ranks[0], ranks[0] + len(ranks)))
        for place in layout.places.values():
            if place.inner is not None:
                look(place.inner)

    look(layout)


@given(plans(), st.data())
@settings(max_examples=40, deadline=None)
def test_any_title_gives_a_picture_that_can_be_read_as_xml(made, data):
    states = {spec.name: data.draw(st.sampled_from(sorted(StepStatus))).value for spec in made.steps}
    root = ET.fromstring(picture(made, states))
    shown = " ".join(text for text in root.itertext())
    assert all(state in shown for state in states.values())
    assert all(
        f"{state}" in outlined(graph(made, {n: Standing(s) for n, s in states.items()}), "x")
        for state in states.values()
    )


def test_every_state_has_a_mark_of_its_own_and_dark_text_on_a_light_fill():
    assert LOOKS.keys() == {"", *StepStatus}
    marks = [LOOKS[state].mark for state in StepStatus]
    assert len(set(marks)) == len(marks)
    for state, look in LOOKS.items():
        assert contrast(TEXT, look.fill) >= 7, state
        assert contrast(look.line, "#ffffff") >= 3, state


def contrast(one, other):
    def light(colour):
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_long_line_of_steps_runs_down_and_a_short_one_to_the_right():
    def line(count):
        return plan(*(step(f"s{n}", after=[f"s{n - 1}"] if n else []) for n in range(count)))

    assert lay_out(graph(line(4), {})).direction == "right"
    sixty = lay_out(graph(line(60), {}))
    assert sixty.direction == "down"
    assert sixty.size[0] < WIDE


def test_a_wide_fan_stays_narrow_enough_to_read():
    parts = [step(f"p{n}", "http", ["start"]) for n in range(40)]
    made = plan(step("start"), *parts, step("join", after=[f"p{n}" for n in range(40)]))
    assert lay_out(graph(made, {})).size[0] < WIDE


def test_arrows_that_need_not_cross_do_not():
    made = plan(step("a"), step("b"), step("c"), step("x", after=["c"]), step("y", after=["b"]), step("z", after=["a"]))
    places = lay_out(graph(made, {})).places
    ends = [places[one].across - places[other].across for one, other in (("a", "z"), ("b", "y"), ("c", "x"))]
    assert [round(end) for end in ends] == [0, 0, 0]


def test_an_arrow_that_two_others_say_is_left_out():
    made = plan(step("a"), step("b", after=["a"]), step("c", after=["a", "b"]))
    assert lay_out(graph(made, {})).chains == [["a", "b"], ["b", "c"]]


def test_a_name_that_does_not_fit_is_cut_and_told_in_full_beside():
    title = "Ask everybody who has ever worked on this what they think of it, and wait"
    drawn = draw(graph(plan(step("a", title=title)), {}), "long")
    assert f"<title>{title}: transform</title>" in drawn
    assert f">{title}<" not in drawn
    cut = fitted(title, 13, 120)
    assert cut.endswith("…")
    assert width(cut, 13) <= 120
    assert title.startswith(cut[:-1])


def test_the_text_form_tells_order_blocks_conditions_and_states():
    made = plan(
        gate("agree", ["draft"], when="${{ true }}"),
        step("draft", "model"),
        block("checks", ["agree"], each="${{ inputs.list }}"),
        step("checks.verify", "http"),
        step("tell", "message", phase="finally"),
    )
    states = {"draft": Standing("succeeded"), "agree": Standing("waiting", "asks @editors")}
    assert outlined(graph(made, states), "R-7K2 · sample").splitlines() == [
        "R-7K2 · sample",
        "├─ ✓ draft      model · succeeded",
        "├─ ‖ agree      asks @editors · waiting  after draft",
        "├─ • checks     for each item            after agree",
        "│  └─ • verify  http",
        "└─ • tell       message, at the end",
    ]


def test_the_picture_becomes_a_png():
    pytest.importorskip("resvg_py")
    made = plan(step("a"), step("b", after=["a"]))
    layout = lay_out(graph(made, {}))
    data = png(picture(made), round(layout.size[0]), round(layout.size[1]))
    assert data.startswith(b"\x89PNG\r\n")
    assert int.from_bytes(data[16:20]) == 2 * round(layout.size[0] + 40)


def test_a_gate_that_may_send_back_shows_the_way_back_and_no_other_gate_does():
    made = plan(
        step("draft", "model"),
        gate("agree", ["draft"], changes=Changes("draft", 3)),
        gate("sign", ["agree"]),
        step("go"),
    )
    drawn = draw(graph(made, {}), "review")
    assert drawn.count(">changes</text>") == 1
    assert [node.back for node in graph(made, {})] == ["", "draft", "", ""]


def test_what_is_done_at_the_end_stands_behind_a_line_of_its_own():
    made = plan(step("a"), step("tell", "message", phase="finally"))
    assert draw(graph(made, {}), "x").count('stroke-dasharray="1 4"') == 1
    assert 'stroke-dasharray="1 4"' not in draw(graph(plan(step("a"), step("b", after=["a"])), {}), "x")
