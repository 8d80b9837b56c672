"""inside: the worker's own side. Runs the code of authors, so nothing here may be trusted by the service.

main          takes over the pipes, sets the limits, serves one call after the other
modules       loads a file beside a workflow under a private name, and knows when it has changed
calling       arguments in, result out, errors as their author would read them
annotations   what a function says it takes and gives

vigil         the warden's own side, beside the workers': runs nothing of authors, and ends what they left
"""
