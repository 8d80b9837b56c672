"""store: what we remember.

One SQLite file with one writing connection, and a folder of large values beside it. Start with model.py (the nouns)
and events.py (what can happen), then database.py (how anything is written), then runs.py.

    model         the nouns: runs, steps, gates, decisions; gives out those of the next two as well
    plan          the nouns of what an author wrote
    values        what nouns are made of, and the bounds that keep them small
    events        everything that can happen to a run, in the past tense
    codec         nouns to JSON and back, without loss
    canon         the canonical form of a value, for hashing
    names         ids and short names, never used twice
    lock          who owns the file
    database      the file: one writer, group commit, readers
    migrate       bring a file up to date; migrations/ holds the numbered SQL
    faults        what can go wrong with the file, as a tree
    causes        what stands behind an error of SQLite or the disk
    content       large values, by hash, in a folder
    history       the hashed history of a run; verifying it
    runs          load a run; save what changed of it
    draft         a run as it stands in this batch, and the columns that are to be written for that
    statements    statements that name the columns they need
    tally         what is counted of a run's steps
    due           what is due, and when the next thing is
    pulse         how things stand, in a few numbers
    mail          what one run has to tell another
    schedules     when runs start by themselves, and what became of each slot
    definitions   every version of every workflow
    receipts      what Slack delivered
    outbox        what has not been shown yet
    endpoints     which endpoints are down, who used the limited ones, who stands in line
    answers       answers of models that stand for the same request for a while
    anchors       where something is shown
    unshown       runs that could not be shown where they should stand
    handles       the ids behind people, groups and channels as they are written
    lookups       read-only views and lists
    glance        a look at a file that somebody else may own
    erasure       what was written in a run goes; that it happened stays
    pruning       old runs go as a whole, and leave a tombstone
    uses          which run refers to which large value
    leavings      large values that no run refers to go
    backup        one archive with everything; restoring checks it and puts it in place
    unwrap        one error, not a group of one

    definitions ◀── runs ──▶ steps ──▶ attempts        receipts   (in from Slack)
         ▲           │  └──▶ gates ──▶ decisions       outbox     (out to Slack)
    workflows        └─────▶ events ─▶ heads           anchors    (where it stands there)
"""
