#include "agent/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "sockets/errno_error.h"
#include "sockets/unique_fd.h"

namespace drainbow {
namespace {

Result<void> write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno_error("writing " + path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_durably(const std::string& path, std::string_view content) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return errno_error("creating " + path);
  const Result<void> written = write_all(fd.get(), content, path);
  if (!written) return written;
  if (::fsync(fd.get()) != 0) return errno_error("syncing " + path);
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t most) {
  // Without O_NONBLOCK the open of a FIFO would wait for its writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return errno_error("reading " + path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return errno_error("reading " + path);
  if (!S_ISREG(info.st_mode)) return Error{"reading " + path + ": not a regular file"};
  std::string content(most + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("reading " + path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > most) {
    return Error{"reading " + path + ": longer than " + std::to_string(most) + " bytes"};
  }
  content.resize(size);
  return content;
}

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<void> replace_file(const std::string& directory, const std::string& name,
                          std::string_view content) {
  const std::string path = directory + "/" + name;
  const std::string temporary = path + ".tmp";
  const Result<void> written = write_durably(temporary, content);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return errno_error("replacing " + path);
  const UniqueFd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) return errno_error("syncing " + directory);
  return {};
}

}  // namespace drainbow
