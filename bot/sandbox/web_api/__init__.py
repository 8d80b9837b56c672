"""Slack's Web API, method by method; each file ends with its table of methods, scopes and rate tiers.

A call comes in through front, which finds it in catalogue.

    call            one call: who asks, with which arguments; and what a method is
    front           the door of /api/: token, scope, rate limit, faults, the answer
    catalogue       every method by name
    shapes          users, channels, groups and teams as the API shows them
    sessions        auth.test, api.test, apps.connections.open, team.info, bots.info, blocks.validate
    chat            post, update, delete, ephemerals, permalinks
    conversations   channels: list, info, history, replies, members, open, join
    people          users and user groups
    screens         views: open, push, update, publish
    reactions       add and remove
    uploads         files: two-step upload, info
"""
