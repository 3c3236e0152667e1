"""YAML text becomes plain data, and every value and key remembers where it stood."""

import pytest

from fanlight import ConfigError
from fanlight.config.document import Mark, read
from fanlight.config.yaml import MAX_VALUES, parse, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("False", False), ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("NO", "NO"),
        ("~", None), ("null", None), ("", None), ("12", 12), ("-3", -3), ("0123", "0123"), ("1_000", "1_000"),
        ("12:30", "12:30"), ("0x1f", "0x1f"), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), (".inf", ".inf"),
        (".nan", ".nan"), ("2024-01-01", "2024-01-01"), ("9" * 30, "9" * 30), ("+", "+"), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_they_look_like(text, value):
    """Only `true` and `false` are booleans, so that Norway stays a country; what looks odd stays text."""
    found = parse(f"key: {text}").data["key"]

    assert found == value
    assert type(found) is type(value)
    assert scalar(text) == value


def test_keys_are_text():
    """A key is the text that was written, whatever it looks like."""
    assert parse("{4711: a, true: b, null: c, 1.50: d}").data == {"4711": "a", "true": "b", "null": "c", "1.50": "d"}


def test_every_value_and_key_has_its_place():
    """Marks count from 1, for keys and values, in block and in flow style."""
    document = parse("a:\n  - b: 1\n    c: [x, {d: y}]\n")

    assert document.mark("a", key=True) == Mark(1, 1)
    assert document.mark("a") == Mark(2, 3)
    assert document.mark("a[0].c", key=True) == Mark(3, 5)
    assert document.mark("a[0].c[1].d") == Mark(3, 16)


def test_what_is_not_there_has_the_place_of_what_is_around_it():
    """A missing key is reported at the key of the map that lacks it."""
    document = parse("a: 1\nb:\n  c: {d: 1}\n")

    assert document.mark("b.c.missing") == Mark(3, 3)
    assert document.mark("missing") == Mark(1, 1)


def test_anchors_and_merges_work():
    """An alias is its anchor's value; a merged map gives way to own keys, and of a list the first wins."""
    document = parse(
        "common: &common {type: memory, timeout: 5s}\n"
        "other: &other {timeout: 9s, content: full}\n"
        "one: {<<: *common, timeout: 1s}\n"
        "two: {<<: [*common, *other]}\n"
        "three: *common\n"
    )

    assert document.data["one"] == {"type": "memory", "timeout": "1s"}
    assert document.data["two"] == {"type": "memory", "timeout": "5s", "content": "full"}
    assert document.data["three"] == document.data["common"]
    assert document.problems == ()


def test_an_overridden_merge_is_no_duplicate_and_a_real_one_is():
    """The same key twice in one map is a problem that names the first line."""
    document = parse("a: &a {x: 1}\nb: {<<: *a, x: 2}\nc:\n  y: 1\n  z: 2\n  y: 3\n")

    (problem,) = document.problems
    assert (problem.path, problem.line, problem.column) == ("c.y", 6, 3)
    assert "line 4" in problem.hint


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    """Nine levels of ten aliases each would be a billion values; the count is bounded."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    with pytest.raises(ConfigError, match="too large when its aliases are written out"):
        parse("\n".join(lines))


def test_many_plain_values_are_no_bomb():
    """A long list of tenants is fine."""
    tenants = ", ".join(f"tenant-{n}" for n in range(MAX_VALUES // 10))

    assert len(parse(f"tenants: [{tenants}]").data["tenants"]) == MAX_VALUES // 10


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system [x]", "a: !!binary aGk=", "a: !mine x", "a: !!int x"]
)
def test_tags_run_nothing(text):
    """A tag is a problem with its place, and its value is nothing."""
    document = parse(text)

    assert document.data == {"a": None}
    assert [problem.column for problem in document.problems] == [4]


def test_utf8_with_a_byte_order_mark_is_read(tmp_path):
    """What some editors put in front of a file does no harm."""
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfservice: caf\xc3\xa9\n")

    assert read(path).data == {"service": "café"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"a: \xff\n", "not UTF-8 from line 1"), (b"x" * (1024 * 1024 + 1), "larger than 1MiB"), (b"# nothing", "empty")],
)
def test_what_is_no_configuration_says_so(tmp_path, content, sentence):
    """A binary, a huge and an empty file are each refused in a sentence."""
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=sentence):
        read(path)


def test_a_missing_file_says_so(tmp_path):
    """The path of a file that is not there is in the error, a folder is refused."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml has 1 problem\n.*cannot be read: No such file"):
        read(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_a_dict_is_copied():
    """A dict is a configuration too; what the caller changes later changes nothing."""
    tags = ["a"]
    document = read({"match": {"tags": tags}})
    tags.append("b")

    assert document.data == {"match": {"tags": ["a"]}}


def test_a_dict_that_holds_itself_is_refused():
    """A cycle is a problem and no endless loop; so is a key that is no text."""
    loop: dict = {}
    loop["loop"] = loop
    document = read({"a": loop, "b": {1: "x"}})

    assert ["nested deeper" in problem.message for problem in document.problems] == [True, False]
    assert document.problems[1].path == "b"
