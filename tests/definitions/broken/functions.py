from typing import TypedDict


class Count(TypedDict):
    words: int


def count(text: str, limit: int = 10) -> Count:
    return {"words": min(limit, len(text.split()))}
