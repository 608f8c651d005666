# What every target of the project has in common.

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Only with compilers this was tried with: a newer one's new warning shall not stop anybody's build.
set(warnings_are_errors "")
if("${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" MATCHES "^(GNU 1[234]|Clang 19)[.]")
  set(warnings_are_errors -Werror)
endif()

add_library(drainbow_flags INTERFACE)
target_compile_options(drainbow_flags INTERFACE
  -Wall -Wextra -Wconversion ${warnings_are_errors}
  # Designated initializers name what differs from the defaults; the rest is meant to be left out.
  -Wno-missing-field-initializers)
target_include_directories(drainbow_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12: in coroutine frames (GCC bug 109224 and its kin), and when optimizing
  # "text" + std::string (GCC bug 105329).
  target_compile_options(drainbow_flags INTERFACE
    -Wno-mismatched-new-delete $<$<CONFIG:Release>:-Wno-restrict>)
endif()
# What is released checks the bounds of every [] and the engagement of every *optional: it reads what
# strangers send.
target_compile_definitions(drainbow_flags INTERFACE $<$<CONFIG:Release>:_GLIBCXX_ASSERTIONS>)
if(DRAINBOW_SANITIZERS)
  add_compile_options(-fsanitize=${DRAINBOW_SANITIZERS} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DRAINBOW_SANITIZERS})
endif()
# Drop what is not used from the linked libraries.
add_link_options(-Wl,--as-needed)

# drainbow_library(NAME SOURCES... LINK TARGETS...): a static library of one folder.
function(drainbow_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK;PRIVATE_LINK")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC drainbow_flags ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK})
endfunction()

# drainbow_test(NAME SOURCES... LINK TARGETS...): one GoogleTest binary, one ctest entry.
function(drainbow_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE drainbow_flags ${arg_LINK} GTest::gmock_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()
