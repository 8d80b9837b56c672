"""The natural forms that are understood: fixed lists of questions and courtesies. None changes anything."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.grammar.asks import (
    Ask,
    Context,
    Endpoints,
    Help,
    ListWorkflows,
    Mine,
    Ping,
    Pleasantry,
    Status,
    Waiting,
    WhoAmI,
    WhoDecides,
    Why,
)

_RUN = r"(?P<run>r-[0-9a-z]{2,12}|it|this|that|this run|the run|my run|my last run|the last run|last)"
_NAMED = r"(?P<run>r-[0-9a-z]{2,12})"
_GATE = r"(?P<gate>g-[0-9]{1,9})"
_PRONOUN = r"(?:it|this|that|the|a|an|my|you|we|i|everything|last|[rg]-[0-9a-z]+)"
_WORKFLOW = rf"(?!{_PRONOUN}\b)(?P<workflow>[a-z][a-z0-9_-]{{0,60}})"
_VERB = r"(?P<verb>run|start|approve|reject|cancel|retry|pause|resume)"
_DECIDED = r"(?:approved|decided|rejected|answered)"

_FORMS: tuple[tuple[str, Callable[[str], Ask]], ...] = (
    (r"(?:what|which (?:workflows|ones)) (?:can|could|may) (?:you|i|we) (?:run|start|do)", lambda _: ListWorkflows()),
    (r"(?:what|which) workflows (?:are there|do you have|can (?:you|i|we) run)", lambda _: ListWorkflows()),
    (r"(?:show |list )?(?:me )?(?:all )?(?:the |your )?workflows", lambda _: ListWorkflows()),
    (rf"how(?: is|'s| does) {_RUN}(?: (?:doing|going|getting on|look|looking))?", Status),
    (rf"where (?:is|does) {_RUN}(?: (?:now|at|stand|standing))?", Status),
    (rf"what(?: is|'s) {_RUN} (?:doing|up to)(?: now)?", Status),
    (rf"what(?: is|'s)? (?:the )?status of {_RUN}", Status),
    (rf"status of {_RUN}", Status),
    (rf"(?:is|has|was) {_RUN} (?:done|finished|ready|running|still running|over|failed|ended)(?: yet)?", Status),
    (rf"did {_RUN} (?:work|fail|succeed|finish|end)", Status),
    (rf"(?:(?:show|what is|what's|info) )?(?:me )?{_NAMED}", Status),
    (rf"what happened(?: here)?(?: (?:to|with|in) {_RUN})?", Status),
    (rf"(?:is there )?any (?:news|updates?)(?: (?:on|of|about|from) {_RUN})?", Status),
    (rf"how far (?:is|has) {_RUN}(?: (?:come|got|gone))?", Status),
    (rf"who started {_RUN}", Status),
    (r"what(?: is|'s) the status|where are we(?: now)?|what(?: is|'s) next|are we there yet", Status),
    (rf"why(?: is|'s) {_RUN} (?:still )?(?:waiting|stuck|paused|stopped|not done|taking so long|so slow|failing)", Why),
    (rf"why (?:did|has) {_RUN} (?:fail|failed|stop|stopped|end|ended)", Why),
    (rf"why (?:was|is) {_RUN} (?:rejected|cancelled|canceled|failed)", Why),
    (rf"what(?: is|'s) {_RUN} (?:still )?waiting for", Why),
    (r"what (?:are|do) we (?:still )?wait(?:ing)? for", Why),
    (rf"what (?:failed|broke|went wrong)(?: (?:in|with|at) {_RUN})?", Why),
    (rf"when is {_RUN} due", Why),
    (r"what(?: is|'s) (?:still )?waiting for me", lambda _: Waiting()),
    (r"(?:is )?(?:there )?anything (?:waiting )?for me", lambda _: Waiting()),
    (r"what (?:needs me|do i (?:have|need) to (?:decide|approve|do))", lambda _: Waiting()),
    (r"(?:is there )?anything for me to (?:do|approve|decide)", lambda _: Waiting()),
    (r"what (?:should|can|must) i (?:approve|decide)", lambda _: Waiting()),
    (r"my (?:approvals|decisions|gates)", lambda _: Waiting()),
    (r"(?:what are |show |list )?(?:me )?my runs|what (?:did|have) i start(?:ed)?", lambda _: Mine()),
    (rf"who (?:can|may|must|should|has to) (?:approve|decide|reject)(?: on| at)? (?:{_GATE}|{_RUN})", WhoDecides),
    (rf"who (?:approves|decides)(?: on| at)? (?:{_GATE}|{_RUN})", WhoDecides),
    (rf"who (?:needs|is) to (?:approve|decide)(?: on| at)? (?:{_GATE}|{_RUN})", WhoDecides),
    (rf"who (?:has )?{_DECIDED}(?: on| at)? (?:{_GATE}|{_RUN})", WhoDecides),
    (r"who (?:are|do) we (?:still )?wait(?:ing)? for", WhoDecides),
    (rf"(?:(?:show|what is|what's) )?(?:me )?{_GATE}", WhoDecides),
    (rf"what does {_WORKFLOW} (?:do|need|take)", Help),
    (rf"(?:info|tell me about) {_WORKFLOW}", Help),
    (rf"how (?:do|can) i (?:run|start|use) {_WORKFLOW}", Help),
    (rf"how (?:do|can) i {_VERB}(?: \S+)?", Help),
    (r"who am i", lambda _: WhoAmI()),
    (r"(?:what|which endpoints?|what endpoints?)(?: is|'s| are) down|is anything down", lambda _: Endpoints()),
    (r"(?:are )?you (?:there|up|alive|awake)", lambda _: Ping()),
    (r"(?:who|what) are you|what (?:can|do) you do|how do(?:es)? (?:you|this) work", lambda _: Help()),
    (r"help me(?: please)?|hi|hello|hey", lambda _: Help()),
)
_COURTESIES: tuple[tuple[str, Pleasantry], ...] = (
    (r"(?:hi|hello|hey|good (?:morning|afternoon|evening))(?: there| all| everyone)?", Pleasantry("hello")),
    (r"(?:many )?(?:thanks|thank you|thx|cheers)(?: (?:a lot|very much|so much|again))?", Pleasantry("thanks")),
    (r"(?:ok|okay)(?:,? (?:thanks|thank you))?", Pleasantry("ok")),
)
_COMPILED = tuple((re.compile(form), ask) for form, ask in _FORMS)
LONGEST = 120  # no form is longer; a longer line is no question of this list
_THIS = frozenset({"it", "this", "that", "this run", "the run"})


def question(line: str, *, in_run_thread: bool) -> Ask | None:
    """The question that a line puts, if it is one of the known ones."""
    if len(line) > LONGEST:
        return None
    words = " ".join(line.lower().replace("’", "'").replace("whats ", "what's ").split()).strip("?!. ")
    words = words.removesuffix(" please")
    for form, ask in _COMPILED:
        found = form.fullmatch(words)
        if found:
            return ask(_about(found, in_run_thread=in_run_thread))
    return None


def courtesy(line: str, context: Context) -> Pleasantry | None:
    """Small talk in a conversation. In a run's thread only thanks are: there an "ok" may be meant for a gate."""
    if context.surface not in ("dm", "mention") or len(line) > LONGEST:
        return None
    words = " ".join(line.lower().split()).rstrip("!., 🙏👋🙂😊")
    meant = next((said for form, said in _COURTESIES if re.fullmatch(form, words)), None)
    return None if meant and context.in_run_thread and meant.word != "thanks" else meant


def _about(found: re.Match[str], *, in_run_thread: bool) -> str:
    named = found.groupdict()
    if named.get("workflow") or named.get("verb"):
        return named.get("workflow") or named["verb"]
    target = named.get("gate") or named.get("run") or ""
    if target.startswith(("r-", "g-")):
        return target.upper()
    if (not target or target in _THIS) and in_run_thread:
        return "this"
    return "last"
