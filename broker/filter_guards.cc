#include "broker/filter_guards.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

void Insert(uint64_t who, std::vector<uint64_t>* whos) {
  auto place = std::lower_bound(whos->begin(), whos->end(), who);
  if (place == whos->end() || *place != who) whos->insert(place, who);
}

void Erase(uint64_t who, std::vector<uint64_t>* whos) {
  auto place = std::lower_bound(whos->begin(), whos->end(), who);
  if (place != whos->end() && *place == who) whos->erase(place);
}

/// So many whose text an event has are found in a step.
constexpr size_t kMetAStep = 8;

struct Guard {
  std::vector<std::string> path;  // key by key; arrays on the way are gone into, and an element counts as the array does
  std::string text;
};

/// Looks for one in a condition on what the path leads to: what is only one of several that may hold, or is turned round, has none.
bool FindIn(Value condition, Guard* guard) {
  if (condition.kind() == Kind::kString) return guard->text = condition.text(), true;
  if (condition.kind() != Kind::kObject) return false;
  for (Value::Inside at = condition.inside(); !at.at_end(); at.Next()) {
    const std::string_view key = at.key().text();
    if (key == "$eq" && at.value().kind() == Kind::kString) return guard->text = at.value().text(), true;
    if (key == "$and")
      for (Value::Inside each = at.value().inside(); !each.at_end(); each.Next())
        if (FindIn(each.value(), guard)) return true;
    if (key.starts_with('$')) continue;
    guard->path.emplace_back(key);
    if (FindIn(at.value(), guard)) return true;
    guard->path.pop_back();
  }
  return false;
}

/// The same in a filter as a whole.
bool FindIn(Value filter, size_t level, Guard* guard) {
  constexpr size_t kDeepest = 16;  // deeper than a filter may be
  for (Value::Inside at = filter.inside(); level < kDeepest && !at.at_end(); at.Next()) {
    const std::string_view key = at.key().text();
    if (key == "data" && FindIn(at.value(), guard)) return true;
    if (key == "$and")
      for (Value::Inside each = at.value().inside(); !each.at_end(); each.Next())
        if (FindIn(each.value(), level + 1, guard)) return true;
  }
  return false;
}

std::optional<Guard> GuardOf(std::string_view filter) {
  Guard guard;
  const Result<JsonTree> tree = JsonTree::Parse(filter);
  if (!tree.ok() || !FindIn(tree->root(), 0, &guard)) return std::nullopt;
  return guard;
}

/// Calls `visit(text)` for each text that the path leads to from there on, until `*left` values were looked at.
template <class Visit>
void EachText(Value value, const std::vector<std::string>& path, size_t depth, int64_t* left, const Visit& visit) {
  if (--*left < 0) return;
  if (value.kind() == Kind::kArray) {
    for (Value::Inside at = value.inside(); !at.at_end() && *left >= 0; at.Next()) EachText(at.value(), path, depth, left, visit);
  } else if (depth == path.size()) {
    if (value.kind() == Kind::kString) visit(value.text());
  } else if (value.kind() == Kind::kObject) {
    std::optional<Value> last;  // of a key that occurs twice
    for (Value::Inside at = value.inside(); !at.at_end() && --*left >= 0; at.Next())
      if (at.key().text() == path[depth]) last = at.value();
    if (last) EachText(*last, path, depth + 1, left, visit);
  }
}

}  // namespace

void FilterGuards::Add(uint64_t who, std::string_view filter) {
  std::optional<Guard> guard = GuardOf(filter);
  if (!guard) return;
  Insert(who, &places_[std::move(guard->path)][std::move(guard->text)]);
  Insert(who, &guarded_);
}

void FilterGuards::Remove(uint64_t who, std::string_view filter) {
  const std::optional<Guard> guard = GuardOf(filter);
  if (!guard) return;
  auto place = places_.find(guard->path);
  if (place == places_.end()) return;
  auto whos = place->second.find(guard->text);
  if (whos == place->second.end()) return;
  Erase(who, &whos->second);
  Erase(who, &guarded_);
  if (whos->second.empty()) place->second.erase(whos);
  if (place->second.empty()) places_.erase(place);
}

void FilterGuards::Narrow(const JsonTree::Value* data, std::vector<uint64_t>* whos, int64_t* steps) const {
  if (guarded_.empty() || whos->empty()) return;
  // Each list once, however often the event has its text: an event of one text over and over would make all of them as often.
  std::vector<const std::vector<uint64_t>*> lists;
  int64_t left = kMostLookedAt;
  if (data != nullptr) {
    for (const auto& [path, by_text] : places_) {
      EachText(*data, path, 0, &left, [&lists, &by_text = by_text](std::string_view text) {
        if (auto found = by_text.find(text); found != by_text.end()) lists.push_back(&found->second);
      });
      if (left < 0) break;
    }
  }
  *steps -= kMostLookedAt - std::max<int64_t>(left, 0);
  if (left < 0) return;
  std::sort(lists.begin(), lists.end(), std::less<>());
  lists.erase(std::unique(lists.begin(), lists.end()), lists.end());
  std::vector<uint64_t> met;
  for (const std::vector<uint64_t>* list : lists) met.insert(met.end(), list->begin(), list->end());
  *steps -= static_cast<int64_t>(met.size() / kMetAStep);
  std::sort(met.begin(), met.end());
  // Both lists and `whos` ascend: each is gone through once, and of those with a guard, who may be many more than `whos`, only where these are.
  std::vector<uint64_t>::const_iterator guarded = guarded_.begin(), meets = met.begin();
  const auto reaches = [](std::vector<uint64_t>::const_iterator* at, std::vector<uint64_t>::const_iterator end, uint64_t who) {
    *at = std::lower_bound(*at, end, who);
    return *at != end && **at == who;
  };
  std::erase_if(*whos, [&](uint64_t who) { return reaches(&guarded, guarded_.end(), who) && !reaches(&meets, met.end(), who); });
}

}  // namespace notifyd
