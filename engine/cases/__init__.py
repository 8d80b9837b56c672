"""cases: `NAME.test.yaml` beside a workflow, rehearsed case by case; no Python needed.

reading     a test file, with every slip at its line and column
shape       the keys of a test file
slips       what does not fit the shape, in plain words
judging     names and values of a case, held against the workflow that it is about
casting     a case as a world made up for it
playing     one case from its start to its end
comparing   what was expected, against what was found
verdict     what came of a case
"""

from engine.cases.playing import play
from engine.cases.reading import Case, TestFile, read_tests
from engine.cases.verdict import Miss, Verdict

__all__ = ["Case", "Miss", "TestFile", "Verdict", "play", "read_tests"]
