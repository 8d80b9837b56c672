"""benchmarks: how fast it is, beside what the machine allows and what others reach.

sizes      how much of everything: quick for a glance, full for figures to quote
figures    every figure by name: its unit, its goal, and how samples become one number
place      where it runs: a folder on the disk to be measured, the sync setting, the peers found
limit      the smallest honest SQLite loops for the same work
plans      the workflows that are measured, and an engine that serves them
watch      hears of commits and starting attempts, with their moments
conditions what the answer of a condition costs, whatever the size of the run
w3         three no-op steps: many runs at once, and one at a time
gates      a decision, and the step after it
fanout     a hundred steps at once, and their join
load       receipts while runs keep coming in
parked     runs that wait for people: memory and processor (in a process of its own)
restart    kill -9 and back; start-up; the version (processes of their own)
copies     a large population, made from real rows by SQL
finished   looking at one run among very many
growth     the same figures beside a large population
peers      DBOS on SQLite, when it is installed (in a process of its own)
children   processes that measure and answer in one line of JSON
table      the figures as text
"""
