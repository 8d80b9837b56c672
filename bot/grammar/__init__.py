"""grammar: what a line of words asks for, and nothing else. Pure.

The same words work after the slash command, after a mention and bare in a direct message:

    line = verb [target] {arg} ["--dry-run"]
    arg = name=value | name+=value | --name value | value (a bare value goes to the inputs in their order)
    value = bare | 'single' | "double" | “smart” | @user | #channel | <link>
    run = R-7K2 | last | this
    gate = G-41 [v2]

    asks         everything one may ask for, and the way to say "I did not understand"
    slack_text   Slack's own markup in what people typed, as plain text
    tokens       a line, cut into words, quoted values and options
    phrases      the fixed natural forms: questions only, never an action
    parts        references to workflows, runs and gates, reasons
    lines        parse(text, context): a line to what it asks for
    retrying     what is said beside the run that is to be retried
    suggestions  what to say to a line that asks for nothing
    render       render(ask): what one asks for, as the line to type
"""

from bot.grammar.asks import (
    Approve,
    Ask,
    Cancel,
    Changes,
    Context,
    Endpoints,
    Help,
    ListWorkflows,
    Mine,
    Misunderstanding,
    Pause,
    Ping,
    Pleasantry,
    Reject,
    Resume,
    Retry,
    Start,
    Status,
    Waiting,
    WhoAmI,
    WhoDecides,
    Why,
)
from bot.grammar.lines import parse
from bot.grammar.render import render

__all__ = [
    "Approve",
    "Ask",
    "Cancel",
    "Changes",
    "Context",
    "Endpoints",
    "Help",
    "ListWorkflows",
    "Mine",
    "Misunderstanding",
    "Pause",
    "Ping",
    "Pleasantry",
    "Reject",
    "Resume",
    "Retry",
    "Start",
    "Status",
    "Waiting",
    "WhoAmI",
    "WhoDecides",
    "Why",
    "parse",
    "render",
]
