// JSON as people like to read it: Boost.JSON writes 12.5 as 1.25E1.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace drainbow {

// Compact JSON with plain decimals, at most three digits after the point. What is not UTF-8 in a
// string, such as a file's content in a message, becomes U+FFFD.
std::string json_text(const boost::json::value& value);

}  // namespace drainbow
