"""A directory of people, groups and channels as a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Entries:
    """Ids by how they are written; who is meant; who is missing and why."""

    def __init__(
        self,
        names: Mapping[str, str],
        people: Mapping[str, tuple[str, ...]] | None = None,
        missing: Mapping[str, str] | None = None,
    ) -> None:
        self.names = names
        self.people = dict(people or {})
        self.missing = dict(missing or {})

    async def ids(self, references: Sequence[str]) -> Mapping[str, str]:
        return {one: self.names[one] for one in references if one in self.names}

    async def behind(self, references: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        by_id = {one: (one,) for one in references if one.startswith("U0")}
        return by_id | {one: self.people[one] for one in references if one in self.people}

    def absent(self, references: Sequence[str]) -> Mapping[str, str]:
        return {one: self.missing[one] for one in references if one in self.missing}
