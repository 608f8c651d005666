#include "agent/state_file.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "agent/files.h"

namespace drainbow {
namespace {

namespace json = boost::json;

constexpr char kName[] = "state.json";
// 65,535 port numbers and the rest fit.
constexpr std::size_t kMostBytes = 512 * 1024;

Error not_state(const char* what) { return Error{std::string("not a state file: ") + what}; }

Result<std::set<std::uint16_t>> decode_ports(const json::value* value) {
  if (value == nullptr || !value->is_array()) return not_state("ports is not a list");
  std::set<std::uint16_t> ports;
  for (const json::value& item : value->get_array()) {
    if (!item.is_int64() || item.get_int64() < 1 || item.get_int64() > UINT16_MAX) {
      return not_state("a port is not a number from 1 to 65535");
    }
    ports.insert(static_cast<std::uint16_t>(item.get_int64()));
  }
  return ports;
}

Result<std::optional<WallTime>> decode_time(const json::value* value) {
  if (value == nullptr) return not_state("deselected_at is missing");
  if (value->is_null()) return std::optional<WallTime>();
  if (!value->is_string()) return not_state("deselected_at is not a time");
  const Result<WallTime> time = parse_rfc3339(std::string_view(value->get_string()));
  if (!time) return time.error().wrap("deselected_at");
  return std::optional<WallTime>(*time);
}

Result<SavedState> read_state(const std::string& path) {
  const Result<std::string> content = read_file(path, kMostBytes);
  if (!content) return content.error();
  return decode_state(*content);
}

}  // namespace

std::string encode_state(const SavedState& state) {
  json::object object;
  object["pod_uid"] = state.pod_uid;
  object["ever_selected"] = state.ever_selected;
  object["deselected_at"] =
      state.deselected_at ? json::value(to_rfc3339(*state.deselected_at)) : json::value(nullptr);
  json::array ports;
  for (const std::uint16_t port : state.ports) ports.push_back(port);
  object["ports"] = std::move(ports);
  return json::serialize(object) + "\n";
}

Result<SavedState> decode_state(std::string_view text) {
  boost::system::error_code failure;
  const json::value document = json::parse(json::string_view(text.data(), text.size()), failure);
  if (failure) return not_state(failure.message().c_str());
  if (!document.is_object()) return not_state("no JSON object");
  const json::object& object = document.get_object();
  const json::value* uid = object.if_contains("pod_uid");
  const json::value* ever = object.if_contains("ever_selected");
  if (uid == nullptr || !uid->is_string()) return not_state("pod_uid is not a string");
  if (ever == nullptr || !ever->is_bool()) return not_state("ever_selected is not true or false");
  Result<std::optional<WallTime>> deselected_at = decode_time(object.if_contains("deselected_at"));
  if (!deselected_at) return deselected_at.error();
  Result<std::set<std::uint16_t>> ports = decode_ports(object.if_contains("ports"));
  if (!ports) return ports.error();
  return SavedState{.pod_uid = std::string(std::string_view(uid->get_string())),
                    .ever_selected = ever->get_bool(),
                    .deselected_at = *deselected_at,
                    .ports = std::move(*ports)};
}

Result<std::optional<SavedState>> StateFile::load() {
  const std::string path = directory_ + "/" + kName;
  if (directory_.empty() || !file_exists(path)) return std::optional<SavedState>();
  Result<SavedState> decoded = read_state(path);
  if (!decoded) {
    const std::string aside = path + ".corrupt";
    const bool moved = std::rename(path.c_str(), aside.c_str()) == 0;
    return decoded.error().wrap(path + (moved ? " (set aside as " + aside + ")" : ""));
  }
  saved_ = std::move(*decoded);
  return saved_;
}

Result<void> StateFile::save(const SavedState& state) {
  if (directory_.empty() || saved_ == state) return {};
  const Result<void> written = replace_file(directory_, kName, encode_state(state));
  if (!written) return written;
  saved_ = state;
  return {};
}

}  // namespace drainbow
