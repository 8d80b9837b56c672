"""The words with which lines to the bot begin: no workflow may be called so, or its own name would not start it.

They stand here and not with the grammar that reads the lines, because a file is checked where there is no bot.
"""

from collections.abc import Mapping

VERBS: Mapping[str, str] = {
    "run": "run",
    "start": "run",
    "list": "list",
    "status": "status",
    "st": "status",
    "why": "why",
    "who": "who",
    "waiting": "waiting",
    "mine": "mine",
    "cancel": "cancel",
    "approve": "approve",
    "reject": "reject",
    "changes": "changes",
    "retry": "retry",
    "pause": "pause",
    "resume": "resume",
    "endpoints": "endpoints",
    "help": "help",
    "?": "help",
    "whoami": "whoami",
    "ping": "ping",
}
"""What one may type, and the verb that it is."""

# Kept free, so that a command which comes later takes no workflow's name away; `last` and `this` mean runs.
_PLANNED = """
ack ask assign audit delegate diff edit failed history info last mute remind runs schedule schedules settings stop
subscribe this
"""
PLANNED = frozenset(_PLANNED.split())
