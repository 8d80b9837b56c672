"""The rules: what may happen to a run, as pure functions.

Pure means: no clock, no chance, no await, no file, nothing from outside but the arguments. A plan, a run, a command,
the facts and the time go in; events and perhaps a refusal come out; events make the next run. So every rule can be
read, tried and proved without a database, and history can be folded again at any time.

    commands      what one may ask of a run, and every reason to refuse
    lifecycle     handle: the judgement
    attempts      taking a step that is due, and what follows from the report of its end
    deciding      opening a gate, answering it, and what the clock does to it
    gates         tallying decisions; who may decide
    waiting       for a moment, for another run, for something to happen outside
    redoing       going back: a review that asks for changes, and what is done again with a step
    reopening     letting a run go on that had ended
    consequences  what follows by itself: readiness, skips, the end
    blocks        steps with a condition or a list in common: how one begins, goes on and ends
    room          how many items of a list may be busy at once, and who waits for room
    winding_up    taking steps back when a run ends badly, and its last steps
    graph         where steps stand; when one is ready, skipped or stuck behind another
    retry         when to try again, and when not
    evolution     evolve: what an event does to a run; no judgement at all
    draft         a run while events are applied to it
    step_changes  what events do to steps, blocks and items
    gate_changes  what events do to gates
    computing     conditions and templates over the data of a run
    scope         which names an expression can see
    expressions/  the expression language

    step   pending ──needs met, room in its list──▶ ready ──Claim, once due──▶ running ──success──▶ succeeded
           running ──OpenGate, StartWait, AwaitChild, AwaitEvent──▶ waiting ──decision, time──▶ succeeded | failed
           running ──ReportPolling──▶ ready (due later)
           running ──failure or crash, may retry──▶ ready (due later)      ──may not──▶ failed
           running ──its effect may have happened──▶ unknown ──Settle──▶ succeeded | ready | failed
           pending ──condition not met, or what it needs was skipped──▶ skipped
           any unfinished step ──its run or its block ends──▶ cancelled
           any step of a run or round that is done again ──StepsReset──▶ pending
    block  pending ──needs met──▶ running, while its steps or items go on ──▶ succeeded | failed
    run    queued ──Admit──▶ running      a finished run ──Retry──▶ running
           running ◀──▶ paused      running ──▶ ending ──▶ succeeded | failed | rejected | cancelled
"""
