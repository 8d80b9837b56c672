"""A collection: the bundles of all runs that somebody did something in, and a list of what they did, in one file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from bot.evidence import trail
from bot.evidence.bundle import must_be_free, packed, put, script, writing
from bot.evidence.lines import line, who
from bot.evidence.page import STYLE
from bot.requests import Objection, Trail
from engine.evidence import gathered
from store import definitions
from store.content import ContentFolder
from store.erasure import ERASED
from store.glance import glance
from store.leavings import nothing_leaves
from store.model import Json, Millis
from store.trail import Act

FORMAT = 1


def collected(database: Path, asked: Trail, target: Path, now: Millis, *, over: bool = False) -> dict[str, Json]:
    """Write the bundles of all runs in which what was asked for happened. Raises Objection, StoreFault."""
    must_be_free(target, over=over)
    folder, runs = ContentFolder(database), []
    with nothing_leaves(folder.folder), glance(database) as tx:
        found = trail.found(tx, asked, now)
        if not found.acts:
            raise Objection("nothing_found", f"{trail.nothing(asked, found)}.", "Nothing was written.", status=404)
        if found.more:
            problem = f"More than {asked.limit:,} things were done then."
            raise Objection("too_much", problem, "Name a shorter period, a person or a workflow.", status=422)
        with writing(target) as archive:
            for run_id in dict.fromkeys(act.run_id for act in found.acts):
                evidence = gathered(tx, folder, run_id)
                assert evidence is not None, "something happened in it, and a look sees one moment"
                plan = definitions.plan(tx, evidence.run.version)
                assert plan is not None, "a run refers to its definition"
                packed(evidence, plan, archive, f"{evidence.run.name}/")
                runs.append({"name": evidence.run.name, "id": run_id, "head": evidence.links[-1].hash.hex()})
            about = {"format": FORMAT, "asked": asked.model_dump(exclude={"limit"}), "runs": runs}
            put(archive, "runs.json", json.dumps(about, indent=2).encode())
            put(archive, "index.html", _page(asked, found.acts).encode())
            put(archive, "check.py", script())
    return {"file": str(target), "runs": [run["name"] for run in runs], "acts": len(found.acts)}


def _page(asked: Trail, acts: tuple[Act, ...]) -> str:
    title = escape(trail.period(asked))
    rows = "".join(
        f"<tr><td><time>{_moment(act.at)}</time><td><a href='{act.run}/index.html'>{act.run}</a>"
        f" {escape(act.workflow)}<td>{escape(act.step or '')}<td>{escape(who(act.actor))}<td>{escape(_told(act))}"
        for act in acts
    )
    head = "<tr><th>When (UTC)<th>Run<th>Step<th>Who<th>What"
    check = (
        "<p class=soft>Each run has a folder with all of its record; <code>python check.py</code> checks them all.</p>"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style><body><h1>{title}</h1>{check}<table>{head}{rows}</table></body>"
        "</html>\n"
    )


def _told(act: Act) -> str:
    return f"{act.kind} {ERASED}" if act.event is None else line(act.event)


def _moment(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
