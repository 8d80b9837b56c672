"""evidence: one run's record as a file for people who do not have this program.

bundle       the archive, the same bytes each time
page         the record as one page to read, with a picture of the run
lines        what happened, in words
trail        who did what over all runs, by person and period
collection   the bundles of all runs that somebody did something in, in one archive
check        the script that stands in every bundle and checks it; the standard library is all it needs
"""
