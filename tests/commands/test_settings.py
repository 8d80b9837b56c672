"""Settings: a missing or wrong one is a sentence that names it, and the cure."""

import pytest

from bot import settings
from engine.faults import SettingsFault


def fault(environment):
    def begin():
        settings.require_slack(settings.load(environment))

    with pytest.raises(SettingsFault) as caught:
        begin()
    return caught.value


def test_an_empty_environment_gives_the_documented_defaults():
    loaded = settings.load({})
    assert str(loaded.db) == "pointsman.db"
    assert str(loaded.workflows) == "workflows"
    assert loaded.slack_api_url == "https://slack.com/api/"
    assert (loaded.log, loaded.synchronous, loaded.http) == ("console", "full", None)


def test_an_empty_variable_counts_as_left_out():
    assert settings.load({"POINTSMAN_HTTP": "", "SLACK_APP_TOKEN": ""}).http is None


@pytest.mark.parametrize(
    ("environment", "names", "cures"),
    [
        ({}, "SLACK_BOT_TOKEN", "pointsman demo"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN", "POINTSMAN_HTTP"),
        ({"SLACK_BOT_TOKEN": "xapp-1-swapped"}, "SLACK_BOT_TOKEN", "OAuth & Permissions"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN", "connections:write"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s" * 32}, "POINTSMAN_HTTP", "host:port"),
        ({"POINTSMAN_HTTP": "localhost"}, "POINTSMAN_HTTP", "127.0.0.1:8080"),
        ({"POINTSMAN_HTTP": "localhost:99999"}, "POINTSMAN_HTTP", "127.0.0.1:8080"),
        ({"SLACK_API_URL": "slack.com"}, "SLACK_API_URL", "https://slack.com/api/"),
        ({"POINTSMAN_LOG": "yaml"}, "POINTSMAN_LOG", "json"),
        ({"POINTSMAN_SYNCHRONOUS": "off"}, "POINTSMAN_SYNCHRONOUS", "normal"),
        ({"POINTSMAN_MODELS": "/nowhere/models.yaml"}, "POINTSMAN_MODELS", "path"),
        ({"POINTSMAN_REPLAY": "/nowhere/answers.jsonl"}, "POINTSMAN_REPLAY", "path"),
        ({"POINTSMAN_RECORD": "a.jsonl", "POINTSMAN_REPLAY": __file__}, "POINTSMAN_RECORD", "one of them"),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_its_cure(environment, names, cures):
    said = fault(environment)
    assert names in said.message
    assert cures in said.hint
    assert said.message.endswith(".")


def test_a_wrong_token_is_never_quoted_in_the_message():
    said = fault({"SLACK_BOT_TOKEN": "xapp-1-very-secret-token"})
    assert "very-secret" not in said.message + said.hint


def test_socket_mode_needs_no_address_and_http_mode_needs_no_app_token():
    socket = settings.load({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"})
    over_http = settings.load(
        {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s" * 32, "POINTSMAN_HTTP": "0.0.0.0:8080"}
    )
    settings.require_slack(socket)
    settings.require_slack(over_http)
    assert (socket.slack_mode, over_http.slack_mode) == ("socket", "http")
    assert (over_http.http.host, over_http.http.port) == ("0.0.0.0", 8080)


def test_an_address_may_be_ipv6_or_only_a_port():
    assert settings.load({"POINTSMAN_HTTP": "[::1]:8080"}).http == settings.Address("::1", 8080)
    assert settings.load({"POINTSMAN_HTTP": ":8080"}).http == settings.Address("127.0.0.1", 8080)
    assert str(settings.Address("::1", 8080)) == "[::1]:8080"


def test_a_base_address_always_ends_with_a_slash():
    assert settings.load({"SLACK_API_URL": "http://127.0.0.1:9/api"}).slack_api_url == "http://127.0.0.1:9/api/"


def test_secrets_show_in_neither_repr_nor_text():
    loaded = settings.load({"SLACK_BOT_TOKEN": "xoxb-secret-one", "POINTSMAN_API_TOKEN": "secret-two"})
    assert "secret-one" not in repr(loaded)
    assert "secret-two" not in str(loaded)
    assert set(loaded.secrets()) == {"xoxb-secret-one", "secret-two"}


def test_a_misspelt_variable_and_oauth_credentials_are_warned_about():
    found = settings.warnings({"POINTSMAN_WORKFLOW": "x", "SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": "2"})
    assert any("SLACK_CLIENT_ID" in what for what, _ in found)
    assert ("POINTSMAN_WORKFLOW is not a setting.", "Did you mean POINTSMAN_WORKFLOWS?") in found


def test_lines_of_an_env_file_count_unless_the_environment_says_otherwise(tmp_path, monkeypatch):
    path = tmp_path / ".env"
    path.write_text("POINTSMAN_DB=from-file.db\nPOINTSMAN_LOG=json\nCMS_TOKEN=from-file\n")
    monkeypatch.setenv("POINTSMAN_LOG", "console")
    for name in ("POINTSMAN_DB", "CMS_TOKEN"):
        monkeypatch.setenv(name, "x")  # so that monkeypatch removes what the file sets
        monkeypatch.delenv(name)
    loaded = settings.load(env_file=path)
    assert (str(loaded.db), loaded.log) == ("from-file.db", "console")
    assert settings.os.environ["CMS_TOKEN"] == "from-file"
