#include "agent/snapshot.h"

#include <algorithm>
#include <map>

namespace drainbow {
namespace {

std::uint64_t weight(const PortCounts& counts) {
  std::uint64_t sum = 0;
  for (const std::uint64_t of_class : counts.by_class) sum += of_class;
  return sum;
}

void add(NamedPortCounts& sum, const NamedPortCounts& part) {
  for (std::size_t i = 0; i < kConnectionClasses; ++i) {
    sum.counts.by_class[i] += part.counts.by_class[i];
  }
  sum.counts.close_wait += part.counts.close_wait;
  sum.counts.closing += part.counts.closing;
  sum.opened += part.opened;
}

}  // namespace

std::vector<NamedPortCounts> shown_ports(const PodStatus& status) {
  std::map<std::uint16_t, NamedPortCounts> by_port;
  for (const auto& [port, counts] : status.counts.by_port) by_port[port].counts = counts;
  for (const auto& [port, opened] : status.opened_by_port) by_port[port].opened = opened;

  std::vector<std::pair<std::uint64_t, std::uint16_t>> heaviest;
  heaviest.reserve(by_port.size());
  for (const auto& [port, of_port] : by_port) heaviest.emplace_back(weight(of_port.counts), port);
  std::ranges::sort(heaviest, std::greater<>());
  std::set<std::uint16_t> kept;
  for (std::size_t i = 0; i < std::min(heaviest.size(), kMostPortsShown); ++i) {
    kept.insert(heaviest[i].second);
  }

  std::vector<NamedPortCounts> shown;
  NamedPortCounts other{.port = "other"};
  for (auto& [port, of_port] : by_port) {
    of_port.port = std::to_string(port);
    if (kept.contains(port)) {
      shown.push_back(of_port);
    } else {
      add(other, of_port);
    }
  }
  if (by_port.size() > kept.size()) shown.push_back(std::move(other));
  return shown;
}

}  // namespace drainbow
