// The last system call's failure as an Error.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "drain/result.h"

namespace drainbow {

// "opening /x: Permission denied".
inline Error errno_error(std::string_view doing, int code = errno) {
  return Error{std::strerror(code)}.wrap(doing);
}

}  // namespace drainbow
