"""desk: takes what was received, carries it out once, and answers.

place      who asks, and where
bench      what everyone here works with: engine, people, addresses of messages
rights     who may start, see and control
runs       finding the run that somebody means
notes      what stands in a run's way in Slack, added to what is said about it
looking    questions: status, why, who, lists, help, Home
starting   `run`: read the inputs, choose the place, start
deciding   decisions, by button, form and typed line
gate_answers  what people fill in at a gate, read from their forms
showing    all that a gate is about, in a window
cancelling stopping a run
controlling retrying, pausing and resuming it
speech     a line of words to its answer
clerk      a receipt to its reply, whatever was heard
answering  a reply to the place where its asker sees it
worker     the loop: every receipt is carried out and answered, also after a crash
"""
