// SharedMap: a map from names to rows of which copies are cheap, since they share all that did not change: one copy is what the loops read, the next
// is being made. A copy is an array of pointers; a change copies one bucket. For some hundred thousand rows, changed rarely.
// A copy that nobody changes may be read on any thread.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace notifyd {

template <class Row>
class SharedMap {
 public:
  using Pointer = std::shared_ptr<const Row>;

  /// Null where there is none.
  Pointer Find(std::string_view name) const {
    const Bucket* bucket = buckets_[IndexOf(name)].get();
    if (bucket == nullptr) return nullptr;
    auto found = bucket->find(name);
    return found == bucket->end() ? nullptr : found->second;
  }
  /// Null takes it out.
  void Put(std::string_view name, Pointer row) {
    std::shared_ptr<const Bucket>& place = buckets_[IndexOf(name)];
    auto changed = place ? std::make_shared<Bucket>(*place) : std::make_shared<Bucket>();
    size_ -= changed->erase(std::string(name));
    if (row) {
      changed->emplace(name, std::move(row));
      ++size_;
    }
    place = changed->empty() ? nullptr : std::move(changed);
  }
  size_t size() const { return size_; }
  /// All of them, in no order that means anything.
  void ForEach(const std::function<void(const Pointer&)>& visit) const {
    for (const std::shared_ptr<const Bucket>& bucket : buckets_) {
      if (!bucket) continue;
      for (const auto& [name, row] : *bucket) visit(row);
    }
  }

 private:
  using Bucket = std::map<std::string, Pointer, std::less<>>;
  static constexpr size_t kBuckets = 512;
  static size_t IndexOf(std::string_view name) { return std::hash<std::string_view>()(name) % kBuckets; }

  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;
  size_t size_ = 0;
};

}  // namespace notifyd
