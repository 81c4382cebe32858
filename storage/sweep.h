// Retention by whole tables: what is to be done about the tables of notifies whose retention is over. Pure: which tables, not how
// (storage/sweeper.h).
//
// A table says of itself what it holds (TableAges): how much of it has ended, how it ended, and when the last of that did. Ids ascend, and a table
// holds what was submitted in the same minute: so most tables are over as a whole, and are dropped without being read. Where a few in it are not, the
// table is rewritten once most of it is over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/retention.h"

namespace notifyd {

/// What the entries of a table are. The bytes are those of keys and values, before compression.
struct TableAges {
  struct Group {
    uint64_t entries = 0, bytes = 0;
    int64_t last_settled_ms = INT64_MIN;
    bool operator==(const Group&) const = default;
  };
  Group succeeded;
  Group settled;  // the other settled ones
  Group other;    // pending ones, changes and deletions, whatever does not read: what may not be dropped with the table

  /// Counts one entry: `whole` says that `value` is a value, and no change or deletion.
  void Add(std::string_view key, std::string_view value, bool whole);
  bool operator==(const TableAges&) const = default;
};
/// As a table keeps it, docs/storage-format.md.
std::string EncodeTableAges(const TableAges& ages);
/// Nothing where it does not read: a table of an older notifyd has none.
std::optional<TableAges> DecodeTableAges(std::string_view bytes);

struct SweptTable {
  uint64_t number = 0;
  std::string name;  // of its file
  int level = 0;
  std::string smallest, largest;  // keys, both in it
  uint64_t file_bytes = 0;
  bool busy = false;              // a compaction reads it
  Retention retention;            // the longest of those whose notifies may be in it
  std::optional<TableAges> ages;  // nothing: not known
};

struct Sweep {
  /// By index. Everything in them is over, and nothing older than what they hold lies below them; no other table lies within their range of keys but
  /// in level 0. So dropping that range drops these, and nothing comes back.
  std::vector<size_t> drop;
  /// What is to be rewritten together, into `level`: neighbours of that level, in order, or all of level 0. More than half of each, or of all that
  /// level 0 has, is over.
  struct Rewrite {
    std::vector<size_t> tables;  // by index
    int level = 0;
  };
  std::vector<Rewrite> rewrites;
};
/// A rewrite has `most_bytes` at most, or is one table, or level 0, which is small. `last_level`: of the database, where there are no tables below
/// level 0.
Sweep PlanSweep(const std::vector<SweptTable>& tables, int64_t now_ms, uint64_t most_bytes, int last_level);

}  // namespace notifyd
