"""What the recorded models say fits what the example workflows ask for, and the claims in it stand up to the check."""

import importlib.util
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from bot.recorded_answers import RecordedAnswers

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / "workflows"


def prompt(name, **words):
    """The prompt as a run would send it, as far as plain names are concerned; what is computed is left out."""
    text = (WORKFLOWS / "prompts" / name).read_text("utf-8")
    named = re.sub(r"\$\{\{ ([a-z_.]+) \}\}", lambda place: words[place[1].rsplit(".", 1)[-1]], text)
    return re.sub(r"\$\{\{.*?\}\}", "", named)


def schema(name):
    return jsonschema_rs.validator_for(json.loads((WORKFLOWS / "schemas" / name).read_text("utf-8")))


def recorded(file):
    return RecordedAnswers.load(ROOT / "bot" / "demo" / "recordings" / file)


def claims():
    spec = importlib.util.spec_from_file_location("claims_under_test", WORKFLOWS / "claims.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


TOPICS = ["Why paper books last", "Choosing a typeface", "The history of lighthouses", "7 ways to brew tea", "x" * 100]


@pytest.mark.parametrize("tone", ["plain", "playful"])
@pytest.mark.parametrize("topic", TOPICS)
def test_a_draft_on_any_topic_is_a_post_whose_claims_hold(topic, tone):
    answer = recorded("drafts.yaml").answer("writer", prompt("draft_post.md", topic=topic, tone=tone), "r", None)
    assert [error.message for error in schema("post.json").iter_errors(answer.json_)] == []
    assert problems(answer.json_) == []


def test_the_draft_on_speed_reading_has_a_number_that_the_check_finds():
    text = prompt("draft_post.md", topic="How to read faster", tone="plain")
    post = recorded("drafts.yaml").answer("writer", text, "r", None).json_
    assert schema("post.json").is_valid(post)
    assert problems(post) == ["the number 40 percent has no source"]


def problems(post):
    """Everything that the check finds in a post."""
    stated = claims().statements(post["title"], post["body"], post["claims"])
    checked = [claims().check(claim, post["body"]) for claim in stated]
    return [one["problem"] for one in checked if not one["ok"]]


@pytest.mark.parametrize(
    ("message", "queue", "routine"),
    [
        ("Where is my parcel?", "orders", True),
        ("I forgot my password", "accounts", True),
        ("You charged me twice, I want a refund", "billing", False),
        ("The cover came torn", "orders", False),
        ("Interview request for our radio show", "press", False),
        ("A poem for you", "other", False),
    ],
)
def test_a_ticket_is_sorted_by_what_the_reader_wrote(message, queue, routine):
    text = prompt("classify_ticket.md", subject=message, message="Hello there. Regards, Inger")
    triage = recorded("tickets.yaml").answer("writer", text, "r", None).json_
    assert schema("triage.json").is_valid(triage)
    assert (triage["queue"], triage["routine"]) == (queue, routine)


@pytest.mark.parametrize("queue", ["orders", "accounts", "other"])
def test_an_answer_is_signed_and_short(queue):
    text = prompt("answer_ticket.md", queue=queue, subject="Where is it?", message="My parcel is late")
    answer = recorded("tickets.yaml").answer("writer", text, "r", None).json_["text"]
    assert answer.endswith("The Meadow Press desk")
    assert len(answer.split()) <= 120


def test_every_file_of_recordings_is_shipped_with_the_demo():
    folder = ROOT / "bot" / "demo" / "recordings"
    for file in folder.glob("*.yaml"):
        assert RecordedAnswers.load(file).recordings
