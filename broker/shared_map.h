// SharedMap: a map from names, or numbers, to rows of which copies are cheap, since they share all that did not change: one copy is what the loops
// read, the next is being made. A copy is an array of pointers; a change copies one bucket. For some hundred thousand rows, changed rarely. A copy
// that nobody changes may be read on any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace notifyd {

/// `Key`: a name, or a number.
template <class Row, class Key = std::string>
class SharedMap {
 public:
  using Pointer = std::shared_ptr<const Row>;
  using KeyView = std::conditional_t<std::is_same_v<Key, std::string>, std::string_view, Key>;

  /// Null where there is none.
  Pointer Find(KeyView key) const {
    const Bucket* bucket = buckets_[IndexOf(key)].get();
    if (bucket == nullptr) return nullptr;
    auto found = std::lower_bound(bucket->begin(), bucket->end(), key, IsBelow);
    return found == bucket->end() || found->key != key ? nullptr : found->row;
  }
  /// Null takes it out.
  void Put(KeyView key, Pointer row) {
    static const Bucket nothing;
    std::shared_ptr<const Bucket>& place = buckets_[IndexOf(key)];
    const Bucket& before = place ? *place : nothing;
    const auto from = std::lower_bound(before.begin(), before.end(), key, IsBelow);
    const bool was_there = from != before.end() && from->key == key;
    auto changed = std::make_shared<Bucket>();
    // No more than it needs: there are many, and they stay.
    changed->reserve(before.size() - was_there + (row != nullptr));
    changed->insert(changed->end(), before.begin(), from);
    size_ = size_ - was_there + (row != nullptr);
    if (row) changed->push_back({Key(key), std::move(row)});
    changed->insert(changed->end(), from + was_there, before.end());
    place = changed->empty() ? nullptr : std::move(changed);
  }
  size_t size() const { return size_; }
  /// All of them, in no order that means anything.
  void ForEach(const std::function<void(const Pointer&)>& visit) const {
    for (const std::shared_ptr<const Bucket>& bucket : buckets_) {
      if (!bucket) continue;
      for (const Entry& entry : *bucket) visit(entry.row);
    }
  }

 private:
  struct Entry {
    Key key;
    Pointer row;
  };
  using Bucket = std::vector<Entry>;  // by key: a node for each would take twice the memory
  static constexpr size_t kBuckets = 512;
  static size_t IndexOf(KeyView key) { return std::hash<KeyView>()(key) % kBuckets; }
  static bool IsBelow(const Entry& entry, KeyView key) { return entry.key < key; }

  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;
  size_t size_ = 0;
};

}  // namespace notifyd
