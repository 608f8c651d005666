// The pod's labels as the downward API writes them, one `key="escaped value"` a line
// (kubernetes pkg/fieldpath/fieldpath.go, FormatMap: strconv.Quote).
#pragma once

#include <string>
#include <string_view>

#include "drain/result.h"
#include "drain/selection.h"

namespace drainbow {

// Pure, fuzzed.
Result<Labels> decode_labels(std::string_view text);

// Reads the file anew: the kubelet swaps a symlink, so a path is followed each time.
Result<Labels> read_labels(const std::string& path);

}  // namespace drainbow
