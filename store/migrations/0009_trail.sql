-- What people, operators and triggers did in all runs: few of all events, and what an audit asks for first.

CREATE TABLE acts (
    run_id TEXT NOT NULL,
    seq    INTEGER NOT NULL,                 -- of the event
    at     INTEGER NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX acts_by_time ON acts (at);
INSERT INTO acts (run_id, seq, at)
SELECT run_id, seq, json_extract(CAST(header AS TEXT), '$.at') FROM events
 WHERE kind IN ('CancelRequested', 'DecisionMade', 'DecisionRefused', 'InputsChanged', 'RunPaused', 'RunReopened',
                'RunResumed', 'RunStarted', 'SignalReceived', 'StepSettled', 'StepsReset', 'VersionChanged');
