"""The sandbox Slack: a strict workspace on this machine, for trying, developing and testing without an account.

It speaks Slack's Web API, Socket Mode and signed HTTP, refuses what Slack refuses, shows itself in the browser, and
goes wrong on purpose when asked. Start with server.py (the one object), then acting.py (what people do) and
delivery.py (how the app hears of it).

    server          `Sandbox`: puts the parts together, serves them, stops cleanly
    parts           everything a sandbox is made of, by name
    settings        its switches
    clock           where it reads the time
    gate            lets in only this machine; what to show when a wait was in vain
    places          addresses beside the Web API: page, response URLs, uploads, downloads
    page_api        what the page asks of the server
    stage           what one person sees
    page/           the page itself

    workspace       people, groups, channels and everything said in them
    people          who and what there is at first
    apps            the app: scopes, events, commands, shortcuts; read from a manifest
    messages        the messages of one channel: roots, threads, edits, tombstones
    composing       makes messages as Slack stores them
    speech          what people type, as Slack writes it down
    files           uploads and contents
    views           modals and Homes
    keeping         the workspace as a file

    acting          a person at the keyboard: messages, commands
    clicking        a person with the mouse: buttons, modals, shortcuts
    entered         what people put into the controls of messages
    entering        what people enter, and what the client itself complains about
    hearing         which events the app gets
    payloads        their shapes
    delivery        socket or HTTP, acks, retries
    sockets         Socket Mode
    answers         what the app answers in an ack or over a response URL
    response_urls   five uses in thirty minutes
    triggers        three seconds, once
    feed            what just happened, for open pages and for waits

    refusals        how Slack says no
    limits          rate limits
    faults          what goes wrong on purpose
    traffic         the record of all exchanges, secrets masked
    blocks/         what Block Kit allows
    web_api/        the methods
"""
