#include "support/temp_dir.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace notifyd::test {

TempDir::TempDir() {
  path_ = std::filesystem::temp_directory_path() / "notifyd-test-XXXXXX";
  if (!mkdtemp(path_.data())) throw std::runtime_error("mkdtemp");
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::Write(const std::string& name, const std::string& text) const {
  std::ofstream(At(name), std::ios::binary | std::ios::trunc) << text;
  return At(name);
}

}  // namespace notifyd::test
