#include "sockets/tcp_counters.h"

#include <fcntl.h>

#include <array>

#include "sockets/errno_error.h"
#include "sockets/proc_net.h"

namespace drainbow {

Result<TcpCounters> TcpCountersFile::read() {
  if (!fd_) fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd_) return errno_error("opening " + path_);
  // One call for all of it, since the kernel computes the text anew for a read at offset 0
  // (single_open in fs/seq_file.c); real files have 1 to 2 KiB.
  std::array<char, 16 * 1024> text{};
  const ssize_t length = ::pread(fd_.get(), text.data(), text.size(), 0);
  if (length < 0) return errno_error("reading " + path_);
  if (static_cast<std::size_t>(length) == text.size()) return Error{path_ + " is too long"};
  const Result<TcpCounters> counters =
      parse_snmp(std::string_view(text.data(), static_cast<std::size_t>(length)));
  if (!counters) return counters.error().wrap("reading " + path_);
  return counters;
}

}  // namespace drainbow
