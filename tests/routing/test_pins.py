"""The bounded memory of runs and traces."""

from fanlight.routing.pins import Remembered


def test_what_is_over_makes_room_before_what_is_open():
    """Finished entries are forgotten by their own bound; open ones only by theirs, the longest unasked first."""
    forgotten = []
    memory = Remembered(2, 1, forgotten.append)
    memory.put("a", 1)
    memory.put("b", 2)
    memory.retire("b")
    memory.put("c", 3)
    memory.retire("c")
    assert (forgotten, memory.get("a"), memory.get("b"), memory.get("c")) == ([2], 1, None, 3)
    memory.put("d", 4)
    memory.get("a")
    memory.put("e", 5)
    assert (forgotten, memory.get("a"), memory.get("d"), memory.get("e")) == ([2, 4], 1, None, 5)


def test_an_entry_that_is_opened_again_is_there_once():
    """A key that was over and is put again counts once, with its new value."""
    memory = Remembered(2, 2)
    memory.put("a", 1)
    memory.retire("a")
    memory.put("a", 2)
    assert (len(memory), memory.get("a")) == (1, 2)
