#include "cli/import/mysql_row.h"

#include <charconv>
#include <string>

namespace notifyd {

std::optional<uint64_t> MysqlNumber(const MysqlValue& value) {
  if (!value) return std::nullopt;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  return error == std::errc() && end == value->data() + value->size() ? std::optional(number) : std::nullopt;
}

Result<OldRow> MysqlRow(const MysqlColumns& columns, uint64_t above) {
  OldRow row;
  std::string said = "NULL";
  for (const auto& [name, value] : columns) {
    if (name == "id") {
      row.id = MysqlNumber(value).value_or(0);
      if (value) said = "\"" + std::string(value->substr(0, 40)) + "\"";
    }
    row.columns.emplace_back(name, value);
  }
  if (row.id > above) return row;
  return Status(Code::kUnacceptable, "it is no table of NotifyAgent's: a row behind id " + std::to_string(above) + " has the id " + said);
}

}  // namespace notifyd
