"""Several gates on one card, in the browser: page by page in a form, one by its own card, and all the rest at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.browser import Office, press
from tests.support.demo_process import Demo, demo_running

pytestmark = pytest.mark.browser

CLAIMS = """
workflow: check_claims
title: Check the claims
channel: "#content"
inputs:
  many: {type: integer, default: 6}
steps:
  claims:
    uses: python
    call: "claims.py:claims"
    with: {many: "${{ inputs.many }}"}
  checks:
    title: Check each claim
    foreach: ${{ steps.claims.output }}
    as: claim
    key: ${{ claim.id }}
    concurrency: 50
    steps:
      keep:
        uses: approval
        title: Keep this claim?
        with:
          question: Keep claim ${{ claim.id }}?
          show: ${{ claim }}
          card: {fields: [source], body: text}
          approvers: ["@editors"]
          edit: [text]
          digest: 5m
          due: 4h
          on_reject: continue
"""
SOURCE = """
def claims(many: int) -> list:
    texts = ["Readers go on while somebody writes.", "One writer is enough for a newspaper.", "Nobody reads the log."]
    return [
        {"id": f"claim-{n}", "source": f"Page {n}", "text": texts[n % 3]} for n in range(1, many + 1)
    ]
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / "check_claims.yaml").write_text(CLAIMS)
    (workflows / "claims.py").write_text(SOURCE)
    with demo_running(folder, workflows) as running:
        yield running


def test_editors_decide_a_list_on_one_card(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start("check_claims many=24")
    ada = office.enter("ada", "#content", thread=run.ts)
    card = ada.in_thread("0 of 24 decided")
    expect(card).to_contain_text("claim-24 · Page 24")
    ada.picture("digest-card", card)
    ada.picture("digest-page")

    press(card, "Decide Item by Item…")
    expect(ada.modal).to_contain_text("page 1 of 2")
    ada.picture("digest-form", ada.modal)
    ada.modal.get_by_role("radio", name="Approve").nth(0).check()
    ada.modal.get_by_role("radio", name="Reject").nth(1).check()
    press(ada.modal, "Save and Go On")
    expect(ada.modal).to_contain_text("Please say why not")
    ada.picture("digest-form-reason", ada.modal)
    ada.modal.locator("[data-block-id='reason:2'] input, [data-block-id='reason:2'] textarea").fill("Nobody said that.")
    press(ada.modal, "Save and Go On")
    expect(ada.modal).to_contain_text("page 2 of 2 · what you picked before is saved")
    ada.picture("digest-form-second", ada.modal)
    press(ada.modal, "Save")
    expect(ada.modal).to_be_hidden()
    card = ada.in_thread("2 of 24 decided")
    expect(card).to_contain_text("Approved by @Ada Byron")
    expect(card).to_contain_text("“Nobody said that.”")
    expect(ada.told_privately("You approved 1 item and rejected 1 item")).to_be_visible()

    press(card, "Open", nth=2)  # those that are decided say "Show"
    own = ada.told_privately("Keep claim claim-5?")
    expect(own.locator("[data-action-id=gate_edit]")).to_be_visible()
    ada.picture("digest-open", own)
    press(own, "Approve")
    card = ada.in_thread("3 of 24 decided")
    expect(card).to_be_visible()

    card.locator("[data-action-id=digest_approve_all]").click()
    expect(ada.page.get_by_text("You approve 21 items as they stand")).to_be_visible()
    ada.picture("digest-sure")
    ada.page.get_by_role("button", name="Approve", exact=True).last.click()
    done = ada.in_thread("24 of 24 decided")
    expect(done.locator("[data-action-id=digest_decide]")).to_have_count(0)
    ada.picture("digest-done", done)
    steps = demo.ended(run.name)["steps"]
    gates = [one["gate"] for name, one in steps.items() if name.startswith("checks.keep[")]
    assert len(gates) == 24
    assert all(len(one["decisions"]) == 1 for one in gates)
    assert office.errors == []
