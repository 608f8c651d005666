#include "tests/sockets/fake_proc.h"

#include <cstdlib>
#include <fstream>

namespace drainbow::testing {

FakeProc::FakeProc() {
  std::string name = (std::filesystem::temp_directory_path() / "drainbow-proc-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  root_ = name;
}

FakeProc::~FakeProc() { std::filesystem::remove_all(root_); }

void FakeProc::write(const std::string& name, const std::string& text) const {
  const std::filesystem::path path = root_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

void FakeProc::remove(const std::string& name) const { std::filesystem::remove(root_ / name); }

}  // namespace drainbow::testing
