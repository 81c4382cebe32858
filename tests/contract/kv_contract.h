// What every OrderedKv does. A file that includes this says which one it is about:
//   #define KV_HARNESS RocksKvHarness
// with a class of that name that is a KvHarness, and holds no keys of the kinds below where it is made.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "contract/kv_harness.h"
#include "storage/keys.h"
#include "storage/merging.h"
#include "storage/records.h"

#include <catch2/catch.hpp>

namespace notifyd {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs Walked(const KvReads& reads, std::string from, std::string to, KvScan scan = {}) {
  Pairs out;
  auto it = reads.Walk(std::move(from), std::move(to), scan);
  for (; it->Valid(); it->Next()) out.emplace_back(it->key(), scan.values ? it->value() : std::string_view());
  REQUIRE(it->status().detail() == "");
  return out;
}

Pairs WalkedParts(const OrderedKv& kv) {
  Pairs out;
  for (const KvPart& part : kv.Parts()) {
    Pairs more = Walked(kv, part.from, part.to, {.values = false});
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

std::map<size_t, std::string> Got(const KvReads& reads, const std::vector<std::string>& keys) {
  std::map<size_t, std::string> out;
  Status status = reads.GetAll(keys, [&](size_t i, std::string_view value) {
    CHECK(out.emplace(i, value).second);
    return Status::Ok();
  });
  REQUIRE(status.detail() == "");
  return out;
}

/// What is written, twice: into the store, and as what is to be read of it.
class KvModel {
 public:
  explicit KvModel(KvHarness* store, uint64_t seed) : store_(*store), random_(seed) {}

  /// Some operations, several of which may meet in one key.
  void Write() {
    store_.Write([&](KvWrites& out) {
      for (size_t i = Below(60); i-- > 0;) Operation(&out);
      if (Below(8) == 0) Drop(kSpaces[1], &out);
    });
  }
  void CheckWalk() {
    const std::string kind(1, kKinds[Below(kKinds.size())]);
    const KeySpace space(kSpaces[Below(3)]);
    std::string from = space.In(kind), to = space.In(PrefixEnd(kind));
    if (Below(2) == 0) from = Key(space, kind[0]);
    if (Below(2) == 0) to = Key(space, kind[0]) + std::string(Below(2), '\0');
    const size_t expected[] = {1, 7, 64, KvScan::kWhole};
    const KvScan scan = {.forward = Below(2) == 0, .values = Below(3) != 0, .expected = expected[Below(4)]};
    Pairs all;
    for (const auto& [key, value] : values_)
      if (key >= from && key < to) all.emplace_back(key, scan.values ? value : "");
    if (!scan.forward) std::reverse(all.begin(), all.end());
    CHECK(Walked(store_.kv(), from, to, scan) == all);
    if (scan.forward) CheckSeek(from, to, scan, all);
  }
  void CheckGet() {
    std::vector<std::string> keys;
    std::map<size_t, std::string> there;
    for (size_t i = 0; i < 600; ++i) {
      keys.push_back(Key(KeySpace(kSpaces[Below(3)]), kKinds[Below(kKinds.size())]));
      if (auto it = values_.find(keys.back()); it != values_.end()) there.emplace(i, it->second);
    }
    CHECK(Got(store_.kv(), keys) == there);
    CHECK(Got(*store_.kv().Now(KvFor::kLoads), keys) == there);
  }
  size_t size() const { return values_.size(); }

 private:
  static constexpr NamespaceNumber kSpaces[] = {0, 0x0101, 0xffff};
  static constexpr std::string_view kKinds = "cdflnqswxzNT";

  size_t Below(size_t bound) { return random_() % bound; }
  std::string Key(const KeySpace& space, char kind) {
    std::string key(1, kind);
    const char bytes[] = {'\0', '\1', 'a', '\x7f', '\x80', '\xff'};
    for (size_t i = 1 + Below(3); i-- > 0;) key += bytes[Below(sizeof(bytes))];
    return space.In(std::move(key));
  }
  void Operation(KvWrites* out) {
    const char kind = kKinds[Below(kKinds.size())];
    const std::string key = Key(KeySpace(kSpaces[Below(3)]), kind);
    if (kind == static_cast<char>(KeyKind::kLaneCounts)) return Count(key, out);
    if (Below(4) == 0) {
      out->Delete(key);
      values_.erase(key);
      return;
    }
    values_[key] = std::string(Below(40), static_cast<char>(random_()));
    out->Put(key, values_[key]);
  }
  void Count(const std::string& key, KvWrites* out) {
    std::string operand;
    EncodeLaneCountsChange({1 + static_cast<int64_t>(Below(5)), 0, 1, 0, 0}, &operand);
    auto it = values_.find(key);
    std::string sum = MergeFull(key, it == values_.end() ? std::nullopt : std::optional<std::string_view>(it->second), {operand});
    values_[key] = std::move(sum);
    out->Append(key, operand);
  }
  void Drop(NamespaceNumber number, KvWrites* out) {
    const KeyRange range = RangeOf(number);
    out->DeleteRange(range.from, range.to);
    values_.erase(values_.lower_bound(range.from), values_.lower_bound(range.to));
  }
  /// On to somewhere ahead, some steps, and on again.
  void CheckSeek(const std::string& from, const std::string& to, const KvScan& scan, const Pairs& all) {
    auto it = store_.kv().Walk(from, to, scan);
    size_t at = 0;
    while (at < all.size()) {
      at += Below(all.size() / 3 + 2);
      const std::string target = at < all.size() ? all[at].first : to;
      if (!it->Valid() || target < it->key()) break;
      it->Seek(target);
      for (size_t steps = Below(4); steps > 0 && it->Valid(); --steps, ++at) it->Next();
      REQUIRE(it->Valid() == (at < all.size()));
      if (!it->Valid()) break;
      CHECK(it->key() == all[at].first);
      if (scan.values) CHECK(it->value() == all[at].second);
    }
    CHECK(it->status().detail() == "");
  }

  KvHarness& store_;
  std::mt19937_64 random_;
  std::map<std::string, std::string> values_;
};

TEMPLATE_TEST_CASE("kv: what was put, appended and deleted is read in the order of its bytes, in any part, from either end", "", KV_HARNESS) {
  TestType store;
  KvModel model(&store, 7);
  for (int round = 0; round < 20; ++round) {
    for (int batch = 0; batch < 3; ++batch) model.Write();
    for (int walk = 0; walk < 15; ++walk) model.CheckWalk();
    model.CheckGet();
  }
  CHECK(model.size() > 200);
}

TEMPLATE_TEST_CASE("kv: a moment shows what was there when it was first read, whatever is written since, and the next one that, too", "",
                   KV_HARNESS) {
  TestType store;
  store.Write([](KvWrites& out) {
    for (const char* key : {"na", "nb", "da", "fa"}) out.Put(key, "old");
  });
  const auto moment = store.kv().Now(KvFor::kLoads);
  REQUIRE(Got(*moment, {"na"}) == std::map<size_t, std::string>{{0, "old"}});
  store.Write([](KvWrites& out) {
    out.Put("na", "new");
    out.Put("nab", "new");
    out.Delete("nb");
    out.Put("fa", "new");
    out.Delete("da");
  });
  CHECK(Walked(*moment, "n", "o") == Pairs{{"na", "old"}, {"nb", "old"}});
  CHECK(Got(*moment, {"da", "fa", "nab", "nb"}) == std::map<size_t, std::string>{{0, "old"}, {1, "old"}, {3, "old"}});
  CHECK(Walked(*store.kv().Now(KvFor::kScans), "n", "o") == Pairs{{"na", "new"}, {"nab", "new"}});
}

TEMPLATE_TEST_CASE("kv: a walk of some thousands is of one moment, and another one goes beside it", "", KV_HARNESS) {
  TestType store;
  constexpr size_t kRows = 2'500;
  auto key = [](size_t i) { return "n" + std::to_string(10'000 + i); };
  store.Write([&](KvWrites& out) {
    for (size_t i = 0; i < kRows; ++i) out.Put(key(i), "old");
  });
  auto up = store.kv().Walk("n", "o", {.expected = 1}), down = store.kv().Walk("n", "o", {.forward = false, .expected = 1});
  store.Write([&](KvWrites& out) {
    for (size_t i = 0; i < kRows; i += 2) out.Delete(key(i));
    out.Put("n99999", "new");
  });
  size_t differ = 0;
  for (size_t i = 0; i < kRows; ++i, up->Next(), down->Next()) {
    REQUIRE(up->Valid());
    REQUIRE(down->Valid());
    differ += up->key() != key(i) || up->value() != "old" || down->key() != key(kRows - 1 - i) || down->value() != "old";
  }
  CHECK(differ == 0);
  CHECK_FALSE(up->Valid());
  CHECK_FALSE(down->Valid());
  CHECK(up->status().detail() == "");
  CHECK(down->status().detail() == "");
}

TEMPLATE_TEST_CASE("kv: walks over its parts see all there is, each key once", "", KV_HARNESS) {
  TestType store;
  std::set<std::string> there;
  for (const auto& [key, value] : WalkedParts(store.kv())) there.insert(key);
  store.Write([&](KvWrites& out) {
    for (NamespaceNumber number : {0, 1, 0x0101, 0xffff})
      for (char kind : std::string_view("abcdefghijklnopqrstuvwxyz{"))
        for (const char* name : {"", "\x01", "\xff\xff"}) {
          const std::string key = KeySpace(number).In(std::string(1, kind) + name);
          there.insert(key);
          out.Put(key, "value");
        }
    for (char kind : std::string_view("ANTUW")) {
      there.insert(std::string(1, kind) + "name");
      out.Put(std::string(1, kind) + "name", "value");
    }
  });
  const Pairs all = WalkedParts(store.kv());
  CHECK(all.size() == there.size());
  for (const auto& [key, value] : all) CHECK(there.contains(key));
}

TEMPLATE_TEST_CASE("kv: nothing lies between bounds that are not in order, and who is asked may end a look-up", "", KV_HARNESS) {
  TestType store;
  store.Write([](KvWrites& out) {
    for (const char* key : {"na", "nb", "fa"}) out.Put(key, key);
  });
  for (bool forward : {true, false})
    for (const auto& [from, to] : {std::pair{"nb", "na"}, std::pair{"na", "na"}, std::pair{"nc", "nd"}})
      CHECK(Walked(store.kv(), from, to, {.forward = forward}).empty());
  size_t calls = 0;
  Status status = store.kv().GetAll({"fa", "na", "nb"}, [&](size_t, std::string_view) {
    ++calls;
    return Status(Code::kCorrupt, "enough");
  });
  CHECK(status.code() == Code::kCorrupt);
  CHECK(calls == 1);
  CHECK(Got(store.kv(), {}).empty());
  CHECK(Got(store.kv(), {"nothing", "na", "na"}) == std::map<size_t, std::string>{{1, "na"}, {2, "na"}});
}

}  // namespace
}  // namespace notifyd
