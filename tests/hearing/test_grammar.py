"""The line grammar: what a line asks for."""

from dataclasses import replace

import pytest

from bot.grammar import (
    Approve,
    Cancel,
    Context,
    Endpoints,
    Help,
    ListWorkflows,
    Mine,
    Misunderstanding,
    Ping,
    Pleasantry,
    Reject,
    Retry,
    Start,
    Status,
    Waiting,
    WhoAmI,
    WhoDecides,
    Why,
    parse,
    render,
)
from bot.grammar.slack_text import escaped

KNOWN = Context(inputs={"publish_post": ("topic", "tone", "tags"), "triage": ("ticket",)})
THREAD = Context(inputs=KNOWN.inputs, surface="mention", in_run_thread=True)
DM = Context(inputs=KNOWN.inputs, surface="dm")


def ask(line, context=KNOWN):
    return parse(line, context)


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("run publish_post topic=x", {"topic": "x"}),
        ("start publish-post topic=x", {"topic": "x"}),
        ("RUN Publish-Post Topic=x", {"topic": "x"}),
        ('run publish_post topic="SQLite WAL in production"', {"topic": "SQLite WAL in production"}),
        ("run publish_post topic='single quotes'", {"topic": "single quotes"}),
        ("run publish_post topic=“smart quotes”", {"topic": "smart quotes"}),
        ("run publish_post topic=„German quotes“ tone=plain", {"topic": "German quotes", "tone": "plain"}),
        ("run publish_post topic=«guillemets»", {"topic": "guillemets"}),
        ("run publish_post topic=‘it’s fine’", {"topic": "it’s fine"}),
        ("run publish_post topic=“he said “stop” and left”", {"topic": "he said “stop” and left"}),
        (r'run publish_post topic="a \"quoted\" word and a \\ slash"', {"topic": r'a "quoted" word and a \ slash'}),
        (r'run publish_post topic="C:\temp\new"', {"topic": r"C:\temp\new"}),
        ("run publish_post --topic x --tone=playful", {"topic": "x", "tone": "playful"}),
        ("run publish_post —topic “smart dash”", {"topic": "smart dash"}),
        ("run publish_post --topic --tone plain", {"topic": "true", "tone": "plain"}),
        ("run publish_post x playful", {"topic": "x", "tone": "playful"}),
        ('run publish_post tone=plain "in declared order"', {"tone": "plain", "topic": "in declared order"}),
        ("run publish-post about SQLite in production", {"topic": "SQLite in production"}),
        ("run publish_post topic=x tags+=a tags+=b", {"topic": "x", "tags": ("a", "b")}),
        ("run publish_post topic=", {"topic": ""}),
        ("run publish_post topic=don't", {"topic": "don't"}),
        ("run publish_post topic='90s", {"topic": "'90s"}),
        ("run publish_post topic=a=b", {"topic": "a=b"}),
        ("run publish_post topic=&lt;!channel&gt;", {"topic": "<!channel>"}),
        ("run publish_post topic=a&amp;b", {"topic": "a&b"}),
        ("run publish_post topic=<@U0ADA|ada>", {"topic": "U0ADA"}),
        ("run publish_post topic=<#C0X|general>", {"topic": "C0X"}),
        ("run publish_post topic=<!subteam^S0E|@editors>", {"topic": "@editors"}),
        ("run publish_post topic=<https://x.example/a?b=c|x.example/a>", {"topic": "https://x.example/a?b=c"}),
        ("run publish_post topic=<mailto:a@b.example|a@b.example>", {"topic": "a@b.example"}),
        ('run publish_post topic="ask <@U0ADA|ada> in <#C0X|general>"', {"topic": "ask @ada in #general"}),
        ('run publish_post topic="<!here> see <https://x.example|the page>"',
         {"topic": "@here see the page (https://x.example)"}),
        ("run publish_post https://x.example/?a=b", {"topic": "https://x.example/?a=b"}),
    ],
)  # fmt: skip
def test_inputs_are_read_however_they_are_written(line, given):
    assert ask(line) == Start("publish_post", tuple(given.items()))


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("", Help()),
        ("   ", Help()),
        ("help", Help()),
        ("help run", Help("run")),
        ("/flow help run", Help("run")),
        ("`status R-7K2`", Status("R-7K2")),
        ("*list*", ListWorkflows()),
        ("list blog posts", ListWorkflows("blog posts")),
        ("status", Status()),
        ("st r-7k2", Status("R-7K2")),
        ("status last", Status("last")),
        ("why", Why("last")),
        ("why R-7K2?", Why("R-7K2")),
        ("waiting", Waiting()),
        ("mine", Mine()),
        ("whoami", WhoAmI()),
        ("ping", Ping()),
        ("cancel R-7K2", Cancel("R-7K2")),
        ("cancel R-7K2 because it is a duplicate", Cancel("R-7K2", "it is a duplicate")),
        ("cancel last", Cancel("last")),
        ("approve G-41", Approve("G-41")),
        ("approve g-41 v2 looks good", Approve("G-41", 2, "looks good")),
        ("reject G-41 because it is a duplicate", Reject("G-41", "it is a duplicate")),
        ("reject G-41: no source\nfor the number", Reject("G-41", "no source\nfor the number")),
        ('reject G-41 "quoted reason"', Reject("G-41", "quoted reason")),
        ("run publish_post topic=x --dry-run", Start("publish_post", (("topic", "x"),), dry_run=True)),
        ("publish_post topic=x", Start("publish_post", (("topic", "x"),))),
        ("run unknown_one a b", Start("unknown_one", loose=("a", "b"))),
        ("run triage 1 2", Start("triage", (("ticket", "1"),), loose=("2",))),
    ],
)
def test_verbs_ask_for_what_they_say(line, asked):
    assert ask(line) == asked


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("what can you run?", ListWorkflows()),
        ("How is R-7K2?", Status("R-7K2")),
        ("how’s r-7k2 doing", Status("R-7K2")),
        ("why is it waiting?", Why("this")),
        ("what is it waiting for", Why("this")),
        ("Why did R-7K2 fail?", Why("R-7K2")),
        ("what's waiting for me", Waiting()),
        ("whats waiting for me?", Waiting()),
        ("who can approve this?", WhoDecides("this")),
        ("who can approve G-41", WhoDecides("G-41")),
        ("my runs", Mine()),
        ("hello", Help()),
        ("status", Status("this")),
        ("why", Why("this")),
        ("cancel", Cancel("this")),
    ],
)
def test_questions_in_plain_words_are_understood_in_a_runs_thread(line, asked):
    assert ask(line, THREAD) == asked


@pytest.mark.parametrize(
    ("line", "here", "elsewhere"),
    [
        ("R-7K2", Status("R-7K2"), Status("R-7K2")),
        ("show me r-7k2?", Status("R-7K2"), Status("R-7K2")),
        ("what happened here?", Status("this"), Status("last")),
        ("Any news on R-7K2?", Status("R-7K2"), Status("R-7K2")),
        ("any updates", Status("this"), Status("last")),
        ("what's the status?", Status("this"), Status("last")),
        ("did it work?", Status("this"), Status("last")),
        ("who started this?", Status("this"), Status("last")),
        ("what went wrong", Why("this"), Why("last")),
        ("what are we waiting for?", Why("this"), Why("last")),
        ("why was R-7K2 rejected?", Why("R-7K2"), Why("R-7K2")),
        ("when is it due?", Why("this"), Why("last")),
        ("who approved R-7K2?", WhoDecides("R-7K2"), WhoDecides("R-7K2")),
        ("who needs to approve this", WhoDecides("this"), WhoDecides("last")),
        ("who are we waiting for", WhoDecides("this"), WhoDecides("last")),
        ("G-41?", WhoDecides("G-41"), WhoDecides("G-41")),
        ("what should I approve?", Waiting(), Waiting()),
        ("is there anything for me to do", Waiting(), Waiting()),
        ("what did I start?", Mine(), Mine()),
        ("which workflows are there?", ListWorkflows(), ListWorkflows()),
        ("what does publish-post do?", Help("publish-post"), Help("publish-post")),
        ("info publish_post", Help("publish_post"), Help("publish_post")),
        ("info R-7K2", Status("R-7K2"), Status("R-7K2")),
        ("how do I run publish_post?", Help("publish_post"), Help("publish_post")),
        ("how do I cancel this?", Help("cancel"), Help("cancel")),
        ("is anything down?", Endpoints(), Endpoints()),
        ("are you there?", Ping(), Ping()),
        ("who are you", Help(), Help()),
    ],
)
def test_the_same_question_is_about_the_run_of_its_thread_or_the_askers_latest(line, here, elsewhere):
    assert ask(line, THREAD) == here
    assert ask(line, DM) == elsewhere


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("thanks!", "thanks"),
        ("Thank you very much", "thanks"),
        ("hi", "hello"),
        ("Hello!", "hello"),
        ("ok", "ok"),
        ("OK, thanks!", "ok"),
    ],
)
def test_small_talk_is_answered_as_such_in_conversations_only(line, word):
    assert ask(line, DM) == ask(line, replace(DM, surface="mention")) == Pleasantry(word)
    assert isinstance(ask(line, THREAD), Pleasantry) is (word == "thanks")
    assert not isinstance(ask(line), Pleasantry)


def test_an_unclosed_quote_is_shown_where_it_opens_with_what_to_add():
    wrong = ask('run hello name="unterminated')
    assert wrong.wrong == 'The quote " that opens at name="unterminated is never closed: add " where the value ends.'
    assert wrong.suggestion == 'run hello name="unterminated"'
    assert ask("run hello “never closed", DM).suggestion == "run hello “never closed”"


def test_outside_a_runs_thread_it_means_the_askers_latest_run():
    assert ask("why is it waiting?", DM) == Why("last")


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("aprove G-41", "approve G-41"),
        ("kill R-7K2", "cancel R-7K2"),
        ("stauts R-7K2", "status R-7K2"),
        ("publish_pst topic=x", "run publish_post topic=x"),
        ("publish_post topic=x", "run publish_post topic=x"),
        ("reject G-41", "reject G-41 because …"),
        ("reject G-41 because", "reject G-41 because …"),
        ("approve this", "approve G-41"),
        ("cancel", "mine"),
        ("cancel my subscription", "cancel R-7K2"),
        ("status of the world", "status R-7K2"),
        ("run", "list"),
        ("xyzzy", "help"),
        ('run publish_post topic="never closed', 'run publish_post topic="never closed"'),
        ("run publish_post topic=a topic=b", "run publish_post topic=b"),
    ],
)
def test_what_is_not_understood_gets_a_suggestion_and_never_an_action(line, suggestion):
    answer = ask(line, DM)
    assert isinstance(answer, Misunderstanding)
    assert answer.suggestion == suggestion
    assert answer.wrong


@pytest.mark.parametrize(
    "line", ["looks good to me 👍", "LGTM", "ok", "yes", "approved", "+1", "approve it", "ship it!"]
)
def test_praise_is_recognised_and_decides_nothing(line):
    answer = ask(line, THREAD)
    assert isinstance(answer, Misunderstanding)
    assert answer.verdict == "approve"


def test_a_bare_workflow_name_starts_a_run_only_as_a_slash_command():
    mention = Context(inputs=KNOWN.inputs, surface="mention")
    assert ask("triage 17") == Start("triage", (("ticket", "17"),))
    assert isinstance(ask("triage is great", mention), Misunderstanding)


def test_rendering_writes_what_a_person_may_paste():
    start = Start("publish_post", (("topic", 'SQLite "WAL"'), ("tone", "plain"), ("tags", ("a", "b"))), dry_run=True)
    assert render(start) == r'run publish_post topic="SQLite \"WAL\"" tone=plain tags+=a tags+=b --dry-run'


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("retry R-7K2", Retry("R-7K2")),
        ("retry R-7K2 from publish", Retry("R-7K2", "publish")),
        ("retry R-7K2 from=publish", Retry("R-7K2", "publish")),
        ("retry R-7K2 --from publish --version latest", Retry("R-7K2", "publish", latest=True)),
        ("retry r-7k2 —version latest", Retry("R-7K2", latest=True)),
        ("retry R-7K2 version=latest tone=plain", Retry("R-7K2", latest=True, given=(("tone", "plain"),))),
        ('retry last topic="two words" tags+=a', Retry("last", given=(("topic", "two words"), ("tags", ("a",))))),
        ("retry R-7K2 version=v2", Retry("R-7K2", given=(("version", "v2"),))),
        ("retry R-7K2 --confirm because it's back", Retry("R-7K2", confirmed=True, reason="it's back")),
        ('retry R-7K2 because x=1 "was wrong"', Retry("R-7K2", reason='x=1 "was wrong"')),
        ("retry from `publish`", Retry("this", "publish")),
        ("retry tone=plain", Retry("this", given=(("tone", "plain"),))),
        ("retry --version latest", Retry("this", latest=True)),
    ],
)  # fmt: skip
def test_a_retry_says_from_where_by_which_version_and_with_what(line: str, meant: Retry) -> None:
    for surface in ("slash", "mention", "dm"):
        assert parse(line, Context(surface=surface, in_run_thread=True)) == meant
    assert parse(escaped(render(meant)), Context(in_run_thread=True)) == meant


@pytest.mark.parametrize(
    ("line", "wrong", "offered"),
    [
        ("retry R-7K2 --version 3", "“3” is no version", "retry R-7K2 --version latest"),
        ("retry R-7K2 from", "did not say from which step", "retry R-7K2 from STEP"),
        ("retry R-7K2 from a tone=x from b", "two steps: “a” and “b”", "retry R-7K2 from a tone=x"),
        ("retry R-7K2 tone=a tone=b", "“tone” is given twice", "retry R-7K2 tone=a"),
        ("retry R-7K2 from publish now", "I don't understand “now”", "retry R-7K2 from publish"),
        ('retry R-7K2 topic="two words', "is never closed", 'retry R-7K2 topic="two words"'),
    ],
)
def test_a_retry_that_makes_no_sense_says_what_was_understood(line: str, wrong: str, offered: str) -> None:
    told = parse(line, Context())
    assert isinstance(told, Misunderstanding)
    assert told.understood.startswith("You want to retry R-7K2")
    assert wrong in told.wrong
    assert told.suggestion.startswith(offered)
