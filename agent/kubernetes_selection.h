// Selection from the cluster: the Services of the pod's namespace, matched against the pod's
// labels.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/selection_source.h"
#include "kube/api_server.h"
#include "kube/reflector.h"

namespace drainbow {

class KubernetesSelection : public SelectionSource {
 public:
  // Begins to watch; stop() ends it. `color_label` is the key of the label that tells colors apart.
  KubernetesSelection(const boost::asio::any_io_executor& executor, kube::ApiServer server,
                      std::string namespace_name, std::string color_label);

  SelectionReport report(TimePoint now, const Result<Labels>& labels) override;
  std::string_view name() const override { return "kubernetes"; }
  void stop() override { reflector_.stop(); }
  std::uint64_t restarts() const override { return reflector_.restarts(); }

 private:
  const ServiceMatch& match(const Labels& labels);

  kube::ServiceReflector reflector_;
  const std::string color_label_;
  // The last match, of these Services and labels.
  std::optional<std::uint64_t> matched_generation_;
  Labels matched_labels_;
  ServiceMatch match_;
};

}  // namespace drainbow
