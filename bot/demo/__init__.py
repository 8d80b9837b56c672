"""demo: everything on one machine, without an account, a key or a network.

town         starts and stops the whole: sandbox Slack, recorded answers, publisher's site, bot and engine
site         the publisher's small site: posts, tickets and a print shop whose press is down
shelf        what the site remembers, in one JSON file
pages        how its posts and tickets look in a browser
recordings/  what the recorded models say
"""
