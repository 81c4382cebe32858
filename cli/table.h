// Table: aligned columns for people, and the small forms that go with it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace notifyd {

class Table {
 public:
  /// Without heads (an empty list) the rows stand alone.
  explicit Table(std::vector<std::string> heads = {});
  void Row(std::vector<std::string> cells);
  /// Columns as wide as their widest cell, two spaces between; the last one is not padded. Control characters are shown as "?",
  /// so that what a peer sent cannot steer a terminal.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// "1,234,567".
std::string Grouped(uint64_t number);
/// At most `most` characters, the cut marked with "...".
std::string Clipped(std::string_view text, size_t most);

}  // namespace notifyd
