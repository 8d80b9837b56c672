"""Finding the run that somebody means, if they may see it."""

from __future__ import annotations

from bot.desk import rights
from bot.desk.bench import Bench
from bot.desk.place import Asker, Place
from bot.intake import Clicked
from store import anchors, lookups
from store.model import Run, RunId


async def thread_run(bench: Bench, place: Place) -> RunId | None:
    """The run whose thread this place is in."""
    if not place.thread_ts:
        return None
    return await bench.engine.database.read(lambda tx: anchors.of_thread(tx, place.channel, place.thread_ts))


async def find(bench: Bench, reference: str, asker: Asker) -> Run | None:
    """The run by name or id, `this` or `last`; None also when the asker may not see it."""
    run = await _named(bench, reference, asker)
    if run is None:
        return None
    workflow = bench.workflow(run)
    wanted = (*rights.references(workflow), *rights.asked(run))
    met = await bench.meet(asker.user, wanted)
    return run if rights.may_see(met.person, workflow, run) else None


async def is_its_message(bench: Bench, clicked: Clicked, run: Run) -> bool:
    """Whether a button was pressed where one of this run's messages stands, or where only the asker sees it."""
    if clicked.container in ("home", "ephemeral") or clicked.channel.startswith("D"):
        return True
    here = await bench.engine.database.read(lambda tx: anchors.by_message(tx, clicked.channel, clicked.message_ts))
    return here is not None and here.run_id == run.id


async def _named(bench: Bench, reference: str, asker: Asker) -> Run | None:
    match reference:
        case "this":
            run_id = await thread_run(bench, asker.place)
        case "last":
            run_id = await bench.engine.database.read(lambda tx: lookups.latest_run(tx, asker.user))
        case _:
            return await bench.engine.look(reference)
    return None if run_id is None else await bench.engine.look(run_id)
