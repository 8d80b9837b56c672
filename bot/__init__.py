"""bot: how people see and touch it.

Follow a click: ears.py hears it, app.py puts it on disk and acknowledges, intake.py says what it is, desk/ carries it
out and answers, and projection.py brings what Slack shows up to date. service.py puts these together.

What hears and answers
    ears          the connections through which Slack reaches us
    app           the Bolt app: a receipt on disk before the acknowledgement
    twins         notices that messages in channels do not reach us
    unrecorded    what is said when that receipt cannot be written
    http_door     signed requests, verified before anyone looks into them
    intake        what was delivered, and the key that makes it one
    grammar/      lines of text as asks, and back
    attached      files that people have in Slack, as far as Slack tells of them
    fetching      brings them into the content folder
    people        who somebody is at this moment, and in which groups
    names         how people, groups and channels are written
    phonebook     which id bears a name in Slack at this moment
    pins          the id that is in force for each name
    registrar     pins what the workflows name, and reports what is odd about it
    references    what the workflows name, and what is wrong with it
    directory     what messages need to know of people, groups and channels
    kept          answers that are good for a while
    desk/         carries out what was asked, with rights, and answers
    rehearsal     what would be answered, without Slack

What shows
    wanted        which messages a run should have
    whereabouts   where they stand, and who gets them when they can stand nowhere
    digests       open gates of one step on one card
    digested      the messages of such a card
    projection    has every message that differs brought up to date
    tickets       messages that are not yet as they should be, by importance
    sender        which of them may go next
    pacing        how fast we may speak
    delivery      brings one message to Slack: posted once, edited, healed
    message       one message: where, how urgent, what
    obstacles     what Slack's refusals mean for us
    closed        channels that are closed to us, in words
    copies        what people get directly while a channel is closed
    said          what workflows say by their message steps, and where it goes
    kinship       the runs around a run
    outages       endpoints that are down: one notice in each channel for alerts
    minding       which endpoints are down, and trying one at once
    undecidable   gates at which nobody can decide, because nobody stands behind those who are asked
    absence       who of those that a run asks is not there
    slack         the one Slack client
    capabilities  what this workspace was found not to allow
    views/        runs, gates, alerts and answers as text and blocks
    wording       every sentence, as tables

What operators use
    main          the console script
    cli/          the commands
    settings      environment variables, checked
    operator_file settings of workflows, groups of people, hosts
    folder        the workflows folder
    opening       from settings to what the engine needs
    service       the whole service, opened and closed in order
    control       its HTTP interface, on a socket and with tokens
    address       where that socket is
    client        asks a running service
    requests      what may be asked of it
    uploads       files that are handed in there
    operations    carries these requests out
    acting        … those that change a run
    retrying      what a retry is given anew, and what it does again
    scheduling    … those about schedules; timetables tells them as JSON
    objections    what is said to who names something that is not there
    callers       who may ask over the network, and for what
    hooks         deliveries to webhooks
    metrics       numbers for monitoring
    looking       those that only look
    times         moments as people write them
    shapes        the JSON that scripts rely on
    headless      a complete engine in the process of one command
    glancing      answers from the file alone
    operators     who sits at the terminal
    pruning       letting go of what is old, on request
    evidence/     the record of one run, for people who do not have this program
    tested        the tests beside workflows, found and played
    first_workflow  what `pointsman new` writes
    impact        what a change of the files leaves behind
    online        does Slack know whom the workflows name
    dry_run       what a run would do, without one; foresight works it out
    drawn         what `pointsman graph` draws; run_picture tells how far a run has come
    picture/      a workflow or a run, drawn
    logs          structured lines without secrets
    doctor/       what is wrong with an installation, and the cure
    manifest      the Slack app, from one model

What newcomers try
    demo/         everything at once, without an account
    sandbox/      a Slack of our own, strict, with a workspace in the browser
    recorded_answers  a server of recorded model answers
"""
