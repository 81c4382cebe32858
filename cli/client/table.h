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
  /// Columns as wide as their widest cell, two spaces between; the last one is not padded. What could steer a terminal or hide
  /// text is escaped (base/terminal_text.h), whoever sent it.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Returns how many columns it takes: its code points, which is close enough for what stands here.
size_t Width(std::string_view text);
/// Writes "1,234,567".
std::string Grouped(uint64_t number);
/// Returns at most `most` characters, the cut marked with "...".
std::string Clipped(std::string_view text, size_t most);
/// Writes "512 B", "1.5 KiB", "12.0 GiB".
std::string BytesText(uint64_t bytes);
/// Writes "250 ms", "1.5 s", "3m 05s", "4h 07m", "2d 03h".
std::string DurationText(uint64_t ms);

}  // namespace notifyd
