"""The verdict from selected to drained and back, and what makes it unknown."""

import pytest

from agent import codes, is_drained, message_of
from counting import agrees_with_ss
from traffic import App, close_all
from world import POD4


def test_the_walk_of_a_color(world, launch):
    """The product's whole story: in use, switched away, drained, and switched back."""
    app = App(world.pod)
    clients = world.client.connect(POD4, 8080, count=2)
    app.has_accepted(2)
    agent = launch()
    agent.select()
    status = agent.wait_for_verdict("selected", "selected")
    assert status["selection"]["ever_selected"] and status["drained_for"] is None
    agrees_with_ss(agent, world, open=2)
    assert agent.drained() == "selected"
    agent.deselect()
    status = agent.wait_for_verdict("draining", "open_connections")
    assert status["selection"]["deselected_for"] < 2
    close_all(app.connections[1:])
    clients.pop().close()
    agent.never(is_drained, during=1.5)
    close_all(app.connections)
    close_all(clients)
    status = agent.wait_for_verdict("drained", "drained")
    assert agent.drained() == "drained"
    agrees_with_ss(agent, world, open=0)
    agent.wait_for(lambda now: is_drained(now) and now["drained_for"] > 0.3)
    agent.select()
    status = agent.wait_for_verdict("selected")
    assert status["drained_for"] is None and status["selection"]["deselected_for"] is None
    agent.deselect()
    agent.wait_for_verdict("draining", "not_quiet")
    agent.wait_for_verdict("drained")


def test_a_drained_color_that_is_found_again(world, draining):
    """A late client would be cut off because the verdict was once given."""
    App(world.pod)
    agent = draining()
    agent.wait_for_verdict("drained")
    world.client.connect(POD4, 8080)
    status = agent.wait_for_verdict("draining")
    assert status["drained_for"] is None
    agrees_with_ss(agent, world, open=1)


def test_a_color_that_was_never_selected_is_standby(world, launch):
    """A new color would be deleted before its first client."""
    App(world.pod)
    agent = launch()
    agent.deselect()
    agent.wait_for_verdict("standby", "never_selected")
    agent.never(is_drained, during=2.5)
    assert not agent.status()["selection"]["ever_selected"]
    assert agent.drained() == "standby"


def test_standby_goes_before_a_failing_count(world, launch):
    """A new color whose app still starts would be shown as unknown."""
    agent = launch()
    agent.deselect()
    agent.wait_for_verdict("standby")


@pytest.mark.parametrize(
    "content",
    [None, "", "maybe", "selected deselected", "\0", "x" * 100_000, b"\xff\xfe"],
    ids=["missing", "empty", "other", "both", "zero", "huge", "no-utf8"],
)
def test_selection_that_cannot_be_read_is_unknown_and_heals(world, draining, content):
    """A color that is in use again would be taken away on old news."""
    App(world.pod)
    agent = draining()
    agent.wait_for_verdict("drained")
    if content is None:
        agent.selection_file.unlink()
    elif isinstance(content, bytes):
        agent.selection_file.write_bytes(content)
    else:
        agent.select(content)
    # A source that broke may be relied on for 10 s more.
    status = agent.wait_for_verdict("unknown", "selection_unknown", within=13)
    assert agent.drained() == "unknown"
    message = message_of(status, "selection_unknown")
    assert str(agent.selection_file) in message and len(message) < 500
    agent.deselect()
    agent.wait_for_verdict("drained")


def test_selection_file_missing_at_start(world, launch):
    """An agent that starts before its selection is known would end, or guess."""
    App(world.pod)
    agent = launch()
    agent.wait_for_verdict("unknown", "selection_unknown")
    agent.never(is_drained, during=1.5)
    agent.select()
    agent.wait_for_verdict("selected")


def test_selection_file_is_a_directory(world, launch):
    """An error in a manifest would end every pod's agent."""
    App(world.pod)
    agent = launch(selection="file:/")
    agent.wait_for_verdict("unknown", "selection_unknown")


def test_trailing_newline_is_fine(world, launch):
    """`echo selected > file` would not work."""
    agent = launch()
    agent.select("selected\n")
    agent.wait_for_verdict("selected")


def test_equal_episodes_mean_that_nothing_happened(world, draining):
    """The cleanup could not tell that a client came between its two looks."""
    App(world.pod)
    agent = draining()
    first = agent.wait_for_verdict("drained")["episode"]
    agent.never(lambda status: status["episode"] != first, during=1.5)
    world.client.connect(POD4, 8080)[0].close()
    agent.wait_for(lambda status: status["episode"] != first)
    agent.kill()
    agent.start()
    assert agent.wait_for(lambda status: "episode" in status)["episode"].partition(":")[0] != (
        first.partition(":")[0]
    )
    assert "drained" not in codes(agent.status())
