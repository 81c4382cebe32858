#include "cli/client/table.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/terminal_text.h"

namespace notifyd {

size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Table::Table(std::vector<std::string> heads) {
  if (!heads.empty()) rows_.push_back(std::move(heads));
}

void Table::Row(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = EscapeForTerminal(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::ToString() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    out += "\n";
  }
  return out;
}

std::string Grouped(uint64_t number) {
  std::string digits = std::to_string(number), out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return out;
}

std::string BytesText(uint64_t bytes) {
  static const char* const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string DurationText(uint64_t ms) {
  char text[64];
  unsigned long long seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
  if (ms < 1000) std::snprintf(text, sizeof text, "%llu ms", static_cast<unsigned long long>(ms));
  else if (minutes == 0) std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ms) / 1000);
  else if (hours == 0) std::snprintf(text, sizeof text, "%llum %02llus", minutes, seconds % 60);
  else if (hours < 24) std::snprintf(text, sizeof text, "%lluh %02llum", hours, minutes % 60);
  else std::snprintf(text, sizeof text, "%llud %02lluh", hours / 24, hours % 24);
  return text;
}

std::string Clipped(std::string_view text, size_t most) {
  if (Width(text) <= most) return std::string(text);
  size_t bytes = 0, points = 0;
  while (bytes < text.size() && points < most - 3) {
    ++bytes;
    while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) ++bytes;
    ++points;
  }
  return std::string(text.substr(0, bytes)) + "...";
}

}  // namespace notifyd
