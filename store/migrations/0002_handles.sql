-- Which ids stand behind the names that workflows use, and which runs could not be shown where they should stand.

CREATE TABLE handles (
    reference TEXT PRIMARY KEY,              -- @group, #channel, e-mail address or user id, as it is compared
    team      TEXT NOT NULL,                 -- the workspace or organisation in which it was looked up
    pinned    TEXT,                          -- the id in force: what it meant when it was first found
    found     TEXT,                          -- what it means by the latest look; another id is reported, not followed
    state     TEXT NOT NULL CHECK (state IN ('found', 'absent', 'unseen')),
    pinned_at INTEGER,
    pinned_by TEXT NOT NULL,                 -- the operator who accepted a change; empty when it was found first
    told_at   INTEGER,                       -- when the owners were told that it means somebody else
    CHECK ((pinned IS NULL) = (pinned_at IS NULL)),
    CHECK (state <> 'found' OR pinned IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TABLE unshown (
    run_id  TEXT NOT NULL,
    channel TEXT NOT NULL,                   -- an id, a #name that no channel we can see bears, or empty: none is named
    name    TEXT NOT NULL,                   -- what people call it
    code    TEXT NOT NULL,                   -- Slack's word for why
    bot     TEXT NOT NULL,                   -- what people call us there
    since   INTEGER NOT NULL,
    tells   INTEGER NOT NULL CHECK (tells IN (0, 1)),  -- the first of its workflow there: its owner is told
    state   TEXT NOT NULL CHECK (state IN ('closed', 'trying', 'over')),
    PRIMARY KEY (run_id, channel)
) STRICT, WITHOUT ROWID;
CREATE INDEX unshown_by_channel ON unshown (channel);
