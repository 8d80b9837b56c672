"""files.*: the two-step upload, and what is known of a file."""

from bot.sandbox import composing
from bot.sandbox.refusals import Json, refused_arguments
from bot.sandbox.web_api.call import Call, Method
from bot.sandbox.web_api.chat import writable


async def get_upload_url(call: Call) -> Json:
    length = call.number("length", 0, most=10**12)
    record = call.parts.files.promise(call.required("filename"), length)
    return {"upload_url": f"{call.parts.files.prefix}/upload/v1/{record['id']}", "file_id": record["id"]}


async def complete_upload(call: Call) -> Json:
    wanted = call.data("files")
    if not isinstance(wanted, list) or not wanted:
        raise refused_arguments("missing required field: files")
    files = [call.parts.files.complete(str(one.get("id", "")), one.get("title")) for one in wanted]
    if call.text("channel_id") or call.text("channels"):
        _share(call, files)
    return {"files": files}


async def info(call: Call) -> Json:
    record = call.parts.files.seen_by_app(call.required("file"))
    return {"file": record, "comments": [], "response_metadata": {"next_cursor": ""}}


def _share(call: Call, files: list[Json]) -> None:
    name = call.text("channel_id") or call.text("channels").split(",")[0]
    inner = Call(call.parts, {**call.arguments, "channel": name})
    channel = writable(inner, needs_membership=True)
    thread_ts = composing.checked_thread(call.parts, channel.id, call.text("thread_ts") or None)
    for one in files:
        call.parts.files.share(one["id"], channel)
    message = composing.by_app(call.parts, {"text": call.text("initial_comment")}, thread_ts=thread_ts)
    message |= {"files": files, "subtype": "file_share", "upload": True}
    call.parts.workspace.post(channel.id, message)


METHODS = {
    "files.getUploadURLExternal": Method(answer=get_upload_url, tier="tier4", scopes=("files:write",)),
    "files.completeUploadExternal": Method(answer=complete_upload, tier="tier4", scopes=("files:write",)),
    "files.info": Method(answer=info, tier="tier4", scopes=("files:read",)),
}
