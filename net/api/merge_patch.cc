#include "net/api/merge_patch.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "base/json_reader.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;

/// A member by its key; `raw_key` as it is spelled, in quotes.
struct Pair {
  std::string_view key, raw_key;
  Value value;
};

/// In order; of a key that occurs twice the last, in the place of the first.
std::vector<Pair> MembersOf(Value object) {
  std::vector<Pair> members;
  members.reserve(object.size());
  object.ForEach([&](Value key, Value value) { members.push_back({key.text(), key.raw(), value}); });
  std::vector<size_t> order(members.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return std::pair(members[a].key, a) < std::pair(members[b].key, b); });
  std::vector<bool> dropped(members.size());
  size_t repeated = 0;
  for (size_t i = 0, first = 0; i < order.size(); ++i) {
    if (members[order[i]].key != members[order[first]].key) first = i;
    if (i == first) continue;
    members[order[first]].value = members[order[i]].value;
    dropped[order[i]] = true;
    ++repeated;
  }
  if (repeated == 0) return members;
  std::vector<Pair> kept;
  for (size_t i = 0; i < members.size(); ++i)
    if (!dropped[i]) kept.push_back(members[i]);
  return kept;
}

class Merger {
 public:
  /// Appends what MergePatch(target, patch) is (RFC 7396 section 2). False: too deep.
  bool Merge(std::optional<Value> target, Value patch, int level) {
    if (patch.kind() != JsonTree::Kind::kObject) return Copy(patch, level);
    if (level > JsonReader::kMaxLevels) return false;
    if (target && target->kind() != JsonTree::Kind::kObject) target.reset();
    if (target && patch.size() == 0) return Copy(*target, level);
    std::vector<Pair> old, changes = MembersOf(patch);
    if (target) old = MembersOf(*target);
    std::vector<size_t> by_key(changes.size());
    for (size_t i = 0; i < by_key.size(); ++i) by_key[i] = i;
    std::sort(by_key.begin(), by_key.end(), [&](size_t a, size_t b) { return changes[a].key < changes[b].key; });
    std::vector<bool> done(changes.size());
    bool first = true;
    auto begin_member = [&](const Pair& member) {
      if (!std::exchange(first, false)) out_.push_back(',');
      out_.append(member.raw_key).push_back(':');
    };
    out_.push_back('{');
    for (const Pair& member : old) {
      auto found = std::lower_bound(by_key.begin(), by_key.end(), member.key, [&](size_t i, std::string_view key) { return changes[i].key < key; });
      const Pair* change = found != by_key.end() && changes[*found].key == member.key ? &changes[*found] : nullptr;
      if (change) done[*found] = true;
      if (change && change->value.kind() == JsonTree::Kind::kNull) continue;
      begin_member(member);
      if (!(change ? Merge(member.value, change->value, level + 1) : Copy(member.value, level + 1))) return false;
    }
    for (size_t i = 0; i < changes.size(); ++i) {
      if (done[i] || changes[i].value.kind() == JsonTree::Kind::kNull) continue;
      begin_member(changes[i]);
      if (!Merge(std::nullopt, changes[i].value, level + 1)) return false;
    }
    out_.push_back('}');
    return true;
  }

  std::string Take() { return std::move(out_); }

 private:
  bool Copy(Value value, int level) {
    out_.append(value.raw());
    return Fits(value, level);
  }

  /// Does it nest no deeper than it may at this level?
  static bool Fits(Value value, int level) {
    if (value.kind() != JsonTree::Kind::kObject && value.kind() != JsonTree::Kind::kArray) return true;
    if (level > JsonReader::kMaxLevels) return false;
    bool fits = true;
    value.ForEach([&](Value, Value inner) { fits = fits && Fits(inner, level + 1); });
    return fits;
  }

  std::string out_;
};

Status NotJson(const char* which) {
  return Status(Code::kMalformed, std::string("the ") + which + " is not valid JSON");
}

}  // namespace

Result<std::string> MergePatch(std::string_view target, std::string_view patch) {
  Result<JsonTree> target_tree = JsonTree::Parse(target);
  if (!target_tree.ok()) return NotJson("target");
  Result<JsonTree> patch_tree = JsonTree::Parse(patch);
  if (!patch_tree.ok()) return NotJson("patch");
  Merger merger;
  if (!merger.Merge(target_tree->root(), patch_tree->root(), 1)) return Status(Code::kMalformed, "the document has more than 64 levels");
  return merger.Take();
}

}  // namespace notifyd
