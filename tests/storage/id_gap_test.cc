// The gap that is left in ids where a copy of a store goes on: in namespaces that are awake, asleep, without anything yet, or made later.
#include "storage/id_gap.h"

#include "storage/rocks_host_harness.h"

namespace notifyd {
namespace {

constexpr uint64_t kGap = 100'000'000'000;

Totals TotalsOf(NamespaceNumber number, uint64_t sequence) {
  Totals totals;
  totals.next_id = NotifyId::Of(number, sequence).value;
  totals.accepted = sequence - 1;
  return totals;
}

NamespaceRow Row(NamespaceNumber number) {
  NamespaceRow row;
  row.number = number;
  row.name = "n" + std::to_string(number);
  return row;
}

}  // namespace

TEST_CASE("id gap: each namespace goes on above it, whatever state it is in, and so does one that is made later") {
  RocksHostHarness store;
  RegistryHead head;
  head.next_number = 8;
  store.CommitRegistry({PutNamespaceRow{std::make_shared<const NamespaceRow>(Row(5))}, PutNamespaceRow{std::make_shared<const NamespaceRow>(Row(6))},
                        PutNamespaceRow{std::make_shared<const NamespaceRow>(Row(7))}, PutHead{head}});
  store.Commit(kDefaultNumber, {Put(MakeRecord(41))}, true, TotalsOf(kDefaultNumber, 42));
  store.Commit(5, {Put(MakeRecord(NotifyId::Of(5, 9).value))}, true, TotalsOf(5, 10));
  store.Commit(6, {Put(MakeRecord(NotifyId::Of(6, 2).value))}, true, TotalsOf(6, 3));
  store.At(6).Sleep({77});
  store.id_gap = kGap;
  store.Reopen();
  store.id_gap = 0;
  CHECK(store.StateOf(6).totals.next_id == NotifyId::Of(6, 3 + kGap).value);
  CHECK(store.StateOf(6).next_wake.ms == 77);
  CHECK(store.TotalsAt(kDefaultNumber).next_id == 42 + kGap);
  CHECK(store.TotalsAt(kDefaultNumber).accepted == 41);
  CHECK(store.TotalsAt(5).next_id == NotifyId::Of(5, 10 + kGap).value);
  CHECK(store.TotalsAt(6).next_id == NotifyId::Of(6, 3 + kGap).value);
  CHECK(store.TotalsAt(7).next_id == NotifyId::Of(7, 1 + kGap).value);
  CHECK(store.TotalsAt(8).next_id == NotifyId::Of(8, 1 + kGap).value);
  // Once, and it adds up.
  store.Reopen();
  CHECK(store.TotalsAt(kDefaultNumber).next_id == 42 + kGap);
  CHECK(store.TotalsAt(8).next_id == NotifyId::Of(8, 1 + kGap).value);
  store.id_gap = 1;
  store.Reopen();
  CHECK(store.TotalsAt(kDefaultNumber).next_id == 43 + kGap);
  CHECK(store.TotalsAt(8).next_id == NotifyId::Of(8, 2 + kGap).value);
}

TEST_CASE("id gap: one beyond the last id is refused, and nothing is changed") {
  RocksHostHarness store;
  store.Commit(kDefaultNumber, {Put(MakeRecord(41))}, true, TotalsOf(kDefaultNumber, 42));
  store.Close();
  StoreOptions options = store.Options();
  for (uint64_t gap : {(uint64_t{1} << 48) - 42, uint64_t{1} << 48, UINT64_MAX}) {
    options.id_gap = gap;
    auto opened = RocksStore::Open(options);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.status().code() == Code::kUnacceptable);
  }
  store.Open();
  CHECK(store.TotalsAt(kDefaultNumber).next_id == 42);
}

}  // namespace notifyd
