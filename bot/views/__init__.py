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
    edits          what people edited before they approved
    shown_content  what a decision is about, as blocks
    outcome        the last word in the thread, to whoever started the run
    alert          a run failed, stands still, or nobody knows whether a step took effect
    reply          what the bot answers to words, clicks and forms
    answers, decisions, standing, starts    answers by what was asked
    home           the Home tab
    reject_form    the form that asks for a reason
    gate_forms     the forms for changes, edits and asked-for data
    fields         a JSON Schema as the fields of a form, and back
    said_message   what a workflow says by its message steps
    controls       answers to those who retry, pause or resume
    content_view   the window with all that a gate is about
    run_again      the line that starts a run once more
    blocks         builders of Block Kit that keep within Slack's limits
    markup         Slack's text markup, made from raw text so that nothing in it can act
    simple         the same message with the plainest blocks there are
"""
