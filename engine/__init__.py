"""engine: what happens.

Start with rules/lifecycle.py (how a run may change), then api.py (the one door), then service.py (what runs). After
these three, scheduler.py and runner.py read themselves.

    service       the engine as a whole, opened and closed in order
    scheduler     claims what is due, in the commit that made it due
    runner        one attempt, from its mapped input to its report; outside is where it touches the world
    at_once       steps that only compute; opening says what a gate asks, and of whom
    children      runs that steps start
    ensuring      what must hold of an output, and of what a run spends
    time_allowed  how long an attempt may take, and what is said when it took longer
    api           the only way to change a run
    facts, outgrown         what the rules must know beforehand; values too large for a row afterwards
    letters       what one run has to tell others
    beginning     how a run that is started comes to be
    adoption      how a set of workflows becomes current
    starting      under which key and in which queue a run starts
    schedules     runs that start by themselves; timetable and calendars say when
    schedule_book what stands in files, what people made, and what they do with it
    webhooks      runs that a delivery from outside starts, or brings something to
    triggered     what a trigger gives a run to start with
    switching     workflows that are switched off
    mapping       what a step is given
    audit         does the record hold, and do the rows say the same
    evidence      all that is on record of a run, as files
    keeping       what was written in old runs goes, by the author's wish
    provenance    where the host of a URL comes from
    rules/        pure: commands in, events out
    definitions/  workflow files, read and proved before any run
    inputs        what a requester gives, against what a workflow asks for
    input_texts, input_words             inputs as people type them, and as they are told
    handed_in     files that are given to runs, or made by steps
    activities/   what a step does: http, model, python, command, transform
    workers/      processes for the functions of authors
    kit           what authors import
    rehearsal/    a workflow run for real in a world that is made up
    cases/        tests beside workflows, played there
    models        the operator's model endpoints
    endpoints     who may use an endpoint and when: limits, and what is down
    turns, needing, verdicts             when a limited one is free; which a step needs; what its end says of them
    spending      what runs may still spend on model calls
    answers, tape model answers that are kept for a while; exchanges recorded, and answered from
    http          the only module that sends requests
    retry_after   how long a server asks to wait
    guarded_network, hosts, unpacking    which addresses a request may reach, and how much may come back
    secrets       wrapped secrets, and what redacts them
    json_values   plain JSON, and where a value is none
    quantities    lengths of time and rates, as people write them
    faults        what failed outside, as a tree
    bell, clock   wake early; what time it is
    collector     how often Python looks for rubbish
"""
