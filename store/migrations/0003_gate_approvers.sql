-- Who is asked at the gates that are open, so that what waits for somebody is found however much waits for others.

CREATE TABLE gate_approvers (
    reference TEXT NOT NULL,                 -- as the gate has it: a user id, an e-mail address, a @handle
    opened_at INTEGER NOT NULL,
    gate_id   TEXT NOT NULL,
    PRIMARY KEY (reference, opened_at, gate_id)
) STRICT, WITHOUT ROWID;

INSERT INTO gate_approvers (reference, opened_at, gate_id)
SELECT DISTINCT asked.value, gates.opened_at, gates.id FROM gates, json_each(gates.approvers) AS asked
 WHERE gates.state = 'open';

-- It follows the gates by itself: whoever writes a gate need not know of it.
CREATE TRIGGER gate_opened AFTER INSERT ON gates WHEN NEW.state = 'open'
BEGIN
    INSERT OR IGNORE INTO gate_approvers (reference, opened_at, gate_id)
    SELECT asked.value, NEW.opened_at, NEW.id FROM json_each(NEW.approvers) AS asked;
END;

CREATE TRIGGER gate_closed AFTER UPDATE OF state ON gates WHEN OLD.state = 'open' AND NEW.state <> 'open'
BEGIN
    DELETE FROM gate_approvers
     WHERE reference IN (SELECT asked.value FROM json_each(OLD.approvers) AS asked)
       AND opened_at = OLD.opened_at AND gate_id = OLD.id;
END;

CREATE TRIGGER gate_gone AFTER DELETE ON gates WHEN OLD.state = 'open'
BEGIN
    DELETE FROM gate_approvers
     WHERE reference IN (SELECT asked.value FROM json_each(OLD.approvers) AS asked)
       AND opened_at = OLD.opened_at AND gate_id = OLD.id;
END;
