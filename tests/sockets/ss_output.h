// What iproute2's ss says about sockets: the independent witness of these tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drain/socket.h"

namespace drainbow::testing {

// One line of `ss -H -tan`, `-uan` or, with more fields, `-OH -tanie`. Lines in states that a
// Sample does not hold are left out, listeners are in.
std::vector<TcpSocket> parse_ss(std::string_view text);

// Runs ss in this network namespace. Nothing when it is not installed.
std::optional<std::string> run_ss(const std::string& arguments);

}  // namespace drainbow::testing
