"""The two manifests come from one model, and Slack would take both."""

from pathlib import Path

import pytest
import yaml

from bot import manifest

ROOT = Path(__file__).parents[2]


def test_the_manifest_at_the_top_is_what_the_model_says():
    assert (ROOT / "manifest.yml").read_text("utf-8") == manifest.render()


def test_both_manifests_keep_slacks_limits():
    manifest.check(manifest.manifest())
    manifest.check(manifest.manifest("https://bot.example"))


def test_a_long_description_that_slack_refuses_is_found(monkeypatch):
    monkeypatch.setattr(manifest, "LONG_DESCRIPTION", "too short")
    with pytest.raises(manifest.ManifestFault, match="long_description has 9 characters"):
        manifest.check(manifest.manifest())


def test_http_mode_differs_only_in_where_slack_sends_to():
    socket, over_http = manifest.manifest(), yaml.safe_load(manifest.render("https://bot.example/"))
    address = "https://bot.example/slack/events"
    assert over_http["features"]["slash_commands"][0].pop("url") == address
    assert over_http["settings"]["event_subscriptions"].pop("request_url") == address
    assert over_http["settings"]["interactivity"].pop("request_url") == address
    assert over_http["settings"]["interactivity"].pop("message_menu_options_url") == address
    assert over_http["settings"].pop("socket_mode_enabled") is False
    assert socket["settings"].pop("socket_mode_enabled") is True
    assert over_http == socket


def test_history_and_files_are_optional_and_every_optional_scope_is_also_asked_for():
    scopes = manifest.manifest()["oauth_config"]["scopes"]
    assert set(scopes["bot_optional"]) == {"channels:history", "groups:history", "files:read"}
    assert set(scopes["bot_optional"]) < set(scopes["bot"])


def test_both_shortcuts_are_there_and_fit_slacks_menus():
    shortcuts = manifest.manifest()["features"]["shortcuts"]
    assert [one["type"] for one in shortcuts] == ["global", "message"]
    assert all(len(one["name"]) <= 24 for one in shortcuts)


def test_a_shortcut_with_a_name_that_slack_refuses_is_found(monkeypatch):
    long = {"name": "Start a workflow on this message", "type": "message", "callback_id": "x", "description": "y"}
    monkeypatch.setattr(manifest, "SHORTCUTS", (long,))
    with pytest.raises(manifest.ManifestFault, match="x: a text of this shortcut is too long"):
        manifest.check(manifest.manifest())


def test_every_event_of_messages_comes_with_the_scope_that_it_needs():
    made = manifest.manifest()
    scopes = set(made["oauth_config"]["scopes"]["bot"])
    events = set(made["settings"]["event_subscriptions"]["bot_events"])
    assert set(manifest.CHANNEL_EVENTS) <= events
    assert set(manifest.CHANNEL_EVENTS.values()) <= scopes


def test_people_arrive_as_ids_in_commands():
    assert manifest.manifest()["features"]["slash_commands"][0]["should_escape"] is True
