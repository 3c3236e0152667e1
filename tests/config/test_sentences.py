"""What pydantic finds in anybody's settings becomes sentences, with suggestions and without its own words."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator

from fanlight import ConfigError, Sink, SinkConfig, SinkType
from fanlight.config.document import read
from fanlight.config.fields import descriptions
from fanlight.config.suggest import did_you_mean
from fanlight.plan import build_plan
from fanlight.plugins import PluginRegistry


class Room(BaseModel):
    """A nested model that is none of fanlight's."""

    model_config = ConfigDict(extra="forbid")

    name: str
    """What people call it."""
    floor: int = 0


class ChatConfig(SinkConfig):
    """All kinds of settings."""

    url: HttpUrl = HttpUrl("https://chat.example.org")
    """Where it is."""
    rooms: tuple[Room, ...] = ()
    by_team: dict[str, Room] = Field(default={})
    default_room: Room | None = None
    level: int | Literal["all"] = "all"
    token: SecretStr | None = None
    pin: int = 0
    size: int = Field(default=1, ge=1, multiple_of=2)

    @field_validator("pin")
    @classmethod
    def _no_thirteen(cls, value: int) -> int:
        if value == 13:
            raise ValueError("13 is bad luck")
        return value

    @model_validator(mode="after")
    def _not_both(self) -> "ChatConfig":
        if self.rooms and self.by_team:
            raise ValueError("rooms and by_team exclude each other")
        return self


class ChatSink(Sink[ChatConfig]):
    def deliver(self, batch):
        """Send nothing."""


@pytest.fixture
def found(config):
    """Return the one problem with a chat sink's settings, as path and sentence."""
    registry = PluginRegistry.builtin()
    registry.sink_types["chat"] = SinkType(name="chat", config_model=ChatConfig, factory=ChatSink)

    def problem(**own):
        given = config(sinks={"chat": {"type": "chat", **own}}, routes=[{"to": ["chat"]}])
        with pytest.raises(ConfigError) as caught:
            build_plan(read(given), registry)
        (only,) = caught.value.problems
        return str(only)

    return problem


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"rooms": [{"name": "a"}, {"nmae": "b", "name": "b"}]}, "rooms[1].nmae  unknown key; did you mean `name`?"),
        ({"by_team": {"a": {"name": "a", "flor": 1}}}, "by_team.a.flor  unknown key; did you mean `floor`?"),
        ({"default_room": {"name": "a", "flor": 1}}, "default_room.flor  unknown key; did you mean `floor`?"),
        ({"rooms": [{}]}, "rooms[0].name  required, and not there; what people call it"),
        ({"level": "some"}, 'level = "some"  expected a whole number or `all`'),
        ({"url": "chat"}, 'url = "chat"  expected a URL'),
        ({"url": "ftp://chat"}, "expected a URL that begins with"),
        ({"token": 12345}, "token  expected text; put it in quotes"),
        ({"pin": 13}, "pin = 13  13 is bad luck"),
        ({"size": 3}, "size = 3  expected a multiple of 2"),
        ({"rooms": [{"name": "a"}], "by_team": {"a": {"name": "a"}}}, "rooms and by_team exclude each other"),
        ({"timeuot": "5s"}, "timeuot  unknown key; did you mean `timeout`?"),
        ({"urll": "x"}, "urll  unknown key; did you mean `url`?"),
    ],
)
def test_a_plugins_settings_are_explained_like_fanlights_own(found, own, sentence):
    """Nested models, unions, validators and constraints: each is one problem at its place."""
    text = found(**own)

    assert text.startswith("sinks.chat")
    assert sentence in text
    assert not any(word in text for word in ("Input should", "pydantic", "Value error", "12345"))


def test_descriptions_come_from_where_they_are_written():
    """The docstring under a field, or what `Field` says; a field without either has none."""
    assert descriptions(ChatConfig)["url"] == "Where it is."
    assert descriptions(Room) == {"name": "What people call it."}


@pytest.mark.parametrize(
    ("found", "known", "sentence"),
    [
        ("enviroment", ["environment", "events"], "did you mean `environment`?"),
        ("production", ["dev", "prod"], "did you mean `prod`?"),
        ("Lake", ["lake"], "did you mean `lake`?"),
        ("x", ["b", "a"], "known: a, b"),
        (
            "x",
            [f"sink_{n:02}" for n in range(20)],
            "known: " + ", ".join(f"sink_{n:02}" for n in range(12)) + " and 8 more",
        ),
        ("x", [], "there are none"),
    ],
)
def test_what_was_meant(found, known, sentence):
    """A near word, a shortened one, or the list."""
    assert did_you_mean(found, known) == sentence
