"""activities: what an attempt of a step does. Each takes a Work and gives a Result, or raises a Fault.

    work          the nouns: Work, Tools, Result
    arguments     reading what a step gives its activity
    outputs       plain JSON, bounded, fitting the author's schema

    http          one request to a web service
      multipart     a form with files in it
      polling       asking again until the work it gave away is done
    python        a function in a worker process (see engine/workers)
    command       a program, without a shell
      words         its words, with paths in the place of files
      programs      which file that is, and what it was when it ran
    files         files that attempts make or bring in
    model         a question to a language model
      exchange      the first endpoint that is up answers, live, from what is kept, or from a recording
      dialects      how endpoints are spoken to
      shapes        an author's schema as strict modes want it
      refusals      why there is no answer that can be used
    transform     a mapping only

An activity keeps nothing between attempts, may be cancelled at any await and then leaves nothing running.
"""

from collections.abc import Mapping

from engine.activities import command, http, model, python, transform
from engine.activities.outputs import validate_output
from engine.activities.work import Activity, Result, Tools, Work
from engine.secrets import Secret, reveal

ACTIVITIES: Mapping[str, Activity] = {
    "http": http.run,
    "python": python.run,
    "command": command.run,
    "model": model.run,
    "transform": transform.run,
}

__all__ = ["ACTIVITIES", "Activity", "Result", "Secret", "Tools", "Work", "reveal", "validate_output"]
