"""The page on commands says what the commands say: every command, argument and option, no more and no less."""

import re
from pathlib import Path

import pytest
import typer

from bot.cli.app import app
from bot.cli.exits import Exit

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def commands():
    """Every command by its words, e.g. `audit verify`."""
    found = {}

    def walk(group, words):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, [*words, name])
            else:
                found[" ".join([*words, name])] = command

    walk(typer.main.get_command(app), [])
    return found


def sections():
    """What the page says, by command: its arguments and its options."""
    parts = re.split(r"^### `pointsman ([^`]+)`$", PAGE, flags=re.MULTILINE)[1:]
    told = {}
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        words = re.match(r"[a-z -]+[a-z]", heading).group()
        arguments = heading[len(words) :].split()
        options = re.findall(r"^\| `(--[a-z-]+)", body.split("\n## ")[0], flags=re.MULTILINE)
        told[words] = (arguments, options)
    return told


def test_every_command_is_on_the_page_and_nothing_else_is():
    assert sections().keys() == commands().keys()


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_on_the_page_and_nothing_else_is(name):
    real = {
        option
        for parameter in commands()[name].params
        if parameter.param_type_name == "option"
        for option in parameter.opts
        if option.startswith("--")
    }
    assert set(sections()[name][1]) == real - {"--help"}


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_argument_stands_in_its_heading(name):
    real = [
        parameter.metavar.strip("[].")
        for parameter in commands()[name].params
        if parameter.param_type_name == "argument"
    ]
    assert [re.sub(r"[\[\].]", "", argument) for argument in sections()[name][0]] == real


def test_the_exit_codes_of_the_page_are_those_of_the_code():
    told = re.findall(r"^\| (\d) \| (.+) \|$", PAGE, flags=re.MULTILINE)
    assert {int(code) for code, _ in told} == {int(code) for code in Exit}
    help_text = app.info.epilog
    assert all(f"{int(code)} " in help_text for code in Exit)


def test_every_command_takes_json():
    for name, command in commands().items():
        assert any("--json" in parameter.opts for parameter in command.params), name


def test_the_readme_names_only_commands_that_exist():
    named = set(re.findall(r"(?:^|`|run )pointsman ([a-z]+)", README, flags=re.MULTILINE))
    known = {name.split()[0] for name in commands()}
    assert named <= known, named - known
    assert known <= named, f"not in the README: {known - named}"
