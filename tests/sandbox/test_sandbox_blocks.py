"""The table of Block Kit limits says what Slack says."""

import pytest

from bot.sandbox.blocks import metadata_problems, problems, view_problems


def plain(text: str) -> dict:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "hello", **more: object) -> dict:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(action_id: str = "go", **more: object) -> dict:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), **more}


def actions(*elements: dict, **more: object) -> dict:
    return {"type": "actions", "elements": list(elements), **more}


def options(count: int, **more: object) -> list[dict]:
    return [{"text": plain(f"Option {n}"), "value": str(n), **more} for n in range(count)]


def field(element: dict, **more: object) -> dict:
    return {"type": "input", "label": plain("Label"), "element": {"action_id": "a", **element}, **more}


def modal(*blocks: dict, **more: object) -> dict:
    return {"type": "modal", "title": plain("Title"), "submit": plain("Send"), "blocks": list(blocks), **more}


def rich(text: str = "hello") -> dict:
    inline = {"type": "text", "text": text}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [inline]}]}


def card(task_id: str = "one", **more: object) -> dict:
    return {"type": "task_card", "task_id": task_id, "title": "Draft", "status": "pending", **more}


def plan(*tasks: dict, **more: object) -> dict:
    return {"type": "plan", "title": "Publishing", "tasks": list(tasks), **more}


def row(*texts: str) -> list[dict]:
    return [{"type": "raw_text", "text": one} for one in texts]


def image(**more: object) -> dict:
    return {"type": "image", "alt_text": "A cat", "image_url": "https://cats.example/1.png", **more}


WELL_MADE = {
    "section": section("x" * 3000, fields=[mrkdwn("y" * 2000)] * 10, accessory=button()),
    "header": {"type": "header", "text": plain("x" * 150)},
    "divider": {"type": "divider"},
    "context": {"type": "context", "elements": [mrkdwn("a"), image(), plain("b")]},
    "actions": actions(*(button(f"b{n}") for n in range(25))),
    "image": {**image(), "title": plain("Title")},
    "rich_text": rich(),
    "rich_text_list": {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U0ADA"}]}],
            }
        ],
    },
    "markdown": {"type": "markdown", "text": "x" * 12_000},
    "table": {"type": "table", "rows": [row(*"ab")] * 100, "column_settings": [{"align": "right"}]},
    "data_table": {"type": "data_table", "caption": "Runs", "rows": [row(*"ab")] * 101},
    "plan": plan(
        *(card(str(n), status=status) for n, status in enumerate(["pending", "in_progress", "complete", "error"]))
    ),
    "task_card": card(
        details=rich(), output=rich(), sources=[{"type": "url", "url": "https://a.example", "text": "A"}]
    ),
    "card": {"type": "card", "title": mrkdwn("x"), "body": mrkdwn("y" * 200), "actions": [button()]},
    "carousel": {"type": "carousel", "elements": [{"type": "card", "title": plain("x")}]},
    "container": {"type": "container", "title": plain("More"), "child_blocks": [section()], "is_collapsible": True},
    "context_actions": {
        "type": "context_actions",
        "elements": [{"type": "icon_button", "icon": "trash", "text": plain("x")}],
    },
    "menus": actions(
        {"type": "static_select", "action_id": "a", "options": options(100), "initial_option": options(1)[0]},
        {"type": "overflow", "action_id": "b", "options": options(5)},
        {"type": "checkboxes", "action_id": "c", "options": options(10)},
        {"type": "radio_buttons", "action_id": "d", "options": options(10)},
        {"type": "datepicker", "action_id": "e", "initial_date": "2026-02-28"},
        {"type": "timepicker", "action_id": "f", "initial_time": "23:59"},
        {"type": "datetimepicker", "action_id": "g", "initial_date_time": 1_790_000_000},
    ),
}


@pytest.mark.parametrize("block", WELL_MADE.values(), ids=WELL_MADE)
def test_a_well_made_block_has_no_problem_in_a_message(block: dict) -> None:
    assert problems([block]) == []


BROKEN = {
    "a section without text": ({"type": "section"}, "", "missing_field"),
    "an empty section text": (section(""), "/text/text", "failed_constraint"),
    "a section text of 3001": (section("x" * 3001), "/text/text", "failed_constraint"),
    "eleven fields": (section(fields=[mrkdwn("a")] * 11), "/fields", "failed_constraint"),
    "a field of 2001": (section(fields=[mrkdwn("a" * 2001)]), "/fields/0/text", "failed_constraint"),
    "a text that is a string": ({"type": "section", "text": "hello"}, "/text", "wrong_type"),
    "an unknown key": (section(colour="red"), "/colour", "unknown_field"),
    "a mrkdwn header": ({"type": "header", "text": mrkdwn("a")}, "/text/type", "unsupported_type"),
    "a header of 151": ({"type": "header", "text": plain("x" * 151)}, "/text/text", "failed_constraint"),
    "eleven context elements": ({"type": "context", "elements": [mrkdwn("a")] * 11}, "/elements", "failed_constraint"),
    "a button in a context": ({"type": "context", "elements": [button()]}, "/elements/0/type", "unsupported_type"),
    "no actions": (actions(), "/elements", "failed_constraint"),
    "26 actions": (actions(*(button(str(n)) for n in range(26))), "/elements", "failed_constraint"),
    "an input in actions": (
        actions({"type": "plain_text_input", "action_id": "a"}),
        "/elements/0/type",
        "unsupported_type",
    ),
    "a button text of 76": (actions(button(text=plain("x" * 76))), "/elements/0/text/text", "failed_constraint"),
    "a mrkdwn button": (actions(button(text=mrkdwn("x"))), "/elements/0/text/type", "unsupported_type"),
    "a button value of 2001": (actions(button(value="x" * 2001)), "/elements/0/value", "failed_constraint"),
    "a button value that is a number": (actions(button(value=7)), "/elements/0/value", "wrong_type"),
    "a button style": (actions(button(style="warning")), "/elements/0/style", "failed_constraint"),
    "a button url": (actions(button(url="not a url")), "/elements/0/url", "failed_constraint"),
    "a confirm without text": (
        actions(button(confirm={"title": plain("Sure?")})),
        "/elements/0/confirm",
        "missing_field",
    ),
    "an action id of 256": (actions(button("x" * 256)), "/elements/0/action_id", "failed_constraint"),
    "a block id of 256": (section(block_id="x" * 256), "/block_id", "failed_constraint"),
    "101 options": (
        actions({"type": "static_select", "action_id": "a", "options": options(101)}),
        "/elements/0/options",
        "failed_constraint",
    ),
    "no options": (
        actions({"type": "static_select", "action_id": "a", "options": []}),
        "/elements/0/options",
        "failed_constraint",
    ),
    "eleven checkboxes": (
        actions({"type": "checkboxes", "action_id": "a", "options": options(11)}),
        "/elements/0/options",
        "failed_constraint",
    ),
    "eleven radio buttons": (
        actions({"type": "radio_buttons", "action_id": "a", "options": options(11)}),
        "/elements/0/options",
        "failed_constraint",
    ),
    "six overflow options": (
        actions({"type": "overflow", "action_id": "a", "options": options(6)}),
        "/elements/0/options",
        "failed_constraint",
    ),
    "an option text of 76": (
        actions({"type": "static_select", "action_id": "a", "options": [{"text": plain("x" * 76), "value": "v"}]}),
        "/elements/0/options/0/text/text",
        "failed_constraint",
    ),
    "an option value of 151": (
        actions({"type": "static_select", "action_id": "a", "options": [{"text": plain("x"), "value": "v" * 151}]}),
        "/elements/0/options/0/value",
        "failed_constraint",
    ),
    "a first option that is not offered": (
        actions({"type": "static_select", "action_id": "a", "options": options(2), "initial_option": options(3)[2]}),
        "/elements/0/initial_option",
        "failed_constraint",
    ),
    "a date that is none": (
        actions({"type": "datepicker", "action_id": "a", "initial_date": "tomorrow"}),
        "/elements/0/initial_date",
        "failed_constraint",
    ),
    "a number input outside a modal": (
        field({"type": "number_input", "is_decimal_allowed": False}),
        "/element/type",
        "unsupported_type",
    ),
    "a file input outside a modal": (field({"type": "file_input"}), "/element/type", "unsupported_type"),
    "an image without alt text": (
        {"type": "image", "image_url": "https://a.example/1.png"},
        "",
        "missing_field",
    ),
    "a plan without title": ({"type": "plan", "tasks": [card()]}, "", "missing_field"),
    "a plan of 51 tasks": (plan(*(card(str(n)) for n in range(51))), "/tasks", "failed_constraint"),
    "a task status": (plan(card(status="done")), "/tasks/0/status", "failed_constraint"),
    "a task title that is a text object": (plan(card(title=plain("x"))), "/tasks/0/title", "wrong_type"),
    "task details as plain text": (plan(card(details=plain("x"))), "/tasks/0/details/type", "unsupported_type"),
    "the same task twice": (plan(card("a"), card("a")), "/tasks/1/task_id", "duplicate"),
    "101 table rows": ({"type": "table", "rows": [row("a")] * 101}, "/rows", "failed_constraint"),
    "21 table cells": ({"type": "table", "rows": [row(*"a" * 21)]}, "/rows/0", "failed_constraint"),
    "uneven data table rows": (
        {"type": "data_table", "caption": "x", "rows": [row("a", "b"), row("c")]},
        "/rows/1",
        "failed_constraint",
    ),
    "a data table without caption": ({"type": "data_table", "rows": [row("a")] * 2}, "", "missing_field"),
    "eleven children": (
        {"type": "container", "title": plain("x"), "child_blocks": [section()] * 11},
        "/child_blocks",
        "failed_constraint",
    ),
    "a plan in a container": (
        {"type": "container", "title": plain("x"), "child_blocks": [plan()]},
        "/child_blocks/0/type",
        "unsupported_type",
    ),
    "the same action id twice in a block": (actions(button("a"), button("a")), "/elements/1/action_id", "duplicate"),
    "an unknown block": ({"type": "paragraph", "text": plain("x")}, "/type", "unsupported_type"),
    "an alert in a message": ({"type": "alert", "text": plain("x")}, "/type", "unsupported_type"),
    "a null among the blocks": (None, "", "wrong_type"),
}


@pytest.mark.parametrize(("block", "pointer", "code"), BROKEN.values(), ids=BROKEN)
def test_a_broken_block_is_named_by_pointer_and_code(block: object, pointer: str, code: str) -> None:
    found = problems([block])
    assert (f"/blocks/0{pointer}", code) in [(one.pointer, one.code) for one in found]


WHOLE = {
    "51 blocks": [section()] * 51,
    "the same block id twice": [section(block_id="a"), section(block_id="a")],
    "two plans": [plan(card("a")), plan(card("b"))],
    "two tables": [{"type": "table", "rows": [row("a")]}] * 2,
    "12,001 characters of markdown in all": [
        {"type": "markdown", "text": "x" * 6_000},
        {"type": "markdown", "text": "x" * 6_001},
    ],
    "10,001 characters in a table": [{"type": "table", "rows": [row("x" * 10_001)]}],
    "the same task in a plan and beside it": [plan(card("a")), card("a")],
}


@pytest.mark.parametrize("blocks", WHOLE.values(), ids=WHOLE)
def test_rules_about_the_whole_message_hold(blocks: list[dict]) -> None:
    assert len(problems(blocks)) == 1


@pytest.mark.parametrize(
    ("kind", "surface", "taken"),
    [
        ("plan", "home", False),
        ("plan", "modal", False),
        ("markdown", "modal", False),
        ("table", "home", False),
        ("section", "home", True),
        ("rich_text", "modal", True),
        ("card", "modal", False),
        ("context_actions", "home", False),
    ],
)
def test_blocks_stand_only_on_their_surfaces(kind: str, surface: str, taken: bool) -> None:
    assert (problems([WELL_MADE[kind]], surface) == []) is taken


def test_hundred_blocks_fit_into_a_home_and_no_more() -> None:
    assert problems([section()] * 100, "home") == []
    assert [one.message for one in problems([section()] * 101, "home")] == ["no more than 100 items allowed"]


def test_the_same_action_id_may_be_used_in_two_blocks() -> None:
    assert problems([actions(button("a")), actions(button("a"))]) == []


def test_a_modal_with_every_kind_of_input_is_taken() -> None:
    kinds = [
        {"type": "plain_text_input", "multiline": True, "max_length": 3000},
        {"type": "number_input", "is_decimal_allowed": True, "min_value": "0.5", "max_value": "9"},
        {"type": "email_text_input"},
        {"type": "url_text_input"},
        {"type": "rich_text_input"},
        {"type": "file_input", "max_files": 10},
        {"type": "users_select"},
        {"type": "conversations_select", "filter": {"exclude_external_shared_channels": True}},
        {"type": "multi_static_select", "options": options(3), "max_selected_items": 2},
        {"type": "external_select", "min_query_length": 1},
    ]
    assert view_problems(modal(*(field(one) for one in kinds), {"type": "alert", "text": plain("Careful")})) == []


VIEWS = {
    "a title of 25": (modal(title=plain("x" * 25)), "/view/title/text"),
    "a mrkdwn title": (modal(title=mrkdwn("x")), "/view/title/type"),
    "a submit of 25": (modal(submit=plain("x" * 25)), "/view/submit/text"),
    "private metadata of 3001": (modal(private_metadata="x" * 3001), "/view/private_metadata"),
    "a callback id of 256": (modal(callback_id="x" * 256), "/view/callback_id"),
    "an unknown key": (modal(colour="red"), "/view/colour"),
    "no blocks": ({"type": "modal", "title": plain("x")}, "/view"),
    "another type": ({"type": "window", "blocks": []}, "/view/type"),
    "inputs without submit": ({**modal(field({"type": "plain_text_input"})), "submit": None}, "/view"),
    "a bad block": (modal(section("")), "/view/blocks/0/text/text"),
    "a home with a title": ({"type": "home", "title": plain("x"), "blocks": []}, "/view/title"),
    "crossed bounds": (
        modal(field({"type": "number_input", "is_decimal_allowed": False, "min_value": "5", "max_value": "4"})),
        "/view/blocks/0/element/min_value",
    ),
    "a decimal where whole numbers are wanted": (
        modal(field({"type": "number_input", "is_decimal_allowed": False, "min_value": "0.5"})),
        "/view/blocks/0/element/min_value",
    ),
}


@pytest.mark.parametrize(("view", "pointer"), VIEWS.values(), ids=VIEWS)
def test_a_broken_view_is_named_by_pointer(view: dict, pointer: str) -> None:
    assert [one.pointer for one in view_problems(view)] == [pointer]


def test_metadata_holds_flat_values_only() -> None:
    good = {"event_type": "run", "event_payload": {"k": "1", "list": [{"a": 1}], "flat": {"b": True}}}
    assert metadata_problems(good) == []
    deep = {"event_type": "run", "event_payload": {"k": {"a": {"b": 1}}}}
    assert [one.pointer for one in metadata_problems(deep)] == ["/metadata/event_payload/k"]
    assert [one.code for one in metadata_problems({"event_payload": {}})] == ["missing_field"]


def test_a_problem_reads_like_slacks_own() -> None:
    assert str(problems([section("x" * 3001)])[0]) == (
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    )
