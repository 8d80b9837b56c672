import pytest

from engine.faults import SettingsFault
from engine.models import Models, Price
from engine.quantities import Rate, duration_ms

WRITER = {"kind": "openai", "base_url": "https://api.example.com/v1/", "model": "m"}


def parse(entry, environment=None):
    return Models.parse({"writer": entry}, "models.yml", environment or {}).get("writer")


def test_an_endpoint_is_read_with_all_it_says(tmp_path):
    key = tmp_path / "key"
    key.write_text("from-a-file\n")
    path = tmp_path / "models.yml"
    path.write_text(
        f"""
writer:
  kind: openai
  base_url: https://api.example.com/v1/
  model: big
  api_key: env:KEY
  price: {{input: 0.15, output: 2.5, cached: 0.015}}
  limits: {{requests: 500/min, tokens: 200000/min}}
  timeout: 90s
backup: {{kind: anthropic, base_url: "http://localhost:8080", model: small, api_key: "file:{key}", structured: tool}}
"""
    )
    models = Models.load(path, {"KEY": "from-the-environment"})
    writer, backup = models.get("writer"), models.get("backup")
    assert writer.api_key.reveal() == "from-the-environment"
    assert backup.api_key.reveal() == "from-a-file"
    assert writer.base_url == "https://api.example.com/v1"
    assert writer.price == Price(input=150_000, output=2_500_000, cached=15_000)
    assert (writer.requests, writer.tokens) == (Rate(500, 60_000), Rate(200_000, 60_000))
    assert (writer.timeout_ms, backup.timeout_ms) == (90_000, 120_000)
    assert (writer.host, backup.host) == ("api.example.com:443", "localhost:8080")
    assert (backup.requests, backup.structured, backup.price.input) == (None, "tool", 0)
    assert len(models.secrets()) == 2
    assert models.get("nobody") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "other"}, "kind: Input should be 'openai', 'anthropic' or 'replay'"),
        ({"base_url": "api.example.com"}, "base_url: write the whole URL"),
        ({"base_url": "https://user:pw@example.com"}, "base_url: write the whole URL"),
        ({"api_key": "sk-live-1234567890"}, "api_key: write a reference, env:NAME"),
        ({"api_key": "env:NOT_SET"}, "NOT_SET is not set"),
        ({"api_key": "file:/no/such/file"}, "cannot be read"),
        ({"limits": {"requests": "many"}}, "limits.requests: 'many' is not a rate"),
        ({"limits": {"tokens": "0/min"}}, "limits.tokens: '0/min' is not a rate"),
        ({"timeout": "soon"}, "timeout: 'soon' is not a length of time"),
        ({"price": {"input": -1}}, "price.input"),
        ({"modell": "m"}, "modell: Extra inputs are not permitted"),
        ({"model": ""}, "model: "),
    ],
)
def test_a_wrong_entry_is_told_in_one_sentence_without_its_value(change, said):
    with pytest.raises(SettingsFault) as caught:
        parse({**WRITER, **change})
    assert said in caught.value.message
    assert "writer" in caught.value.message
    assert "sk-live" not in caught.value.message
    assert caught.value.hint


def test_files_that_are_none_are_told(tmp_path):
    path = tmp_path / "models.yml"
    with pytest.raises(SettingsFault, match="cannot be read"):
        Models.load(path)
    path.write_text("a: [")
    with pytest.raises(SettingsFault, match="is not YAML"):
        Models.load(path)
    path.write_text("- a")
    with pytest.raises(SettingsFault, match="must map names"):
        Models.load(path)
    path.write_text("")
    assert Models.load(path).endpoints == {}


def test_money_is_counted_in_whole_micro_dollars_rounded_up():
    price = Price(input=150_000, output=600_000, cached=15_000)
    assert price.usd_micros(0, 0) == 0
    assert price.usd_micros(1, 0) == 1
    assert price.usd_micros(1_000_000, 1_000_000) == 750_000
    assert price.usd_micros(1_000_000, 0, cached_tokens=1_000_000) == 15_000
    assert Price(input=150_000).usd_micros(1_000_000, 0, cached_tokens=500_000) == 150_000


@pytest.mark.parametrize(
    ("text", "length_ms"),
    [("500ms", 500), ("90s", 90_000), ("1h30m", 5_400_000), ("1.5h", 5_400_000), ("0s", 0), ("2w", 1_209_600_000)],
)
def test_lengths_of_time_are_read(text, length_ms):
    assert duration_ms(text) == length_ms


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1 h", "1y", 5, None])
def test_what_is_no_length_of_time_is_told(text):
    with pytest.raises(ValueError, match="is not a length of time"):
        duration_ms(text)


@pytest.mark.parametrize(
    ("text", "rate"), [("10/s", Rate(10, 1_000)), ("5 / hour", Rate(5, 3_600_000)), ("1/day", Rate(1, 86_400_000))]
)
def test_rates_are_read(text, rate):
    assert Rate.parse(text) == rate
