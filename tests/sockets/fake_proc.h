// A directory that stands in for /proc, gone at the end.
#pragma once

#include <filesystem>
#include <string>

namespace drainbow::testing {

class FakeProc {
 public:
  FakeProc();
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;
  ~FakeProc();

  std::string root() const { return root_.string(); }
  // "net/tcp"
  void write(const std::string& name, const std::string& text) const;
  void remove(const std::string& name) const;

 private:
  std::filesystem::path root_;
};

}  // namespace drainbow::testing
