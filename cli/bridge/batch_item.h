// BatchItem: which item of a batch a refusal of the whole names, by the JSON Pointer of its field. Pure.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

namespace notifyd {

struct BatchItem {
  size_t index = 0;
  std::string_view field;  // within the item: "/url"; of the pointer's text
};

/// Of "/17/url": 17 and "/url". Nothing: it names no item.
inline std::optional<BatchItem> BatchItemOf(std::string_view pointer) {
  BatchItem item;
  if (pointer.empty() || pointer[0] != '/') return std::nullopt;
  const char* end = pointer.data() + pointer.size();
  const auto [behind, error] = std::from_chars(pointer.data() + 1, end, item.index);
  if (error != std::errc() || (behind != end && *behind != '/')) return std::nullopt;
  item.field = pointer.substr(static_cast<size_t>(behind - pointer.data()));
  return item;
}

}  // namespace notifyd
