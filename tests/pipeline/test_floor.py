"""No secret survives the floor, in whatever field and shape it comes; and what is no secret does."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight.event import (
    AgentAction,
    ContentPart,
    Document,
    ErrorInfo,
    Feedback,
    LangGraph,
    Link,
    Message,
    Redaction,
    RunEvent,
    TelemetryEvent,
    Tool,
    ToolCall,
)
from fanlight.hookspecs import Detector
from fanlight.pipeline import SecretsFloor
from fanlight.pipeline.names import is_secret_name

FLOOR = SecretsFloor()

# Written in two halves, so that no scanner takes this file for a leak.
CANARIES = {
    "openai_key": [
        "sk-" + "proj-Ab1_cdEfGhIjKlMnOpQrSt",
        "sk-" + "Ab1cdEfGhIjKlMnOpQrStUvWx",
        "sk-" + "svcacct-Ab1cdEfGhIjKl",
    ],
    "anthropic_key": ["sk-" + "ant-api03-Ab1cdEfGhIjKlMn_opQ"],
    "openrouter_key": ["sk-" + "or-v1-0123456789abcdef0123"],
    "langfuse_key": ["sk-" + "lf-01234567-89ab-cdef-0123"],
    "aws_key": ["AKIA" + "IOSFODNN7EXAMPL3", "ASIA" + "IOSFODNN7EXAMPL3"],
    "gcp_key": [
        "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
        "GOCSPX-" + "Ab1cdEfGhIjKlMnOpQrStUv",
        "ya29" + ".Ab1cdEfGhIjKlMnOpQrStUv",
    ],
    "github_token": ["ghp_" + "Ab1cdEfGhIjKlMnOpQrStUvWxYz0123456789", "github_pat_" + "11ABCDEFG0Ab1cdEfGhIjKl"],
    "gitlab_token": ["glpat-" + "Ab1cdEfGhIjKlMnOpQrS"],
    "slack_token": ["xoxb-" + "123456789012-Ab1cdEfGhIjK", "xapp-" + "1-A0123456789-0123456789"],
    "slack_webhook": ["https://hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXXXXXX"],
    "huggingface_token": ["hf_" + "Ab1cdEfGhIjKlMnOpQrStUvWxYz0123456"],
    "stripe_key": ["sk_live_" + "Ab1cdEfGhIjKlMnO", "whsec_" + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "twilio_key": ["SK" + "0123456789abcdef0123456789abcdef"],
    "sendgrid_key": ["SG." + "Ab1cdEfGhIjKlMnOpQrS" + ".Ab1cdEfGhIjKlMnOpQrStUvWxYz"],
    "mailgun_key": ["key-" + "0123456789abcdef0123456789abcdef"],
    "groq_key": ["gsk_" + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "xai_key": ["xai-" + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "perplexity_key": ["pplx-" + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "replicate_token": ["r8_" + "Ab1cdEfGhIjKlMnOpQrStUvWxYz0123456"],
    "nvidia_key": ["nvapi-" + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "tavily_key": ["tvly-" + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "pinecone_key": ["pcsk_" + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "databricks_token": ["dapi" + "0123456789abcdef0123456789abcdef"],
    "langsmith_key": ["lsv2_" + "pt_0123456789abcdef0123456789abcdef_0123456789"],
    "wandb_key": ["wandb_" + "v1_Ab1cdEfGhIjKlMnOpQrStUv"],
    "logfire_token": ["pylf_" + "v1_us_Ab1cdEfGhIjKlMnOpQrStUv"],
    "npm_token": ["npm_" + "Ab1cdEfGhIjKlMnOpQrStUvWxYz0123456789"],
    "pypi_token": ["pypi-" + "AgEIcHlwaS5vcmcCJAb1cdEfGhIjKlMnOp"],
    "docker_token": ["dckr_" + "pat_Ab1cdEfGhIjKlMnOpQrStUv"],
    "digitalocean_token": ["dop_" + "v1_0123456789abcdef0123456789abcdef"],
    "vault_token": ["hvs." + "Ab1cdEfGhIjKlMnOpQrStUv"],
    "newrelic_key": ["NRAK-" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0"],
    "telegram_token": ["123456789:" + "AAAb1cdEfGhIjKlMnOpQrStUvWxYz012345"],
    "azure_key": [
        "AccountKey=" + "Ab1cdEfGhIjKlMnOpQrStUvWxYz0==",
        "?sv=1&sig=" + "Ab1cdEfGhIjKlMnOpQrStUvWxYz0%3D",
        "abc8Q~" + "Ab1cdEfGhIjKlMnOpQrStUvWxYz012345",
    ],
    "jwt": ["eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.Ab1cdEfGhIjKl"],
    "private_key": [
        "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nAb1cdEfGh\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA",
        "AGE-SECRET-KEY-" + "1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
    ],
    "url_password": [
        "postgres://app:" + "hunt3r@db.example.org/x",
        "redis://:" + "hunt3r@cache:6379",
        "mysql://u:" + "p@ss:w@host",
    ],
    "authorization": [
        "Bearer " + "Ab1cdEfGhIjKlMnOpQrStUv",
        "Basic " + "dXNlcjpodW50ZXIyaHVudA==",
        "Authorization: Token " + "hunt3rhunt",
    ],
    "cookie": ["Cookie: session=" + "hunt3r; other=1"],
    "named_secret": [
        "OPENAI_API_KEY=" + "hunterhunter",
        'api_key: "' + 'hunterhunter"',
        "{'password': '" + "correct horse'}",
        '{\\"client_secret\\": \\"' + 'hunterhunter\\"}',
        "password: " + "hunt3r",
        "password\n\t: " + "hunt3r",
        "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG",
        "https://example.org/?a=1&token=" + "hunterhunter",
        "WANDB_API_KEY=" + "0123456789abcdef0123456789abcdef01234567",
    ],
}
EACH = [(kind, canary) for kind, canaries in CANARIES.items() for canary in canaries]


def needle(canary):
    """The part of a canary that must be gone, whatever name or address leads to it."""
    if canary.startswith("-----"):
        return canary.split("\n")[1]
    if "@" in canary:
        return canary.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return canary.rstrip("\"'}\\ ")[-5:]


def plants(text):
    """For each field of an event that holds anything of the application, the field with *text* planted in it."""
    return {
        "name": text,
        "environment": text,
        "service_name": text,
        "service_version": text,
        "vcs_revision": text,
        "attributes": {"a": text},
        "langgraph": LangGraph(thread_id=text),
        "tags": ("a", text),
        "lc_tags": (text,),
        "metadata": {"deep": [{"er": [text]}]},
        "user_id": text,
        "session_id": text,
        "tenant_id": text,
        "prompt_name": text,
        "prompt_version": text,
        "provider": text,
        "request_model": text,
        "response_model": text,
        "invocation_params": {"stop": [text]},
        "tool_definitions": ({"function": {"name": "f", "description": text}},),
        "finish_reasons": (text,),
        "response_id": text,
        "usage_details": {text: 1},
        "price_source": text,
        "inputs": {"messages": [["user", text]]},
        "outputs": text,
        "input_messages": (Message(role="user", parts=(ContentPart(type="image", uri=text),)),),
        "output_messages": (Message(role="assistant", tool_calls=(ToolCall(name="t", arguments={text: 1}),)),),
        "documents": (Document(rank=0, content=text, metadata={"source": text}),),
        "tool": Tool(name="t", arguments=text, result={"a": text}),
        "agent_action": AgentAction(tool="t", tool_input=text, log=text),
        "feedback": Feedback(name="helpful", label=text, explanation=text),
        "custom": [text],
        "run_events": (RunEvent(type="custom", name="n", time_unix_nano=1, data={text: text}),),
        "links": (Link(trace_id="t", span_id="s", kind=text),),
        "error": ErrorInfo(type="ValueError", message=text, stack=f"File x\n{text}\n"),
    }


@pytest.mark.parametrize(("kind", "canary"), EACH)
def test_each_kind_of_secret_is_masked_and_named(event, kind, canary):
    """A secret in a sentence becomes `[redacted:<kind>]`, the sentence stays, and the event says what was where."""
    protected = FLOOR.protect(event(inputs=f"before {canary} after", outputs="clean"))
    assert needle(canary) not in protected.to_json().decode()
    assert f"[redacted:{kind}]" in protected.inputs
    assert protected.inputs.startswith("before ")
    assert protected.outputs == "clean"
    assert [(found.field, found.kind) for found in protected.redacted][:1] == [("inputs", kind)]


@pytest.mark.parametrize("field", plants("x"))
def test_every_field_is_looked_into(event, field):
    """A secret is masked in whichever field it is planted, dict keys and nested parts included."""
    secret = CANARIES["github_token"][0]
    protected = FLOOR.protect(event(**{field: plants(secret)[field]}))
    assert secret not in protected.to_json().decode()
    assert {found.field for found in protected.redacted} == {field}
    assert TelemetryEvent.from_json(protected.to_json()) == protected


def test_every_field_of_an_event_is_planted_or_holds_nothing_of_the_application():
    """A field that is added to the event must be planted above, or be named here as one fanlight itself fills."""
    own = {
        "schema_version", "event_id", "type", "run_id", "parent_run_id", "root_run_id", "trace_id", "span_id",
        "parent_span_id", "process", "redacted", "truncated", "rollup", "operation", "status",
    }  # fmt: skip
    numbers = {
        "sequence", "time_unix_nano", "start_time_unix_nano", "duration_ms", "time_to_first_token_ms", "streamed",
        "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
        "input_audio_tokens", "output_audio_tokens", "usage_missing", "from_cache", "cost_usd", "input_cost_usd",
        "output_cost_usd", "attempt", "partial", "embeddings",
    }  # fmt: skip
    assert set(TelemetryEvent.__struct_fields__) == own | numbers | set(plants("x"))


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apiKey", "X-API-Key", "OPENAI_API_KEY", "Authorization", "proxy-authorization", "password",
        "db_password", "passwd", "passphrase", "secret", "client_secret", "clientSecret", "aws_secret_access_key",
        "token", "access_token", "refreshToken", "id_token", "HF_TOKEN", "auth_tokens", "Cookie", "Set-Cookie",
        "pass_phrase", "Pass-Word", "pass code", "api__tokens", "access - tokens", "private_key", "privateKey",
        "connection_string", "credentials", "account_key", "jwt", "api_keys", "secrets",
    ],
)  # fmt: skip
def test_a_name_gives_a_secret_away(event, name):
    """What a map holds under a secret's name is masked whatever it looks like, in any spelling, also as a structure."""
    shapes = {"a": {name: "hunter"}, "b": [{name: ["hunter"]}], "c": {name: {"value": "hunter"}}}
    protected = FLOOR.protect(event(inputs=shapes))
    assert "hunter" not in protected.to_json().decode()
    assert protected.redacted == (Redaction(field="inputs", kind="named_secret", count=3),)


@pytest.mark.parametrize(
    "name",
    [
        "total_tokens", "token_count", "max_tokens", "input_tokens", "tokens", "tokenizer", "keys", "key", "monkey",
        "secretary", "author", "passenger", "next_page_token", "eos_token", "stop_token", "cookies_enabled", "keyboard",
        "primary_key_column", "access_key_id", "time_to_first_token",
    ],
)  # fmt: skip
def test_a_name_that_only_resembles_one_does_not(event, name):
    """Counts, cursors and words that contain such a name are left alone."""
    assert not is_secret_name(name)
    one = event(inputs={name: "value 12"})
    assert FLOOR.protect(one) is one


@pytest.mark.parametrize(
    "value",
    [
        {"token": 17},
        {"token": "Hello", "logprob": -0.1},
        {"password": None},
        {"secret": True},
        {"api_key": ""},
    ],
)
def test_what_stands_under_a_secrets_name_and_is_none(event, value):
    """Counts, a model's own tokens, flags and nothings under such a name are left alone."""
    one = event(outputs=value)
    assert FLOOR.protect(one) is one


@pytest.mark.parametrize(
    "text",
    [
        "The password must have at least eight characters; reset your password here.",
        "Use a bearer token. The basic idea of authorization is access control.",
        "Keep this secret: nobody should know. The secret of success is work.",
        "We measured risk-adjusted returns and disk-based task-oriented desk-research.",
        "See https://example.org:8080/path?x=a@b.org and mailto:someone@example.org.",
        "ssh -i key user@host; scp user@host:/tmp/file .; git@github.com:owner/repo.git",
        "password: required, api key: optional, token: str",
        "max_tokens=4096 total_tokens: 17 tokens per second, key=value, a[key]=1",
        "The function takes api_key: str | None = None and returns a client.",
        "Client(password=None, api_key=undefined, secret_key='required', token=True)",
        "UUID 123e4567-e89b-12d3-a456-426614174000, sha256 " + "0123456789abcdef" * 4,
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAAAAUA" * 40,
        "scikit: sk-learn, sk-image; SKU SK12345; the AKIA prefix; hf_model_name",
    ],
)
def test_prose_and_code_are_left_alone(event, text):
    """Ordinary text about keys and passwords passes unchanged, as the same object."""
    one = event(inputs=text)
    assert FLOOR.protect(one) is one


def test_what_surrounds_secrets_stays_and_each_is_counted(event):
    """Several secrets in one text are masked one by one; repeated texts count as often as they occur."""
    first, second = CANARIES["github_token"][0], CANARIES["stripe_key"][0]
    protected = FLOOR.protect(
        event(inputs=[f"a {first}, b {second}, c {first}.", f"a {first}, b {second}, c {first}."])
    )
    assert protected.inputs == ["a [redacted:github_token], b [redacted:stripe_key], c [redacted:github_token]."] * 2
    assert {(found.kind, found.count) for found in protected.redacted} == {("github_token", 4), ("stripe_key", 2)}


def test_overlapping_secrets_are_masked_as_one(event):
    """Where a named value is also a known key, all of it is masked under the kind that says more."""
    protected = FLOOR.protect(event(inputs=f"OPENAI_API_KEY={CANARIES['openai_key'][0]}.tail rest"))
    assert protected.inputs == "OPENAI_API_KEY=[redacted:openai_key] rest"


def test_a_key_inside_a_named_value_names_the_whole(event):
    """The mask covers the value from its beginning, though only its middle is known."""
    protected = FLOOR.protect(event(inputs=f"api_key=prefix.{CANARIES['github_token'][0]} rest"))
    assert protected.inputs == "api_key=[redacted:github_token] rest"


def test_keys_that_are_masked_alike_stay_apart(event):
    """Two secrets as keys of one map leave two entries."""
    one, other = CANARIES["github_token"][0], CANARIES["github_token"][0][:-1] + "0"
    protected = FLOOR.protect(event(inputs={one: 1, other: 2, "[redacted:github_token]": 3}))
    assert sorted(protected.inputs.values()) == [1, 2, 3]


def test_what_was_redacted_before_is_kept(event):
    """Redactions that an event already has stay, and the mask itself is no secret."""
    before = Redaction(field="inputs", kind="custom", count=1)
    once = FLOOR.protect(event(inputs={"api_key": "hunter"}, redacted=(before,)))
    assert once.redacted == (before, Redaction(field="inputs", kind="named_secret", count=1))
    assert FLOOR.protect(once) is once


def test_routing_facts_and_identity_are_never_touched(event):
    """Ids and types are what everything hangs on: they are fanlight's own and stay as they are."""
    one = event("chain.end", inputs=CANARIES["jwt"][0])
    protected = FLOOR.protect(one)
    for field in ("event_id", "run_id", "root_run_id", "trace_id", "span_id", "type", "name", "time_unix_nano"):
        assert getattr(protected, field) == getattr(one, field)


class Foreign:
    """Something that is no JSON value."""


def test_a_field_that_cannot_be_scanned_is_replaced(event):
    """Values that no scan can look into do not pass: the field is masked as a whole, the others are untouched."""
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    protected = FLOOR.protect(event(inputs={"a": Foreign()}, outputs=deep, custom=[Foreign()], metadata={"ok": 1}))
    assert protected.inputs == {"[redacted:unscanned]": True}
    assert (protected.outputs, protected.custom) == ("[redacted:unscanned]", "[redacted:unscanned]")
    assert protected.metadata == {"ok": 1}
    assert {(found.field, found.kind) for found in protected.redacted} == {
        ("inputs", "unscanned"),
        ("outputs", "unscanned"),
        ("custom", "unscanned"),
    }
    protected.to_json()


def test_a_field_that_is_replaced_counts_as_that_alone(event):
    """What was found before the scan of a field failed is gone with the field."""
    protected = FLOOR.protect(event(inputs=[CANARIES["jwt"][0], Foreign()]))
    assert protected.redacted == (Redaction(field="inputs", kind="unscanned", count=1),)


def test_broken_unicode_hides_nothing(event):
    """A lone surrogate beside a secret makes neither the scan nor the encoding fail."""
    protected = FLOOR.protect(event(inputs=f"\ud800 {CANARIES['jwt'][0]} \udfff"))
    assert protected.inputs == "? [redacted:jwt] ?"
    protected.to_json()


def test_detectors_of_plugins_add_to_the_built_in_ones(event):
    """A detector masks what it describes, or its group `secret`; a pattern that matches nothing masks nothing."""
    floor = SecretsFloor(
        [
            Detector(kind="acme_token", pattern=r"^acme_[0-9a-f]{8}$"),
            Detector(kind="badge", pattern=r"badge (?P<secret>\d+)"),
            Detector(kind="nothing", pattern="z*"),
        ]
    )
    assert floor.protect(event(inputs="acme_01234567")).inputs == "[redacted:acme_token]"
    protected = floor.protect(event(inputs=["acme_01234567", "badge 12345", CANARIES["jwt"][0], "pizza"]))
    assert protected.inputs == [
        "[redacted:acme_token]",
        "badge [redacted:badge]",
        "[redacted:jwt]",
        "pi[redacted:nothing]a",
    ]


def test_a_detector_that_is_no_pattern_is_refused():
    """A pattern that RE2 does not take is a ValueError with the detector's name."""
    with pytest.raises(ValueError, match="detector broken"):
        SecretsFloor([Detector(kind="broken", pattern="(?=a)")])


@pytest.mark.parametrize(
    "text",
    [
        "a." * 20_000,
        "A1b2" * 10_000,
        "sk-" * 20_000,
        "password: x " * 5_000,
        " http://a:b" * 5_000,
        "eyJabcdefgh." * 5_000,
        "-----BEGIN PRIVATE KEY-----" * 2_000,
        "api_key=" * 5_000,
        "bearer " * 8_000,
        '\\"' * 20_000,
    ],
)
def test_hostile_text_costs_linear_time(event, text):
    """Texts that take a backtracking engine seconds are scanned in a fraction of one."""
    one = event(inputs=text, outputs={"x": text + CANARIES["jwt"][0]})
    before = time.process_time()
    FLOOR.protect(one)
    assert time.process_time() - before < 1


glue = st.sampled_from([" ", "\n", '"', "'", "\\", "\t", "ä", "(", ",", "=", ": ", "\u2028", "\x07"])
filler = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from(["token", "key:", "password", '"', "\\n"])), max_size=4
)


@settings(max_examples=600, deadline=None)
@given(
    secret=st.sampled_from(EACH),
    field=st.sampled_from(sorted(plants("x"))),
    before=filler,
    after=filler,
    left=glue,
    right=st.sampled_from([" ", "\n", '"', ")", "\t"]),
)
def test_a_planted_secret_never_survives(event, secret, field, before, after, left, right):
    """Whatever stands around a secret, in whatever field: it is not in the event's JSON any more."""
    _, canary = secret
    text = "".join(before) + left + canary + right + "".join(after)
    protected = FLOOR.protect(event(**{field: plants(text)[field]}))
    gone = needle(canary)
    if gone not in "".join(before) + "".join(after):
        assert gone not in protected.to_json().decode()
    assert field in {found.field for found in protected.redacted}


WORDS = [
    "api",
    "access",
    "key",
    "secret",
    "pass",
    "word",
    "phrase",
    "token",
    "tokens",
    "cookie",
    "s",
    "my",
    "connection",
    "string",
]
names = st.tuples(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.sampled_from(["", "_", "-", " ", ".", "__", "\t"])
)


@settings(max_examples=600, deadline=None)
@given(name=names.map(lambda drawn: drawn[1].join(drawn[0])), value=st.sampled_from(["hunter", ["hunter"], 12, True]))
def test_the_quick_look_knows_every_spelling_of_a_name(event, name, value):
    """However the words of a name are set apart, an event that is passed by its JSON alone holds nothing under it."""
    full = SecretsFloor([Detector(kind="never", pattern="\x00never\x00")])
    one = event(inputs={name: value})
    assert FLOOR.protect(one) == full.protect(one)


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(st.one_of(st.sampled_from([c for _, c in EACH]), glue, st.text(max_size=6)), max_size=6))
def test_the_quick_look_overlooks_nothing(event, parts):
    """An event that is passed by its JSON alone is one in which the full scan finds nothing."""
    full = SecretsFloor([Detector(kind="never", pattern="\x00never\x00")])
    one = event(inputs="".join(parts), metadata={"key".join(parts): "x"})
    assert FLOOR.protect(one) == full.protect(one)


@pytest.mark.parametrize("place", [0, 3, 17, 99])
def test_a_secret_among_many_events_is_found(place, event):
    """Events that are looked at together are each protected as if they came alone, and stay in order."""
    floor = SecretsFloor()
    events = [event(run=str(n), name=f"run {n}", inputs="nothing") for n in range(100)]
    events[place] = events[place].replace(inputs="key sk-proj-" + "a1B2" * 12)

    protected = floor.protect_all(events)

    assert [one.run_id for one in protected] == [str(n) for n in range(100)]
    assert [n for n, one in enumerate(protected) if one.redacted] == [place]
    assert b"a1B2a1B2" not in protected[place].to_json()
