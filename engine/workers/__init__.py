"""workers: processes that run the Python of workflows, so that nothing it does can hurt the service.

pool          who works next: warm processes, lent out one call at a time
process       one worker process, seen from the service: start, ask, kill
warden        starts every process, and ends it when the service is gone
frames        what goes over the pipe: length, then JSON
signatures    what a function takes and gives, as JSON Schema
inside/       the worker's own side; imports nothing of the service but engine.kit and engine.json_values
"""
