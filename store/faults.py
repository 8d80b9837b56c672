"""What can go wrong with the file, as a tree (the docstring is the documentation):

StoreFault            the database could not do it
├─ StoreFull          no space is left; nothing was changed, and work goes on when there is room
├─ DatabaseInUse      another service owns the file
├─ DatabaseTooNew     a newer Pointsman wrote the file
├─ DatabaseDamaged    the file is not a sound database
├─ DatabaseClosed     the database is being closed
└─ Fenced             another service took the file over while this one slept
"""

from __future__ import annotations


class StoreFault(Exception):
    """The database could not do it."""

    hint = "Look at the log; nothing was changed."
    fatal = False  # must the process stop?

    def __init__(self, message: str = "", hint: str = "") -> None:
        super().__init__(message or self.__doc__)
        self.message = message or (self.__doc__ or "")
        self.hint = hint or type(self).hint


class StoreFull(StoreFault):
    """The disk is full: the database cannot grow."""

    hint = "Free space on the volume; runs continue by themselves."


class DatabaseInUse(StoreFault):
    """Another Pointsman has this database open."""

    hint = "Stop the other service, or name another file in POINTSMAN_DB."


class DatabaseTooNew(StoreFault):
    """The database was written by a newer Pointsman."""

    hint = "Install that version or a later one; this one would not understand the file."


class DatabaseDamaged(StoreFault):
    """The file is not a sound SQLite database."""

    hint = "Restore the latest backup, or name another file in POINTSMAN_DB."
    fatal = True


class DatabaseClosed(StoreFault):
    """The database is being closed."""

    hint = "Ask again when the service is back."


class Fenced(StoreFault):
    """Another service took this database over."""

    hint = "Only one service may use a database file. This one stops."
    fatal = True
