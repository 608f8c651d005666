// An API server that answers as a test tells it, over real TLS on a loopback port: for what a real
// one does too seldom, or never. What the real one does is tested in tests/cluster.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "kube/api_server.h"

namespace drainbow::kube {

// A certificate for one address or name, signed by itself, and its key; in PEM.
struct Identity {
  std::string certificate;
  std::string key;
};
// `subject` as in openssl's subjectAltName: "IP:127.0.0.1", "DNS:example.test".
Identity make_identity(const std::string& subject);

class ScriptedApiServer {
 public:
  ScriptedApiServer(const boost::asio::any_io_executor& executor, const Identity& identity);
  ~ScriptedApiServer();

  // How a client reaches it, with the token "secret".
  ApiServer access() const;

  enum class Then { kClose, kStayOpen };
  // The next request that comes gets these bytes, whatever it is. Without a script it waits.
  void answer(std::string bytes, Then then = Then::kClose);
  // The header of a 200 and the whole body.
  void answer_json(const std::string& body);
  // The header of a 200 and pieces of a body that goes on.
  void answer_watch(const std::string& begin = "");

  // On the connection that was answered last and stays open.
  void send_event(const std::string& json);
  void close_watch();  // as an API server does when the time asked for is over
  void break_watch();  // without a word

  // The headers of all requests so far, each whole: "GET /api... HTTP/1.1\r\n...".
  const std::vector<std::string>& requests() const { return requests_; }
  // The targets alone.
  std::vector<std::string> targets() const;

 private:
  struct Session;
  struct Script {
    std::string bytes;
    Then then;
  };

  boost::asio::awaitable<void> accept();
  static boost::asio::awaitable<void> serve(ScriptedApiServer* self,
                                            std::shared_ptr<Session> session);
  static boost::asio::awaitable<void> write(std::shared_ptr<Session> session, std::string bytes,
                                            Then then);

  struct Listener;
  std::shared_ptr<Listener> listener_;
  Identity identity_;
  std::deque<Script> scripts_;
  std::vector<std::string> requests_;
  std::shared_ptr<Session> open_;
};

}  // namespace drainbow::kube
