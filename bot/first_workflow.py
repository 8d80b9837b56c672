"""A first workflow with its test, to begin from: sound, and ready to be tested and run."""

from __future__ import annotations

from pathlib import Path

from bot.requests import Objection
from engine.definitions.verbs import PLANNED, VERBS
from engine.definitions.words import name_fault

WORKFLOW = """\
# `pointsman check` proves it, `pointsman test` tests it, and this runs it:
# pointsman run {name} what="A desk" price=240 --wait
workflow: {name}
title: {title}
description: Works out what something costs, and asks somebody when it is a lot.
channel: "#general"

inputs:
  what: {{type: string, description: "What is it?", maxLength: 100}}
  price: {{type: number, description: "What does one cost?", minimum: 0}}
  count: {{type: integer, description: "How many?", minimum: 1, maximum: 50, default: 1}}

limits: {{duration: 10m}}

steps:
  order:
    uses: transform
    title: Work it out
    with:
      line: ${{{{ inputs.count }}}} × ${{{{ inputs.what }}}}
      total: ${{{{ inputs.count * inputs.price }}}}
    output: {{line: string, total: number}}

  agree:
    uses: approval
    title: Somebody agrees
    when: ${{{{ steps.order.output.total > 100 }}}}
    with:
      question: Spend ${{{{ steps.order.output.total }}}} on ${{{{ steps.order.output.line }}}}?
      show: ${{{{ steps.order.output }}}}
      approvers: ["@editors"] # a user group of Slack; or people, by e-mail address or id
      due: 4h
      expires: 3d

  buy:
    uses: transform
    title: Buy it
    after: [agree] # whether it was asked or not; a rejected run ends before
    with: {{bought: "${{{{ steps.order.output.line }}}}"}}

outputs:
  bought: ${{{{ steps.buy.output.bought }}}}
  total: ${{{{ steps.order.output.total }}}}
"""
TEST = """\
# The cases that `pointsman test` plays. Nothing is sent anywhere, and the clock moves on by itself.
workflow: {name}

all:
  inputs: {{what: A desk, price: 240}}

cases:
  a little is bought at once:
    inputs: {{price: 20, count: 2}}
    expect:
      status: succeeded
      outputs: {{bought: 2 × A desk, total: 40}}
      steps: {{agree: skipped}}

  somebody agrees to a lot:
    decide: [{{step: agree, approve: true}}]
    expect:
      status: succeeded
      outputs: {{total: 240}}

  somebody does not:
    decide: [{{step: agree, reject: Too much}}]
    expect: {{status: rejected, reason: Too much, steps: {{buy: cancelled}}}}

  nobody looks at it:
    expect: {{status: rejected, steps: {{agree: {{gate: expired}}}}, took: 3d}}

  fifty are the most:
    inputs: {{count: 51}}
    expect: {{refused: must be at most 50}}
"""


def write(name: str, folder: Path) -> tuple[Path, Path]:
    """Write both files; gives their paths. Raises Objection when the name will not do, or when one of them is there."""
    fault = name_fault(name, "a workflow")
    if fault is not None:
        raise Objection(
            fault[0], f"{fault[1][:1].upper()}{fault[1][1:]}.", f"{fault[2][:1].upper()}{fault[2][1:]}.", status=422
        )
    if name in VERBS or name in PLANNED:
        raise Objection(
            "reserved_name", f"{name} is a command in Slack.", f"Write for instance {name}_workflow.", status=422
        )
    workflow, test = folder / f"{name}.yaml", folder / f"{name}.test.yaml"
    taken = [
        path for path in (workflow, workflow.with_suffix(".yml"), test, folder / f"{name}.test.yml") if path.exists()
    ]
    if taken:
        raise Objection(
            "file_there", f"{taken[0]} is there already; nothing was written.", "Take another name.", status=422
        )
    title = name.replace("_", " ").capitalize()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in ((workflow, WORKFLOW), (test, TEST)):
            with path.open("x", encoding="utf-8") as file:
                file.write(text.format(name=name, title=title))
    except OSError as error:
        raise Objection(
            "not_written", f"{folder} cannot be written to: {error.strerror}.", "Name another folder.", status=500
        ) from None
    return workflow, test
