#include "agent/document.h"

#include <boost/json/value.hpp>

#include "agent/json_text.h"
#include "program/version.h"

namespace drainbow {
namespace {

namespace json = boost::json;

json::value seconds(Millis duration) { return static_cast<double>(duration.count()) / 1000.0; }

json::value seconds(const std::optional<Millis>& duration) {
  return duration ? seconds(*duration) : json::value(nullptr);
}

json::value reasons(const std::vector<Reason>& verdict, const std::vector<Reason>& notes) {
  json::array list;
  for (const auto* source : {&verdict, &notes}) {
    for (const Reason& reason : *source) {
      list.push_back({{"code", reason.code}, {"message", reason.message}});
    }
  }
  return list;
}

json::value pod(const Snapshot& snapshot) {
  json::object labels;
  for (const auto& [key, value] : snapshot.labels) labels[key] = value;
  return {{"name", snapshot.pod.name},
          {"namespace", snapshot.pod.namespace_name},
          {"uid", snapshot.pod.uid},
          {"labels", std::move(labels)}};
}

json::value selection(const Snapshot& snapshot) {
  const PodStatus& status = snapshot.status;
  json::array services;
  for (const std::string& service : status.services) services.push_back(json::value(service));
  return {
      {"state", to_string(status.selection)},
      {"services", std::move(services)},
      {"ever_selected", status.ever_selected},
      {"source", snapshot.selection_source},
      {"age", seconds(status.selection_age)},
      {"deselected_for", seconds(status.deselected_for)},
      {"deselected_at", snapshot.deselected_at ? json::value(to_rfc3339(*snapshot.deselected_at))
                                               : json::value(nullptr)}};
}

json::object counts_of(const PortCounts& counts) {
  return {{"open", counts.of(ConnectionClass::kOpen)},
          {"transient", counts.of(ConnectionClass::kTransient)},
          {"loopback", counts.of(ConnectionClass::kLoopback)},
          {"ignored", counts.of(ConnectionClass::kIgnored)},
          {"half_open", counts.of(ConnectionClass::kHalfOpen)},
          {"close_wait", counts.close_wait},
          {"closing", counts.closing}};
}

json::value idle_over(const ConnectionDetails& details) {
  if (!details.idle_over) return nullptr;
  json::object steps;
  for (std::size_t i = 0; i < kIdleSteps.size(); ++i) {
    steps[std::to_string(kIdleSteps[i].count()) + "h"] = (*details.idle_over)[i];
  }
  return steps;
}

json::value peers(const ConnectionDetails& details) {
  json::array list;
  for (const ConnectionDetail& connection : details.oldest) {
    list.push_back({{"address", connection.peer.to_string()},
                    {"port", connection.peer_port},
                    {"local_port", connection.local_port},
                    {"state", to_string(connection.state)},
                    {"age", seconds(connection.age)},
                    {"idle", seconds(connection.idle)}});
  }
  return list;
}

// null before the first sample: unknown is never zero.
json::value connections(const PodStatus& status, const ConnectionDetails& details) {
  if (!status.counted) return nullptr;
  json::object result = counts_of(status.counts.total);
  json::object by_port;
  std::uint64_t opened_total = 0;
  for (const NamedPortCounts& port : shown_ports(status)) {
    by_port[port.port] = counts_of(port.counts);
    opened_total += port.opened;
  }
  result["by_port"] = std::move(by_port);
  result["oldest_age"] = seconds(status.oldest_age);
  result["idle_over"] = idle_over(details);
  result["opened_total"] = opened_total;
  result["lost_total"] = status.lost_total;
  result["peers"] = peers(details);
  return result;
}

}  // namespace

std::string document(const Snapshot& snapshot, const ConnectionDetails& details) {
  const PodStatus& status = snapshot.status;
  const json::value content = {
      {"verdict", to_string(status.verdict)},
      {"reasons", reasons(status.reasons, snapshot.notes)},
      {"pod", pod(snapshot)},
      {"selection", selection(snapshot)},
      {"connections", connections(status, details)},
      {"sample",
       {{"method", to_string(status.sample_method)},
        {"age", seconds(status.sample_age)},
        {"complete", status.complete}}},
      {"quiet_for", seconds(status.quiet_for)},
      {"quiet_period", seconds(snapshot.quiet_period)},
      {"threshold", snapshot.threshold},
      {"drained_for", seconds(status.drained_for)},
      {"episode", status.episode},
      {"terminating", snapshot.terminating},
      {"agent", {{"version", kVersion}, {"uptime", seconds(snapshot.uptime)}}}};
  return json_text(content) + "\n";
}

}  // namespace drainbow
