"""How the publisher's site looks: plain pages that read well and need nothing from the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Entry = Mapping[str, Any]

STYLE = """
:root { color-scheme: light dark; --ink: #22302b; --paper: #fbfaf6; --quiet: #66756e; --leaf: #1d6b57;
  --rule: #dcd9cd; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9e4; --paper: #16201d; --quiet: #9aa8a1; --leaf: #6fc2a9; --rule: #2d3a35; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.1rem/1.65 Georgia, 'Times New Roman', serif; }
header, main { max-width: 40rem; margin: 0 auto; padding: 1.5rem; }
header { border-bottom: 1px solid var(--rule); font: 600 .95rem/1.4 system-ui, sans-serif; }
header a { color: var(--leaf); text-decoration: none; margin-right: 1.2rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 1rem 0 .5rem; }
.summary { color: var(--quiet); font-style: italic; margin: 0 0 1.5rem; }
.meta, footer { color: var(--quiet); font: .85rem/1.5 system-ui, sans-serif; }
ul.entries { list-style: none; padding: 0; }
ul.entries li {
  padding: .6rem 0; border-bottom: 1px solid var(--rule); }
a { color: var(--leaf); } .text { white-space: pre-line; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--rule); }
footer ol { padding-left: 1.2rem; } .state { font: 600 .8rem system-ui, sans-serif; color: var(--leaf); }
"""


def front(posts: Iterable[Entry]) -> str:
    """The list of posts, newest first."""
    items = "".join(
        f'<li><a href="/posts/{escape(post["id"])}">{escape(post["title"])}</a>'
        f'<div class="meta">{escape(post.get("summary", ""))}</div></li>'
        for post in posts
    )
    empty = '<p class="summary">Nothing has been published yet.</p>'
    return _page("Meadow Press", f"<h1>Meadow Press</h1>{f'<ul class=entries>{items}</ul>' if items else empty}")


def post(entry: Entry) -> str:
    """One post with the sources of its claims."""
    paragraphs = "".join(f"<p>{escape(part.strip())}</p>" for part in entry["body"].split("\n\n") if part.strip())
    body = f'<article><h1>{escape(entry["title"])}</h1><p class="summary">{escape(entry.get("summary", ""))}</p>'
    return _page(entry["title"], body + paragraphs + _sources(entry.get("claims") or ()) + "</article>")


def _sources(claims: Iterable[Entry]) -> str:
    items = "".join(
        f'<li>“{escape(claim["quote"])}” <a rel="noreferrer" href="{escape(claim["source"])}">'
        f"{escape(claim['source'])}</a></li>"
        for claim in claims
        if str(claim.get("source", "")).startswith("https://")
    )
    return f"<footer>Sources<ol>{items}</ol></footer>" if items else ""


def ticket(entry: Entry) -> str:
    """One ticket of the support desk."""
    head = f'<h1>{escape(entry["subject"])}</h1><p class="meta"><span class="state">{escape(entry["state"])}</span> · '
    head += f"queue {escape(entry['queue'])} · {escape(entry['email'])}</p>"
    return _page(entry["subject"], f'{head}<p class="text">{escape(entry["text"])}</p>')


def tickets(entries: Iterable[Entry]) -> str:
    """The support desk's list, newest first."""
    items = "".join(
        f'<li><a href="/tickets/{escape(one["id"])}">{escape(one["subject"])}</a>'
        f'<div class="meta">{escape(one["state"])} · {escape(one["queue"])}</div></li>'
        for one in entries
    )
    empty = '<p class="summary">No tickets.</p>'
    return _page("Support desk", f"<h1>Support desk</h1>{f'<ul class=entries>{items}</ul>' if items else empty}")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        '<header><a href="/">Meadow Press</a><a href="/tickets">Support desk</a></header>'
        f"<main>{body}</main></body></html>"
    )
