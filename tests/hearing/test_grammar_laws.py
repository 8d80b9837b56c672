"""Laws of the grammar, tried on lines that nobody would write."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bot.grammar import (
    Approve,
    Cancel,
    Changes,
    Context,
    Endpoints,
    Misunderstanding,
    Pause,
    Reject,
    Resume,
    Retry,
    Start,
    parse,
    render,
)
from bot.grammar.slack_text import escaped, readable, value
from bot.grammar.suggestions import NEAR_MEANINGS
from engine.definitions.verbs import PLANNED, VERBS
from engine.definitions.words import WorkflowName

TYPED = [*VERBS, "/flow"]
PIECES = [
    "publish_post", "triage", "topic=", "--topic", "—tone", "tags+=", "R-7K2", "G-41", "v2", "last", "this",
    "because", "about", "--dry-run", "<@U0ADA|ada>", "<#C0X|general>", "<https://x.example|x>", "<!channel>",
    "&lt;", "&amp;", '"', "'", "“", "”", "„", "‘", "’", "«", "»", "\\", "=", "`", "*", "?", "x", "Ünïcode", "👍",
    "from", "from=", "--version", "version=", "latest", "--confirm", " ", "\n", "what can you run", "why is it waiting",
]  # fmt: skip
LINES = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(TYPED + PIECES), max_size=14).map("".join),
    st.lists(st.sampled_from(TYPED + PIECES), max_size=14).map(" ".join),
)
CONTEXTS = st.builds(
    Context,
    inputs=st.just({"publish_post": ("topic", "tone", "tags"), "triage": ("ticket",), "empty": ()}),
    surface=st.sampled_from(["slash", "mention", "dm", "cli"]),
    in_run_thread=st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(LINES, CONTEXTS)
@example("run \ud800", Context())
@example('reject G-41 because "', Context())
def test_no_line_raises_and_what_is_asked_survives_rendering(line, context):
    asked = parse(line, context)
    if isinstance(asked, Misunderstanding):
        assert asked.wrong
        return
    assert parse(escaped(render(asked)), context) == asked


CHANGES_SOMETHING = (Start, Approve, Reject, Changes, Cancel, Retry, Pause, Resume)
ASKING = [
    "what", "what's", "who", "why", "when", "where", "how", "how's", "which", "is", "are", "did", "has", "any", "my",
    "info", "show me", "tell me about", "you",
]  # fmt: skip
ASKED_ABOUT = [
    "it", "this", "that", "R-7K2", "g-41", "publish_post", "triage", "we", "I", "you", "do", "does", "is", "waiting",
    "for", "me", "approved", "approve", "rejected", "reject", "cancel", "retry", "run", "start", "stop", "happened",
    "news", "on", "status", "the", "due", "down", "to", "need", "wrong", "went", "there", "started", "work", "fail",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ASKING), st.lists(st.sampled_from(ASKED_ABOUT), max_size=6), CONTEXTS)
@example("how", ["do", "I", "cancel", "this"], Context(in_run_thread=True))
@example("who", ["approved", "g-41"], Context(surface="dm"))
def test_what_begins_as_a_question_changes_nothing_however_it_goes_on(opening, words, context):
    asked = parse(" ".join([opening, *words]), context)
    assert not isinstance(asked, CHANGES_SOMETHING)
    assert not (isinstance(asked, Endpoints) and asked.trying)
    if not isinstance(asked, Misunderstanding):
        assert parse(escaped(render(asked)), context) == asked


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_what_was_typed_arrives_as_it_was_typed(topic, tone):
    line = render(parse("run publish_post", Context()))
    typed = f"{line} topic={_quoted(topic)} tone={_quoted(tone)}"
    asked = parse(escaped(typed), Context(inputs={"publish_post": ("topic", "tone")}))
    assert dict(asked.given) == {"topic": topic, "tone": tone}


@given(st.text())
def test_typed_text_is_never_taken_for_slack_markup(text):
    assert readable(escaped(text)) == text
    assert value(escaped(text)) == text


def test_ten_thousand_characters_are_read_whole():
    topic = "x\"'“ <!channel> \\" * 700
    asked = parse(escaped(f"run publish_post topic={_quoted(topic)}"), Context(inputs={"publish_post": ("topic",)}))
    assert dict(asked.given) == {"topic": topic}


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Names of workflows and words of commands. ----------------------------------------------------------------------------

NAME = TypeAdapter(WorkflowName)
SPOKEN = ["hello", "hi", "hey", "thanks", "workflows", "ok", "mine", "g_41", "r_7k2", "flow", "yes", "it", "that"]


def _allowed(name):
    try:
        return NAME.validate_python(name) == name
    except ValidationError:
        return False


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*VERBS, *NEAR_MEANINGS, *PLANNED, *SPOKEN])
    | st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
)
def test_a_workflow_that_may_be_called_so_is_started_by_its_name_alone(name):
    context = Context(inputs={name: ("topic",)}, surface="slash")
    if not _allowed(name):
        return
    assert parse(name, context) == Start(name)
    assert parse(f"{name} topic=ink", context) == Start(name, (("topic", "ink"),))
    assert parse(f"/flow {name.replace('_', '-')} ink", context) == Start(name, (("topic", "ink"),))


@pytest.mark.parametrize("word", sorted(word for word in {*VERBS, *PLANNED} if word.isalpha()))
def test_no_workflow_is_called_like_a_command(word):
    assert not _allowed(word)
