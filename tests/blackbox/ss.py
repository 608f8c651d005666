"""What `ss` sees in a namespace: a count that shares no code with the agent."""

import dataclasses
import ipaddress

STATES = {"ESTAB": "ESTABLISHED"}  # others: CLOSE-WAIT is CLOSE_WAIT, and so on


@dataclasses.dataclass(frozen=True)
class Row:
    state: str  # as the kernel names it: ESTABLISHED, CLOSE_WAIT, SYN_RECV, ...
    send_queue: int
    local: ipaddress.IPv4Address | ipaddress.IPv6Address
    local_port: int
    peer: ipaddress.IPv4Address | ipaddress.IPv6Address
    peer_port: int

    @property
    def is_open(self):
        """Counts by the rules of the README: a FIN alone in the send queue (1) is not data."""
        if self.state in ("FIN_WAIT_1", "CLOSING", "LAST_ACK"):
            return self.send_queue > 1
        return self.state in ("ESTABLISHED", "CLOSE_WAIT")


def endpoint(text):
    address, _, port = text.rpartition(":")
    address = address.strip("[]").partition("%")[0].replace("*", "::")
    address = ipaddress.ip_address(address)
    return getattr(address, "ipv4_mapped", None) or address, 0 if port == "*" else int(port)


def rows(namespace):
    """Every TCP socket but the listeners."""
    found = []
    for line in namespace.run("ss", "-H", "-t", "-a", "-n", "-O").stdout.splitlines():
        state, _, send_queue, local, peer, *_ = line.split()
        if state != "LISTEN":
            state = STATES.get(state, state.replace("-", "_"))
            found.append(Row(state, int(send_queue), *endpoint(local), *endpoint(peer)))
    return found


def inbound(namespace, ports, own_addresses=(), loopback=False):
    """The sockets on these local ports; those of peers inside the pod only with `loopback`."""
    own = {ipaddress.ip_address(address) for address in own_addresses}
    return [
        row
        for row in rows(namespace)
        if row.local_port in ports
        and (loopback or not (row.peer.is_loopback or row.peer in own))
    ]
