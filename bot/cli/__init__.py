"""cli: the command line, a file a noun.

app        the tree of commands and what every one of them shares
runs       run · status · runs · list · cancel · resume
gates      approve · reject · changes · answer · settle
acts       retry · pause · signal
schedules  what starts runs by the clock
endpoints  those that are down
records    history · audit verify · audit export
authors    check · say
testing    test
sketching  new · graph
services   serve · demo · reload
keeping    backup · restore · prune
house      doctor · manifest · disable · enable
door       how a command reaches runs: beside a running service, or alone in this process
options    options that several commands share
exits      exit codes, and errors as people and programs read them
screen     runs and histories as text; screen_schedules does the same for schedules
"""
