// A database that has less than it had confirmed, as one that was put back to a copy of some seconds before, or that took another one's place without
// what that had: what a PgStore finds of it, and what it does not take for that. Here it is done to the rows.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "storage/cells_harness.h"
#include "storage/postgres_harness.h"
#include "storage/taken_lease.h"

namespace notifyd {
namespace {

constexpr const char* kLostWords = "the database has not what it had confirmed to be durable";

StoreOptions OwnedBy(TakenLease* lease, StoreOptions options) {
  options.owner = lease;
  return options;
}

/// A store whose two namespaces were written to, synced.
struct Written {
  explicit Written(StoreOptions options = PostgresStoreOptions()) : lease(options.postgres, {7, 8}), h(OwnedBy(&lease, std::move(options))) {
    for (NamespaceNumber number : {2, 3})
      for (uint64_t id : {1, 2}) h.Commit(number, {Put(MakeRecord(id))});
  }
  void Change(const std::string& sql) { REQUIRE(Connect(h.options().postgres)->RunScript(sql).ok()); }
  /// As a server ends them that begins anew.
  void EndSessions() {
    Change("SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'notifyd'");
  }
  Status Failure(NamespaceNumber number) {
    Event event = h.NextEvent(number);
    while (!std::holds_alternative<WriteFailed>(event)) event = h.NextEvent(number);
    return std::get<WriteFailed>(event).status;
  }
  void CheckLost(NamespaceNumber number, const std::string& what) {
    const Status failure = Failure(number);
    CHECK(failure.code() == Code::kCorrupt);
    CHECK_THAT(failure.detail(), Catch::StartsWith(kLostWords) && Catch::Contains(what));
    CHECK(lease.fenced == 0);
  }

  TakenLease lease;
  PostgresHostHarness h;
};

}  // namespace

TEST_CASE("postgres: a batch before which one is missing that was confirmed is told as a loss, not as another owner's store") {
  Written store;
  store.Change("DELETE FROM log WHERE unit = 2 AND n = (SELECT max(n) FROM log WHERE unit = 2)");
  store.h.Begin(2, {Put(MakeRecord(3))});
  store.CheckLost(2, "of unit 2 is not there");
}

TEST_CASE("postgres: a database that has less than it had confirmed is found out as connections are made anew, whether there is something to write") {
  Written store;
  const auto [change, what] =
      GENERATE(std::pair("DELETE FROM log WHERE unit = 2 AND n = (SELECT max(n) FROM log WHERE unit = 2)", "the last batch of unit 2 is"),
               std::pair("DELETE FROM log WHERE unit = 3", "the last batch of unit 3 is 0, and"),
               std::pair("UPDATE owners SET epoch = epoch - 1 WHERE unit = 2", "the epoch of unit 2 is"),
               std::pair("UPDATE lease SET epoch = epoch - 1", "the epoch of the lease is"));
  store.Change(change);
  store.EndSessions();
  store.CheckLost(3, what);
}

TEST_CASE("postgres: what another owner has by now, or this one acquired anew, is not taken for lost") {
  Written store;
  SECTION("another one has it, and removed it") {
    store.Change("UPDATE owners SET epoch = epoch + 1, incarnation = nobody() WHERE unit = 2; DELETE FROM log WHERE unit = 2");
    store.Change("DELETE FROM log WHERE unit = 3; DELETE FROM owners WHERE unit = 3");
    store.EndSessions();
    store.h.Begin(2, {Put(MakeRecord(3))});
    CHECK(store.Failure(2).code() == Code::kConflict);
    CHECK(store.lease.fenced == 1);
  }
  SECTION("it was acquired anew") {
    for (int times = 0; times < 3; ++times) {
      store.EndSessions();
      for (NamespaceNumber number : {2, 3}) store.h.Commit(number, {Put(MakeRecord(3))}, times != 1);
    }
    CHECK(store.h.events().failures == 0);
    CHECK(store.lease.fenced == 0);
  }
}

TEST_CASE("postgres: a cell that has less than it had confirmed is found out as its connections are made anew") {
  CellHarness store;
  store.store().Commit({1, true, {Put(MakeRecord(1))}, {}});
  REQUIRE(std::holds_alternative<Committed>(store.NextEvent()));
  auto beside = Connect(store.east());
  REQUIRE(beside->RunScript("DELETE FROM log WHERE unit = 5").ok());
  REQUIRE(beside
              ->RunScript("SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                          "application_name = 'notifyd' AND datname = current_database()")
              .ok());
  Event event = store.NextEvent();
  while (!std::holds_alternative<WriteFailed>(event)) event = store.NextEvent();
  CHECK(std::get<WriteFailed>(event).status.code() == Code::kCorrupt);
  CHECK_THAT(std::get<WriteFailed>(event).status.detail(), Catch::StartsWith(kLostWords));
}

TEST_CASE("postgres: a lease that is not to be renewed says at which epoch it is, by which one that was put back is known") {
  StoreOptions options = PostgresStoreOptions();
  options.postgres.member = GENERATE("", "a");
  TakenLease lease(options.postgres, {7, 8});
  REQUIRE(lease.Renew().first == OwnerAnswer::kYes);
  const std::string table = options.postgres.member.empty() ? "lease" : "members";
  REQUIRE(Connect(options.postgres)->RunScript("UPDATE " + table + " SET epoch = 77").ok());
  const auto [answer, word] = lease.Renew();
  CHECK(answer == OwnerAnswer::kNo);
  CHECK(word.epoch == 77);
}

TEST_CASE("postgres: what is not written yet is known, as long as a commit waits and no longer") {
  Written store;
  // What was committed may wait for its sync for a moment.
  const auto await_written = [&] {
    for (int i = 0; i < 1'000 && store.h.postgres().Unwritten(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return !store.h.postgres().Unwritten();
  };
  REQUIRE(await_written());
  auto beside = Connect(store.h.options().postgres);
  REQUIRE(beside->RunScript("BEGIN; LOCK TABLE kv_notifies").ok());
  const uint64_t batch = store.h.Begin(2, {Put(MakeRecord(3))});
  CHECK(store.h.postgres().Unwritten());
  REQUIRE(beside->RunScript("COMMIT").ok());
  while (store.h.Next<Committed>(2).batch < batch) continue;
  CHECK(await_written());
}

}  // namespace notifyd
