#include "storage/postgres/pg_size.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "broker/stored_record.h"
#include "storage/keys.h"
#include "storage/postgres/pg_tables.h"

namespace notifyd {
namespace {

// So many rows are counted one by one. Of more, ids are cut into so many stretches, and of each so many rows are looked at. Ids have a gap where a
// store was put back (docs/operating.md), and few stretches then have anything: those are cut again, so often at most.
constexpr int64_t kCounted = 1000, kLooked = 8;
constexpr uint64_t kStretches = 128;
constexpr int kCuts = 4;

// Keyed by an id, big64, and nothing else: where there may be large values, and where what lies between two ids is what was given out between them.
constexpr std::array kById = {static_cast<char>(RecordKind::kResponse), static_cast<char>(RecordKind::kEvent), static_cast<char>(RecordKind::kGroup),
                              static_cast<char>(KeyKind::kNotify)};

// The size of a value that lies beside the table stands in the row.
#define PG_LOOK(table)                                                                                                                 \
  "SELECT u.i, s.k, s.size FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS u (low, high, i) CROSS JOIN LATERAL (SELECT t.k, " \
  "(pg_column_size(t.k) + coalesce(pg_column_size(t.v), 0) + coalesce(pg_column_size(t.ops), 0))::int8 AS size FROM " table            \
  " t WHERE t.k >= u.low AND t.k < u.high ORDER BY t.k LIMIT $3) s"
#define PG_LAST(table)                                                                                                                   \
  "SELECT u.i, s.k FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS u (low, high, i) CROSS JOIN LATERAL (SELECT t.k FROM " table \
  " t WHERE t.k >= u.low AND t.k < u.high ORDER BY t.k DESC LIMIT 1) s"
constexpr const char* kLookMain = PG_LOOK("kv_main");
constexpr const char* kLookNotifies = PG_LOOK("kv_notifies");
constexpr const char* kLastMain = PG_LAST("kv_main");
constexpr const char* kLastNotifies = PG_LAST("kv_notifies");
#undef PG_LOOK
#undef PG_LAST

/// What there is between two keys: of its first rows how many and how large they are, and the ids of the first of all, of the last of those, and of
/// the last of all.
struct Stretch {
  std::string low, high;
  int64_t rows = 0;
  uint64_t bytes = 0;  // of those that were looked at
  uint64_t first = 0, looked = 0, last = 0;
};

/// The rows of one kind, whose keys begin with `prefix_` and go on with an id.
class ById {
 public:
  ById(PgConnection* connection, std::string prefix) : connection_(connection), prefix_(std::move(prefix)) {}

  Result<uint64_t> Size() {
    std::vector<Stretch> longer = {{prefix_, PrefixEnd(prefix_)}};
    NOTIFYD_TRY(Look(&longer, kCounted));
    if (longer.front().rows < kCounted) return longer.front().bytes;
    uint64_t bytes = 0;
    for (int cut = 0; cut < kCuts && !longer.empty() && longer.size() <= kStretches / 2; ++cut) {
      std::vector<Stretch> shorter;
      for (const Stretch& stretch : longer) Cut(stretch, kStretches / longer.size(), &shorter);
      NOTIFYD_TRY(Look(&shorter, kLooked));
      longer.clear();
      for (Stretch& stretch : shorter)
        if (stretch.rows < kLooked) bytes += stretch.bytes;
        else longer.push_back(std::move(stretch));
    }
    // They go on as they began.
    for (const Stretch& stretch : longer) {
      const auto looked = static_cast<double>(stretch.looked - stretch.first + 1), all = static_cast<double>(stretch.last - stretch.first + 1);
      bytes += static_cast<uint64_t>(static_cast<double>(stretch.bytes) * all / looked);
    }
    return bytes;
  }

 private:
  void Cut(const Stretch& whole, uint64_t parts, std::vector<Stretch>* out) const {
    const uint64_t step = (whole.last - whole.first) / parts + 1;
    for (uint64_t low = whole.first; low <= whole.last; low += step) out->push_back({KeyOf(low), KeyOf(std::min(low + step, whole.last + 1))});
  }
  Status Look(std::vector<Stretch>* stretches, int64_t most) {
    std::vector<std::string> lows, highs;
    for (const Stretch& stretch : *stretches) {
      lows.push_back(stretch.low);
      highs.push_back(stretch.high);
    }
    const bool notifies = TableOf(prefix_) == PgTable::kNotifies;
    auto rows = connection_->Run(notifies ? kLookNotifies : kLookMain, std::move(PgParams().BytesArray(lows).BytesArray(highs).Int(most)));
    if (!rows.ok()) return std::move(rows).status();
    for (int i = 0; i < rows->size(); ++i) {
      Stretch& stretch = (*stretches)[static_cast<size_t>(rows->Int(i, 0) - 1)];
      const uint64_t id = IdOf(rows->Bytes(i, 1));
      stretch.first = stretch.rows++ == 0 ? id : std::min(stretch.first, id);
      stretch.looked = std::max(stretch.looked, id);
      stretch.bytes += static_cast<uint64_t>(rows->Int(i, 2));
    }
    for (Stretch& stretch : *stretches) stretch.last = stretch.looked;  // a later one may go meanwhile
    auto ends = connection_->Run(notifies ? kLastNotifies : kLastMain, std::move(PgParams().BytesArray(lows).BytesArray(highs)));
    if (!ends.ok()) return std::move(ends).status();
    for (int i = 0; i < ends->size(); ++i) {
      Stretch& stretch = (*stretches)[static_cast<size_t>(ends->Int(i, 0) - 1)];
      stretch.last = std::max(stretch.looked, IdOf(ends->Bytes(i, 1)));
    }
    return Status::Ok();
  }
  uint64_t IdOf(std::string_view key) const { return Decoder(key.substr(prefix_.size())).Big64(); }
  std::string KeyOf(uint64_t id) const {
    std::string key = prefix_;
    Encoder(&key).Big64(id);
    return key;
  }

  PgConnection* const connection_;
  const std::string prefix_;
};

Status AddThought(PgConnection* connection, PgTable table, const std::string& from, const std::string& to, uint64_t* bytes) {
  auto thought =
      connection->Estimate("SELECT k, v, ops FROM " + std::string(NameOf(table)) + " WHERE k >= " + PgLiteral(from) + " AND k < " + PgLiteral(to));
  if (!thought.ok()) return std::move(thought).status();
  *bytes += *thought;
  return Status::Ok();
}

}  // namespace

Result<uint64_t> PgSizeOf(PgConnection* connection, NamespaceNumber number) {
  const KeySpace space(number);
  const KeyRange range = RangeOf(number);
  uint64_t bytes = 0;
  std::string from = range.from;  // of what kv_main has between those with an id
  for (const char kind : kById) {
    const std::string prefix = space.In(std::string(1, kind));
    auto size = ById(connection, prefix).Size();
    if (!size.ok()) return std::move(size).status();
    bytes += *size;
    if (TableOf(prefix) != PgTable::kMain) continue;
    NOTIFYD_TRY(AddThought(connection, PgTable::kMain, from, prefix, &bytes));
    from = PrefixEnd(prefix);
  }
  NOTIFYD_TRY(AddThought(connection, PgTable::kMain, from, range.to, &bytes));
  for (PgTable table : {PgTable::kHot, PgTable::kCounts}) NOTIFYD_TRY(AddThought(connection, table, range.from, range.to, &bytes));
  return bytes;
}

}  // namespace notifyd
