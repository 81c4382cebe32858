// A directory for one case.
#pragma once

#include <string>

namespace notifyd::test {

/// A directory that is removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  /// The path of what has this name in it, whether it is there or not.
  std::string At(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file in it, in place of what it held; returns its path.
  std::string Write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

}  // namespace notifyd::test
