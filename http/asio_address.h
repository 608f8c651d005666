// Addresses as Asio holds them, and as drain/ does.
#pragma once

#include <boost/asio/ip/address.hpp>

#include "drain/address.h"

namespace drainbow::http {

inline IpAddress to_ip_address(const boost::asio::ip::address& address) {
  if (address.is_v4()) return IpAddress::v4(address.to_v4().to_bytes());
  return IpAddress::v6(address.to_v6().to_bytes());
}

inline boost::asio::ip::address to_asio(const IpAddress& address) {
  const boost::asio::ip::address_v6 v6(address.bytes());
  if (!address.is_v4()) return v6;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6);
}

}  // namespace drainbow::http
