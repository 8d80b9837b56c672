"""The evidence of a run: what is in the bundle, and that its own script finds every change."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bot.evidence.bundle import exported
from bot.evidence.lines import line
from bot.requests import Objection
from engine.definitions.plan import version_of
from engine.rules.commands import Decide
from store.events import KINDS
from tests.support.engines import MINA, RAVI, ended, gate, person, plan, running, step, waits

pytestmark = pytest.mark.anyio
NASTY = "<script>alert(1)</script> & <!channel>"


async def recorded(folder: Path) -> Path:
    """A database with one run: a large value, a refused click, an approval with a comment."""
    made = plan(
        step("draft", with_={"text": "long " * 5_000, "title": "${{ inputs.topic }}"}),
        gate("review", ["draft"], with_={"question": "Publish?", "show": "${{ steps.draft.output }}"}),
        outputs={"title": "${{ steps.review.output.content.title }}"},
        inputs={"topic": {"type": "string"}},
    )
    made = replace(made, version=version_of(made))
    async with running(folder / "a.db", made) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {"topic": NASTY}, actor=MINA)).run)
        facts = person(MINA, "@editors", at=engine.clock.now())
        await engine.perform(run.id, Decide("review", MINA, "approve"), person=facts)
        facts = person(RAVI, "@editors", at=engine.clock.now())
        await engine.perform(run.id, Decide("review", RAVI, "approve", comment=NASTY), person=facts)
        await ended(service, run)
    return folder / "a.db"


def verdict(bundle: Path) -> tuple[int, str]:
    """What the script in the bundle says, run by a Python that knows nothing of this project."""
    with zipfile.ZipFile(bundle) as archive:
        script = bundle.with_suffix(".check.py")
        script.write_bytes(archive.read("check.py"))
    done = subprocess.run([sys.executable, "-I", script, bundle], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def altered(bundle: Path, name: str, change: object) -> Path:
    """A copy of the bundle in which one file was changed."""
    copy = bundle.with_name(f"altered-{bundle.name}")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(copy, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry == name else data)  # type: ignore[operator]
    return copy


async def test_a_bundle_holds_everything_and_its_own_script_finds_it_whole(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    found = exported(database, "R-YDH", tmp_path / "run.zip")
    code, said = verdict(tmp_path / "run.zip")
    assert code == 0, said
    assert "The record holds together." in said
    assert str(found["head"]) in said
    names = zipfile.ZipFile(tmp_path / "run.zip").namelist()
    assert {"run.json", "events.jsonl", "index.html", "check.py"} <= set(names)
    assert any(name.startswith("content/") for name in names)
    assert sum(name.startswith("definitions/") for name in names) == 2


async def test_the_same_evidence_is_the_same_file(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    exported(database, "R-YDH", tmp_path / "one.zip")
    exported(database, "R-YDH", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


async def test_every_changed_line_is_found(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    exported(database, "R-YDH", tmp_path / "run.zip")
    lines = zipfile.ZipFile(tmp_path / "run.zip").read("events.jsonl").splitlines(keepends=True)
    for n in range(len(lines)):
        event = json.loads(lines[n])
        for field, value in (("header", event["header"].replace(":", ": ", 1)), ("content", "{}")):
            changed = json.dumps({**event, field: value}).encode() + b"\n"
            copy = altered(
                tmp_path / "run.zip",
                "events.jsonl",
                lambda _, c=changed, n=n: b"".join([*lines[:n], c, *lines[n + 1 :]]),
            )
            assert verdict(copy)[0] == 1, f"{field} of event {n + 1}"
    for cut in (lines[1:], lines[:-1], [lines[1], lines[0], *lines[2:]]):
        copy = altered(tmp_path / "run.zip", "events.jsonl", lambda _, cut=cut: b"".join(cut))
        assert verdict(copy)[0] == 1


@pytest.mark.parametrize("folder", ["content/", "definitions/"])
async def test_a_changed_value_and_a_changed_definition_are_found(tmp_path: Path, folder: str) -> None:
    database = await recorded(tmp_path)
    exported(database, "R-YDH", tmp_path / "run.zip")
    name = next(
        n for n in zipfile.ZipFile(tmp_path / "run.zip").namelist() if n.startswith(folder) and ".yaml" not in n
    )
    code, said = verdict(altered(tmp_path / "run.zip", name, lambda data: data + b" "))
    assert (code, "was changed" in said) == (1, True)


async def test_a_value_that_is_gone_is_named_and_the_rest_still_holds(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    large = next(file for file in (tmp_path / "a.db.content").rglob("*") if file.is_file())
    large.unlink()
    found = exported(database, "R-YDH", tmp_path / "run.zip")
    assert found["missing"] == [large.name]
    code, said = verdict(tmp_path / "run.zip")
    assert code == 0
    assert large.name in said


async def test_the_page_tells_who_decided_on_what_and_runs_nothing(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    exported(database, "R-YDH", tmp_path / "run.zip")
    html = zipfile.ZipFile(tmp_path / "run.zip").read("index.html").decode()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "Ravi approved" in html
    assert "Mina tried “approve” and was refused (actor_is_requester)" in html
    assert "Could decide: @editors" in html
    assert "<svg" in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", ""), "it loads nothing"


async def test_an_unknown_run_and_a_file_that_is_there_are_refused(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    with pytest.raises(Objection, match="no run R-NONE"):
        exported(database, "R-NONE", tmp_path / "run.zip")
    (tmp_path / "run.zip").write_text("mine")
    with pytest.raises(Objection, match="is there already"):
        exported(database, "R-YDH", tmp_path / "run.zip")
    assert (tmp_path / "run.zip").read_text() == "mine"
    exported(database, "R-YDH", tmp_path / "run.zip", over=True)
    assert zipfile.is_zipfile(io.BytesIO((tmp_path / "run.zip").read_bytes()))


def test_every_kind_of_event_has_words() -> None:
    from bot.evidence.lines import _PLAIN, _TOLD

    assert {kind.__name__ for kind in KINDS.values()} == {kind.__name__ for kind in _TOLD} | set(_PLAIN)
    assert callable(line)


@pytest.mark.parametrize("name", ["index.html", "run.json"])
async def test_a_changed_page_and_a_changed_state_are_found_too(tmp_path: Path, name: str) -> None:
    database = await recorded(tmp_path)
    exported(database, "R-YDH", tmp_path / "run.zip")
    code, said = verdict(altered(tmp_path / "run.zip", name, lambda data: data.replace(b"Mina", b"Nina")))
    assert (code, f"WRONG: {name} is not as it was exported" in said) == (1, True)
