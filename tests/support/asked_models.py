"""Two models, one of each style, at one server; and a shape to ask them for."""

from engine.models import Models

CLAIM = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "note": {"type": "string"}},
}
POST = {
    "type": "object",
    "required": ["title", "claims"],
    "properties": {
        "title": {"type": "string", "maxLength": 20},
        "subtitle": {"type": "string"},
        "claims": {"type": "array", "items": CLAIM},
    },
}
GOOD = {"title": "On points", "subtitle": None, "claims": [{"id": 1, "note": None}]}
CLEAN = {"title": "On points", "claims": [{"id": 1}]}


def models(url, **more):
    price = {"input": "2.5", "output": 10}
    openai = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x", "api_key": "env:KEY", "price": price}
    claude = {"kind": "anthropic", "base_url": url, "model": "claude-x", "api_key": "env:KEY", "price": price}
    named = {"writer": {**openai, **more}, "claude": {**claude, **more}}
    return Models.parse(named, "models.yml", {"KEY": "sk-test-key"})
