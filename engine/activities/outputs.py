"""What a step's output must be: plain JSON, of bounded size, fitting the schema the author wrote."""

from collections.abc import Mapping
from functools import lru_cache

import jsonschema_rs
import orjson

from engine.faults import ActivityFault
from engine.json_values import NotPlain, join_path, require_plain
from store.model import Json

OUTPUT_BYTES_MAX = 8 * 1024 * 1024
MESSAGES_MAX = 20
MASK = "the value"


def validate_output(schema: Mapping[str, Json] | bool | None, value: Json, root: str = "output") -> list[str]:
    """What does not fit, one message a problem, each beginning with its path; values themselves are never quoted."""
    if schema is None:
        return []
    messages: list[str] = []
    for error in _validator(orjson.dumps(schema)).iter_errors(value):
        if len(messages) == MESSAGES_MAX:
            messages.append("… and more")
            break
        messages.append(f"{_path(root, error.instance_path)}: {error.message}")
    return messages


def require_schema(schema: Mapping[str, Json] | bool) -> None:
    """Raise ValueError with a sentence when a schema is none; remote references count as wrong."""
    _validator(orjson.dumps(schema))


def require_output(value: Json, *, happened: bool = False, bytes_max: int = OUTPUT_BYTES_MAX) -> None:
    """Raise ActivityFault when a result is not plain JSON or too large.

    `happened` says that the effect took place before this result was looked at, so trying again is no innocent thing.
    """
    try:
        require_plain(value)
    except NotPlain as wrong:
        raise ActivityFault("output_invalid", str(wrong), retryable=False, maybe_happened=happened) from None
    size = len(orjson.dumps(value))
    if size > bytes_max:
        raise too_large(size, bytes_max, happened=happened)


def too_large(size: int, bytes_max: int, *, happened: bool = False) -> ActivityFault:
    return ActivityFault(
        "output_too_large",
        f"the result has {size} bytes; {bytes_max} are allowed",
        retryable=False,
        maybe_happened=happened,
        hint="Return less, or store it elsewhere and return where it lies.",
    )


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    # Offline: a `$ref` to a URL or a file would otherwise be fetched when the schema is compiled.
    try:
        return jsonschema_rs.validator_for(orjson.loads(schema), mask=MASK, offline=True, validate_formats=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(f"this is not a JSON Schema: {error}") from None


def _path(root: str, parts: list[str | int]) -> str:
    path = root
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else join_path(path, part)
    return path
