#include "agent/file_selection.h"

#include "agent/files.h"

namespace drainbow {
namespace {

constexpr std::size_t kMostBytes = 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Result<SelectionState> read_selection(const std::string& path) {
  const Result<std::string> content = read_file(path, kMostBytes);
  if (!content) return content.error();
  const std::string_view word = trimmed(*content);
  if (word == "selected") return SelectionState::kSelected;
  if (word == "deselected") return SelectionState::kDeselected;
  return Error{path + " holds '" + std::string(word.substr(0, 40)) +
               "'; accepted are selected and deselected"};
}

}  // namespace

SelectionReport FileSelection::report(TimePoint now, const Result<Labels>&) {
  const Result<SelectionState> state = read_selection(path_);
  if (state) {
    last_ = {.state = *state, .proven_at = now};
    if (*state == SelectionState::kSelected) last_.services = {"file " + path_};
  } else {
    if (!last_.broken_since) last_.broken_since = now;
    last_.problem = state.error().message;
  }
  return last_;
}

}  // namespace drainbow
