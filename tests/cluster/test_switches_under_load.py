"""Switches while new connections come all the time and old ones stay: nobody may notice."""

import pytest

from traffic import Load, all_live, ask_by_http, ask_by_line
from waiting import until

SWITCHES = 10
LONG_LIVED = 500


@pytest.mark.smoke
def test_ten_switches_refuse_and_reset_nothing(demo, sessions):
    one, other = demo.install("aa0001"), demo.install("bb0002")
    demo.serve(one)
    line, http = demo.port("tcp"), demo.port("http")
    stay = sessions.open(demo.address, line, LONG_LIVED)
    with (
        Load(ask_by_line, demo.address, line) as by_line,
        Load(ask_by_http, demo.address, http) as by_http,
    ):
        for number in range(SWITCHES):
            target = (other, one)[number % 2]
            demo.switch_to(target.color)
            by_line.has_only(target.color)
            by_http.has_only(target.color)
    assert by_line.failures == [] and by_http.failures == []
    assert len(by_line.tries) > 1000 and len(by_http.tries) > 1000
    all_live(stay)
    assert {color for session in stay for color in session.colors} == {"aa0001"}


def test_a_switch_to_a_color_without_pods_is_noticed(demo):
    """What the test above would miss, if it could not see an outage."""
    one, missing = demo.install("aa0001", replicas=1), "cc0003"
    demo.serve(one)
    with Load(ask_by_line, demo.address, demo.port("tcp")) as load:
        load.has_only(one.color)
        assert load.failures == []
        demo.switch_to(missing)
        until(lambda: load.failures, "a connection that fails")
        demo.switch_to(one.color)
        load.has_only(one.color)
