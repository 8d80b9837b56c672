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
    shape         the keys of a file; the schema for editors
    step_shapes, gate_shapes, trigger_shapes   the keys of each kind of step, of gates, of what starts runs
    slots         what may stand behind a key
    words         single values: names, people, channels, lengths of time
    cron          cron lines
    stepping      paths to steps
    outline       the steps in their places: side by side, in blocks, at the end
    verbs         the words of commands, which no workflow may be called
    examination   one file from end to end
    sections      inputs, settings and constants
    schemas       short and full forms to plain JSON Schema
    steps         what each kind of step must say beyond its shape
    calls         the signature of a Python function, read from its source
    annotations   Python annotations as JSON Schema
    files         prompts, schemas and Python beside the workflow
    places        everything that is computed, and what it refers to
    references    names in expressions, and what they stand for
    graph         dependencies, circles, outputs that may be missing
    scope         the types behind the names
    results       what each kind of step gives
    proof         types from each step to those that use it
    fitting       what is given held against what is taken
    gates         gates nobody can pass, clocks that make no sense
    sights        data that goes on after a gate without having been shown there
    triggers      what starts runs
    winding_up    what is done when a run is over: how long it may take, and what it can know
    oddities      what loads and is probably not meant
    plan          the plan, its version, and the workflow around it
    commits       the git commit of a file
    problem       one fault: where, what, and what to write instead
"""

from engine.definitions.examination import Surroundings
from engine.definitions.loading import Definition, Loaded, load
from engine.definitions.problem import Problem
from engine.definitions.shape import file_schema

__all__ = ["Definition", "Loaded", "Problem", "Surroundings", "file_schema", "load"]
