# Writes the header with color-server's built-in color: COLOR if given, else the first six digits of
# SOURCE_DIR's git HEAD, else a neutral gray. Touches the header only when the color changes.
#   cmake -DSOURCE_DIR=... -DCOLOR=... -DOUTPUT=... -P GitColor.cmake

cmake_minimum_required(VERSION 3.25)

# Without a .git here, git would look in the folders above, at somebody else's repository.
if(NOT COLOR AND EXISTS ${SOURCE_DIR}/.git)
  execute_process(COMMAND git -C ${SOURCE_DIR} rev-parse --verify HEAD
                  OUTPUT_VARIABLE head ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed AND head MATCHES "^[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]")
    set(COLOR ${CMAKE_MATCH_0})
  endif()
endif()
if(NOT COLOR)
  set(COLOR 808080)
endif()
string(TOLOWER ${COLOR} COLOR)

file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once

namespace drainbow::demo {

inline constexpr char kBuiltInColor[] = \"@COLOR@\";

}  // namespace drainbow::demo
" @ONLY)
