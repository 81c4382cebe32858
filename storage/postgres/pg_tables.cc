#include "storage/postgres/pg_tables.h"

#include <vector>

#include "base/bytes.h"
#include "broker/stored_record.h"
#include "storage/keys.h"
#include "storage/merging.h"
#include "storage/records.h"

namespace notifyd {

PgTable TableOf(std::string_view key) {
  const std::string_view bare = PlaceOf(key).bare;
  if (bare.empty()) return PgTable::kMain;
  switch (static_cast<KeyKind>(bare.front())) {
    case KeyKind::kNotify:
      return PgTable::kNotifies;
    case KeyKind::kDue:
    case KeyKind::kExpiry:
    case KeyKind::kTail:
    case KeyKind::kSleeper:
      return PgTable::kHot;
    case KeyKind::kLaneCounts:
      return PgTable::kCounts;
    default:
      return bare.front() == static_cast<char>(RecordKind::kDueCount) ? PgTable::kCounts : PgTable::kMain;
  }
}

const char* NameOf(PgTable table) {
  switch (table) {
    case PgTable::kNotifies:
      return "kv_notifies";
    case PgTable::kHot:
      return "kv_hot";
    case PgTable::kCounts:
      return "kv_counts";
    case PgTable::kMain:
      break;
  }
  return "kv_main";
}

void AppendOperand(std::string_view operand, std::string* ops) {
  Encoder(ops).Text(operand);
}

std::optional<std::string> FoldRow(std::string_view key, std::optional<std::string_view> value, std::optional<std::string_view> ops) {
  if (!ops || ops->empty()) return value ? std::optional<std::string>(*value) : std::nullopt;
  std::vector<std::string_view> operands;
  Decoder in(*ops);
  while (in.ok() && !in.rest().empty()) operands.push_back(in.Text());
  // No merge takes what is no operand: it keeps all of it, marked.
  if (!in.ok()) operands = {*ops};
  return MergeFull(key, value, operands);
}

}  // namespace notifyd
