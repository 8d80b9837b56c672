"""What loads and is probably not meant, and what nobody will ever see."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from engine.definitions.graph import Graph
from engine.definitions.outline import Outline, Site, short_names
from engine.definitions.places import Place, StepPlaces, uses_of_steps
from engine.definitions.problem import Findings, listing
from engine.definitions.source import Path
from engine.definitions.step_shapes import StopStep, WorkflowDeed
from engine.definitions.stepping import step_in
from engine.provenance import named_in_file
from store.model import Json, Plan

_OPENS = "${{"
_FIXED: tuple[Path, ...] = (("title",), ("description",))


def never_computed(findings: Findings) -> None:
    """Expressions where nothing is ever computed: they would be shown as they are written."""
    for path in findings.source.keys:
        value = findings.source.nodes[path].text if path in findings.source.nodes else ""
        if _OPENS in str(path[-1]):
            hint = "keys are fixed; put the expression into the value"
            findings.error(path, "key_computed", "an expression in a key is not computed", hint, key=True)
        elif _OPENS in value and _is_fixed(path):
            message = f"an expression in `{path[-1]}` is not computed"
            findings.warning(path, "not_computed", message, "it is the same for every run")


def without_marks(findings: Findings, templates: Collection[Path], known: Mapping[str, Collection[str]]) -> None:
    """Text that names data as an expression does, without the marks that would make it one."""
    texts = {
        path: node.text
        for path, node in findings.source.nodes.items()
        if node.is_scalar and any(path[:length] in templates for length in range(1, len(path) + 1))
    }
    texts |= {path: aside.text for path, aside in findings.asides.items()}
    for path, text in texts.items():
        found = [*_OTHER_MARKS.finditer(text), *_BARE.finditer(text)]
        for one in (one for one in found if one["name"] in known.get(one["root"], ())):
            message = f"`{one[0]}` is plain text here, nothing is filled in"
            hint = f"write ${{{{ {one['what'].strip()} }}}}"
            findings.warning(path, "without_marks", message, hint, offset=one.start())


_NAMED = r"(?P<what>(?P<root>[a-z]+)\.(?P<name>[a-z][a-z0-9_]*)[^{}\n]*)"
_OTHER_MARKS = re.compile(rf"(?<!\$)(?:\{{\{{|\$\{{(?!\{{))\s*{_NAMED}\}}+")
_BARE = re.compile(r"\A(?P<what>(?P<root>[a-z]+)\.(?P<name>[a-z][a-z0-9_]*)(?:\.[A-Za-z_]\w*)*)\Z")


def _is_fixed(path: Path) -> bool:
    title = path[-1] == "title" and len(path) > 2 and step_in(path[:-1]) == path[:-1]
    reason = path[-1] == "else" and "ensure" in path
    return path in _FIXED or title or reason or path[-1:] == ("shortcut",)


def errors_never_seen(findings: Findings, outline: Outline, places: Iterable[Place]) -> None:
    """A failure that ends the run is never seen by the steps that look out for it."""
    for place in places:
        if place.phase != "main":
            continue
        for use, target in uses_of_steps(place, outline):
            seen = outline.sites.get(target)
            if seen is None or use.part != "error" or getattr(seen.step, "on_failure", "") == "continue":
                continue
            message = f"when `{use.step}` fails the run ends, so its error is never seen here"
            hint = f"give `{use.step}` on_failure: continue"
            findings.warning(use.path, "error_never_seen", message, hint, offset=use.offset)


def stops(findings: Findings, outline: Outline, graph: Graph) -> None:
    """A stop ends the run: nothing comes after it, and what does not come before it is cut off."""
    for name, site in outline.sites.items():
        for need in graph.needs[name]:
            target = outline.sites.get(need.edge.step)
            if target is not None and isinstance(target.step, StopStep) and need.edge.accepts == "success":
                short = target.name.rpartition(".")[2]
                message = f"nothing comes after `{short}`: it ends the run"
                hint = f"for what is done when `{short}` is skipped, write after: [{short}]"
                findings.error(need.path, "after_stop", message, hint, offset=need.offset)
        if isinstance(site.step, StopStep) and site.phase == "main":
            _always_stops(findings, outline, graph, site)


def _always_stops(findings: Findings, outline: Outline, graph: Graph, site: Site) -> None:
    around = [site, *outline.around(site.block)]
    if any(getattr(one.step, "when", None) is not None or one.loops for one in around):
        return
    after = graph.below(site.name)
    before = {one for place in around for one in graph.above(place.name)} | {one.name for one in around}
    cut = [name for name in outline.within("", "main") if name not in before and name not in after]
    if cut:
        message = f"this ends the run without waiting for {listing(short_names(cut), 5)}"
        hint = f"give it a `when:`, or let it come after: after: [{', '.join(short_names(cut)[:5])}]"
        findings.warning((*site.path, "uses"), "always_stops", message, hint)


def calls_itself(findings: Findings, workflow: str, sites: Iterable[Site]) -> None:
    """A workflow that starts itself ends only where the depth of runs ends."""
    for site in sites:
        if isinstance(site.step, WorkflowDeed) and site.step.call == workflow:
            message = "this workflow starts itself"
            hint = "runs may start runs 5 deep, and then the step fails; give it a `when:` that ends"
            findings.warning((*site.path, "call"), "calls_itself", message, hint)


def hosts_from_data(findings: Findings, outline: Outline, plan: Plan, settings: Mapping[str, Json]) -> None:
    """A URL whose host is written by whoever fills in an input: a run refuses it unless the operator lists the host."""
    for name, site in outline.sites.items():
        spec = plan.step(name)
        url = spec.with_.get("url") if spec.uses == "http" and isinstance(spec.with_, dict) else None
        named, offset = named_in_file(plan, spec, url, settings)
        if named:
            message = f"the host of this URL comes from `{named}`, so only hosts are reached that the operator lists"
            hint = (
                "write the host here, or as a setting; or have the operator list the hosts that are meant, under "
                "`hosts` in the settings file"
            )
            findings.warning((*site.path, "with", "url"), "host_from_data", message, hint, offset=offset)


def reviews_nowhere(findings: Findings, places: Mapping[str, StepPlaces], reviewed: Mapping[str, object]) -> None:
    """`review` where nobody ever asks for changes."""
    for owner, step in places.items():
        for place in step.all() if owner not in reviewed else ():
            for use in place.uses:
                if use.reference.path[0] == "review":
                    message = "`review` is only there in steps that are done again when people ask for changes"
                    hint = "write changes: {rerun: STEP} at the gate that reviews this"
                    findings.error(use.path, "unknown_name", message, hint, offset=use.offset)
                    place.strange.add(("review",))
