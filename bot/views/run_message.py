"""The root message of a run: what it is, how far it is, how it ended. There is one, and it is edited in place."""

from __future__ import annotations

from collections.abc import Sequence

from bot.views import blocks
from bot.views.blocks import Block, CardStatus, Piece, words
from bot.views.markup import clip, escape, one_line
from bot.views.run_words import because, culprit, inputs_line, output_lines, progress, state_text, who_said_no
from bot.views.scene import Rendering, Scene, actor_markup, actor_piece, kin_markup, when
from bot.views.step_card import step_cards
from bot.wording import counted, fault_text, listed
from store.model import Run, RunId, RunStatus


def root_key(run: Run | RunId) -> str:
    """The key of the message's anchor."""
    return f"run:{run if isinstance(run, str) else run.id}"


def run_message(scene: Scene) -> Rendering:
    """The message as it should stand now."""
    run = scene.run
    shown: list[Block] = [
        blocks.rich_text(blocks.rich_section(*_headline(scene)), block_id=f"run:{run.name}:{run.status}"),
        blocks.plan(progress(scene), folded(step_cards(scene)), block_id=f"steps:{run.name}:{run.status}"),
    ]
    if run.parent is not None and run.parent.run_id in scene.kin:
        parent = scene.kin[run.parent.run_id]
        shown.append(blocks.context(f"Part of {kin_markup(parent)}"))
    if run.status is RunStatus.QUEUED and scene.holders:
        shown.append(blocks.context(f"Under way before it: {listed([kin_markup(one) for one in scene.holders])}"))
    inputs = inputs_line(scene)
    if inputs:
        shown.append(blocks.context(blocks.plain(inputs, blocks.FIELD_MAX)))
    links = output_lines(scene, links_only=True) if run.status is RunStatus.SUCCEEDED else []
    if links:
        shown.append(blocks.section("\n".join(links), block_id=f"outputs:{run.name}:{run.status}"))
    if run.status.finished:
        shown.append(blocks.context(_ending(scene)))
    elif run.status is not RunStatus.ENDING:
        shown.append(blocks.actions(_cancel_button(run), block_id=f"control:{run.name}:{run.status}"))
    return Rendering(text=_sentence(scene), blocks=tuple(shown))


def _headline(scene: Scene) -> list[Piece]:
    run = scene.run
    return [
        words(clip(one_line(scene.title), 150), bold=True),
        words(f" · {run.name} · started by "),
        actor_piece(run.requester),
        words(f" · {state_text(scene)}"),
    ]


def _ending(scene: Scene) -> str:
    """How it ended, for the line under the list."""
    run = scene.run
    ended = f"Finished {when(run.ended_at)}" if run.ended_at is not None else "Finished"
    match run.status:
        case RunStatus.SUCCEEDED:
            return ended
        case RunStatus.FAILED if culprit(scene):
            return ended  # why is told at the step
        case RunStatus.FAILED:
            said = fault_text(run.error).sentence if run.error else "It failed."
            return f"{escape(one_line(said).rstrip('.'), 400)} · {ended}"
        case RunStatus.CANCELLED:
            by = f" by {actor_markup(scene.past.cancelled_by)}" if scene.past.cancelled_by else ""
            return f"Cancelled{by}{because(run)} · {ended}"
        case _:
            return f"{who_said_no(scene) or f'Rejected{because(run)}'} · {ended}"


def _sentence(scene: Scene) -> str:
    run = scene.run
    text = f"{escape(one_line(scene.title), 150)} {run.name}, started by {actor_markup(run.requester)}"
    return clip(f"{text}: {escape(one_line(progress(scene)), 400)}.", blocks.FALLBACK_MAX)


def _cancel_button(run: Run) -> blocks.Element:
    return blocks.button(
        "Cancel Run",
        "run_cancel",
        run.id,
        confirm=blocks.confirm(
            f"Cancel {run.name}?",
            "What runs is asked to stop, and open questions are withdrawn. What has already happened stays.",
            "Cancel Run",
            "Keep It Running",
            style="danger",
        ),
        label=f"Cancel run {run.name}",
    )


# A list that is too long. -----------------------------------------------------------------------------------------


def folded(cards: Sequence[Block], most: int = blocks.CARDS_MAX) -> list[Block]:
    """At most so many cards: what is done shares one, and of what has not begun the last share another."""
    if len(cards) <= most:
        return list(cards)
    done = [card for card in cards if card["status"] == "complete"]
    rest = [card for card in cards if card["status"] != "complete"]
    if done:
        rest = [blocks.task_card("folded:done", f"{counted(len(done), 'step')} done", "complete"), *rest]
    if len(rest) <= most:
        return rest
    by_weight = sorted(rest, key=lambda card: bool(card["status"] == "pending"))
    shown = {card["task_id"] for card in by_weight[: most - 1]}
    hidden = [card for card in rest if card["task_id"] not in shown]
    status: CardStatus = "pending" if all(card["status"] == "pending" for card in hidden) else "in_progress"
    more = blocks.task_card("folded:rest", f"{counted(len(hidden), 'more step')}", status)
    return [*(card for card in rest if card["task_id"] in shown), more]
