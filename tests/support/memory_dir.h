// A directory in memory, for cases that open a store hundreds of times and sync each time; on disk where there is none in memory.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace notifyd::test {

/// A directory that is removed with everything in it.
class MemoryDir {
 public:
  MemoryDir() {
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::string path = ((in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()) / "notifyd-test-XXXXXX").string();
    if (!::mkdtemp(path.data())) throw std::runtime_error("mkdtemp");
    path_ = path;
  }
  ~MemoryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryDir(const MemoryDir&) = delete;
  MemoryDir& operator=(const MemoryDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  /// Makes an empty file in it; its path.
  std::string Touch(const std::string& name) const {
    std::ofstream(path_ / name, std::ios::binary);
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace notifyd::test
