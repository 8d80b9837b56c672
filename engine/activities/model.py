"""model: one question to a language model, with an answer of the shape the step asks for."""

import re
from collections.abc import Mapping

from engine.activities import arguments, refusals
from engine.activities.dialects import Question, Said
from engine.activities.exchange import ask_in_turn, keep_for_later
from engine.activities.outputs import require_output, validate_output
from engine.activities.shapes import Shape, shape_of
from engine.activities.work import Result, Work
from engine.faults import ActivityFault
from engine.json_values import parse_json
from engine.models import Endpoint
from engine.secrets import reveal
from store.model import Json

ANSWER_CHARS_MAX = 20_000  # of an answer that did not fit, shown to the model again
PARAMETERS = ("temperature", "top_p", "max_tokens", "stop", "seed")
ROLES = ("system", "user", "assistant")
_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n\s*```\s*", re.DOTALL)


async def run(work: Work) -> Result:
    """Ask the first endpoint that answers; read, check and give back what it said.

    `with`: model (a name, or names in order of preference), prompt or messages, system, temperature, top_p,
    max_tokens, stop, seed, parameters (whatever else the endpoint takes).
    """
    with_ = arguments.mapping(work.with_, "model")
    endpoints = _endpoints(work, with_.get("model"))
    question = _question(work, with_)
    try:
        exchange = await ask_in_turn(work, endpoints, question)
    except ActivityFault as fault:
        fault.detail = _with_reask(fault.detail, work.reask)
        raise
    try:
        output = _output(work, question.shape, exchange.said)
    except ActivityFault as fault:
        fault.receipt, fault.usage = exchange.receipt, exchange.usage
        raise
    await keep_for_later(work, exchange)
    return Result(output=output, receipt=exchange.receipt, usage=exchange.usage)


def _with_reask(detail: Json, reask: Mapping[str, str] | None) -> Json:
    """What failed, and what the model has not been told yet because of it: the next attempt tells it."""
    if reask is None:
        return detail
    return {**(detail if isinstance(detail, Mapping) else {}), "reask": dict(reask)}


def _endpoints(work: Work, names: Json) -> list[Endpoint]:
    named = [names] if isinstance(names, str) else names
    if not isinstance(named, list | tuple) or not named or not all(isinstance(name, str) for name in named):
        raise arguments.wrong("`model` must be a name from the models file, or a list of such names")
    found = [(name, work.tools.models.get(name)) for name in named]
    missing = [name for name, endpoint in found if endpoint is None]
    if missing:
        known = ", ".join(work.tools.models.endpoints) or "none"
        raise arguments.wrong(
            f"there is no model named {', '.join(missing)}; the models file has {known}",
            hint="The operator adds it to the file that POINTSMAN_MODELS names.",
        )
    return [endpoint for _, endpoint in found if endpoint is not None]


def _question(work: Work, with_: Mapping[str, Json]) -> Question:
    messages = _messages(with_)
    if work.reask is not None:
        messages += _again(work.reask)
    parameters = {name: with_[name] for name in PARAMETERS if with_.get(name) is not None}
    system = with_.get("system")
    return Question(
        messages=messages,
        system=None if system is None else arguments.text("`system`", system),
        shape=_shape(work.output_schema),
        parameters={**parameters, **reveal(with_.get("parameters") or {})},
    )


def _messages(with_: Mapping[str, Json]) -> list[dict[str, Json]]:
    prompt, messages = with_.get("prompt"), with_.get("messages")
    if (prompt is None) == (messages is None):
        raise arguments.wrong("a model step has either `prompt` or `messages`")
    if prompt is not None:
        return [{"role": "user", "content": arguments.required_text(with_, "prompt")}]
    if not isinstance(messages, list | tuple) or not messages:
        raise arguments.wrong("`messages` must be a list of {role, content}")
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping) or message.get("role") not in ROLES or not message.get("content"):
            raise arguments.wrong(f"`messages[{index}]` must have a role ({', '.join(ROLES)}) and a content")
    return [dict(reveal(message)) for message in messages]


def _again(reask: Mapping[str, str]) -> list[dict[str, Json]]:
    """What went wrong last time, said to the model as one would say it to a colleague."""
    answer = reask.get("answer", "")[:ANSWER_CHARS_MAX]
    wish = f"Your answer cannot be used: {reask.get('error', '')}\nAnswer again, whole and corrected."
    return [*([{"role": "assistant", "content": answer}] if answer.strip() else []), {"role": "user", "content": wish}]


def _shape(schema: Mapping[str, Json] | None) -> Shape | None:
    # Text needs no shape: the model simply says it.
    return None if not schema or schema.get("type") == "string" else shape_of(schema)


def _output(work: Work, shape: Shape | None, said: Said) -> Json:
    refusals.require_whole(said)
    if shape is None:
        output: Json = said.text
    else:
        output = _shaped(shape, said)
    problems = validate_output(work.output_schema, output)
    if problems:
        raise _not_fitting(said, "; ".join(problems))
    require_output(output)
    return output


def _shaped(shape: Shape, said: Said) -> Json:
    fenced = _FENCE.fullmatch(said.text)
    try:
        answer = parse_json(fenced[1] if fenced else said.text)
    except ValueError as error:
        raise _not_fitting(said, f"it is not JSON: {error}") from None
    return shape.restore(answer)


def _not_fitting(said: Said, error: str) -> ActivityFault:
    return ActivityFault(
        "model_output_invalid",
        f"the model's answer does not fit: {error}",
        detail={"answer": said.text[:ANSWER_CHARS_MAX], "error": error},
    )
