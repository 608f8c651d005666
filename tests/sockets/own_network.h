// A network namespace of the test's own, so that the sockets in it are the test's alone.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include "drain/address.h"
#include "drain/result.h"

// Skips the test for a reason (text), or fails it with DRAINBOW_NO_SKIP=1, for whoever must know
// that all tests ran.
#define DRAINBOW_SKIP(reason)                                 \
  do {                                                        \
    if (std::getenv("DRAINBOW_NO_SKIP") != nullptr) {         \
      FAIL() << "skipping is not allowed here: " << (reason); \
    }                                                         \
    GTEST_SKIP() << (reason);                                 \
  } while (false)

namespace drainbow::testing {

// Moves this process into a new, empty network namespace with lo up. As another user than root it
// enters a user namespace first. The old one goes when its last socket is closed.
Result<void> enter_own_network();

// The address of a literal.
IpAddress ip(const std::string& text);

// Adds an interface that leads nowhere, of whichever type this kernel has, and brings it up.
Result<void> add_interface(const std::string& name);
Result<void> add_address(const std::string& interface, const std::string& cidr);
Result<void> delete_address(const std::string& interface, const std::string& cidr);
Result<void> add_default_route(const IpAddress& gateway);
Result<void> delete_default_route(const IpAddress& gateway);
// From now on all packets to this address are lost, without any error. With the address added to
// lo before, packets from it still get through.
Result<void> blackhole(const IpAddress& address);

// Raises the limit of open files as far as allowed and returns it.
std::uint64_t raise_file_limit();

}  // namespace drainbow::testing
