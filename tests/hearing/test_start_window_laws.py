"""Whatever a workflow asks for and a message says: its windows are such as Slack takes, and nothing is lost."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.attached import Attached
from bot.desk.retelling import obvious, recognised, told
from bot.desk.start_pages import pages_for
from bot.intake import Chosen, Message
from bot.sandbox.blocks import view_problems
from bot.views import start_words
from bot.views.start_windows import Offer, Picked, form_window, options, pick_window, picked
from engine.inputs import read_inputs
from store.model import Plan, Shortcut, Workflow

NAMES = ("text", "message", "subject", "title", "url", "author", "channel", "count", "yes", "tone", "tags", "brief")
SCHEMAS = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "maxLength": 20},
        {"type": "string", "minLength": 3, "maxLength": 5_000, "description": "What & <why>"},
        {"type": "string", "format": "uri"},
        {"type": "string", "format": "date", "optional": True},
        {"type": "string", "sensitive": True, "optional": True},
        {"type": "string", "default": "as it is"},
        {"type": "string", "enum": ["plain", "playful"]},
        {"type": "integer", "default": 3},
        {"type": "boolean"},
        {"type": "array", "items": {"type": "string"}, "optional": True},
        {"type": "object", "optional": True},
    ]
)
PLANS = st.dictionaries(st.sampled_from(NAMES), SCHEMAS, max_size=len(NAMES)).map(
    lambda inputs: Plan("sample", inputs, ())
)
TEXTS = st.one_of(st.text(max_size=200), st.text("ab \n<>&*", min_size=2_900, max_size=3_300))
FILES = st.lists(st.integers(0, 9), unique=True, max_size=3).map(
    lambda ids: tuple(Attached(f"F{n}", f"{n}.txt", n) for n in ids)
)
MESSAGES = st.builds(
    Message, st.just("C0CONTENT"), st.just("1.2"), TEXTS, st.sampled_from(["", "U0RAVI"]), st.just(""), FILES
)
SHORTCUTS = st.sampled_from(
    [
        None,
        Shortcut("All of it", dict.fromkeys(NAMES, "${{ event.message.text }}")),
        Shortcut("Lines", {"subject": "${{ event.message.text.split('\\n')[0] }}", "author": "${{ event.user }}"}),
        Shortcut("What may fail", {"text": "${{ event.message.files[0].name }}", "count": "${{ 7 }}"}),
    ]
)
LINK = "https://meadow-press.slack.com/archives/C0CONTENT/p12"


def asked(plan, shortcut, message):
    return pages_for(plan, shortcut, Chosen("start_on_message", "U0MINA", "1.1", "", message), LINK)


@given(PLANS, SHORTCUTS, MESSAGES)
def test_every_page_is_a_view_that_slack_takes(plan, shortcut, message):
    pages = asked(plan, shortcut, message)
    workflow = Workflow("sample", "A <title> & more of it", "v", description="Why\nnot")
    about = start_words.about(message, LINK)
    if pages.why_not:
        return
    for number in range(pages.count):
        state = Picked("shortcut:1", "sample", 0, number, tuple(f"page:{n}" for n in range(number)))
        view = form_window(workflow, pages.page(number), state, pages.count, about, pages.notes)
        assert view_problems(view) == []
        assert picked(view["private_metadata"]) == state


@given(PLANS, SHORTCUTS, MESSAGES)
def test_each_input_is_asked_for_or_carried_or_may_be_left_out(plan, shortcut, message):
    pages = asked(plan, shortcut, message)
    there = [one.name for one in pages.fields]
    assert len(there) == len(set(there))
    for name, schema in plan.inputs.items():
        assert name in there or name in pages.carried or schema.get("optional") or "default" in schema
    assert not set(there) & set(pages.carried)


@given(PLANS, SHORTCUTS, MESSAGES)
def test_what_stands_in_the_fields_at_first_can_be_sent_as_it_is(plan, shortcut, message):
    pages = asked(plan, shortcut, message)
    given_back = {one.name: one.initial for one in pages.fields if one.initial is not None}
    _, problems = pages.together(given_back)
    assert {one.name for one in problems} <= {one.name for one in pages.fields if one.initial is None}


@given(PLANS, SHORTCUTS, MESSAGES)
def test_what_is_sensitive_is_never_filled_in_or_carried(plan, shortcut, message):
    pages = asked(plan, shortcut, message)
    secret = {name for name, schema in plan.inputs.items() if schema.get("sensitive")}
    assert not secret & set(pages.carried)
    assert all(one.initial is None for one in pages.fields if one.name in secret)


@given(PLANS, MESSAGES)
def test_what_is_obvious_always_fits(plan, message):
    found = obvious(plan, told(message, LINK))
    alone = Plan("sample", {name: plan.inputs[name] for name in found}, ())
    assert read_inputs(alone, found, typed=True).problems == ()


@given(MESSAGES)
def test_files_are_known_again_after_an_expression_passed_them_on(message):
    event = told(message, LINK)
    back = recognised({"all": event["files"], "first": next(iter(event["files"]), None)}, message.files)
    assert [one["id"] for one in back["all"]] == [one.id for one in message.files]
    assert back["first"] is None or back["first"]["id"] == message.files[0].id


@given(st.integers(1, 260), st.text(max_size=8), st.booleans())
def test_any_number_of_workflows_can_be_offered(count, typed, labelled):
    label = "Take <this> & that, whatever it is, as long as it is a message that somebody has written here"
    offers = [
        Offer(Workflow(f"w{n}", f"Title {n}", "v"), n if labelled and n % 3 == 0 else None, label if n % 3 == 0 else "")
        for n in range(count)
    ]
    view = pick_window(offers, Picked("shortcut:1"), "")
    assert view_problems(view) == []
    menu = next(one["element"] for one in view["blocks"] if one["type"] == "input")
    assert (menu["type"] == "external_select") == (count > 100)
    assert len(options(offers, typed)) <= 100
    assert len(options(offers, "w1")) >= 1 or count < 2


def test_a_window_of_another_version_is_none_of_ours():
    assert picked("") is None
    assert picked("gate-1") is None
    assert picked(json.dumps(["only", "two"])) is None
    assert picked(json.dumps({"a": 1})) is None
