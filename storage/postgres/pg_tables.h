// In which table a key lies, and how a row is read: one value and what was appended to it since, each operand behind its length. Pure.
//
//   kv_main      all others                               k, v, ops
//   kv_notifies  the records of notifies                  k, v, ops: large values
//   kv_hot       due, expiry and tail indexes, sleepers   k, v, ops: rows that come and go, kept apart so that what is dead of them is soon cleaned
//   up
//   kv_counts    counts of lanes, and of what falls due   k, v, ops: a view. Nearly every transaction changes some: a change is a row of its own,
//   since of a row that is changed over and over each look-up meets all versions for as long as anybody's transaction may see one of them
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace notifyd {

enum class PgTable : uint8_t { kMain, kNotifies, kHot, kCounts };
inline constexpr std::array<PgTable, 4> kPgTables = {PgTable::kMain, PgTable::kNotifies, PgTable::kHot, PgTable::kCounts};

PgTable TableOf(std::string_view key);
/// Its name in SQL, where it is read.
const char* NameOf(PgTable table);

/// Adds an operand to what a row has of them.
void AppendOperand(std::string_view operand, std::string* ops);
/// The value of a row: nothing where there is neither a value nor an operand. `ops` that are cut short give a value that is marked as damaged.
std::optional<std::string> FoldRow(std::string_view key, std::optional<std::string_view> value, std::optional<std::string_view> ops);

}  // namespace notifyd
