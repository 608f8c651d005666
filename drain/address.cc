#include "drain/address.h"

#include <arpa/inet.h>  // inet_pton, inet_ntop: pure text functions of libc, no I/O

#include <algorithm>
#include <charconv>

namespace drainbow {
namespace {

constexpr std::array<std::uint8_t, 12> kV4MappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kV4PrefixBits = 96;

// The address with all bits after `prefix_bits` cleared.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> bytes, int prefix_bits) {
  for (int i = 0; i < 16; ++i) {
    const int kept = std::clamp(prefix_bits - i * 8, 0, 8);
    bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xff00 >> kept);
  }
  return bytes;
}

}  // namespace

IpAddress IpAddress::v4(std::span<const std::uint8_t, 4> network_order) {
  IpAddress address;
  std::ranges::copy(kV4MappedPrefix, address.bytes_.begin());
  std::ranges::copy(network_order, address.bytes_.begin() + kV4MappedPrefix.size());
  return address;
}

IpAddress IpAddress::v6(std::span<const std::uint8_t, 16> network_order) {
  IpAddress address;
  std::ranges::copy(network_order, address.bytes_.begin());
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  const bool whole = terminated.find('\0') == std::string::npos;  // inet_pton would stop there
  std::array<std::uint8_t, 4> four{};
  if (whole && inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (whole && inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) == 1) return v6(sixteen);
  return Error{"'" + terminated + "' is not an IP address such as 10.0.0.1 or fd00::1"};
}

bool IpAddress::is_v4() const {
  return std::equal(kV4MappedPrefix.begin(), kV4MappedPrefix.end(), bytes_.begin());
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[12] == 127;
  static constexpr std::array<std::uint8_t, 16> kLoopback = {0, 0, 0, 0, 0, 0, 0, 0,
                                                             0, 0, 0, 0, 0, 0, 0, 1};
  return bytes_ == kLoopback;
}

bool IpAddress::is_unspecified() const {
  const auto rest = is_v4() ? bytes_.begin() + kV4MappedPrefix.size() : bytes_.begin();
  return std::all_of(rest, bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    inet_ntop(AF_INET, bytes_.data() + kV4MappedPrefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
  }
  return text.data();
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const Error malformed{"is not a numeric address and port such as 127.0.0.1:9911 or [::1]:9911"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;
  const std::string_view digits = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);

  Endpoint endpoint;
  const char* const last = digits.data() + digits.size();
  const auto [end, failure] = std::from_chars(digits.data(), last, endpoint.port);
  if (failure != std::errc() || end != last) return malformed;

  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos)) return malformed;
  const Result<IpAddress> address = IpAddress::parse(host);
  if (!address) return malformed;
  endpoint.address = *address;
  return endpoint;
}

std::string Endpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const std::string quoted = "'" + std::string(text) + "'";
  const Error malformed{quoted + " is not a network such as 10.0.0.0/8, fd00::/8 or 10.0.0.1"};
  const std::size_t slash = text.find('/');
  const Result<IpAddress> address = IpAddress::parse(text.substr(0, slash));
  if (!address) return malformed;

  // "::ffff:10.0.0.0/104" counts its bits from the IPv6 start, "10.0.0.0/8" from the IPv4 one.
  const bool dotted = address->is_v4() && text.find(':') == std::string_view::npos;
  const int offset = dotted ? kV4PrefixBits : 0;
  Cidr cidr;
  cidr.network_ = *address;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    int bits = -1;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (failure != std::errc() || end != digits.data() + digits.size() || bits < 0 ||
        bits > 128 - offset) {
      return malformed;
    }
    cidr.prefix_bits_ = offset + bits;
  }
  if (masked(address->bytes(), cidr.prefix_bits_) != address->bytes()) {
    return Error{quoted + " has bits set after its prefix length; write the network's own address"};
  }
  return cidr;
}

bool Cidr::contains(const IpAddress& address) const {
  // IPv4 lies within ::/0 only by our own way of writing it.
  if (address.is_v4() && prefix_bits_ < kV4PrefixBits) return false;
  return masked(address.bytes(), prefix_bits_) == network_.bytes();
}

std::string Cidr::to_string() const {
  const bool v4 = network_.is_v4() && prefix_bits_ >= kV4PrefixBits;
  return network_.to_string() + "/" +
         std::to_string(v4 ? prefix_bits_ - kV4PrefixBits : prefix_bits_);
}

}  // namespace drainbow
