-- What people and triggers did over all runs, in the order of time: few of all events, and what an audit asks for first.

CREATE INDEX events_with_actor ON events (id) WHERE kind IN
    ('CancelRequested', 'DecisionMade', 'DecisionRefused', 'InputsChanged', 'RunPaused', 'RunReopened', 'RunResumed',
     'RunStarted', 'SignalReceived', 'StepSettled', 'StepsReset', 'VersionChanged');
