#include "kube/reflector.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace drainbow::kube {
namespace {

namespace asio = boost::asio;

constexpr unsigned kOk = 200;
constexpr unsigned kGone = 410;
constexpr std::size_t kPageSize = 500;
constexpr std::size_t kMostRefusalBytes = 64 * 1024;

TimePoint clock_now() { return std::chrono::steady_clock::now(); }

// "403 Forbidden: services is forbidden: User ... cannot list resource ..."
std::string refusal_text(unsigned code, const Status& status) {
  std::string text = std::to_string(code);
  if (!status.reason.empty()) text += " " + status.reason;
  if (!status.message.empty()) text += ": " + status.message;
  return text;
}

}  // namespace

ServiceReflector::ServiceReflector(asio::any_io_executor executor, ApiServer server,
                                   std::string namespace_name, ReflectorLimits limits)
    : executor_(std::move(executor)),
      server_(std::move(server)),
      collection_("/api/v1/namespaces/" + percent_encoded(namespace_name) + "/services"),
      limits_(limits),
      retry_timer_(executor_),
      backoff_(limits.first_retry, limits.last_retry) {}

asio::awaitable<void> ServiceReflector::run() {
  while (!stopped_) {
    const TimePoint begin = clock_now();
    Ending ending = co_await list_and_watch();
    request_.reset();
    const TimePoint now = clock_now();
    health_.on_end(now, std::move(ending.why));
    if (ending.status == kGone) resource_version_.clear();
    if (now - begin >= limits_.healthy) backoff_.reset();
    // Also after an end in good order: the watches of all agents end together when an API server
    // does.
    co_await pause(backoff_.next(random(), ending.retry_after));
  }
}

void ServiceReflector::stop() {
  stopped_ = true;
  retry_timer_.cancel();
  if (request_) request_->cancel();
}

asio::awaitable<ServiceReflector::Ending> ServiceReflector::list_and_watch() {
  if (resource_version_.empty() || !health_.resumable(clock_now())) {
    std::optional<Ending> failed = co_await list();
    if (failed) {
      failed->why = "listing Services: " + failed->why;
      co_return std::move(*failed);
    }
  }
  Ending ended = co_await watch();
  ended.why = "watching Services: " + ended.why;
  co_return ended;
}

asio::awaitable<std::optional<ServiceReflector::Ending>> ServiceReflector::list() {
  const TimePoint asked = clock_now();
  ServiceSelectors listed;
  std::string version;
  std::string continue_token;
  do {
    std::variant<ServicePage, Ending> answer = co_await list_page(std::move(continue_token));
    if (auto* failed = std::get_if<Ending>(&answer)) co_return std::move(*failed);
    auto& page = std::get<ServicePage>(answer);
    for (Service& service : page.services) {
      listed.insert_or_assign(std::move(service.name), std::move(service.selector));
    }
    if (listed.size() > kMostServices) {
      co_return Ending{"the namespace has more than " + std::to_string(kMostServices)};
    }
    continue_token = std::move(page.continue_token);
    version = std::move(page.resource_version);
  } while (!continue_token.empty());

  // Both only now: a watch from this version must not follow on an older view.
  resource_version_ = std::move(version);
  if (services_ != listed) {
    services_ = std::move(listed);
    ++generation_;
  }
  health_.on_list(asked);
  co_return std::nullopt;
}

// The first page, or the one that the token stands for.
asio::awaitable<std::variant<ServicePage, ServiceReflector::Ending>> ServiceReflector::list_page(
    std::string continue_token) {
  std::string target = collection_ + "?limit=" + std::to_string(kPageSize);
  if (!continue_token.empty()) target += "&continue=" + percent_encoded(continue_token);
  std::optional<Ending> refused = co_await open(std::move(target));
  if (refused) co_return std::move(*refused);

  ServicePageDecoder decoder;
  while (true) {
    const Result<std::string_view> bytes = co_await request_->read(limits_.page);
    if (!bytes) co_return Ending{bytes.error().message};
    if (bytes->empty()) break;
    const Result<void> fed = decoder.feed(*bytes);
    if (!fed) co_return Ending{fed.error().message};
  }
  Result<ServicePage> page = decoder.finish();
  if (!page) co_return Ending{page.error().message};
  co_return std::move(*page);
}

asio::awaitable<ServiceReflector::Ending> ServiceReflector::watch() {
  const auto at_least = std::chrono::duration<double>(limits_.watch_at_least).count();
  const auto seconds = static_cast<std::uint64_t>(at_least * (1 + random()));
  std::optional<Ending> refused = co_await open(
      collection_ + "?watch=true&allowWatchBookmarks=true&resourceVersion=" +
      percent_encoded(resource_version_) + "&timeoutSeconds=" + std::to_string(seconds));
  if (refused) co_return std::move(*refused);
  ++watches_;
  health_.on_open(clock_now());

  WatchDecoder decoder;
  while (true) {
    const Result<std::string_view> bytes = co_await request_->read(limits_.silence);
    if (!bytes) co_return Ending{bytes.error().message};
    if (bytes->empty()) co_return Ending{"the API server ended the watch"};
    Result<std::vector<WatchEvent>> events = decoder.feed(*bytes);
    if (!events) co_return Ending{events.error().message};
    std::optional<Ending> ended = apply(std::move(*events));
    if (ended) co_return std::move(*ended);
  }
}

asio::awaitable<std::optional<ServiceReflector::Ending>> ServiceReflector::open(
    std::string target) {
  if (stopped_) co_return Ending{"given up"};
  request_.emplace(executor_, server_);
  const Result<AnswerHead> head = co_await request_->send(std::move(target), limits_.answer);
  if (!head) co_return Ending{head.error().message};
  if (head->status == kOk) co_return std::nullopt;

  std::string body;
  while (body.size() < kMostRefusalBytes) {
    const Result<std::string_view> bytes = co_await request_->read(limits_.page);
    if (!bytes || bytes->empty()) break;
    body += *bytes;
  }
  const std::string why = refusal_text(head->status, decode_status(body).value_or(Status{}));
  co_return Ending{.why = why, .status = head->status, .retry_after = head->retry_after};
}

// A change that the server reports as an error ends the watch.
std::optional<ServiceReflector::Ending> ServiceReflector::apply(std::vector<WatchEvent> events) {
  bool changed = false;
  bool bookmarked = false;
  for (WatchEvent& event : events) {
    if (event.type == WatchEvent::Type::kError) {
      const auto code = static_cast<unsigned>(std::max(0, event.status.code));
      return Ending{.why = refusal_text(code, event.status), .status = code};
    }
    resource_version_ = std::move(event.service.resource_version);
    switch (event.type) {
      case WatchEvent::Type::kBookmark:
        bookmarked = true;
        continue;
      case WatchEvent::Type::kDeleted:
        generation_ += services_->erase(event.service.name);
        break;
      default:
        (*services_)[event.service.name] = std::move(event.service.selector);
        ++generation_;
    }
    changed = true;
  }
  const TimePoint now = clock_now();
  if (changed) health_.on_change(now);
  if (bookmarked) health_.on_bookmark(now);
  return std::nullopt;
}

asio::awaitable<void> ServiceReflector::pause(Millis wait) {
  if (stopped_) co_return;
  retry_timer_.expires_after(wait);
  boost::system::error_code cancelled;
  co_await retry_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

double ServiceReflector::random() { return std::uniform_real_distribution<double>()(random_); }

}  // namespace drainbow::kube
