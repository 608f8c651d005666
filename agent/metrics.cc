#include "agent/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

#include "program/version.h"

namespace drainbow {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr ConnectionClass kClasses[] = {ConnectionClass::kOpen, ConnectionClass::kTransient,
                                        ConnectionClass::kLoopback, ConnectionClass::kIgnored,
                                        ConnectionClass::kHalfOpen};

double seconds(Millis duration) { return static_cast<double>(duration.count()) / 1000.0; }

void add(MetricFamily& family, double value, Labels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

MetricFamily family(const char* name, const char* help, MetricType type) {
  return {name, help, type, {}};
}

MetricFamily single(const char* name, const char* help, MetricType type, double value) {
  MetricFamily result = family(name, help, type);
  add(result, value, {});
  return result;
}

// A duration that may not exist is absent then, not 0.
void add_if_known(std::vector<MetricFamily>& families, const char* name, const char* help,
                  const std::optional<Millis>& duration) {
  if (duration) families.push_back(single(name, help, MetricType::Gauge, seconds(*duration)));
}

// No series before the first sample: unknown is never zero.
void add_connections(std::vector<MetricFamily>& families, const PodStatus& status) {
  if (!status.counted) return;
  MetricFamily by_class = family(
      "drainbow_connections", "Inbound TCP connections now, by local port and class; open count.",
      MetricType::Gauge);
  MetricFamily close_wait =
      family("drainbow_connections_close_wait",
             "Open connections whose peer has closed and the app has not.", MetricType::Gauge);
  MetricFamily closing =
      family("drainbow_connections_closing",
             "Open connections that the app has closed with unsent data.", MetricType::Gauge);
  MetricFamily opened =
      family("drainbow_connections_opened_total",
             "Connections first seen since the agent's start, by local port.", MetricType::Counter);
  for (const NamedPortCounts& port : shown_ports(status)) {
    for (const ConnectionClass c : kClasses) {
      add(by_class, static_cast<double>(port.counts.of(c)),
          {{"port", port.port}, {"class", std::string(to_string(c))}});
    }
    add(close_wait, static_cast<double>(port.counts.close_wait), {{"port", port.port}});
    add(closing, static_cast<double>(port.counts.closing), {{"port", port.port}});
    add(opened, static_cast<double>(port.opened), {{"port", port.port}});
  }
  for (MetricFamily* filled : {&by_class, &close_wait, &closing, &opened}) {
    families.push_back(std::move(*filled));
  }
}

void add_verdict(std::vector<MetricFamily>& families, const PodStatus& status) {
  MetricFamily verdict =
      family("drainbow_verdict", "1 for the pod's verdict, 0 for the others.", MetricType::Gauge);
  for (const Verdict v : kAllVerdicts) {
    add(verdict, v == status.verdict ? 1 : 0, {{"verdict", std::string(to_string(v))}});
  }
  families.push_back(std::move(verdict));
  if (status.selection != SelectionState::kUnknown) {
    families.push_back(single("drainbow_selected", "Whether some Service selects the pod.",
                              MetricType::Gauge,
                              status.selection == SelectionState::kSelected ? 1 : 0));
  }
}

void add_sampling(std::vector<MetricFamily>& families, const SamplingStats& stats) {
  MetricFamily duration =
      family("drainbow_sample_duration_seconds", "How long one count took.", MetricType::Histogram);
  ClientMetric histogram;
  histogram.histogram.sample_count = stats.duration_count;
  histogram.histogram.sample_sum = stats.duration_sum;
  for (std::size_t i = 0; i < SamplingStats::kBuckets.size(); ++i) {
    histogram.histogram.bucket.push_back({stats.durations[i], SamplingStats::kBuckets[i]});
  }
  histogram.histogram.bucket.push_back(
      {stats.duration_count, std::numeric_limits<double>::infinity()});
  duration.metric.push_back(std::move(histogram));
  families.push_back(std::move(duration));

  MetricFamily samples =
      family("drainbow_samples_total", "Counts taken, by method.", MetricType::Counter);
  for (const auto& [method, number] : stats.samples) {
    add(samples, static_cast<double>(number), {{"method", std::string(to_string(method))}});
  }
  MetricFamily errors = family("drainbow_sample_errors_total",
                               "Counts that failed, by what failed.", MetricType::Counter);
  for (const auto& [reason, number] : stats.errors) {
    add(errors, static_cast<double>(number), {{"reason", reason}});
  }
  families.push_back(std::move(samples));
  families.push_back(std::move(errors));
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, const SamplingStats& stats) {
  const PodStatus& status = snapshot.status;
  std::vector<MetricFamily> families;
  add_connections(families, status);
  families.push_back(single("drainbow_connections_lost_total",
                            "Open connections that ended together with the app's listener while "
                            "the pod was deselected.",
                            MetricType::Counter, static_cast<double>(status.lost_total)));
  add_verdict(families, status);
  families.push_back(single("drainbow_quiet_seconds",
                            "Since the deselection, the agent's start or the last new connection.",
                            MetricType::Gauge, seconds(status.quiet_for)));
  add_if_known(families, "drainbow_drained_seconds", "Since the verdict is drained.",
               status.drained_for);
  add_if_known(families, "drainbow_sample_age_seconds", "Since the count was last right.",
               status.sample_age);
  add_if_known(families, "drainbow_selection_age_seconds",
               "Since the last proof that the selection is current.", status.selection_age);
  add_sampling(families, stats);
  families.push_back(single("drainbow_watch_restarts_total",
                            "How often the selection source had to start following anew.",
                            MetricType::Counter, static_cast<double>(snapshot.watch_restarts)));
  MetricFamily build = family("drainbow_build_info", "1, with the version.", MetricType::Gauge);
  add(build, 1, {{"version", kVersion}});
  families.push_back(std::move(build));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace drainbow
