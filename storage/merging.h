// Merging: how the changes that were written without reading meet their record. Pure; storage/store_options.cc hands it to RocksDB.
//
// I1 nothing here fails: a failed merge inside RocksDB would stop compactions, and with them the store. A damaged part gives a value
//    that is marked as damaged and holds all the parts, in order; reading it is kCorrupt, putting the record anew heals it.
// I2 a change without a record (retention removed it) gives an orphan, which reads take for nothing and compaction drops; but a change of
//    a lane's counts, or of a count, without a value adds to zero.
// I3 merging two changes first and the record then gives what merging one after the other does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace notifyd {

/// The value of `key` after `operands` (oldest first) on `base` (none: no value).
std::string MergeFull(std::string_view key, std::optional<std::string_view> base, const std::vector<std::string_view>& operands);

/// One operand that does what `older`, then `newer` do; false where there is none (other fkeys, damage): both are kept then.
bool MergePartial(std::string_view key, std::string_view older, std::string_view newer, std::string* out);

}  // namespace notifyd
