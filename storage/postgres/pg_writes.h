// What a transaction writes, netted: of each key what is left of all that was done to it, so that no statement meets a row twice; by table and kind,
// one statement each, in the order of the keys. Not shared between threads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/ordered_kv.h"
#include "storage/postgres/pg_connection.h"
#include "storage/retention.h"

namespace notifyd {

struct PgStatement {
  const char* sql;  // a literal
  PgParams params;
};

/// When what is put there, or what it is after this operand, ends: by retention, or by itself; in ms since the epoch. Nothing: it does not, or a
/// later change says when. `now_ms`: of what may be over at any time.
std::optional<int64_t> EndOf(std::string_view key, std::string_view written, bool is_operand, const RetentionRules& rules, int64_t now_ms);

/// Of the removals, in ms.
inline constexpr int64_t kPgHourMs = 3'600'000;
/// Adds some: hours, and keys of the same places.
inline constexpr char kPgRemovals[] = "INSERT INTO removals (hour, k) SELECT * FROM unnest($1::bigint[], $2::bytea[]) ON CONFLICT DO NOTHING";

class PgWrites : public KvWrites {
 public:
  /// `rules` is borrowed.
  PgWrites(const RetentionRules* rules, int64_t now_ms) : rules_(rules), now_ms_(now_ms) {}

  void Put(std::string_view key, std::string_view value) override;
  void Append(std::string_view key, std::string_view operand) override;
  void Delete(std::string_view key) override;
  void DeleteOnce(std::string_view key) override;
  void DeleteRange(std::string_view from, std::string_view to) override;
  /// They are left over (storage/postgres/pg_leftovers.h).
  void LeaveRange(std::string_view from, std::string_view to) override;

  /// Of keys and values, as they came.
  size_t bytes() const { return bytes_; }
  /// Those that are put, appended to or deleted, in their order; not those of a range that is deleted.
  std::vector<std::string_view> Keys() const;
  /// What is to be sent for it, in this order, as the `n`th transaction of whoever writes these keys.
  std::vector<PgStatement> Statements(int64_t n) const;

 private:
  /// The last of: a value in place of all, nothing in place of all, operands behind what is there.
  struct Net {
    enum class Kind : uint8_t { kPut, kDelete, kAppend } kind;
    std::string bytes;  // the value, or operands behind their lengths
  };
  void NoteEnd(std::string_view key, std::string_view written, bool is_operand);

  const RetentionRules* const rules_;
  const int64_t now_ms_;
  std::map<std::string, Net, std::less<>> keys_;
  std::map<std::string, int64_t, std::less<>> ends_;  // hour
  std::vector<std::pair<std::string, std::string>> ranges_;
  size_t bytes_ = 0;
};

/// All that Statements() may give, to be prepared. The rows of one that appends are keys whose operands are many, or may be: to be folded.
std::vector<const char*> PgWriteStatements();

}  // namespace notifyd
