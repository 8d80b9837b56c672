"""The operator's models file: names that workflows use, and the endpoints behind them.

writer:
  kind: openai                       # openai: any server with /chat/completions; anthropic: /v1/messages
  base_url: https://api.openai.com/v1
  model: gpt-5-mini
  api_key: env:OPENAI_API_KEY        # or file:/run/secrets/openai; left out when the server asks for none
  price: {input: 0.25, output: 2, cached: 0.025}    # US dollars per million tokens
  limits: {requests: 500/min, tokens: 200000/min, concurrent: 8}
  cache: 7d                          # the same request gets the same answer for so long; `true`: for good
  timeout: 90s
offline: {kind: replay, file: answers.jsonl}         # answers that were recorded before, and nothing else
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.faults import SettingsFault
from engine.quantities import Rate, duration_ms
from engine.secrets import Secret
from store.model import Json

Kind = Literal["openai", "anthropic", "replay"]
# How an answer of a given shape is asked for: by the endpoint's JSON Schema mode, by a forced tool call, or in words.
Structured = Literal["schema", "tool", "prompt"]
TIMEOUT_MS = 120_000
FOR_GOOD_MS = 100 * 365 * 86_400_000
MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Micro-dollars per million tokens, so that money is counted in whole numbers."""

    input: int = 0
    output: int = 0
    cached: int | None = None

    def usd_micros(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> int:
        """What so many tokens cost, rounded up; `cached_tokens` are among the input tokens."""
        cached_price = self.input if self.cached is None else self.cached
        fresh = max(input_tokens - cached_tokens, 0)
        total = fresh * self.input + cached_tokens * cached_price + output_tokens * self.output
        return -(-total // MICRO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a named model is reached, and on what terms."""

    name: str
    kind: Kind
    base_url: str = ""
    model: str = ""
    api_key: Secret | None = None
    price: Price = Price()
    requests: Rate | None = None
    tokens: Rate | None = None
    concurrent: int | None = None
    cache_ms: int | None = None  # for how long an answer stands for the same request; None: not at all
    file: Path | None = None  # of what was recorded, for the kind `replay`
    timeout_ms: int = TIMEOUT_MS
    structured: Structured = "schema"
    max_tokens: int | None = None
    max_tokens_field: str = "max_tokens"
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    parameters: Mapping[str, Json] = field(default_factory=dict)

    @property
    def limited(self) -> bool:
        return not (self.requests is None and self.tokens is None and self.concurrent is None)

    @property
    def host(self) -> str:
        """`host:port`, which the operator allowed by naming it here; empty for one that is no server."""
        if not self.base_url:
            return ""
        parts = urlsplit(self.base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


@dataclass(frozen=True, slots=True)
class Models:
    """All endpoints by name."""

    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, environment: Mapping[str, str] = os.environ) -> "Models":
        """Read the models file; SettingsFault says which endpoint and key is wrong, and what to write."""
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsFault(
                f"POINTSMAN_MODELS names {path}, which cannot be read: {error.strerror}", hint="Correct the path."
            ) from None
        except (yaml.YAMLError, UnicodeError) as error:
            raise SettingsFault(
                f"{path} is not YAML: {' '.join(str(error).split())}", hint="Correct the file."
            ) from None
        return cls.parse(content, str(path), environment)

    @classmethod
    def parse(cls, content: Json, source: str, environment: Mapping[str, str] = os.environ) -> "Models":
        """Read the content of a models file that stands at `source`."""
        if content is None:
            return cls()
        if not isinstance(content, Mapping):
            raise SettingsFault(
                f"{source} must map names to endpoints", hint="Begin with a name and a colon: `writer:`."
            )
        return cls({str(name): _endpoint(str(name), entry, source, environment) for name, entry in content.items()})

    def replaying(self, file: Path, names: Iterable[str]) -> "Models":
        """The same names, and those that a recording has, all answering from the recording."""
        named = {*self.endpoints, *names}
        return Models({name: Endpoint(name=name, kind="replay", file=file) for name in sorted(named)})

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that these endpoints may be reached at."""
        return tuple(dict.fromkeys(one.host for one in self.endpoints.values() if one.host))

    @property
    def files(self) -> tuple[Path, ...]:
        """The recordings that endpoints answer from."""
        return tuple(dict.fromkeys(one.file for one in self.endpoints.values() if one.file is not None))

    def get(self, name: str) -> Endpoint | None:
        return self.endpoints.get(name)

    def secrets(self) -> list[Secret]:
        """Every secret value the endpoints hold, for the redactor."""
        held: list[Any] = []
        for endpoint in self.endpoints.values():
            held += [endpoint.api_key, *endpoint.headers.values()]
        return [value for value in held if isinstance(value, Secret)]


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError("write the whole URL, for instance https://api.openai.com/v1, without a query or a user in it")
    return text.rstrip("/")


def _reference(text: str) -> str:
    if not text.startswith(("env:", "file:")):
        raise ValueError("write a reference, env:NAME or file:PATH; a key itself does not belong into this file")
    return text


def _lasting(value: Any) -> int | None:
    """`true` for good, a length of time for so long; None for not at all."""
    return (FOR_GOOD_MS if value else None) if isinstance(value, bool) else duration_ms(value)


Money = Annotated[Decimal, Field(ge=0, lt=100_000)]
Reference = Annotated[str, AfterValidator(_reference)]
RateText = Annotated[Any, AfterValidator(lambda text: None if text is None else Rate.parse(text))]


class _Strict(BaseModel):
    # A key pasted where a reference belongs must not come back in the error message.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)


class _Price(_Strict):
    input: Money = Decimal(0)
    output: Money = Decimal(0)
    cached: Money | None = None


class _Limits(_Strict):
    requests: RateText = None
    tokens: RateText = None
    concurrent: Annotated[int, Field(ge=1)] | None = None


class _Entry(_Strict):
    kind: Kind
    base_url: Annotated[str, AfterValidator(_web_address)] | None = None
    model: Annotated[str, Field(min_length=1)] | None = None
    file: Path | None = None
    api_key: Reference | None = None
    price: _Price = Field(default_factory=_Price)
    limits: _Limits = Field(default_factory=_Limits)
    cache: Annotated[Any, AfterValidator(_lasting)] = False
    timeout: Annotated[Any, AfterValidator(duration_ms)] = "120s"
    structured: Structured = "schema"
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    headers: dict[str, str] = {}
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whole(self) -> "_Entry":
        if self.kind == "replay":
            missing = [] if self.file else ["file, with the answers that were recorded"]
        else:
            needed = {"base_url": self.base_url, "model": self.model}
            missing = [name for name, value in needed.items() if value is None]
        if missing:
            raise ValueError(f"a model of kind {self.kind} needs {' and '.join(missing)}")
        if self.kind != "replay" and self.file is not None:
            raise ValueError("`file` belongs to the kind replay")
        return self


def _endpoint(name: str, entry: Json, source: str, environment: Mapping[str, str]) -> Endpoint:
    try:
        read = _Entry.model_validate(entry)
    except ValidationError as error:
        raise SettingsFault(_sentence(name, source, error), hint="docs/models.md tells what may stand there.") from None
    headers = {key: _value(name, value, environment) for key, value in read.headers.items()}
    return Endpoint(
        name=name,
        kind=read.kind,
        base_url=read.base_url or "",
        model=read.model or "",
        api_key=None if read.api_key is None else _secret(name, read.api_key, environment),
        price=_price(read.price),
        requests=read.limits.requests,
        tokens=read.limits.tokens,
        concurrent=read.limits.concurrent,
        cache_ms=read.cache,
        file=None if read.file is None else Path(source).parent / read.file,
        timeout_ms=read.timeout,
        structured=read.structured,
        max_tokens=read.max_tokens,
        max_tokens_field=read.max_tokens_field,
        headers=headers,
        parameters=read.parameters,
    )


def _price(price: _Price) -> Price:
    cached = None if price.cached is None else _micro(price.cached)
    return Price(input=_micro(price.input), output=_micro(price.output), cached=cached)


def _micro(dollars: Decimal) -> int:
    return int((dollars * MICRO).to_integral_value(ROUND_HALF_UP))


def _value(name: str, text: str, environment: Mapping[str, str]) -> str | Secret:
    return _secret(name, text, environment) if text.startswith(("env:", "file:")) else text


def _secret(name: str, reference: str, environment: Mapping[str, str]) -> Secret:
    kind, _, rest = reference.partition(":")
    if kind == "env":
        value = environment.get(rest, "")
    else:
        try:
            value = Path(rest).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsFault(
                f"model {name}: its key is in {rest}, which cannot be read: {error.strerror}", hint="Correct the path."
            ) from None
    if not value:
        where = f"the environment variable {rest} is not set" if kind == "env" else f"{rest} is empty"
        raise SettingsFault(
            f"model {name}: its key is {reference}, but {where}",
            hint=f"Set {rest}." if kind == "env" else f"Write the key into {rest}.",
        )
    return Secret(value, f"{name} key")


def _sentence(name: str, source: str, error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        problems.append(f"{key}: {problem['msg'].removeprefix('Value error, ')}" if key else problem["msg"])
    return f"{source}: model {name}: {'; '.join(problems)}"
