// Follows the Services of one namespace: list, then watch from where the list ended, and again when
// that ends (client-go's Reflector, tools/cache/reflector.go, is the model).
//
//   list     with resourceVersion unset (a consistent read), in pages; an expired `continue` begins
//   anew watch    with bookmarks, for 5 to 10 minutes at a time; resumed from the last
//   resourceVersion seen 410      that resourceVersion is too old: list silence  a connection on
//   which nothing comes for 90 s, not even a bookmark, is given up failure  wait (backoff.h), then
//   go on
//
// It belongs to one thread, never logs, and never gives up: what is wrong is part of the view.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "drain/selection.h"
#include "drain/time.h"
#include "kube/api_request.h"
#include "kube/api_server.h"
#include "kube/backoff.h"
#include "kube/services.h"
#include "kube/watch_health.h"

namespace drainbow::kube {

struct ReflectorLimits {
  Millis answer{15'000};           // from the connection's begin to an answer's header
  Millis page{30'000};             // between two pieces of a list
  Millis silence{90'000};          // between two pieces of a watch
  Millis watch_at_least{300'000};  // what the server is asked for: up to twice as long
  Millis healthy{60'000};          // a watch that lived so long ends a series of failures
  Millis first_retry{1'000};       // see Backoff
  Millis last_retry{30'000};
};

class ServiceReflector {
 public:
  // `namespace_name` is a DNS label (RFC 1123), as namespaces are.
  ServiceReflector(boost::asio::any_io_executor executor, ApiServer server,
                   std::string namespace_name, ReflectorLimits limits = {});
  ServiceReflector(const ServiceReflector&) = delete;
  ServiceReflector& operator=(const ServiceReflector&) = delete;

  // Follows until stop(). The coroutine must have ended before the reflector does.
  boost::asio::awaitable<void> run();
  void stop();

  // Nothing before the first list. How current they are, health() tells.
  const std::optional<ServiceSelectors>& services() const { return services_; }
  // Rises whenever services() changes.
  std::uint64_t generation() const { return generation_; }
  const WatchHealth& health() const { return health_; }
  // How many watches were begun after the first.
  std::uint64_t restarts() const { return watches_ > 0 ? watches_ - 1 : 0; }

 private:
  // Why something has ended.
  struct Ending {
    std::string why;
    unsigned status = 0;  // of the API server's answer; 0: there was none
    Millis retry_after{0};
  };

  boost::asio::awaitable<Ending> list_and_watch();
  // Nothing when all is well.
  boost::asio::awaitable<std::optional<Ending>> list();
  boost::asio::awaitable<std::variant<ServicePage, Ending>> list_page(std::string continue_token);
  boost::asio::awaitable<Ending> watch();
  boost::asio::awaitable<std::optional<Ending>> open(std::string target);
  std::optional<Ending> apply(std::vector<WatchEvent> events);
  boost::asio::awaitable<void> pause(Millis wait);
  double random();

  const boost::asio::any_io_executor executor_;
  const ApiServer server_;
  const std::string collection_;  // "/api/v1/namespaces/shop/services"
  const ReflectorLimits limits_;
  boost::asio::steady_timer retry_timer_;
  Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};
  WatchHealth health_;
  std::optional<ServiceSelectors> services_;
  std::string resource_version_;  // empty: to be listed
  std::uint64_t generation_ = 0;
  std::uint64_t watches_ = 0;
  std::optional<ApiRequest> request_;  // under way
  bool stopped_ = false;
};

}  // namespace drainbow::kube
