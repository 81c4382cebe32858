// What the addresses of this process are: the files that its code comes from, and the functions in them. Reads /proc/self/maps and the files' symbol
// tables (ELF). Any thread; blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace notifyd {

/// Code that is mapped from one file.
struct CodeMapping {
  uint64_t begin = 0, end = 0, offset = 0;  // addresses, and where in the file that is
  std::string file;
  std::string build_id;  // hex; empty: it has none
};

class Symbols {
 public:
  Symbols();
  ~Symbols();
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  const std::vector<CodeMapping>& mappings() const { return mappings_; }
  /// The index of the mapping that an address lies in; -1: none.
  int MappingOf(uint64_t address) const;
  /// The function that an address lies in, as the linker knows it; empty: its file does not say, or there is none.
  std::string FunctionAt(uint64_t address) const;
  /// As people write it: C++ names without their mangling.
  static std::string Readable(const std::string& function);

 private:
  class File;
  std::vector<CodeMapping> mappings_;
  std::vector<std::unique_ptr<File>> files_;  // of each mapping; null: of no file
};

}  // namespace notifyd
