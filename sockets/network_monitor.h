// The pod's own addresses, default gateways and ephemeral port range, kept current through
// rtnetlink (libnl-route-3).
#pragma once

#include <memory>
#include <string>

#include "drain/result.h"
#include "drain/socket.h"

namespace drainbow {

class NetworkMonitor {
 public:
  explicit NetworkMonitor(std::string proc_root = "/proc");
  ~NetworkMonitor();
  NetworkMonitor(NetworkMonitor&&) noexcept;
  NetworkMonitor& operator=(NetworkMonitor&&) noexcept;

  // The identity as of now. Cheap when nothing changed: address and route notifications are drained
  // without blocking, and the tables are read again only after one (or after an error or overflow).
  Result<NetworkIdentity> current();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drainbow
