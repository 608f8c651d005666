"""The one comparison that every scenario makes: the agent's numbers against those of `ss`."""

import ss
from world import POD4, POD6


def numbers_of_ss(world, ports=(8080,), loopback=False):
    rows = ss.inbound(world.pod, ports, own_addresses=(POD4, POD6), loopback=loopback)
    counted = [row for row in rows if row.is_open]
    return {
        "open": len(counted),
        "close_wait": sum(row.state == "CLOSE_WAIT" for row in counted),
        "closing": sum(row.state not in ("ESTABLISHED", "CLOSE_WAIT") for row in counted),
        "half_open": sum(row.state == "SYN_RECV" for row in rows),
    }


def agrees_with_ss(agent, world, ports=(8080,), loopback=False, within=10, **expected):
    """Waits for the expected numbers in the agent's document; `ss` must see the same ones."""

    def as_expected(status):
        return all(status["connections"][name] == count for name, count in expected.items())

    status = agent.wait_for(as_expected, within)
    of_agent = {name: status["connections"][name] for name in numbers_of_ss(world, ports)}
    assert of_agent == numbers_of_ss(world, ports, loopback)
    return status
