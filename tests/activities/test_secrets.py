import base64
import html
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.secrets import REDACTED, Redactor, Secret, reveal

VALUE = 'p@ss "wörd"/+?'


def redactor(*values):
    made = Redactor()
    for value in values:
        made.add(value)
    return made


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{0!r}".format, "%s".__mod__, lambda s: f"{[s]}"])
def test_a_secret_shows_its_label_only(show):
    shown = show(Secret(VALUE, "cms"))
    assert "‹secret cms›" in shown
    assert VALUE not in shown


def test_a_secret_does_not_travel():
    with pytest.raises(TypeError, match="does not travel"):
        pickle.dumps(Secret(VALUE, "cms"))
    with pytest.raises(TypeError):
        json.dumps(Secret(VALUE, "cms"))


def test_secrets_are_revealed_wherever_they_lie():
    hidden = {"a": [Secret("x", "x"), {"b": (Secret("y", "y"), 1)}], "c": None}
    assert reveal(hidden) == {"a": ["x", {"b": ["y", 1]}], "c": None}


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(VALUE))[1:-1].strip('\\"'),
        quote(VALUE).lower(),
        VALUE.replace('"', "%22").replace("+", "%2B"),
        VALUE.replace(" ", "+").replace("/", "%2f"),
        VALUE.replace("/", "\\/"),
        html.escape(VALUE),
        html.escape(VALUE).replace("&quot;", "&#34;").replace("ö", "&#xF6;"),
    ],
)
def test_every_form_of_a_secret_is_redacted(form):
    assert redactor(VALUE).text(f"before {form} after") == f"before {REDACTED} after"


@given(st.binary(max_size=5), st.text(min_size=8, max_size=40), st.binary(max_size=5))
def test_a_secret_inside_base64_is_redacted_wherever_it_begins(before, value, after):
    value = value.encode("utf-8", "replace").decode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(before + value.encode() + after).decode()
        assert REDACTED in redactor(value).text(encoded)


@given(st.text(min_size=8, max_size=40), st.data())
def test_a_secret_is_redacted_whichever_of_its_characters_are_escaped(value, data):
    value = value.encode("utf-8", "replace").decode()
    ways = [str, quote, lambda char: quote(char, safe=""), lambda char: json.dumps(char)[1:-1], html.escape]
    form = "".join(data.draw(st.sampled_from(ways))(char) for char in value)
    assert redactor(value).text(f"({form})") == f"({REDACTED})"


@pytest.mark.parametrize("last", ["&", "%", "\\", '"', "<", "ü"])
def test_nothing_is_left_over_of_an_escaped_last_character(last):
    ways = [str, quote, lambda char: json.dumps(char)[1:-1], html.escape, lambda char: f"&#{ord(char)};"]
    for way in ways:
        assert redactor(f"0000000{last}").text(f"(0000000{way(last)})") == f"({REDACTED})"


def test_the_longest_secret_wins_and_short_ones_are_words():
    made = redactor("abcdef", "abcdefghij", "the", Secret("wrapped-one", "w"))
    assert made.text("abcdefghij, abcdef, the wrapped-one") == f"{REDACTED}, {REDACTED}, the {REDACTED}"


@pytest.mark.parametrize(
    "text",
    [
        "xoxb-123456789012-abcdef",
        "xapp-1-A0123456789-x",
        "sk-proj_abcdefghij0123456789",
        f"ghp_{'a' * 36}",
        "AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_well_known_credentials_are_caught_without_being_registered(text):
    assert Redactor().text(f"x {text} y") == f"x {REDACTED} y"


def test_json_is_redacted_deeply_and_left_alone_when_there_is_nothing():
    made = redactor("s3cret-value")
    clean = {"a": [1, None, {"b": "text"}]}
    assert made.json(clean) is clean
    assert made.json({"a": ["s3cret-value"], "s3cret-value": 1}) == {"a": [REDACTED], REDACTED: 1}
    assert made.json("Bearer s3cret-value") == f"Bearer {REDACTED}"
