"""The page on the first workflow is typed along from its top, and every command does what the page says."""

import re
import shlex
from pathlib import Path

from tests.support.console import Console

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-workflow.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def blocks():
    """Code of the page in order: what it is, the file it belongs to, and the text."""
    file = ""
    for name, language, text in re.findall(r"`(first/[a-z_.]+)`|^```(yaml|python|sh)\n(.*?)^```", PAGE, re.M | re.S):
        file = name or file
        if language:
            yield language, file, text


def test_typing_along_works_from_top_to_bottom(tmp_path):
    (tmp_path / "first").mkdir()
    console = Console(tmp_path, POINTSMAN_WORKFLOWS="first", POINTSMAN_DB="first/pointsman.db")
    typed = 0
    for language, file, text in blocks():
        if language != "sh":
            (tmp_path / file).write_text(text)
            continue
        for line in text.splitlines():
            if line.startswith("export"):
                assert line == "export POINTSMAN_WORKFLOWS=first POINTSMAN_DB=first/pointsman.db"
                continue
            command, _, remark = line.partition("  # exit code ")
            words = shlex.split(command.removeprefix("uv run pointsman "))
            ended = console.run(*words)
            assert ended.code == int(remark or 0), (line, ended)
            typed += 1
    assert typed == 8
    states = [one["status"] for one in console.run("runs", "--json").json]
    assert states == ["succeeded", "succeeded", "failed", "succeeded", "succeeded"]


def test_what_it_says_about_wrong_inputs_is_so(tmp_path):
    (tmp_path / "first").mkdir()
    console = Console(tmp_path, POINTSMAN_WORKFLOWS="first", POINTSMAN_DB="first/pointsman.db")
    _, file, text = next(blocks())
    (tmp_path / file).write_text(text)
    many = console.run("run", "buy_books", "title=x", "copies=99")
    assert (many.code, "50" in many.err) == (2, True)
    misspelt = console.run("run", "buy_books", "titel=x")
    assert (misspelt.code, "title" in misspelt.err) == (2, True)


def test_the_workflow_of_the_readme_greets(tmp_path):
    (tmp_path / "first").mkdir()
    text = re.search(r"^```yaml\n(workflow: hello\n.*?)^```", README, re.M | re.S).group(1)
    (tmp_path / "first" / "hello.yaml").write_text(text)
    console = Console(tmp_path, POINTSMAN_WORKFLOWS="first")
    assert console.run("check").code == 0
    assert console.run("run", "hello", "name=Ada", "--wait", "--json").json["outputs"] == {"text": "Hello, Ada!"}


def test_the_workflow_at_the_top_of_the_readme_is_sound(tmp_path):
    (tmp_path / "first").mkdir()
    text = re.search(r"^```yaml\n(workflow: publish_post\n.*?)^```", README, re.M | re.S).group(1)
    (tmp_path / "first" / "publish_post.yaml").write_text(text)
    assert Console(tmp_path, POINTSMAN_WORKFLOWS="first").run("check", "--json").json["problems"] == []


def test_every_link_of_the_pages_leads_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            if not target.startswith("http") and not target.endswith(".png"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
