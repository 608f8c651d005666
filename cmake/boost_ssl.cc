// Asio's TLS, compiled once; apart from boost.cc, so that only who needs it links OpenSSL.
#include <boost/asio/ssl/impl/src.hpp>
