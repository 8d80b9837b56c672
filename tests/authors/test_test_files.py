"""`NAME.test.yaml` beside a workflow: cases without a line of Python, played by the real engine."""

from __future__ import annotations

import pytest

from engine.cases import play, read_tests
from engine.definitions import load

pytestmark = pytest.mark.anyio

WORKFLOW = """\
workflow: publish_note
inputs:
  topic: {type: string, maxLength: 40}
  words: {type: integer, minimum: 1, default: 300}
  brief: {type: file, optional: true}
settings: {cms_url: {type: string, format: uri}}
steps:
  draft:
    uses: model
    with: {model: writer, prompt: "Write about ${{ inputs.topic }}. ${{ review.comment }}"}
    output: {title: string, claims: [{id: string, text: string}]}
    retry: {attempts: 2, backoff: 10s..10s}
  editorial:
    uses: approval
    with:
      question: Publish it?
      show: ${{ steps.draft.output }}
      approvers: ["@editors"]
      edit: [title]
      changes: {rerun: draft, rounds: 2}
      due: 4h
      expires: 24h
  checks:
    foreach: ${{ steps.editorial.output.content.claims }}
    as: claim
    key: ${{ claim.id }}
    steps:
      verify: {uses: http, with: {url: "https://facts.example/${{ claim.id }}"}, output: {ok: boolean}}
      dispute:
        uses: approval
        when: ${{ !steps.verify.output.ok }}
        with: {question: "Keep ${{ claim.text }}?", approvers: ["@editors"], on_reject: continue, expires: 2d}
    output: {ok: "${{ coalesce(steps.dispute.output.verdict, 'approved') == 'approved' }}"}
  where:
    uses: approval
    after: [checks]
    with: {question: Where to?, approvers: ["@editors"], choices: [blog, paper], expires: 3d}
  publish:
    uses: http
    when: ${{ steps.checks.output.all(c, c.ok) }}
    with:
      method: POST
      url: ${{ settings.cms_url }}/${{ steps.where.output.choice }}
      json: ${{ steps.editorial.output.content }}
    output: {url: string}
    effect: once
    retry: {attempts: 4, backoff: 1s..20s}
  paid: {uses: wait, needs: [publish], with: {event: paid, timeout: 2d, on_timeout: continue}}
finally:
  tell: {uses: message, with: {to: requester, text: "Your note: ${{ run.outcome }}"}}
outputs:
  url: "${{ has(steps.publish.output) ? steps.publish.output.url : '' }}"
  paid: "${{ has(steps.paid.output) ? !steps.paid.output.timed_out : false }}"
"""
HEAD = """\
workflow: publish_note
all:
  inputs: {topic: Ink}
  settings: {cms_url: "https://cms.example"}
  people: {U0ADA: ["@editors"], U0MINA: ["@editors"], U0OUT: [], U0EVE: guest}
  requester: U0MINA
  steps:
    draft: {output: {title: Ink, claims: [{id: c1, text: one}, {id: c2, text: two}]}}
    checks.verify: {output: {ok: true}}
    publish: {output: {url: "https://cms.example/1"}}
cases:
"""
IN_CASES = HEAD.count("\n") + 1
GOOD = """\
  all goes well:
    decide: [{step: editorial, by: U0ADA, approve: Well done}, {step: where, choose: blog}]
    events: [{at: 2h, signal: paid, data: {sum: 3}}]
    expect:
      status: succeeded
      outputs: {url: "https://cms.example/1", paid: true}
      steps:
        editorial: {status: succeeded, gate: approved, output: {verdict: approved, by: U0ADA, comment: Well done}}
        checks: {output: [{ok: true}, {ok: true}]}
        "checks.verify[c2]": {attempts: 1, given: {url: "https://facts.example/c2"}}
        checks.dispute[c1]: skipped
        publish: {given: {url: "https://cms.example/blog", json: {title: Ink}}}
      messages: [{to: requester, text: "Your note: succeeded"}]
      warnings: false
      took: 2h

  it is sent back, edited and then published:
    steps:
      draft:
        - {output: {title: Long, claims: []}}
        - {output: {title: Short, claims: []}}
    decide:
      - {step: editorial, changes: shorter}
      - {step: editorial, edit: {title: Shortest}}
      - {step: where, choose: paper}
    until: 1h
    expect:
      status: running
      steps:
        draft: {round: 2, given: {prompt: Write about Ink. shorter}}
        publish: {given: {json: {title: Shortest}}}
        paid: waiting

  attempts fail, and one is interrupted:
    steps:
      draft: [{fails: model_overloaded}, {interrupted: true}, {output: {title: Ink, claims: []}}]
      publish: {fails: {code: http_status, message: 400 from the server, retryable: false}}
    decide: [{step: editorial, approve: true}, {step: where, choose: blog}]
    expect:
      status: failed
      error: {code: http_status, message: 400 from}
      steps: {draft: {attempts: 3}, publish: {status: failed, attempts: 1, error: http_status}}

  people may not do everything:
    decide:
      - {step: editorial, by: requester, approve: true, refused: actor_is_requester}
      - {step: editorial, by: U0OUT, approve: true, refused: actor_not_approver}
      - {step: editorial, by: U0EVE, approve: true, refused: actor_not_member}
      - {step: editorial, by: U0ADA, at: 3h, reject: Not this time}
    expect: {status: rejected, reason: Not this time, took: 3h, steps: {publish: cancelled}}

  one claim is disputed:
    steps: {checks.verify: [{item: c1, output: {ok: false}}, {output: {ok: true}}]}
    decide:
      - {step: editorial, approve: true}
      - {step: checks.dispute, item: c1, reject: true}
      - {step: where, choose: blog}
    expect: {status: succeeded, outputs: {url: "", paid: false}, steps: {publish: skipped}}

  nobody decides:
    expect: {status: rejected, steps: {editorial: {gate: expired}}, took: 24h}

  it waits for an editor:
    until: editorial
    expect: {status: running, steps: {editorial: {status: waiting, gate: open}, publish: pending}, took: 0s}

  nobody knows whether it was published:
    steps: {publish: {fails: {code: timeout, maybe_happened: true}}}
    decide: [{step: editorial, approve: true}, {step: where, choose: blog}]
    expect: {status: running, steps: {publish: unknown}}

  a topic that is too long:
    inputs: {topic: Ink, words: 0}
    expect: {refused: "`words` must be at least 1"}

  a brief is handed in:
    inputs: {brief: "@brief.txt"}
    until: editorial
    expect: {status: running}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "publish_note.yaml").write_text(WORKFLOW)
    (tmp_path / "brief.txt").write_text("About ink.")
    return tmp_path


def read_in(folder, text):
    path = folder / "publish_note.test.yaml"
    path.write_text(text)
    loaded = load([folder])
    assert not loaded.broken, [one.render() for one in loaded.problems]
    return read_tests(path, loaded.definitions), loaded.definitions


async def misses_of(folder, text):
    """What is not as expected, case by case: where and what."""
    test, definitions = read_in(folder, HEAD + text)
    assert not test.problems, [one.render() for one in test.problems]
    verdicts = [await play(case, test.workflow, definitions) for case in test.cases]
    return {
        one.case: [f"{miss.spot.line - HEAD.count(chr(10))} {miss.where}: {miss.message}" for miss in one.misses]
        for one in verdicts
    }


async def test_every_kind_of_case_can_be_told_and_holds(folder):
    misses = await misses_of(folder, GOOD)
    assert misses == {name: [] for name in misses}
    assert len(misses) == 10


async def test_what_is_not_as_expected_is_told_with_its_place(folder):
    misses = await misses_of(
        folder,
        """\
  wrong in many ways:
    decide: [{step: editorial, by: U0ADA, approve: true}, {step: where, choose: blog}]
    expect:
      status: failed
      outputs: {url: "https://cms.example/2"}
      steps:
        publish: {status: skipped, attempts: 3, given: {json: {titel: Ink}}}
        checks: {output: [{ok: true}]}
        draft: {error: http_status}
      error: http_status
      reason: because
      messages: []
      warnings: true
      took: 1h
""",
    )
    assert misses["wrong in many ways"] == [
        '4 expect.status: expected "failed", found "succeeded"',
        '5 expect.outputs.url: expected "https://cms.example/2", found "https://cms.example/1"',
        "7 expect.steps.publish.status: expected skipped, found succeeded",
        "7 expect.steps.publish.attempts: expected 3, found 1",
        '7 expect.steps.publish.given.json.titel: expected "Ink", and there is no `titel`',
        '8 expect.steps.checks.output: expected [{"ok": true}], found [{"ok": true}, {"ok": true}]',
        "9 expect.steps.draft.error: expected http_status, and there was none",
        "10 expect.error: expected http_status, and there was none",
        '11 expect.reason: expected "because", found ""',
        '12 expect.messages: expected [], found [{"to": "requester", "text": "Your note: succeeded"}]',
        "14 expect.took: expected 1h, found 2d",
        "13 expect.warnings: expected true, found false",
    ]


async def test_what_a_case_says_must_come_to_pass(folder):
    misses = await misses_of(
        folder,
        """\
  too late:
    decide: [{step: editorial, by: U0ADA, reject: true}, {step: where, choose: blog}]
    events: [{at: 1h, signal: paid}]
    expect: {status: rejected}
  refused:
    decide: [{step: editorial, by: U0OUT, approve: true}, {step: editorial, reject: true, refused: gate_expired}]
    expect: {status: rejected}
  started all the same:
    expect: {refused: no more}
  not started:
    inputs: {words: many}
    expect: {status: succeeded}
  forgotten:
    expect: {status: succeeded}
""",
    )
    assert misses["too late"] == [
        "2 decide[1]: nobody was asked at `where` any more",
        "3 events[0]: the run had ended when `paid at 1h` was to happen",
    ]
    assert misses["refused"] == [
        "6 decide[0]: expected it to count, and it was refused: actor_not_approver",
        "6 decide[1].refused: expected it to be refused (gate_expired), and it counted",
    ]
    assert misses["started all the same"] == ['9 expect.refused: expected "no more", and the run was started']
    assert misses["not started"][0].startswith("11 inputs: the run was not started: `words` needs")
    assert misses["forgotten"][1] == "13 : nobody decided at `editorial`, so its gate expired"


async def test_a_step_that_is_not_faked_is_named_whatever_else_is_expected(folder):
    test, definitions = read_in(
        folder,
        "workflow: publish_note\ncases:\n  bare:\n    settings: {cms_url: 'https://cms.example'}\n"
        "    inputs: {topic: Ink}\n    expect: {status: failed, error: not_faked}\n",
    )
    (verdict,) = [await play(case, test.workflow, definitions) for case in test.cases]
    assert [one.message for one in verdict.misses] == [
        "`draft` would have reached outside, and nothing says what comes of it"
    ]
    assert verdict.misses[0].hint == "add it to `steps:` of the case: draft: {output: …}"


async def test_the_story_of_a_case_is_in_words(folder):
    test, definitions = read_in(
        folder,
        HEAD + "  waits:\n    until: 5h\n"
        "    steps: {draft: [{fails: model_overloaded}, {output: {title: Ink, claims: []}}]}\n"
        "    expect: {status: failed}\n",
    )
    (verdict,) = [await play(case, test.workflow, definitions) for case in test.cases]
    story = [" ".join(line.split()) for line in verdict.story]
    assert story[0] == '0s U0MINA starts R-YDH with {"topic": "Ink", "words": 300}'
    assert any(line.startswith("0s draft: model_overloaded: model_overloaded, as it was written") for line in story)
    assert story[-1].endswith("editorial: is overdue")
    assert "editorial: asks @editors: Publish it?" in story[-2]


@pytest.mark.parametrize(
    ("text", "line", "said", "hint"),
    [
        (
            "workflow: publish_noet\ncases: {a: {expect: {}}}",
            1,
            "there is no sound workflow `publish_noet`",
            "did you mean `publish_note`?",
        ),
        ("workflow: publish_note", 1, "`cases` is missing", "name at least one case"),
        ("workflow: publish_note\ncases: {}", 2, "there is no case here", "name at least one"),
        ("- a", 1, "a test is a map of keys, not a list", "begin with"),
        (HEAD + "  a: {expects: {}}", IN_CASES, "unknown key `expects`", "did you mean `expect`?"),
        (HEAD + "  a: {decide: []}", IN_CASES, "`expect` is missing", "say what is expected"),
        (
            HEAD + "  a: {expect: {status: suceeded}}",
            IN_CASES,
            'there is no status the text "suceeded" here',
            "did you mean `succeeded`?",
        ),
        (
            HEAD + "  a: {expect: {steps: {publsih: skipped}}}",
            IN_CASES,
            "publish_note has no step `publsih`",
            "did you mean `publish`?",
        ),
        (
            HEAD + "  a: {expect: {steps: {verify: skipped}}}",
            IN_CASES,
            "publish_note has no step `verify`",
            "did you mean `checks.verify`?",
        ),
        (
            HEAD + "  a: {expect: {steps: {publish: skiped}}}",
            IN_CASES,
            'there is no status the text "skiped" here',
            "did you mean `skipped`?",
        ),
        (
            HEAD + "  a: {expect: {outputs: {ulr: x}}}",
            IN_CASES,
            "`ulr` is none of the outputs of publish_note",
            "did you mean `url`?",
        ),
        (
            HEAD + "  a: {inputs: {topik: x}, expect: {}}",
            IN_CASES,
            "`topik` is none of the inputs of publish_note",
            "did you mean `topic`?",
        ),
        (
            HEAD + "  a: {settings: {cms: x}, expect: {}}",
            IN_CASES,
            "`cms` is none of the settings of publish_note",
            "did you mean `cms_url`?",
        ),
        (
            HEAD + "  a: {steps: {drat: {output: 1}}, expect: {}}",
            IN_CASES,
            "publish_note has no step `drat`",
            "did you mean `draft`?",
        ),
        (
            HEAD + "  a: {steps: {draft: {outptu: 1}}, expect: {}}",
            IN_CASES,
            "unknown key `outptu`",
            "did you mean `output`?",
        ),
        (
            HEAD + "  a: {steps: {draft: [{outptu: 1}]}, expect: {}}",
            IN_CASES,
            "unknown key `outptu`",
            "did you mean `output`?",
        ),
        (
            HEAD + "  a: {steps: {draft: {times: 2}}, expect: {}}",
            IN_CASES,
            "what comes of it is not said",
            "write exactly one of",
        ),
        (
            HEAD + "  a: {steps: {draft: {output: {title: 3, claims: []}}}, expect: {}}",
            IN_CASES,
            "the step could not give this: output.title",
            "output_invalid",
        ),
        (
            HEAD + "  a: {steps: {editorial: {output: 1}}, expect: {}}",
            IN_CASES,
            "`editorial` uses approval, which is not faked",
            "under `decide:`",
        ),
        (
            HEAD + "  a: {decide: [{step: publish, approve: true}], expect: {}}",
            IN_CASES,
            "nobody decides at `publish`",
            "gates here: `editorial`",
        ),
        (
            HEAD + "  a: {decide: [{step: editorial, aprove: true}], expect: {}}",
            IN_CASES,
            "unknown key `aprove`",
            "did you mean `approve`?",
        ),
        (
            HEAD + "  a: {decide: [{step: editorial}], expect: {}}",
            IN_CASES,
            "it does not say what is decided",
            "exactly one of `approve`",
        ),
        (
            HEAD + "  a: {decide: [{step: editorial, approve: true, reject: true}], expect: {}}",
            IN_CASES,
            "both `approve` and `reject`",
            "exactly one of",
        ),
        (
            HEAD + "  a: {decide: [{step: where, approve: true}], expect: {}}",
            IN_CASES,
            "`where` does not offer `approve`",
            "it offers `choose`",
        ),
        (
            HEAD + "  a: {decide: [{step: where, choose: blog, refused: actor_not_aprover}], expect: {}}",
            IN_CASES,
            "no refusal is called `actor_not_aprover`",
            "did you mean `actor_not_approver`?",
        ),
        (
            HEAD + "  a: {events: [{signal: payed}], expect: {}}",
            IN_CASES,
            "`payed` is none of the signals of publish_note",
            "did you mean `paid`?",
        ),
        (
            HEAD + "  a: {until: editoral, expect: {}}",
            IN_CASES,
            "publish_note has no step `editoral`",
            "did you mean `editorial`?",
        ),
        (
            HEAD + "  a: {until: 2 hours, expect: {}}",
            IN_CASES,
            "is not a length of time",
            "or a length of time such as 2h",
        ),
        (HEAD + "  a: {expect: {took: 2 hours}}", IN_CASES, '"2 hours" is no length of time', "write 2h"),
        (HEAD + "  a: {starts_at: tomorrow, expect: {}}", IN_CASES, '"tomorrow" is no moment', "2026-11-02T09:00:00Z"),
        (
            HEAD + "  a: {people: {U0ADA: editors}, expect: {}}",
            IN_CASES,
            "the groups of a person are needed here",
            '["@editors"], or guest',
        ),
        (
            "workflow: publish_note\ncases: {a: {inputs: {topic: x}, expect: {}}}",
            2,
            "the setting `cms_url` has no value here",
            "settings: {cms_url: …}",
        ),
        ("workflow: publish_note\ncases: {a: {expect: {}", 2, "", ""),
    ],
)
async def test_a_slip_in_a_test_is_shown_at_its_line_with_what_was_meant(folder, text, line, said, hint):
    test, _ = read_in(folder, text)
    assert test.broken
    first = test.problems[0]
    assert (first.line, said in first.message, hint in first.hint) == (line, True, True), first.render()
    assert first.file.endswith("publish_note.test.yaml")
