#include "agent/kubernetes_selection.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

namespace drainbow {

KubernetesSelection::KubernetesSelection(const boost::asio::any_io_executor& executor,
                                         kube::ApiServer server, std::string namespace_name,
                                         std::string color_label)
    : reflector_(executor, std::move(server), std::move(namespace_name)),
      color_label_(std::move(color_label)) {
  // What it throws is a defect, which must not pass for silence.
  boost::asio::co_spawn(executor, reflector_.run(), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

SelectionReport KubernetesSelection::report(TimePoint now, const Result<Labels>& labels) {
  const kube::WatchHealth& health = reflector_.health();
  SelectionReport report{.problem = health.problem(now),
                         .proven_at = health.proven_at(),
                         .broken_since = health.broken_since(now)};
  if (!labels) {
    report.problem = "the pod's labels cannot be read: " + labels.error().message;
    return report;
  }
  if (labels->empty()) {
    report.problem = "the pod has no labels, as far as its labels file tells";
    return report;
  }
  if (!reflector_.services()) {
    if (report.problem.empty()) report.problem = "the Services were not listed yet";
    return report;
  }
  const ServiceMatch& found = match(*labels);
  report.state = found.services.empty() ? SelectionState::kDeselected : SelectionState::kSelected;
  report.services = found.services;
  report.notes = found.notes;
  return report;
}

const ServiceMatch& KubernetesSelection::match(const Labels& labels) {
  if (matched_generation_ != reflector_.generation() || matched_labels_ != labels) {
    match_ = match_services(labels, *reflector_.services(), color_label_);
    matched_generation_ = reflector_.generation();
    matched_labels_ = labels;
  }
  return match_;
}

}  // namespace drainbow
