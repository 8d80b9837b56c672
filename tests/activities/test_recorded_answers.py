import anyio
import pytest
from aiohttp import ClientSession

from bot.recorded_answers import NO_MATCH, SERVER, RecordedAnswers
from engine.faults import SettingsFault

pytestmark = pytest.mark.anyio


def ask(recordings, prompt, model="m", run="r1", schema=None):
    return RecordedAnswers.parse(recordings).answer(model, prompt, run, schema)


def test_the_first_recording_that_fits_answers():
    recordings = [
        {"model": "gpt-*", "answers": [{"text": "by model"}]},
        {"contains": ["BLOG", "post"], "answers": [{"text": "by words"}]},
        {"contains": "blog", "answers": [{"text": "by a word"}]},
        {"matches": r"ticket \d+", "answers": [{"text": "by pattern"}]},
    ]
    assert ask(recordings, "x", model="gpt-5").text == "by model"
    assert ask(recordings, "write a blog post").text == "by words"
    assert ask(recordings, "a blog").text == "by a word"
    assert ask(recordings, "see ticket 12").text == "by pattern"
    assert ask(recordings, "see ticket").text == NO_MATCH


def test_answers_come_in_turn_within_a_run_and_the_last_repeats():
    server = RecordedAnswers.parse([{"answers": [{"text": "first"}, {"text": "second"}]}])
    assert [server.answer("m", "x", "run 1", None).text for _ in range(3)] == ["first", "second", "second"]
    assert server.answer("m", "x", "run 2", None).text == "first"


def test_words_of_the_prompt_may_be_used_in_the_answer():
    recordings = [
        {"matches": "topic: (?P<topic>.+)", "answers": [{"json": {"title": "On {{topic}}", "tags": ["{{ other }}"]}}]}
    ]
    assert ask(recordings, "about\ntopic: points ").json_ == {"title": "On points", "tags": ["{{ other }}"]}


def test_the_stand_in_fits_the_schema_that_was_asked_for():
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "tone": {"enum": ["plain", "playful"]},
            "count": {"type": ["integer", "null"]},
            "score": {"type": "number"},
            "ok": {"type": "boolean"},
            "claims": {"type": "array", "items": {"type": "object"}},
            "author": {"$ref": "#/$defs/Person"},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "none": {"type": "null"},
            "fixed": {"const": 5},
        },
        "$defs": {"Person": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    assert ask([], "x", schema=schema).json_ == {
        "title": NO_MATCH,
        "tone": "plain",
        "count": 0,
        "score": 0,
        "ok": False,
        "claims": [],
        "author": {"name": NO_MATCH},
        "maybe": NO_MATCH,
        "none": None,
        "fixed": 5,
    }


async def test_every_answer_names_its_server_also_a_failing_one():
    server = RecordedAnswers.parse([{"contains": "fail", "answers": [{"status": 429, "retry_after": 2}]}])
    async with server.running() as url, ClientSession() as session:
        for prompt in ("fail", "else"):
            body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}]}
            for path in ("/v1/chat/completions", "/v1/messages"):
                async with session.post(url + path, json=body) as response:
                    assert response.headers["Server"] == SERVER
                    if prompt == "fail":
                        assert (response.status, response.headers["Retry-After"]) == (429, "2")
                    else:
                        assert (await response.json())["system_fingerprint"] == "pointsman-recorded-answers"
    assert len(server.asked) == 4


async def test_a_file_of_recordings_is_read(tmp_path):
    path = tmp_path / "recordings.yml"
    path.write_text("- contains: hello\n  answers:\n    - {json: {a: 1}, delay_ms: 0}\n")
    with anyio.fail_after(20):
        assert RecordedAnswers.load(path).answer("m", "Hello", "", None).json_ == {"a": 1}


async def test_a_failing_answer_calls_itself_as_it_was_told_in_both_styles():
    server = RecordedAnswers.parse([{"answers": [{"status": 429, "error": "insufficient_quota", "text": "No more"}]}])
    async with server.running() as url, ClientSession() as session:
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
        for path, key in (("/v1/chat/completions", "code"), ("/v1/messages", "type")):
            async with session.post(url + path, json=body) as response:
                error = (await response.json())["error"]
                assert (response.status, error[key], error["message"]) == (429, "insufficient_quota", "No more")


@pytest.mark.parametrize(
    "text",
    ["- answers: []", "- {matches: '(', answers: [{text: a}]}", "- {answers: [{txt: a}]}", "{", "- {contain: a}"],
)
def test_a_wrong_file_is_told(tmp_path, text):
    path = tmp_path / "recordings.yml"
    path.write_text(text)
    with pytest.raises(SettingsFault, match=r"recordings\.yml holds no recorded answers"):
        RecordedAnswers.load(path)
