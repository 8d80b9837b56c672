"""The page for operators names every setting, every address of the API, and nothing that is not there."""

import re
from pathlib import Path
from typing import get_args

import yaml

from bot import operator_file, settings
from bot.operator_file import OperatorFile
from bot.requests import ROUTES, May
from bot.uploads import ADDRESS
from engine.models import Models

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text("utf-8")
METRICS = (ROOT / "bot" / "metrics.py").read_text("utf-8")


def block(heading, language="yaml"):
    part = PAGE.split(heading)[1]
    return re.search(rf"^```{language}\n(.*?)^```", part, flags=re.M | re.S).group(1)


def test_every_setting_is_on_the_page_and_nothing_else_is():
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, flags=re.MULTILINE)) == set(settings.VARIABLES)


def test_the_defaults_of_the_page_are_those_of_the_code():
    loaded = settings.load({})
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| .* \| `([^`]+)` \|$", PAGE, flags=re.MULTILINE))
    assert told == {
        "SLACK_API_URL": loaded.slack_api_url,
        "POINTSMAN_DB": str(loaded.db),
        "POINTSMAN_WORKFLOWS": str(loaded.workflows),
        "POINTSMAN_LOG": loaded.log,
        "POINTSMAN_SYNCHRONOUS": loaded.synchronous,
    }


def test_every_address_of_the_api_is_on_the_page():
    told = {
        (method, re.sub(r"{[a-z]+}", "{ref}", path.split("?")[0]))
        for method, path in re.findall(r"`(GET|POST) (/api/[^`]+)`", PAGE)
    }
    assert told == {(route.method, route.path) for route in ROUTES} | {("POST", ADDRESS)}


def test_what_a_token_may_is_on_the_page_and_every_number_too():
    assert set(re.findall(r"^\| `([a-z]+)` \| ", PAGE, flags=re.MULTILINE)) >= set(get_args(May))
    measured = {f"pointsman_{name}" for name in re.findall(r'_one\("([a-z_]+)"', METRICS)}
    assert set(re.findall(r"pointsman_[a-z_]+", PAGE.partition("### Numbers")[2].partition("## ")[0])) == measured


def test_the_operators_file_of_the_page_is_read(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text(block("### The operator's file"))
    read = operator_file.read(path)
    assert read.people() == {"editors": ("U012ABCDE", "ada@example.com")}
    assert read.hosts == ["cms.internal:8443", "10.1.0.0/16"]
    assert [(one.name, one.may) for one in read.api.tokens] == [("deploys", {"start", "see"})]
    assert read.api.rate == OperatorFile().api.rate
    assert read.limits == OperatorFile().limits  # the page shows what holds when it is left out
    assert set(read.limits.model_fields_set) == set(type(read.limits).model_fields)


def test_the_models_file_of_the_page_is_read():
    content = yaml.safe_load(block("### The models file"))
    models = Models.parse(content, "models.yaml", {"OPENAI_API_KEY": "key-for-the-test"})
    assert models.get("writer").kind == "openai"
