"""http: one request to a web service; its body is the step's output."""

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import anyio.to_thread
import orjson

from engine.activities import arguments
from engine.activities.files import saved
from engine.activities.multipart import has_files, multipart
from engine.activities.outputs import OUTPUT_BYTES_MAX, require_output
from engine.activities.polling import asking, poll_of, require_done
from engine.activities.work import Result, Work
from engine.faults import ActivityFault
from engine.handed_in import is_file, path_of
from engine.http import TIMEOUT_MS, Request, Response, Saver, endpoint_of, shown_url
from engine.json_values import NotPlain, parse_json
from engine.secrets import reveal
from store.model import Json

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
PARSE_IN_THREAD_BYTES = 256 * 1024  # parsing more than this would hold up everyone else on the loop
EXCERPT_CHARS = 500
RECEIPT_HEADERS_MAX = 60
RECEIPT_HEADER_CHARS = 1_000
_PRIVATE_HEADERS = frozenset(("set-cookie", "www-authenticate", "authorization", "proxy-authenticate"))
# The server understood and did not do it, or asks to come later: nothing has happened, and later may be different.
_LATER = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS))
_NEVER_DONE = frozenset((HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED))


class _Body(NamedTuple):
    content: bytes | Path | tuple[bytes | Path, ...] | None
    content_type: str | None


async def run(work: Work) -> Result:
    """Send the request that `with` describes and give back the body of the answer.

    `with`: method, url, headers, query, one of json, body (text or a file) and form (with files as multipart), accept
    (statuses), timeout, save (the name of a file: the body of the answer is kept as that, and is the output). With
    `poll` this request gives work away, and the body is that of the answer which says that the work is done.
    """
    with_ = arguments.mapping(work.with_, "http")
    accepted, poll = _accepted(with_), poll_of(work.spec)
    request = _request(work, with_)
    if poll is not None and work.memo is not None:
        request = asking(request, work.memo)
    try:
        response = await work.tools.http.send(request)
    except ActivityFault as fault:
        fault.maybe_happened = fault.maybe_happened and work.leaves_traces
        fault.detail = {"endpoint": endpoint_of(request.url)}
        raise
    receipt = _receipt(request, response)
    if response.status not in accepted:
        raise _bad_status(work, request, response, receipt)
    try:
        output, carried = (response.saved, "file") if request.saver is not None else await _output(response)
        if poll is not None:
            receipt["asked"] = require_done(poll, work, request, response, output)
        require_output(output, happened=work.leaves_traces)
    except ActivityFault as fault:
        fault.maybe_happened, fault.receipt = work.leaves_traces and not fault.anew, receipt
        raise
    return Result(output=output, receipt={**receipt, "body": carried})


def _request(work: Work, with_: Mapping[str, Json]) -> Request:
    method = arguments.text("`method`", with_.get("method") or "GET").upper()
    if method not in METHODS:
        raise arguments.wrong(f"`method` {method} is not one of {', '.join(METHODS)}")
    body = _body(work, with_)
    headers = arguments.texts("headers", with_.get("headers"))
    written = {name.lower() for name in headers}
    ours = {"Idempotency-Key": work.idempotency_key, "traceparent": work.traceparent}
    if body.content_type is not None:
        ours["Content-Type"] = body.content_type
    headers |= {name: value for name, value in ours.items() if value and name.lower() not in written}
    return Request(
        method=method,
        url=arguments.required_text(with_, "url"),
        headers=headers,
        query=arguments.pairs("query", with_.get("query")),
        body=body.content,
        timeout_ms=arguments.timeout_ms(with_, _default_timeout_ms(work)),
        bytes_max=OUTPUT_BYTES_MAX,
        allow=work.tools.allowed_hosts,
        fresh_connection=work.once,
        host_from=work.host_from,
        saver=_saver(work, with_),
    )


def _saver(work: Work, with_: Mapping[str, Json]) -> Saver | None:
    """What keeps the body of a good answer as a file, when the step wants that."""
    if with_.get("save") is None:
        return None
    if poll_of(work.spec) is not None:
        raise arguments.wrong("`save` and `poll` do not go together: fetch the file in a step of its own")
    name = arguments.text("`save`", with_["save"])

    async def take(parts: AsyncIterator[bytes], headers: Mapping[str, str]) -> Json:
        return await saved(work, parts, name, headers.get("content-type", ""))

    return Saver(_accepted(with_), take)


def _default_timeout_ms(work: Work) -> int:
    # A little before the attempt itself is cut off: from in here can be told whether anything had been sent.
    return TIMEOUT_MS if work.attempt_timeout_ms is None else max(work.attempt_timeout_ms * 49 // 50, 1)


def _body(work: Work, with_: Mapping[str, Json]) -> _Body:
    given = [name for name in ("json", "body", "form") if name in with_ and (name == "json" or with_[name] is not None)]
    if len(given) > 1:
        raise arguments.wrong(f"a request has one body, and this one has {' and '.join(given)}")
    match given:
        case ["json"]:
            return _Body(orjson.dumps(reveal(with_["json"])), "application/json")
        case ["form"] if has_files(with_["form"]):
            return _Body(*multipart(reveal(with_["form"]), work.file_path))
        case ["form"]:
            form = urlencode(arguments.pairs("form", with_["form"]))
            return _Body(form.encode(), "application/x-www-form-urlencoded")
        case ["body"] if is_file(with_["body"]):
            return _Body(path_of(with_["body"], work.file_path), str(with_["body"]["media_type"]))
        case ["body"]:
            return _Body(arguments.text("`body`", with_["body"]).encode(), "text/plain; charset=utf-8")
        case _:
            return _Body(None, None)


def _accepted(with_: Mapping[str, Json]) -> frozenset[int]:
    accept = with_.get("accept")
    if accept is None:
        return frozenset(range(200, 300))
    statuses = accept if isinstance(accept, list | tuple) else [accept]
    if not statuses or not all(isinstance(status, int) and 100 <= status <= 599 for status in statuses):
        raise arguments.wrong("`accept` must be a list of HTTP statuses, for instance [200, 201, 409]")
    return frozenset(statuses)


async def _output(response: Response) -> tuple[Json, str]:
    """The body, and how it is carried: json, text, or base64 where it is neither."""
    if not _is_json(response):
        return _as_text(response)
    if not response.body.strip():
        return None, "empty"
    try:
        text = response.body.decode("utf-8-sig")
        if len(text) <= PARSE_IN_THREAD_BYTES:
            return parse_json(text), "json"
        return await anyio.to_thread.run_sync(parse_json, text), "json"
    except NotPlain as lost:
        raise ActivityFault("output_invalid", f"the answer cannot be kept as it is: {lost}", retryable=False) from None
    except ValueError as error:
        said = f"{response.url} says it answers JSON, and it is not: {error}"
        raise ActivityFault("output_invalid", said, detail={"body": _excerpt(response)}) from None


def _as_text(response: Response) -> tuple[Json, str]:
    if not response.body:
        return "", "empty"
    try:
        return response.body.decode(_charset(response)), "text"
    except (UnicodeError, LookupError):
        return b64encode(response.body).decode(), "base64"


def _is_json(response: Response) -> bool:
    media = response.headers.get("content-type", "").split(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json")


def _charset(response: Response) -> str:
    for part in response.headers.get("content-type", "").split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "charset":
            return value.strip("\"' ") or "utf-8"
    return "utf-8"


def _bad_status(work: Work, request: Request, response: Response, receipt: Mapping[str, Json]) -> ActivityFault:
    status = response.status
    retry_after = work.tools.http.retry_after_ms(response.headers)
    excerpt = _excerpt(response)
    said = f": {excerpt}" if excerpt else ""
    return ActivityFault(
        "http_status",
        f"{request.method} {shown_url(request.url)} answered {status} {_phrase(status)}{said}",
        retryable=status in _LATER or status >= 500,
        retry_after_ms=retry_after,
        maybe_happened=work.leaves_traces and (response.redirects > 0 or _ambiguous(status, retry_after)),
        detail={"status": status, "body": excerpt, "endpoint": receipt["endpoint"]},
        receipt=receipt,
    )


def _ambiguous(status: int, retry_after_ms: int | None) -> bool:
    """May the request have had its effect? A gateway's error says nothing about what happened behind it."""
    if status < 500 or status in _NEVER_DONE:
        return False
    return not (status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after_ms is not None)


def _receipt(request: Request, response: Response) -> dict[str, Json]:
    kept = [(name, value) for name, value in response.headers.items() if name not in _PRIVATE_HEADERS]
    return {
        "method": request.method,
        "url": response.url,
        "endpoint": endpoint_of(request.url),
        "status": response.status,
        "headers": {name: value[:RECEIPT_HEADER_CHARS] for name, value in kept[:RECEIPT_HEADERS_MAX]},
        "bytes": response.saved["size"] if response.saved is not None else len(response.body),
        "redirects": response.redirects,
    }


def _excerpt(response: Response) -> str:
    text = response.body[: EXCERPT_CHARS * 4].decode("utf-8", errors="replace")
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT_CHARS else f"{text[:EXCERPT_CHARS]}…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(a status of its own)"
