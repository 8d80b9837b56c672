"""desk: takes what was received, carries it out once, and answers.

place      who asks, and where
bench      what everyone here works with: engine, people, addresses of messages
rights     who may start, see and control
runs       finding the run that somebody means
notes      what stands in a run's way in Slack, added to what is said about it
looking    questions: status, why, who, lists, help, Home
file_inputs which file goes to which input, and bringing it in
starting   `run`: read the inputs, choose the place, start
overhearing  messages in channels that start runs; retelling says what expressions see of them
awaiting   messages that runs wait for
picking    Slack's shortcuts: which workflow, and the windows that ask for its inputs; start_pages lays those out
deciding   decisions, by button, form and typed line
verdicts   an answer at one gate, given to the engine
digesting  answers at several gates that share a card
gate_answers  what people fill in at a gate, read from their forms
showing    all that a gate is about, in a window
cancelling stopping a run
controlling pausing and resuming it
minding    endpoints that are down
retrying   letting it go on after its end
speech     a line of words to its answer
clerk      a receipt to its reply, whatever was heard
answering  a reply to the place where its asker sees it
worker     the loop: every receipt is carried out and answered, also after a crash
"""
