"""What people add at a gate, story by story: edits of what is shown, and answers to a form."""

from __future__ import annotations

from typing import Any

from engine.rules.commands import Refusal
from store.events import (
    DecisionMade,
    DecisionRefused,
)
from store.model import Content, GateState
from tests.support.engines import RAVI
from tests.support.story import Story
from tests.support.voting import (
    LENA,
    POST,
    THROUGH,
    answered,
    asking,
    edit,
    output,
    the_gate,
)

# Editing -------------------------------------------------------------------------------------------------------------


def editing(**policy: Any) -> Story:
    return asking(edit=("title", "body"), **policy)


def test_an_edit_closes_the_gate_when_one_is_enough_and_later_steps_see_the_edited_content():
    story = editing()
    answered(story, "review", RAVI, **edit(story, "review", title="WAL in production")).then(*THROUGH)
    assert output(story)["content"] == POST | {"title": "WAL in production"}
    assert story.last(DecisionMade).edits == {"title": ["WAL", "WAL in production"]}
    assert the_gate(story).digest == story.last(DecisionMade).edited_digest != story.last(DecisionMade).digest


def test_an_edit_makes_earlier_votes_fall():
    story = editing(quorum=2)
    answered(story, "review", RAVI).then(DecisionMade)
    answered(story, "review", LENA, **edit(story, "review", body="It is durable.")).then(DecisionMade)
    assert the_gate(story).state is GateState.OPEN
    answered(story, "review", RAVI).then(*THROUGH)
    assert output(story)["content"]["body"] == "It is durable."


def test_who_edits_again_approves_what_stands_there_at_last():
    story = editing(quorum=2)
    answered(story, "review", RAVI, **edit(story, "review", title="A")).then(DecisionMade)
    answered(story, "review", RAVI, **edit(story, "review", title="B")).then(DecisionMade)
    answered(story, "review", LENA).then(*THROUGH)
    assert output(story)["content"]["title"] == "B"


def test_an_approval_of_what_was_shown_before_an_edit_does_not_count_for_the_edit():
    story = editing(quorum=2)
    seen = the_gate(story).digest
    answered(story, "review", RAVI, **edit(story, "review", title="Something else")).then(DecisionMade)
    answered(story, "review", LENA, digest=seen).then(DecisionRefused, Refusal.CONTENT_CHANGED)
    assert the_gate(story).state is GateState.OPEN
    answered(story, "review", LENA, digest=the_gate(story).digest).then(*THROUGH)


def test_two_edits_of_the_same_version_do_not_overwrite_each_other():
    story = editing(quorum=3)
    seen = the_gate(story).digest
    mine = edit(story, "review", body="Mine.")
    answered(story, "review", RAVI, **edit(story, "review", title="Yours")).then(DecisionMade)
    answered(story, "review", LENA, digest=seen, **mine).then(DecisionRefused, Refusal.CONTENT_CHANGED)
    assert the_gate(story).shown.value == POST | {"title": "Yours"}


def test_only_the_fields_that_are_offered_may_be_edited():
    story = asking(edit=("title",))
    answered(story, "review", RAVI, **edit(story, "review", body="New.")).then(
        DecisionRefused, Refusal.EDIT_NOT_ALLOWED
    )
    assert the_gate(story).shown.value == POST


def test_nothing_is_edited_beside_what_the_edit_speaks_of():
    story = editing()
    quiet = edit(story, "review", title="A") | {"content": Content(POST | {"title": "A", "body": "B"})}
    answered(story, "review", RAVI, **quiet).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)
    added = edit(story, "review", title="A") | {"content": Content(POST | {"title": "A", "price": 0})}
    answered(story, "review", RAVI, **added).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_an_edit_without_its_content_or_digest_is_none():
    story = editing()
    whole = edit(story, "review", title="A")
    for missing in ({"content": None}, {"content_digest": ""}):
        answered(story, "review", RAVI, **whole | missing).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_a_rejection_edits_nothing():
    story = editing()
    answered(story, "review", RAVI, "reject", **edit(story, "review", title="A")).then(
        DecisionRefused, Refusal.EDIT_NOT_ALLOWED
    )


def test_what_is_no_object_cannot_be_edited():
    story = asking(edit=("title",), with_={"question": "Publish?", "show": "a text"})
    odd = {"content": Content("another text"), "content_digest": "d", "edits": {"title": ["a", "b"]}}
    answered(story, "review", RAVI, **odd).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_an_edit_that_does_not_fit_its_schema_is_refused_before_it_counts():
    story = editing()
    answered(story, "review", RAVI, problems=("title is too long",), **edit(story, "review", title="A" * 500)).then(
        DecisionRefused, Refusal.CONTENT_INVALID
    )
    assert the_gate(story).shown.value == POST
    assert the_gate(story).decisions == ()


# Forms ---------------------------------------------------------------------------------------------------------------

FORM = {"type": "object", "properties": {"price": {"type": "number"}}}


def test_a_form_is_answered_with_data():
    story = asking(form=FORM)
    answered(story, "review", RAVI, "answer", content=Content({"price": 3})).then(*THROUGH)
    assert (output(story)["verdict"], output(story)["content"]) == ("answered", {"price": 3})
    assert output(story)["by"] == "U0RAVI"


def test_a_form_with_data_of_the_wrong_shape_is_refused_and_the_attempt_is_kept():
    story = asking(form=FORM)
    bad = {"content": Content({"price": "cheap"}), "problems": ("price: 'cheap' is not a number",)}
    answered(story, "review", RAVI, "answer", **bad).then(DecisionRefused, Refusal.CONTENT_INVALID)
    assert story.last(DecisionRefused).refusal == "content_invalid"
    answered(story, "review", RAVI, "answer", content=Content({"price": 3})).then(*THROUGH)


def test_an_empty_answer_is_not_what_was_shown():
    story = asking(form=FORM)
    answered(story, "review", RAVI, "answer").then(DecisionRefused, Refusal.CONTENT_INVALID)


def test_a_form_is_not_approved():
    story = asking(form=FORM)
    answered(story, "review", RAVI, "approve").then(DecisionRefused, Refusal.ANSWER_NOT_OFFERED)
