// NotifyId: the identity of a notify, in the order of submission.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace notifyd {

/// A shard byte (always 0 so far) above a 56-bit sequence that the store keeps; the sequence starts at 1, so 0 is "none".
struct NotifyId {
  uint64_t value = 0;
  auto operator<=>(const NotifyId&) const = default;

  /// 17 characters, "n" and 16 lower-case hex digits: sorts as the number does.
  std::string ToString() const;
  /// Nothing unless `text` is exactly what ToString prints for an id other than 0.
  static std::optional<NotifyId> Parse(std::string_view text);
};

}  // namespace notifyd

template <>
struct std::hash<notifyd::NotifyId> {
  size_t operator()(notifyd::NotifyId id) const noexcept { return id.value * 0x9E3779B97F4A7C15ull; }
};
