"""Which messages a run should have, case by case."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given

from bot.copies import Reach
from bot.message import Priority, client_msg_id, is_ours, metadata
from bot.views.past import Past, past
from bot.views.scene import ERASED
from bot.views.simple import simplified
from bot.wanted import needs_past, references, wanted
from store.anchors import Anchor
from store.events import GateClosed, GateOpened, GateOverdue, RunPaused, RunResumed
from store.model import Content, Coordinates, GateState, RunStatus
from store.unshown import Unshown
from tests.support import scenes
from tests.support.readable import readable
from tests.support.scenes import AT, ROOT, SCHEDULE, closed, gate, scene
from tests.support.strange_runs import odd_scene, seeds

PLACE = Coordinates("editorial", attempt=1)


def anchor(key: str, channel: str = "C0CONTENT", **more: object) -> Anchor:
    return Anchor(key, "01hzrun", channel, ts="1.1", state="posted", **more)


def opened(gate_id: str, version: int, at: int) -> GateOpened:
    shown = Content({"draft": version})
    return GateOpened(at, PLACE, gate_id, 41, version, "Publish?", shown, None, "d", ("@editors",), 1, False, None, at)


def test_the_card_of_an_older_version_stays_and_points_to_the_newest() -> None:
    told = past([opened("gate-1", 1, AT), GateClosed(AT + 1, PLACE, GateState.SUPERSEDED), opened("gate-2", 2, AT + 2)])
    now = scenes.reviewed(gate(id="gate-2", version=2))
    address = "https://meadow.slack.com/archives/C0CONTENT/p2"
    here = scene(now, told, links={"gate:gate-2": address})
    cards = {one.key: one for one in wanted(here, {"gate:gate-1": anchor("gate:gate-1")}) if one.key.startswith("gate")}
    assert set(cards) == {"gate:gate-1", "gate:gate-2"}
    old = cards["gate:gate-1"]
    assert f"<{address}|v2>" in str(old.blocks)
    assert "gate_approve" not in str(old.blocks)
    assert old.final


def test_an_older_version_that_was_never_shown_is_not_shown_late() -> None:
    told = past([opened("gate-1", 1, AT), GateClosed(AT + 1, PLACE, GateState.SUPERSEDED), opened("gate-2", 2, AT + 2)])
    keys = [one.key for one in wanted(scene(scenes.reviewed(gate(id="gate-2", version=2)), told), {})]
    assert "gate:gate-1" not in keys


def test_the_history_tells_of_gates_what_the_rows_tell() -> None:
    told = past([opened("gate-1", 1, AT), GateOverdue(AT + 1, PLACE), GateClosed(AT + 2, PLACE, GateState.EXPIRED)])
    key, found = told.gates["gate-1"]
    assert (key, found.overdue, found.state, found.closed_at) == ("editorial", True, GateState.EXPIRED, AT + 2)


def test_the_history_is_asked_for_only_when_something_depends_on_it() -> None:
    standing = scenes.reviewed(gate())
    assert not needs_past(standing, [anchor("run:01hzrun"), anchor("gate:gate-1")])
    assert needs_past(standing, [anchor("gate:gate-0")])
    assert needs_past(scenes.paused(), [])
    assert needs_past(scenes.cancelled(), [])
    assert needs_past(standing, [anchor("alert:01hzrun:paused:1")])
    assert needs_past(standing, [anchor("alert:01hzrun:unknown:1:publish")])


def test_a_pause_that_was_over_before_anybody_heard_of_it_is_not_told() -> None:
    told = past([RunPaused(AT, ROOT, "why"), RunResumed(AT + 1, ROOT)])
    assert not [one for one in wanted(scene(scenes.run(), told), {}) if "paused" in one.key]


def test_an_unknown_effect_is_told_where_alerts_go_and_says_what_to_type() -> None:
    [notice] = [one for one in wanted(scene(scenes.unknown()), {}) if "unknown" in one.key]
    assert notice.channel == "C0CALERTS"
    assert notice.priority is Priority.ALERT
    for answer in ("--happened", "--again", "--fail"):
        assert f"pointsman settle R-7K2 publish {answer}" in notice.rendering.text


def test_without_a_channel_for_alerts_the_thread_is_told() -> None:
    quiet = replace(scenes.WORKFLOW, alerts_failed="")
    messages = {one.key: one for one in wanted(scene(scenes.unknown(), workflow=quiet), {})}
    notice = messages["alert:01hzrun:unknown:1:publish"]
    assert notice.under == "run:01hzrun"
    assert messages["run:01hzrun"].priority is Priority.ALERT  # what it hangs under may not be later


def test_the_owner_hears_of_a_failure_in_the_thread_when_there_is_no_channel_for_it() -> None:
    quiet = replace(scenes.WORKFLOW, alerts_failed="")
    end = next(one for one in wanted(scene(scenes.failed(), workflow=quiet), {}) if one.key.startswith("end:"))
    assert "<!subteam^S0LEADS>" in end.rendering.text
    assert "upstream connect error" in str(end.blocks)


def test_a_run_that_nobody_started_in_slack_mentions_nobody_at_its_end() -> None:
    by_clock = replace(scenes.succeeded(), requester=SCHEDULE, origin={})
    end = wanted(scene(by_clock), {})[-1]
    assert end.key == "end:01hzrun:1"
    assert not end.rendering.text.startswith("<@")
    assert end.channel == "C0CONTENT"
    assert end.recipients == ()


def test_an_approver_who_is_named_by_id_is_mentioned_and_a_group_by_its_handle() -> None:
    asked = gate(approvers=("U0ADA", "@editors", "@unknown-group"))
    card = next(one for one in wanted(scene(scenes.reviewed(asked)), {}) if one.key.startswith("gate:"))
    assert "<@U0ADA>, <!subteam^S0EDITORS> or @unknown-group may decide" in str(card.blocks)
    assert "@unknown-group" in references(scene(scenes.reviewed(asked)))


def test_erased_content_is_said_to_be_erased() -> None:
    gone = gate(shown=Content(None, "a" * 64, 9_000), card=None)
    card = next(one for one in wanted(scene(scenes.reviewed(gone)), {}) if one.key.startswith("gate:"))
    assert ERASED in str(card.blocks)


def test_a_draft_that_is_shown_in_part_says_how_much_is_missing() -> None:
    long = gate(shown=Content({"title": "T", "body": "word " * 4_000}))
    card = next(one for one in wanted(scene(scenes.reviewed(long)), {}) if one.key.startswith("gate:"))
    found = re.search(r"Shown in part: Body \(([\d,]+) of 20,000 characters\)", str(card.blocks))
    assert found is not None
    assert int(found[1].replace(",", "")) > 8_000


def test_fields_that_a_card_leaves_out_are_named() -> None:
    card = wanted(scene(scenes.reviewed(gate(card={"fields": ["title"]}))), {})[1]
    assert "Not shown here: Tone, Words, Body (78 characters)" in str(card.blocks)


def test_the_plain_form_of_a_card_loses_no_word() -> None:
    body = "\n\n".join(f"Paragraph {n} <tag> & {'long ' * 60}" for n in range(24))
    card = wanted(scene(scenes.reviewed(gate(shown=Content({"title": "T", "body": body})))), {})[1]
    plain = readable("", simplified(card.blocks)).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    quotes = [one for part in card.blocks if part["type"] == "rich_text" for one in part["elements"]]
    shown = " ".join(one["elements"][0]["text"] for one in quotes if one["type"] == "rich_text_quote")
    assert plain.count("Paragraph") == shown.count("Paragraph") > 20
    assert plain.count("long") == shown.count("long")
    assert plain.count("<tag> &") == shown.count("<tag> &")


def shut(channel: str = "C0CONTENT", **more: object) -> tuple[Unshown, ...]:
    given = {"name": "#content", "code": "not_in_channel", "bot": "flow", "since": AT} | more
    return (Unshown("01hzrun", channel, **given),)  # type: ignore[arg-type]


def test_what_has_no_open_channel_goes_to_people_with_the_reason_and_the_cure() -> None:
    reach = Reach(shut(), people={"@editors": ("U0ADA", "U0MINA", "U0RAVI"), "@content-leads": ("U0LENA",)})
    found = {one.key: one for one in wanted(scene(scenes.reviewed(gate())), {}, reach)}
    assert set(found) == {"run:01hzrun:to:U0MINA", "gate:gate-1:to:U0ADA", "gate:gate-1:to:U0RAVI"}
    for one in found.values():
        assert "I am not in <#C0CONTENT>, so you get this directly. Invite me with /invite @flow." in str(one.blocks)
        assert (one.channel, one.under) == (one.person, "")
    both = {one.key: one for one in wanted(scene(scenes.reviewed(gate(requester_may_decide=True))), {}, reach)}
    assert both["gate:gate-1:to:U0MINA"].under == "run:01hzrun:to:U0MINA"


def test_where_approvers_cannot_be_listed_those_who_keep_the_workflow_get_the_card() -> None:
    reach = Reach(shut(), people={"@content-leads": ("U0LENA",)})
    keys = [one.key for one in wanted(scene(scenes.reviewed(gate())), {}, reach)]
    assert "gate:gate-1:to:U0LENA" in keys


def test_the_first_run_that_is_not_shown_is_told_to_those_who_keep_the_workflow() -> None:
    reach = Reach(shut(tells=True), people={"@content-leads": ("U0LENA",), "@editors": ("U0ADA",)})
    [notice] = [one for one in wanted(scene(scenes.reviewed(gate())), {}, reach) if one.key.startswith("closed:")]
    assert (notice.person, notice.priority) == ("U0LENA", Priority.ALERT)
    standing = {notice.key: anchor(notice.key, "D0LENA")}
    [over] = [one for one in wanted(scene(scenes.run()), standing) if one.key == notice.key]
    assert "could not be shown in <#C0CONTENT>. That is over." in over.rendering.text
    trying = Reach(shut(tells=True, state="trying"), people=reach.people)
    assert not [one for one in wanted(scene(scenes.run()), standing, trying) if one.key.startswith("closed:")]


def test_no_group_floods_more_people_than_one_can_ask() -> None:
    everybody = tuple(f"U0P{n}" for n in range(500))
    found = wanted(scene(scenes.reviewed(gate())), {}, Reach(shut(), people={"@editors": everybody}))
    assert len([one for one in found if one.key.startswith("gate:")]) == 20


def test_a_run_of_a_direct_message_asks_its_approvers_directly() -> None:
    private = replace(scenes.reviewed(gate()), origin={"channel": "D0MINA"})
    without = replace(scenes.WORKFLOW, channel="")
    reach = Reach(people={"@editors": ("U0ADA",)})
    found = {one.key: one for one in wanted(scene(private, workflow=without), {}, reach)}
    assert found["gate:gate-1"].under == "run:01hzrun"
    assert "gate_approve" in str(found["gate:gate-1:to:U0ADA"].blocks)
    assert "gate:gate-1:to:U0ADA" not in {one.key for one in wanted(scene(private), {}, reach)}


def test_a_card_of_an_older_version_that_only_people_have_is_kept_true_too() -> None:
    told = past([opened("gate-1", 1, AT), GateClosed(AT + 1, PLACE, GateState.SUPERSEDED), opened("gate-2", 2, AT + 2)])
    key = "gate:gate-1:to:U0ADA"
    keys = [one.key for one in wanted(scene(scenes.reviewed(gate(id="gate-2")), told), {key: anchor(key, "D0ADA")})]
    assert key in keys
    assert needs_past(scenes.reviewed(gate(id="gate-2")), [anchor(key, "D0ADA")])


def test_nobody_can_decide_is_said_on_the_card_and_to_the_owner_and_is_taken_back() -> None:
    standing, missing = scenes.reviewed(gate(approvers=("@nosuch",))), {"@nosuch": "there is no group @nosuch"}
    found = {one.key: one for one in wanted(scene(standing), {}, Reach(absent=missing))}
    assert "*Nobody can decide:* there is no group @nosuch." in str(found["gate:gate-1"].blocks)
    assert found["gate:gate-1"].rendering.text.startswith("Nobody can decide: there is no group @nosuch.")
    line = found["nobody:gate-1"]
    assert line.rendering.text.startswith("<!subteam^S0LEADS>: nobody can decide")
    after = {one.key: one for one in wanted(scene(standing), {line.key: anchor(line.key)})}
    assert after[line.key].rendering.text.endswith("That is over.")
    assert "nobody:gate-1" not in {one.key for one in wanted(scene(standing), {})}


def test_an_ending_run_cannot_be_cancelled_again() -> None:
    ending = replace(scenes.run(), status=RunStatus.ENDING, outcome=RunStatus.CANCELLED)
    assert "run_cancel" not in str(wanted(scene(ending), {})[0].blocks)
    assert "run_cancel" in str(wanted(scene(), {})[0].blocks)


def test_what_was_sent_is_known_by_key_and_generation() -> None:
    root = wanted(scene(), {})[0]
    found = {"metadata": metadata(root, 2)}
    assert is_ours(found, root.key, 2)
    assert not is_ours(found, root.key, 1)
    assert not is_ours({}, root.key, 1)
    assert client_msg_id("a", 1) == client_msg_id("a", 1) != client_msg_id("a", 2)


@given(seeds)
def test_the_same_run_always_looks_the_same(seed: int) -> None:
    first, second = wanted(odd_scene(seed), {}), wanted(odd_scene(seed), {})
    assert [one.shown for one in first] == [one.shown for one in second]


def test_two_versions_of_a_card_differ_in_every_block_id() -> None:
    def block_ids(state: GateState) -> set[str]:
        standing = gate() if state is GateState.OPEN else closed(state)
        card = wanted(scene(scenes.reviewed(standing), Past()), {})[1]
        return {block["block_id"] for block in card.blocks if "block_id" in block}

    assert block_ids(GateState.OPEN)
    assert not block_ids(GateState.OPEN) & block_ids(GateState.APPROVED)
