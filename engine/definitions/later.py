"""What the workflow language names and this version does not do yet: recognised, refused, and told what to use instead.

To support one of these, delete its entry and give it a place in shape.py.
"""

from __future__ import annotations

FILE_KEYS = {
    "on": "start runs by command, or let cron call `pointsman run NAME key=value`",
    "finally": "put a last step with `after:` the others",
    "keep": "leave it out: what a run held is kept for as long as the database is",
    "defaults": "write the policy at each step",
    "dedupe": "give the key when starting: `pointsman run NAME --dedupe-key KEY`",
}
STEP_KEYS = {
    "foreach": "let one python step work through the list",
    "as": "it belongs to `foreach`, which is not supported yet either",
    "key": "it belongs to `foreach`, which is not supported yet either",
    "concurrency": "it belongs to `foreach`, which is not supported yet either",
    "tolerate": "it belongs to `foreach`, which is not supported yet either",
    "steps": "write the steps side by side, each with the same `when:` and `needs:`",
    "undo": "add a step that repairs, with `after:` and `when: ${{ steps.NAME.status == 'failed' }}`",
    "ensure": "say it in the schema of `output:` (minLength, enum, …): an answer that does not fit is asked for again",
    "keep": "leave it out: what a run held is kept for as long as the database is",
}
KINDS = {
    "form": "ask for the data as `inputs:` when the run starts",
    "message": "the run's own thread tells what happens; use an http step to say more",
    "stop": "give the steps that follow a `when:`",
    "workflow": "write the other workflow's steps here",
}
WITH_KEYS = {
    "approval": {
        "edit": "reject with a comment, and start the run again with other inputs",
        "changes": "reject with a comment, and start the run again with other inputs",
        "auto": "give the gate a `when:`, so that it is skipped where nobody needs to be asked",
        "choices": "use two gates, or approve and reject",
        "hours": "the clock of a gate runs day and night; choose `due:` and `expires:` accordingly",
        "escalate_after_due": "name everybody who may decide in `approvers:`",
        "escalate_to": "name everybody who may decide in `approvers:`",
        "remind_before_due": "set `due:`; the card says so when it has passed",
        "remind_after_due": "set `due:`; the card says so when it has passed",
        "all_of": "use one gate for each group",
        "digest": "each gate gets its own card",
    },
    "http": {"poll": "let a python step ask until the answer is there"},
    "wait": {
        "event": "use an approval step, and let a person say when it has happened",
        "on_timeout": "it belongs to `event`, which is not supported yet either",
    },
}
LIMITS_KEYS = {
    "concurrency": "runs of one workflow do not wait for each other",
    "budget": "limit the spending at the provider of the model",
    "rate": "set limits for the endpoint in the models file",
}
SCHEMA_TYPES = {"file": "take the path or URL of the file as text: {type: string}"}
NAMES = {
    "review": "review rounds belong to `changes`, which is not supported yet either",
    "previous": "pass what is needed as an input",
    "item": "it belongs to `foreach`, which is not supported yet either",
    "event": "it belongs to `on`, which is not supported yet either",
}
STEP_FIELDS = {"items": "it belongs to `foreach`, which is not supported yet either"}
RUN_FIELDS = {"slot": "it belongs to schedules, which are not supported yet", "usage": "see the history of the run"}
APPROVERS_FROM = 'name the people and groups: ["@editors"]'
CODE = "not_supported_yet"


def said(name: str) -> str:
    return f"`{name}` is not supported yet"
