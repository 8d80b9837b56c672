"""transform: a mapping only; what `with` says is the output."""

from engine.activities.outputs import require_output
from engine.activities.work import Result, Work


async def run(work: Work) -> Result:
    """Give back what was mapped."""
    require_output(work.with_)
    return Result(output=work.with_)
