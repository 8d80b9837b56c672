"""The commit of a workflow's file, where git knows one; and nothing at all where it does not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bot import shapes
from engine.definitions import commits, load
from engine.definitions.commits import CHANGED
from tests.support.engines import running

STEPS = "steps:\n  a: {uses: transform, with: {x: 1}}\n"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet")

    def git(self, *words: str) -> str:
        who = {
            f"GIT_{one}_{what}": "Ann <ann@x.example>" for one in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        aside = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words], cwd=self.top, env={**clean, **who, **aside}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, more: str = "") -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"workflow: {path.stem}\n{STEPS}{more}")
        return path

    def commit(self) -> str:
        """Commit everything; gives the short hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "As it stands")
        return self.git("rev-parse", "--short", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def committed(*paths: Path) -> dict[str, str]:
    loaded = load(paths)
    assert not loaded.broken, loaded.problems
    return {name: one.workflow.commit for name, one in loaded.definitions.items()}


def test_each_workflow_has_the_commit_that_last_touched_its_file(repository: Repository) -> None:
    for name in ("workflows/one.yaml", "workflows/two.yaml"):
        repository.write(name)
    first = repository.commit()
    repository.write("workflows/two.yaml", "# more\n")
    second = repository.commit()
    repository.write("elsewhere/three.yaml")
    third = repository.commit()
    assert len({first, second, third}) == 3
    assert committed(repository.top / "workflows") == {"one": first, "two": second}
    assert committed(repository.top / "elsewhere", repository.top / "workflows" / "one.yaml") == {
        "one": first,
        "three": third,
    }


def test_a_file_that_is_not_as_it_was_committed_says_so(repository: Repository) -> None:
    repository.write("one.yaml")
    repository.write("sta ged ü.yaml".replace(" ", "_"))
    first = repository.commit()
    repository.write("one.yaml", "# more\n")
    repository.write("sta_ged_ü.yaml", "# more\n").read_text()
    repository.git("add", "sta_ged_ü.yaml")
    found = commits.of([repository.top / "one.yaml", repository.top / "sta_ged_ü.yaml"])
    assert set(found.values()) == {f"{first}{CHANGED}"}
    repository.commit()
    assert CHANGED not in committed(repository.top / "one.yaml")["one"]


def test_a_file_that_was_never_committed_has_none(repository: Repository) -> None:
    repository.write("one.yaml")
    assert committed(repository.top) == {"one": ""}
    repository.git("add", "one.yaml")
    assert committed(repository.top) == {"one": ""}
    first = repository.commit()
    repository.write("new.yaml")
    (repository.top / ".gitignore").write_text("hidden.yaml\n")
    repository.write("hidden.yaml")
    assert committed(repository.top) == {"hidden": "", "new": "", "one": first}


def test_the_commit_is_no_part_of_the_behaviour(repository: Repository, tmp_path: Path) -> None:
    repository.write("one.yaml")
    repository.commit()
    shutil.copy(repository.top / "one.yaml", tmp_path / "one.yaml")
    inside = load([repository.top]).definitions["one"]
    outside = load([tmp_path]).definitions["one"]
    assert inside.workflow.commit
    assert not outside.workflow.commit
    assert inside.plan.version == outside.plan.version


def test_outside_a_repository_git_is_not_even_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text(f"workflow: one\n{STEPS}")
    monkeypatch.setattr(subprocess, "Popen", None)
    assert committed(tmp_path) == {"one": ""}


def test_without_git_or_with_a_broken_one_there_is_no_commit(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write("one.yaml")
    repository.commit()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert committed(repository.top) == {"one": ""}
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "git").write_text("#!/bin/sh\necho fatal >&2\nexit 128\n")
    (broken / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:/usr/bin:/bin")
    assert committed(repository.top) == {"one": ""}


def test_a_git_that_hangs_is_given_up(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.write("one.yaml")
    repository.commit()
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nsleep 600\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setattr(commits, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    assert committed(repository.top) == {"one": ""}


def test_a_repository_whose_commits_are_lost_has_none_to_tell(repository: Repository) -> None:
    repository.write("one.yaml")
    repository.commit()
    shutil.rmtree(repository.top / ".git" / "objects")
    assert committed(repository.top) == {"one": ""}


def test_git_is_asked_once_for_a_whole_folder(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        repository.write(f"flow_{number}.yaml")
    first = repository.commit()
    started = []
    popen = subprocess.Popen

    def counted(*given, **more):
        started.append(given)
        return popen(*given, **more)

    monkeypatch.setattr(subprocess, "Popen", counted)
    assert set(committed(repository.top).values()) == {first}
    assert len(started) <= 3


def test_what_git_was_told_of_another_repository_does_not_confuse_it(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    other.write("one.yaml", "# other\n")
    other.commit()
    repository.write("one.yaml")
    first = repository.commit()
    monkeypatch.setenv("GIT_DIR", str(other.top / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.top))
    assert committed(repository.top) == {"one": first}


def test_a_worktree_and_a_link_into_a_repository_are_understood(repository: Repository, tmp_path: Path) -> None:
    repository.write("one.yaml")
    first = repository.commit()
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    assert committed(tmp_path / "tree") == {"one": first}
    (tmp_path / "link").symlink_to(repository.top)
    assert committed(tmp_path / "link") == {"one": first}


@pytest.mark.anyio
async def test_a_service_tells_the_commit_of_what_it_has_loaded(repository: Repository, tmp_path: Path) -> None:
    repository.write("one.yaml")
    first = repository.commit()
    async with running(tmp_path / "a.db") as service:
        for said in (first, f"{first}{CHANGED}"):
            await service.engine.use(load([repository.top]).definitions)
            [known] = service.engine.workflows()
            assert shapes.workflow(known, {})["commit"] == said
            repository.write("one.yaml", "# more\n")
