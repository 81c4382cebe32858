// What a MySQL server answers, as numbers and rows of NotifyAgent's table. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/import/old_calls.h"

namespace notifyd {

/// A value of an answer; nothing: NULL. Borrowed.
using MysqlValue = std::optional<std::string_view>;
/// A row of an answer: columns by name, in their order. Borrowed.
using MysqlColumns = std::vector<std::pair<std::string_view, MysqlValue>>;

/// A whole number, as a server writes one of a column of integers; nothing where it is none.
std::optional<uint64_t> MysqlNumber(const MysqlValue& value);
/// Error: kUnacceptable: its id is no whole number above `above`, so that nothing could tell it from others, or go on behind it.
Result<OldRow> MysqlRow(const MysqlColumns& columns, uint64_t above);

}  // namespace notifyd
