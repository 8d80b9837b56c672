"""Reading what a step gives its activity: each wrong value gets a message that names it."""

from collections.abc import Mapping

from engine.faults import ActivityFault
from engine.quantities import duration_ms
from engine.secrets import Secret
from store.model import Json


def wrong(message: str, hint: str = "") -> ActivityFault:
    """The step was given something it cannot use: trying again cannot help."""
    return ActivityFault("input_invalid", message, retryable=False, hint=hint)


def mapping(with_: Json, kind: str) -> Mapping[str, Json]:
    if not isinstance(with_, Mapping):
        raise wrong(f"{kind} needs a mapping under `with`, not {_name(with_)}")
    return with_


def text(name: str, value: Json) -> str:
    """A scalar as text; a secret is revealed here."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise wrong(f"{name} must be text, not {_name(value)}")


def required_text(with_: Mapping[str, Json], name: str) -> str:
    value = with_.get(name)
    if value is None or value == "":
        raise wrong(f"`{name}` is missing or empty")
    return text(f"`{name}`", value)


def texts(name: str, value: Json) -> dict[str, str]:
    """A mapping of names to text; names whose value is null are left out."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise wrong(f"`{name}` must be a mapping, not {_name(value)}")
    return {key: text(f"`{name}.{key}`", part) for key, part in value.items() if part is not None}


def pairs(name: str, value: Json) -> tuple[tuple[str, str], ...]:
    """A mapping as name and value pairs; a list repeats its name, null leaves it out."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise wrong(f"`{name}` must be a mapping, not {_name(value)}")
    found: list[tuple[str, str]] = []
    for key, part in value.items():
        several = part if isinstance(part, list | tuple) else [part]
        found += [(key, text(f"`{name}.{key}`", one)) for one in several if one is not None]
    return tuple(found)


def timeout_ms(with_: Mapping[str, Json], default_ms: int) -> int:
    """`timeout`: a length of time as text, or milliseconds."""
    value = with_.get("timeout")
    if value is None:
        return default_ms
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    try:
        length_ms = duration_ms(value)
    except ValueError as error:
        raise wrong(f"`timeout`: {error}") from None
    return max(length_ms, 1)


def _name(value: Json) -> str:
    names = {"dict": "a mapping", "list": "a list", "str": "text", "NoneType": "null", "int": "a number"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")
