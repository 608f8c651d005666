// The one translation unit that compiles the header-only parts of Boost.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
