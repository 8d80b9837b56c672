"""What the checker knows of files: where they may go, what steps give, and what can be read of them."""

from pathlib import Path

import pytest

from engine.definitions import load

INPUTS = "inputs: {f: file, g: {type: file, optional: true}, many: {type: array, items: file}, t: string}\n"


@pytest.fixture
def problems(tmp_path: Path):
    """Write a workflow with these steps, and give what is wrong with it."""

    def write(steps: str, more: str = "") -> list[str]:
        (tmp_path / "w.yaml").write_text(f"workflow: w\n{INPUTS}steps:\n{steps}{more}", encoding="utf-8")
        return [problem.message for problem in load([tmp_path]).problems if problem.severity == "error"]

    return write


@pytest.mark.parametrize(
    "with_",
    [
        "{method: PUT, url: 'https://e.com', body: '${{ inputs.f }}'}",
        "{method: PUT, url: 'https://e.com', body: '${{ has(inputs.g) ? inputs.g : inputs.t }}'}",
        "{method: PUT, url: 'https://e.com', body: '${{ has(inputs.g) ? inputs.g : null }}'}",
        "{method: POST, url: 'https://e.com', form: {title: x, file: '${{ inputs.f }}', all: '${{ inputs.many }}'}}",
        "{url: 'https://e.com/paper', save: 'paper of ${{ inputs.t }}.pdf'}",
    ],
)
def test_a_request_takes_files_where_bodies_and_forms_take_text(problems, with_: str) -> None:
    assert problems(f"  a: {{uses: http, with: {with_}}}\n") == []


@pytest.mark.parametrize(
    "with_",
    [
        "{argv: [pdftotext, '${{ inputs.f }}', '-']}",
        "{argv: [pandoc, '${{ inputs.f }}', -o, {save: report.docx}]}",
        "{argv: [tr, a-z, A-Z], stdin: '${{ inputs.f }}', save: upper.txt}",
    ],
)
def test_a_command_takes_files_as_words_and_makes_one(problems, with_: str) -> None:
    assert problems(f"  a: {{uses: command, with: {with_}}}\n") == []


@pytest.mark.parametrize(
    "with_",
    [
        "{method: PUT, url: 'https://e.com', body: '${{ inputs.many }}'}",
        "{method: PUT, url: 'https://e.com', body: '${{ {\"name\": inputs.f.name} }}'}",
        "{url: 'https://e.com', save: '${{ inputs.f }}'}",
        "{url: 'https://e.com', query: {file: '${{ inputs.f }}'}}",
        "{url: 'https://e.com', headers: {X-File: '${{ inputs.f }}'}}",
    ],
)
def test_a_file_does_not_go_where_only_text_does(problems, with_: str) -> None:
    assert len(problems(f"  a: {{uses: http, with: {with_}}}\n")) == 1


def test_what_a_step_keeps_is_a_file_whose_fields_can_be_read_and_no_others(problems) -> None:
    steps = (
        "  fetch: {uses: http, with: {url: 'https://e.com', save: paper.pdf}}\n"
        "  text: {uses: command, with: {argv: [pdftotext, '${{ steps.fetch.output }}', {save: paper.txt}]}}\n"
        "  made: {uses: command, with: {argv: [tool]}, output: file}\n"
        "  sent: {uses: http, with: {method: PUT, url: 'https://e.com', body: '${{ steps.text.output }}'}}\n"
    )
    told = "  told: {uses: transform, with: {size: '${{ steps.fetch.output.size + steps.text.output.size }}'}}\n"
    assert problems(steps + told) == []
    wrong = "  told: {uses: transform, with: {text: '${{ steps.fetch.output.text }}'}}\n"
    (found,) = problems(steps + wrong)
    assert "text" in found


def test_a_setting_is_no_file(problems) -> None:
    (found,) = problems("  a: {uses: transform, with: {x: 1}}\n", "settings: {logo: file}\n")
    assert "a file is an input, a field of a form, or what a step gives" in found
