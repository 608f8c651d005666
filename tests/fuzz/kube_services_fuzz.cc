// The API server's answers about Services: whatever the bytes are and wherever they are cut, the
// decoders give the same values or an error.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kube/services.h"

namespace {

using drainbow::Result;
using namespace drainbow::kube;  // NOLINT(google-build-using-namespace): the fuzzer is about it

void check_page(std::string_view text, std::size_t cut) {
  ServicePageDecoder whole;
  const bool fed = whole.feed(text).ok();
  ServicePageDecoder parts;
  const bool fed_parts = parts.feed(text.substr(0, cut)).ok() && parts.feed(text.substr(cut)).ok();
  if (fed != fed_parts) std::abort();
  if (!fed) return;
  const Result<ServicePage> page = whole.finish();
  const Result<ServicePage> page_of_parts = parts.finish();
  if (page.ok() != page_of_parts.ok()) std::abort();
  if (page.ok() && !(*page == *page_of_parts)) std::abort();
}

void check_watch(std::string_view text, std::size_t cut) {
  WatchDecoder whole;
  const Result<std::vector<WatchEvent>> events = whole.feed(text);
  WatchDecoder parts;
  Result<std::vector<WatchEvent>> first = parts.feed(text.substr(0, cut));
  if (!first) {
    if (events.ok()) std::abort();
    return;
  }
  const Result<std::vector<WatchEvent>> second = parts.feed(text.substr(cut));
  if (events.ok() != second.ok()) std::abort();
  if (!events) return;
  first->insert(first->end(), second->begin(), second->end());
  if (!(*first == *events) || whole.between_events() != parts.between_events()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = text.size() * data[0] / 256;
  check_page(text, cut);
  check_watch(text, cut);
  (void)decode_status(text);
  return 0;
}
