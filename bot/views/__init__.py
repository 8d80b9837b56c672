"""views: what people see, made from what is true. Pure: values in, plain Block Kit dicts out.

Start with scene.py (all that the messages of a run are made from), then run_message.py and gate_card.py.

    scene          everything that the messages of one run are made from; people and moments in words
    past           what only the history still tells: earlier gates, pauses, settlements
    run_message    the root message of a run, edited in place
    step_card      one step in its live list
    run_words      a run in words: how it stands, where it is, what it was given and gave
    block_card     a block in that list: numbers, and the items that need somebody
    gate_card      a question, what it is about, and what came of it
    gate_words     a gate in words: who is asked, how far it is, what an answer does
    gate_buttons   its buttons, by what it offers
    gate_lines     what is said beside a card, each once
    digest_card    the card that gates of one step share
    digest_words   its items in words
    digest_form    the form in which they are decided one by one, in pages
    digest_lines   what is said beside it
    digest_answers  what counted of several answers, and what did not
    edits          what people edited before they approved
    shown_content  what a decision is about, as blocks
    outcome        the last word in the thread, to whoever started the run
    again          that a run goes on after its end, and which approvals still hold
    alert          a run failed, stands still, or nobody knows whether a step took effect
    outage         an endpoint is down, or answers again
    reply          what the bot answers to words, clicks and forms
    answers, decisions, standing, starts    answers by what was asked
    waiting        what waits for somebody, as a list
    home           the Home tab
    reject_form    the form that asks for a reason
    gate_forms     the forms for changes, edits and asked-for data
    fields         a JSON Schema as the fields of a form, and back
    start_windows  the windows in which a workflow is chosen and its inputs are asked for
    start_words    what is said around them
    overheard      what the writer of a message is told when it started nothing
    said_message   what a workflow says by its message steps
    controls       answers to those who pause or resume
    retries        answers to those who retry
    retry_form     the form that lets a run go on with other inputs
    content_view   the window with all that a gate is about
    run_again      the line that starts a run once more
    blocks         builders of Block Kit that keep within Slack's limits
    markup         Slack's text markup, made from raw text so that nothing in it can act
    simple         the same message with the plainest blocks there are
"""
