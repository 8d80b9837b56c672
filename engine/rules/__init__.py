"""The rules: what may happen to a run, as pure functions.

Pure means: no clock, no chance, no await, no file, nothing from outside but the arguments. A plan, a run, a command,
the facts and the time go in; events and perhaps a refusal come out; events make the next run. So every rule can be
read, tried and proved without a database, and history can be folded again at any time.

    commands      what one may ask of a run, and every reason to refuse
    lifecycle     handle: the judgement
    consequences  what follows by itself: readiness, skips, the end
    evolution     evolve: what an event does to a run; no judgement at all
    gates         tallying decisions; who may decide
    graph         when a step is ready, skipped or stuck behind another
    retry         when to try again, and when not
    scope         which names an expression can see
    expressions/  the expression language

    step   pending ──needs met──▶ ready ──Claim, once due──▶ running ──success──▶ succeeded
           running ──OpenGate, StartWait──▶ waiting ──decision, time──▶ succeeded | failed
           running ──failure or crash, may retry──▶ ready (due later)      ──may not──▶ failed
           running ──its effect may have happened──▶ unknown ──Settle──▶ succeeded | ready | failed
           pending ──condition not met, or what it needs was skipped──▶ skipped
           any unfinished step ──its run ends──▶ cancelled
    run    running ◀──▶ paused      running ──▶ ending ──▶ succeeded | failed | rejected | cancelled
"""
