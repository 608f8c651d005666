#include "tests/kube/scripted_api_server.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <stdexcept>

namespace drainbow::kube {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;

template <typename T, auto kFree>
struct Freed {
  void operator()(T* owned) const { kFree(owned); }
};
template <typename T, auto kFree>
using Owner = std::unique_ptr<T, Freed<T, kFree>>;

void must(bool worked) {
  if (!worked) throw std::runtime_error("OpenSSL failed in a test");
}

template <typename Write>
std::string pem(Write write) {
  const Owner<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  must(write(out.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Owner<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace

Identity make_identity(const std::string& subject) {
  const Owner<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
  const Owner<X509, X509_free> certificate(X509_new());
  must(key && certificate);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate.get(), NID_subject_alt_name, subject);
  must(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  return {.certificate = pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); }),
          .key = pem([&](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

struct ScriptedApiServer::Listener {
  explicit Listener(const asio::any_io_executor& executor)
      : acceptor(executor, {asio::ip::address_v4::loopback(), 0}) {}

  tcp::acceptor acceptor;
  ssl::context context{ssl::context::tls_server};
};

struct ScriptedApiServer::Session {
  Session(tcp::socket socket, std::shared_ptr<Listener> of)
      : listener(std::move(of)), stream(std::move(socket), listener->context) {}

  std::shared_ptr<Listener> listener;
  ssl::stream<tcp::socket> stream;
};

ScriptedApiServer::ScriptedApiServer(const asio::any_io_executor& executor,
                                     const Identity& identity)
    : listener_(std::make_shared<Listener>(executor)), identity_(identity) {
  listener_->context.use_certificate_chain(asio::buffer(identity.certificate));
  listener_->context.use_private_key(asio::buffer(identity.key), ssl::context::pem);
  asio::co_spawn(executor, accept(), asio::detached);
}

ScriptedApiServer::~ScriptedApiServer() = default;

ApiServer ScriptedApiServer::access() const {
  return {.host = "127.0.0.1",
          .port = listener_->acceptor.local_endpoint().port(),
          .token = [] { return Result<std::string>("secret"); },
          .authority = [pem = identity_.certificate] { return Result<std::string>(pem); }};
}

void ScriptedApiServer::answer(std::string bytes, Then then) {
  scripts_.push_back({std::move(bytes), then});
}

void ScriptedApiServer::answer_json(const std::string& body) {
  answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body);
}

namespace {

std::string chunk(const std::string& text) {
  if (text.empty()) return "";
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

}  // namespace

void ScriptedApiServer::answer_watch(const std::string& begin) {
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(begin), Then::kStayOpen);
}

void ScriptedApiServer::send_event(const std::string& json) {
  asio::co_spawn(listener_->acceptor.get_executor(), write(open_, chunk(json), Then::kStayOpen),
                 asio::detached);
}

void ScriptedApiServer::close_watch() {
  asio::co_spawn(listener_->acceptor.get_executor(), write(open_, "0\r\n\r\n", Then::kClose),
                 asio::detached);
}

void ScriptedApiServer::break_watch() { open_->stream.next_layer().close(); }

std::vector<std::string> ScriptedApiServer::targets() const {
  std::vector<std::string> targets;
  for (const std::string& request : requests_) {
    targets.push_back(request.substr(4, request.find(' ', 4) - 4));
  }
  return targets;
}

asio::awaitable<void> ScriptedApiServer::accept() {
  const std::shared_ptr<Listener> listener = listener_;
  while (true) {
    boost::system::error_code failure;
    tcp::socket socket = co_await listener->acceptor.async_accept(
        asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return;
    asio::co_spawn(listener->acceptor.get_executor(),
                   serve(this, std::make_shared<Session>(std::move(socket), listener)),
                   asio::detached);
  }
}

asio::awaitable<void> ScriptedApiServer::serve(ScriptedApiServer* self,
                                               std::shared_ptr<Session> session) {
  boost::system::error_code failure;
  co_await session->stream.async_handshake(ssl::stream_base::server,
                                           asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return;
  std::string header;
  co_await asio::async_read_until(session->stream, asio::dynamic_buffer(header), "\r\n\r\n",
                                  asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return;
  self->requests_.push_back(header);
  self->open_ = session;
  if (self->scripts_.empty()) co_return;
  const Script script = std::move(self->scripts_.front());
  self->scripts_.pop_front();
  co_await write(session, script.bytes, script.then);
}

asio::awaitable<void> ScriptedApiServer::write(std::shared_ptr<Session> session, std::string bytes,
                                               Then then) {
  boost::system::error_code failure;
  co_await asio::async_write(session->stream, asio::buffer(bytes),
                             asio::redirect_error(asio::use_awaitable, failure));
  if (then == Then::kClose) session->stream.next_layer().close(failure);
}

}  // namespace drainbow::kube
