// IP addresses and networks as values: parsed, printed, compared. No socket in here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "drain/result.h"

namespace drainbow {

// An IPv4 or IPv6 address, always held in IPv6 form. IPv4 is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so
// that a client seen through a dual-stack listener equals the same client seen through an IPv4 one.
class IpAddress {
 public:
  IpAddress() = default;  // ::
  static IpAddress v4(std::span<const std::uint8_t, 4> network_order);
  static IpAddress v6(std::span<const std::uint8_t, 16> network_order);

  // "10.0.0.1", "fd00::1" or "::ffff:10.0.0.1"; no zone, no brackets.
  static Result<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  bool is_loopback() const;     // 127.0.0.0/8 or ::1
  bool is_unspecified() const;  // 0.0.0.0 or ::
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  // The usual text: IPv4 dotted, IPv6 as in RFC 5952.
  std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

// An address and a TCP port.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  // "10.0.0.1:8080", "[fd00::1]:8080". No names.
  static Result<Endpoint> parse(std::string_view text);
  std::string to_string() const;

  bool operator==(const Endpoint&) const = default;
};

// A network in CIDR notation; a bare address is a network of one.
class Cidr {
 public:
  // "10.0.0.0/8", "fd00::/8", "10.0.0.1". Host bits must be zero, so that a slip is noticed.
  static Result<Cidr> parse(std::string_view text);

  bool contains(const IpAddress& address) const;
  std::string to_string() const;

  bool operator==(const Cidr&) const = default;

 private:
  IpAddress network_;
  int prefix_bits_ = 128;  // of the IPv6 form: 96 + the IPv4 prefix length
};

}  // namespace drainbow
