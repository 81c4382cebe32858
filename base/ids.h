// NamespaceNumber and NotifyId: the identity of a notify, in the order of submission within its namespace, which it names.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace notifyd {

/// A namespace's number. Never given again in a store's life.
using NamespaceNumber = uint16_t;
inline constexpr NamespaceNumber kDefaultNumber = 0;
inline constexpr NamespaceNumber kSystemNumber = 1;
/// The greatest one, so that an id stays a positive signed number of 64 bits.
inline constexpr NamespaceNumber kMostNumber = 32'767;

/// The number of its namespace above a 48-bit sequence that the namespace keeps; the sequence starts at 1, so 0 is "none". Those of stores from
/// before there were namespaces are of `default`.
struct NotifyId {
  uint64_t value = 0;
  auto operator<=>(const NotifyId&) const = default;

  /// `sequence`: below 2^48.
  static constexpr NotifyId Of(NamespaceNumber number, uint64_t sequence) { return {uint64_t{number} << 48 | sequence}; }
  constexpr NamespaceNumber number() const { return static_cast<NamespaceNumber>(value >> 48); }

  /// 17 characters, "n" and 16 lower-case hex digits: sorts as the number does.
  std::string ToString() const;
  /// Returns nothing unless `text` is exactly what ToString prints for an id other than 0 whose namespace has a number up to kMostNumber.
  static std::optional<NotifyId> Parse(std::string_view text);
};

}  // namespace notifyd

template <>
struct std::hash<notifyd::NotifyId> {
  size_t operator()(notifyd::NotifyId id) const noexcept { return id.value * 0x9E3779B97F4A7C15ull; }
};
