// One GET to the API server over a TLS connection of its own, and the answer as it comes in.
//
// Each step has its limit: a server that stands still ends in an error. Private to this folder.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "drain/result.h"
#include "drain/time.h"
#include "kube/api_server.h"

namespace drainbow::kube {

struct AnswerHead {
  unsigned status = 0;
  Millis retry_after{0};  // zero: not given
};

class ApiRequest {
 public:
  // `server` must outlive it.
  ApiRequest(boost::asio::any_io_executor executor, const ApiServer& server);
  ~ApiRequest();

  // Connects, sends the request and reads the answer's header, all within `limit`.
  boost::asio::awaitable<Result<AnswerHead>> send(std::string target, Millis limit);

  // The next bytes of the body, valid until the next call; empty at its end. An error if none came
  // within `limit`.
  boost::asio::awaitable<Result<std::string_view>> read(Millis limit);

  // Ends whatever is under way, soon, with an error.
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "a%2Fb": everything but the unreserved characters of RFC 3986, 2.3.
std::string percent_encoded(std::string_view text);

}  // namespace drainbow::kube
