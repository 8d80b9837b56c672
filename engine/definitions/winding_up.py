"""What is done when a run is over: how long it may take, and what taking a step back can know of the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from engine.definitions.outline import Outline, Site
from engine.definitions.places import StepPlaces
from engine.definitions.problem import Findings
from engine.definitions.source import Path
from engine.definitions.step_shapes import HttpDeed
from store.model import LIMITS, Effect, Millis

HOUR_MS = 3_600_000


def check_times(findings: Findings, site: Site) -> None:
    """A run that is over comes to its end: what is still done for it may not take for ever."""
    if site.phase == "main":
        return
    hours = LIMITS.last_step_ms // HOUR_MS
    for path, length in _lengths(site):
        if path in findings.source.keys and length > LIMITS.last_step_ms:
            what = "taking a step back" if site.phase == "undo" else "a last step"
            message = f"{what} may take {hours} hours at most, as the run is over by then"
            findings.error(path, "last_step_too_long", message, "give longer work to a run of its own", key=True)


def _lengths(site: Site) -> Iterator[tuple[Path, Millis]]:
    for key in ("attempt_timeout", "timeout"):
        length = getattr(site.step, key, None)
        if length is not None:
            yield (*site.path, key), length
    poll = site.step.with_.poll if isinstance(site.step, HttpDeed) else None
    if poll is not None and poll.timeout:
        yield (*site.path, "with", "poll", "timeout"), poll.timeout


def warn_of_lost_output(
    findings: Findings, outline: Outline, places: Mapping[str, StepPlaces], effect: Callable[[Site], Effect]
) -> None:
    """A step is also taken back when nobody knows whether it happened, and then it has no output."""
    for name in outline.undos:
        owner = outline.sites[name.removesuffix(":undo")]
        if name not in places or not _may_be_unknown(owner, effect(owner)):
            continue
        place = places[name].main
        for use in place.uses:
            names_it = use.step is not None and outline.resolve(use.step, place.block) == owner.name
            if names_it and use.part == "output" and not use.reference.guarded:
                reference = f"steps.{use.step}.output"
                message = f"nobody may know whether `{owner.called}` happened: then it has no output to take it back by"
                hint = f"guard it, has({reference}) ? … : …, and find what to take back in another way"
                findings.warning(use.path, "undo_without_output", message, hint, offset=use.offset)
                break


def _may_be_unknown(owner: Site, effect: Effect) -> bool:
    polls = isinstance(owner.step, HttpDeed) and owner.step.with_.poll is not None
    return effect == "once" or polls
