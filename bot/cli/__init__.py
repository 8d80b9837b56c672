"""cli: the command line, a file a noun.

app        the tree of commands and what every one of them shares
runs       run · status · runs · list · cancel · resume
gates      approve · reject · settle
records    history · audit verify
authors    check · say
services   serve · demo · reload
house      doctor · manifest
door       how a command reaches runs: beside a running service, or alone in this process
options    options that several commands share
exits      exit codes, and errors as people and programs read them
screen     runs and histories as text
"""
