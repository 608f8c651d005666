"""Back to the color before, while both have connections: nobody loses one."""

import pytest

from traffic import all_live, wait_until_answering


@pytest.mark.smoke
def test_back_to_a_color_that_still_drains(demo, sessions):
    old, new = demo.install("aa0001"), demo.install("bb0002")
    demo.serve(old)
    line = demo.port("tcp")
    first = sessions.open(demo.address, line, 8)
    demo.switch_to(new.color)
    wait_until_answering(demo.address, line, new.color)
    second = sessions.open(demo.address, line, 6)
    new.wait_for_verdict("selected")
    old.wait_for(is_deselected, "deselected")
    old.wait_for_open(8)

    demo.switch_to(old.color)
    wait_until_answering(demo.address, line, old.color)
    third = sessions.open(demo.address, line, 4)
    old.wait_for_verdict("selected")
    new.wait_for(is_deselected, "deselected")
    old.wait_for_open(12)
    new.wait_for_open(6)
    # Those with a connection drain; the other one, if all came to one pod, is done.
    for document in new.documents():
        expected = "draining" if document["connections"]["open"] else "drained"
        new.wait_for_verdict(expected, names=[document["pod"]["name"]])

    all_live(first + second + third)
    assert {color for one in first + third for color in one.colors} == {old.color}
    assert {color for one in second for color in one.colors} == {new.color}
    sessions.leave(*second)
    new.wait_for_verdict("drained")
    old.wait_for_verdict("selected")
    assert old.open_connections() == 12


def is_deselected(document):
    return document["selection"]["state"] == "deselected"
