-- The order of the record: what came first is told by the numbers of events, and not by a clock that may be set back.

ALTER TABLE attempts ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;  -- of the event that began it
UPDATE attempts SET seq = begun.seq
  FROM (SELECT run_id, json_extract(CAST(header AS TEXT), '$.step') AS key, seq,
               row_number() OVER (PARTITION BY run_id, json_extract(CAST(header AS TEXT), '$.step') ORDER BY seq) AS n
          FROM events WHERE kind = 'AttemptStarted') AS begun
 WHERE attempts.run_id = begun.run_id AND attempts.key = begun.key AND attempts.attempt = begun.n;

ALTER TABLE steps ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;  -- of the event that began or ended its latest attempt
UPDATE steps SET seq = told.seq
  FROM (SELECT run_id, json_extract(CAST(header AS TEXT), '$.step') AS key, max(seq) AS seq
          FROM events WHERE kind IN ('AttemptStarted', 'StepSucceeded', 'StepFailed', 'StepCancelled')
         GROUP BY 1, 2) AS told
 WHERE steps.run_id = told.run_id AND steps.key = told.key
       -- What is to be done again has begun nothing yet.
       AND (steps.started_at IS NOT NULL OR steps.status IN ('succeeded', 'failed', 'cancelled'));

ALTER TABLE runs ADD COLUMN queued_at INTEGER;  -- when it took its place in its queue anew; NULL: when it was started
