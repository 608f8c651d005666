// The codec of the probe's one kind of HTTP answer: HTTP/1.x, sent whole, its end marked by the end
// of the connection.
#pragma once

#include <string_view>

#include "drain/result.h"

namespace drainbow {

struct HttpResponse {
  int status = 0;
  std::string_view body;  // part of the bytes that were parsed
};

// `bytes` is all that came before the connection's end. A chunked or cut-off answer is an error.
Result<HttpResponse> parse_response(std::string_view bytes);

}  // namespace drainbow
