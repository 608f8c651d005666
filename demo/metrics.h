// color-server's /metrics: its state as Prometheus text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "demo/color.h"
#include "demo/line_server.h"
#include "http/server.h"

namespace drainbow::demo {

struct Numbers {
  Color color;
  std::size_t line_sessions = 0;
  LineCounts lines;
  std::map<int, std::uint64_t> http_requests;  // by status
};

// /metrics; 404 for the rest.
http::Response answer_metrics(const http::Request& request, const Numbers& numbers);

}  // namespace drainbow::demo
