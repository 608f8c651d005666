// Selection from a file that holds `selected` or `deselected`: for local runs and tests, where it
// stands in for the Service.
#pragma once

#include <string>

#include "agent/selection_source.h"

namespace drainbow {

class FileSelection : public SelectionSource {
 public:
  explicit FileSelection(std::string path) : path_(std::move(path)) {}

  // Reads the file anew. While it can't be read, the last answer is given as broken since then.
  SelectionReport report(TimePoint now, const Result<Labels>& labels) override;
  std::string_view name() const override { return "file"; }

 private:
  std::string path_;
  SelectionReport last_;
};

}  // namespace drainbow
