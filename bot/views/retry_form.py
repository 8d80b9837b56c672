"""The form that lets a run go on with other inputs. It stands filled in with what the run was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.fields import FIELDS_MAX, Field, inputs, read, unfit
from bot.views.markup import clip, escape, one_line
from bot.views.scene import Scene
from bot.wording import listed, titled
from store.model import Json, Plan

RETRY_FORM = "run_retry_form"
LATEST_FORM = "run_retry_form_latest"
"""The same, by the newest version of the workflow."""
FORMS = frozenset({RETRY_FORM, LATEST_FORM})
SURE = "sure"
NAMED_MAX = 10


def retry_fields(plan: Plan, current: Mapping[str, Json]) -> list[Field]:
    """The inputs that can be asked for in a form; files, secrets and what is too long stay as they were."""
    found = []
    for name, part in plan.inputs.items():
        schema = part if isinstance(part, dict) else {}
        if schema.get("sensitive"):
            continue
        asked = "default" not in schema and not schema.get("optional")
        one = Field(name, schema, asked, current.get(name, schema.get("default")))
        if not unfit([one]):
            found.append(one)
    return found[:FIELDS_MAX]


def retry_form(scene: Scene, plan: Plan, fields: Sequence[Field], *, repeats: Sequence[str] = ()) -> Block:
    """`repeats` names the steps whose effect would happen twice: then it must be meant."""
    run = scene.run
    left = [titled(name) for name in plan.inputs if name not in {one.name for one in fields}]
    newer = plan.version != run.version
    version = " It goes on by the newest version of the workflow." if newer else ""
    kept = f" {clip(listed(left), 300)}: as before." if left else ""
    sure = blocks.input(
        "These would happen once more", blocks.checkbox(SURE, "Do them again all the same"), block_id=SURE,
        hint=f"Their effect has taken place already: {clip(listed(list(repeats)[:NAMED_MAX]), 300)}.",
    )  # fmt: skip
    effect = "What failed, and all that reads what you change, is done again; the rest is kept."
    return blocks.modal(
        "Other Inputs",
        [
            blocks.section(f"{escape(one_line(scene.title), 150)} · {run.name}"),
            *inputs(fields),
            *([sure] if repeats else []),
            blocks.context(escape(f"{effect}{version}{kept} Closing this form changes nothing.")),
        ],
        callback_id=LATEST_FORM if newer else RETRY_FORM,
        submit="Retry",
        close="Not Now",
        private_metadata=run.id,
    )


def changes(fields: Sequence[Field], given: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, str]]:
    """What was filled in otherwise than it stood there, with None where it was emptied; and what is wrong, by field."""
    filled = read(fields, given)
    new = {one.name: filled.values.get(one.name) for one in fields}
    told = {one.name: new[one.name] for one in fields if not _same(one.initial, new[one.name])}
    return told, filled.errors


def _same(before: Json, after: Json) -> bool:
    if before in (None, "") or after in (None, ""):
        return before in (None, "") and after in (None, "")
    return type(before) is type(after) and bool(before == after)
