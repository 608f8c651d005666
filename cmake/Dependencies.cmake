# Distribution packages only. ARCHITECTURE.md ("Dependencies") gives each its reason.

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS SSL)
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS json)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libmnl REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(libnl_route REQUIRED IMPORTED_TARGET libnl-route-3.0)

if(BUILD_TESTING)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()

# Asio and Beast compiled once, instead of in every file that includes them.
add_library(drainbow_boost STATIC ${CMAKE_SOURCE_DIR}/cmake/boost.cc)
target_link_libraries(drainbow_boost PUBLIC Boost::headers Threads::Threads)
target_compile_definitions(drainbow_boost PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE BOOST_ALLOW_DEPRECATED_HEADERS)

# ... and Asio's TLS, for who speaks it.
add_library(drainbow_boost_ssl STATIC ${CMAKE_SOURCE_DIR}/cmake/boost_ssl.cc)
target_link_libraries(drainbow_boost_ssl PUBLIC drainbow_boost OpenSSL::SSL)
