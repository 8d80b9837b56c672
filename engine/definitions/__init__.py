"""engine.definitions: workflow files, read and proved before any run.

A file goes through these in turn; each finds all that is wrong at once, at its line and column.

    loading       folders and files in, a set of definitions and problems out
    source        YAML as data, with the place of every node
    tree          the nodes of a YAML text, without recursion
    accidents     correct YAML that means something else than it seems to
    stumbles      wrong YAML: what a person probably did
    quoting       a line as it should have been written
    reading       data to shape, whatever is wrong taken out and reported
    misfits       unknown and missing keys, wrong types, in plain words
    shape         the keys of a file and of each kind of step; the schema for editors
    words         single values: names, people, channels, lengths of time
    verbs         the words of commands, which no workflow may be called
    later         what the language names and this version does not do yet
    examination   one file from end to end
    schemas       short and full forms to plain JSON Schema
    steps         what each kind of step must say beyond its shape
    calls         the signature of a Python function, read from its source
    annotations   Python annotations as JSON Schema
    files         prompts, schemas and Python beside the workflow
    references    names in expressions, and what they refer to
    graph         dependencies, circles, outputs that may be missing
    scope         the types behind the names
    fitting       types across every mapping
    gates         gates nobody can pass; data that was not shown
    plan          the plan, its version, and the workflow around it
    commits       the git commit of a file
    problem       one fault: where, what, and what to write instead
"""

from engine.definitions.examination import Surroundings
from engine.definitions.loading import Definition, Loaded, load
from engine.definitions.problem import Problem
from engine.definitions.shape import file_schema

__all__ = ["Definition", "Loaded", "Problem", "Surroundings", "file_schema", "load"]
