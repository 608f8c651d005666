#pragma once

namespace drainbow {

inline constexpr char kVersion[] = DRAINBOW_VERSION;  // set by CMake from the project's version

}  // namespace drainbow
