#pragma once

#include <cstddef>

namespace drainbow::program {

// Raises the limit of open files towards `wanted`, as far as the hard limit lets anyone without a
// privilege (getrlimit(2)); the usual soft limit is 1024. Returns the limit now in force.
std::size_t raise_open_files(std::size_t wanted);

}  // namespace drainbow::program
