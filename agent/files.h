// Small files, whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "drain/result.h"

namespace drainbow {

// The whole file; an error if it is longer than `most` bytes or not a regular file.
Result<std::string> read_file(const std::string& path, std::size_t most);

// Whether the path names anything.
bool file_exists(const std::string& path);

// Replaces the file in one step: whoever reads sees the old content or the new one, also after a
// crash of the machine (temporary file, fsync, rename, fsync of the directory).
Result<void> replace_file(const std::string& directory, const std::string& name,
                          std::string_view content);

}  // namespace drainbow
