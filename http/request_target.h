// The request line's target, taken apart: pure, fuzzed.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "drain/result.h"

namespace drainbow::http {

struct RequestTarget {
  std::string path;                          // percent-decoded
  std::map<std::string, std::string> query;  // percent-decoded; of a repeated key the last one
};

// Origin form, "/wait?for=drained&timeout=30s", or absolute form, "http://10.0.0.1:9911/wait?..."
// (RFC 9112, 3.2). A path with an encoded slash or control byte is refused; a query value may hold
// any byte. "+" in the query is a space.
Result<RequestTarget> parse_target(std::string_view target);

}  // namespace drainbow::http
