#include "demo/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "program/version.h"

namespace drainbow::demo {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric counted(std::uint64_t value) {
  ClientMetric metric;
  metric.counter.value = static_cast<double>(value);
  return metric;
}

ClientMetric gauged(double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  return metric;
}

MetricFamily counter(std::string name, std::string help, std::uint64_t value) {
  return {std::move(name), std::move(help), MetricType::Counter, {counted(value)}};
}

MetricFamily http_requests(const std::map<int, std::uint64_t>& by_status) {
  MetricFamily family{"color_server_http_requests_total",
                      "HTTP requests answered on the color's port, by status.",
                      MetricType::Counter,
                      {}};
  for (const auto& [status, count] : by_status) {
    ClientMetric metric = counted(count);
    metric.label = {{"code", std::to_string(status)}};
    family.metric.push_back(std::move(metric));
  }
  return family;
}

MetricFamily build_info(Color color) {
  ClientMetric metric = gauged(1);
  metric.label = {{"color", color.hex()}, {"version", kVersion}};
  return {"color_server_build_info",
          "The release, and the color it shows.",
          MetricType::Gauge,
          {std::move(metric)}};
}

std::string metrics_text(const Numbers& numbers) {
  const LineCounts& lines = numbers.lines;
  return prometheus::TextSerializer().Serialize({
      {"color_server_sessions",
       "Open sessions of the line server.",
       MetricType::Gauge,
       {gauged(static_cast<double>(numbers.line_sessions))}},
      counter("color_server_sessions_total", "Sessions that the line server began.",
              lines.sessions_total),
      counter("color_server_sessions_refused_total",
              "Clients closed at once because of --max-sessions.", lines.refused_total),
      counter("color_server_lines_sent_total", "Lines handed to the kernel for sending.",
              lines.lines_sent_total),
      counter("color_server_accept_errors_total", "Failures to accept a client of the line server.",
              lines.accept_errors_total),
      http_requests(numbers.http_requests),
      build_info(numbers.color),
  });
}

}  // namespace

http::Response answer_metrics(const http::Request& request, const Numbers& numbers) {
  http::Response response;
  if (request.path == "/metrics") {
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_text(numbers);
  } else {
    response.status = 404;
    response.body = "not found: here is /metrics\n";
  }
  return response;
}

}  // namespace drainbow::demo
