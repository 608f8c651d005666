// The text tables of /proc/net as bytes -> values. No I/O in here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "drain/result.h"
#include "drain/socket.h"

namespace drainbow {

// The Tcp: line pair of /proc/net/snmp (RFC 4022; net/ipv4/proc.c): a line of names, a line of
// values.
Result<TcpCounters> parse_snmp(std::string_view text);

// Parses /proc/net/{tcp,tcp6,udp,udp6} piece by piece, however the text is cut.
//
// An address is printed as 32-bit words in the byte order of the machine, a port as a number
// (get_tcp4_sock in net/ipv4/tcp_ipv4.c, get_tcp6_sock in net/ipv6/tcp_ipv6.c, and their UDP kin).
// Any line that does not look like that is an Error.
class ProcNetParser {
 public:
  enum class Family : std::uint8_t { kV4, kV6 };
  explicit ProcNetParser(Family family) : family_(family) {}

  // Appends a row for each complete line: listeners too, and UDP sockets as if they were TCP ones.
  // The cookie is made of addresses and ports, for a listener also of the inode. States that a
  // Sample does not hold are in here as well.
  Result<void> feed(std::string_view text, std::vector<TcpSocket>& rows);

  // An Error when the text ended inside a line, or before the header line.
  Result<void> finish() const;

 private:
  Result<void> parse_line(std::string_view line, std::vector<TcpSocket>& rows);

  Family family_;
  bool header_seen_ = false;
  std::string partial_;  // the line that the last piece ended in
};

}  // namespace drainbow
