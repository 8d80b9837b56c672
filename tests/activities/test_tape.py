"""Exchanges are recorded as they happen and answered from afterwards: strictly, offline and free."""

import json

import pytest

from engine.faults import SettingsFault
from engine.models import Models
from engine.secrets import Redactor
from engine.tape import Recorder, Recording, request_hash
from tests.support.asked_models import CLEAN, GOOD, POST

pytestmark = pytest.mark.anyio
QUESTION = {"model": "writer", "prompt": "Write about points", "system": "Be brief", "temperature": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.jsonl"


@pytest.fixture
def recording_desk(desk, path):
    redactor = Redactor()
    redactor.add("the-secret-word")
    desk.tools.redact = redactor.json
    desk.tools.recorder = Recorder(path, redactor.json)
    return desk


def replaying(desk, path):
    """From here on the desk answers from the recording, and reaches nothing."""
    desk.tools.recorder = None
    recording = Recording.load(path)
    desk.tools.models = Models().replaying(path, recording.models)
    desk.tools.recordings = {path: recording}


@pytest.mark.parametrize("name", ["writer", "claude"])
@pytest.mark.parametrize("structured", ["schema", "tool"])
async def test_what_was_recorded_is_answered_the_same_without_a_server(recording_desk, ask, path, name, structured):
    desk = recording_desk
    server = await ask({"answers": [{"json": GOOD}]}, structured=structured)
    live = await desk.do("model", {**QUESTION, "model": name}, output_schema=POST)
    replaying(desk, path)
    again = await desk.do("model", {**QUESTION, "model": name}, output_schema=POST)
    assert again.output == live.output == CLEAN
    assert len(server.asked) == 1
    assert again.receipt["replayed"] is True
    assert again.usage["usd_micros"] == 0, "free"
    assert live.usage["usd_micros"] > 0
    assert again.usage["tokens_in"] == live.usage["tokens_in"]
    assert again.receipt["model_answered"] == live.receipt["model_answered"]
    assert [label for label, _ in desk.raw] == ["model_answer"] * 2, "it is evidence like any other"


async def test_a_line_holds_the_whole_exchange_and_no_secret(recording_desk, ask, path):
    await ask({"answers": [{"text": "You said the-secret-word"}]})
    await recording_desk.do("model", {**QUESTION, "prompt": "Say the-secret-word"})
    text = path.read_text()
    line = json.loads(text)
    assert line["request"] == request_hash("writer", line["asked"])
    assert line["asked"]["messages"] == [{"role": "user", "content": "Say ‹secret›"}]
    assert line["asked"]["system"] == "Be brief"
    assert line["asked"]["parameters"] == line["settings"] == {"temperature": 0}
    assert line["answer"]["choices"][0]["message"]["content"] == "You said ‹secret›"
    assert line["usage"]["calls"] == 1
    assert "the-secret-word" not in text
    assert "sk-test-key" not in text
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_recording_answers_under_another_secret_too(recording_desk, ask, path):
    await ask({"answers": [{"text": "Yes"}]})
    await recording_desk.do("model", {**QUESTION, "prompt": "Say the-secret-word"})
    replaying(recording_desk, path)
    other = Redactor()
    other.add("another-secret")
    recording_desk.tools.redact = other.json
    assert (await recording_desk.do("model", {**QUESTION, "prompt": "Say another-secret"})).output == "Yes"


async def test_an_unknown_request_is_an_error_that_shows_the_nearest_recorded_one(recording_desk, ask, path):
    desk = recording_desk
    await ask({"answers": [{"text": "Yes"}]})
    for prompt in ("Write about signals", "Write about points in the yard", "Count the wagons"):
        await desk.do("model", {**QUESTION, "prompt": prompt})
    replaying(desk, path)
    fault = await desk.fault("model", {**QUESTION, "prompt": "Write about points in the shed"})
    assert (fault.code, fault.retryable) == ("model_not_recorded", False)
    assert "differs in messages[0].content" in fault.message
    assert "yard" in fault.message
    assert "shed" in fault.message
    assert "wagons" not in fault.message
    assert "POINTSMAN_RECORD" in fault.hint
    colder = await desk.fault("model", {**QUESTION, "prompt": "Count the wagons", "temperature": 1})
    assert "differs in parameters.temperature: recorded was “0”, asked is “1”" in colder.message


async def test_another_name_is_another_request(recording_desk, ask, path):
    desk = recording_desk
    await ask({"answers": [{"text": "Yes"}]})
    await desk.do("model", QUESTION)
    replaying(desk, path)
    desk.tools.models = desk.tools.models.replaying(path, {"claude"})
    fault = await desk.fault("model", {**QUESTION, "model": "claude"})
    assert "was asked of writer" in fault.message


def test_the_order_of_keys_does_not_make_another_request():
    asked = {
        "system": None,
        "messages": [{"role": "user", "content": "x"}],
        "parameters": {"a": 1, "b": {"c": 2, "d": 3}},
    }
    turned = {
        "parameters": {"b": {"d": 3, "c": 2.0}, "a": 1},
        "messages": [{"content": "x", "role": "user"}],
        "system": None,
    }
    assert request_hash("writer", asked) == request_hash("writer", turned)
    assert request_hash("writer", asked) != request_hash("backup", asked)
    assert request_hash("writer", asked) != request_hash("writer", {**asked, "system": "x"})


async def test_the_same_request_gets_its_answers_in_their_order_and_then_the_last(recording_desk, ask, path):
    desk = recording_desk
    await ask({"answers": [{"text": "first"}, {"text": "second"}]})
    for _ in range(2):
        await desk.do("model", QUESTION)
    replaying(desk, path)
    assert [(await desk.do("model", QUESTION)).output for _ in range(3)] == ["first", "second", "second"]


async def test_errors_are_not_recorded(recording_desk, ask, path):
    await ask({"answers": [{"status": 429}, {"text": "Yes"}]})
    await recording_desk.fault("model", QUESTION)
    await recording_desk.do("model", QUESTION)
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"model": "writer"}', '{"model": "writer", "kind": "replay", "asked": {}, "answer": 1}']
)
def test_a_wrong_line_is_told_with_its_number(path, line):
    good = '{"model": "writer", "kind": "openai", "asked": {}, "answer": {}}'
    path.write_text(f"{good}\n\n{line}\n")
    with pytest.raises(SettingsFault, match=r"answers\.jsonl:3 is no recorded exchange"):
        Recording.load(path)


def test_a_file_that_cannot_be_read_or_written_is_told(tmp_path):
    with pytest.raises(SettingsFault, match="cannot be read"):
        Recording.load(tmp_path / "missing.jsonl")
    with pytest.raises(SettingsFault, match=r"POINTSMAN_RECORD names .* cannot be written"):
        Recorder(tmp_path / "no" / "folder.jsonl", lambda value: value)
