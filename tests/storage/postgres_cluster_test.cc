// Several members on one store in PostgreSQL: units that go from one to the other, one that is buried while it still writes, and who has the whole
// store beside them.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "storage/postgres/pg_connection.h"
#include "storage/postgres/pg_schema.h"
#include "storage/postgres_harness.h"
#include "storage/taken_lease.h"
#include "support/slowness.h"

namespace notifyd {
namespace {

PostgresOptions As(PostgresOptions options, const std::string& member) {
  options.member = member;
  options.member_address = member + ":1";
  options.member_version = "9";
  return options;
}

/// One of several, over a schema that a test shares among them.
class MemberHarness : public HostHarness {
 public:
  MemberHarness(StoreOptions options, const std::string& name, Incarnation incarnation) {
    options.postgres = As(options.postgres, name);
    lease_ = std::make_unique<TakenLease>(options.postgres, incarnation);
    options.owner = lease_.get();
    options.wall_ms = [this] { return wall_ms.load(); };
    auto store = PgStore::Open(options);
    if (!store.ok()) FAIL(store.status().detail());
    store_ = *std::move(store);
    store_->Start(&events_);
    cluster_ = store_->OpenCluster();
  }
  ~MemberHarness() override { CloseAll(); }

  StoreHost& host() override { return *store_; }
  ClusterStore& cluster() { return *cluster_; }
  TakenLease& lease() { return *lease_; }
  WaitingEvents& events() { return events_; }
  void Reopen() override { FAIL("a member begins anew"); }
  EventSink* SinkOf(NamespaceNumber number) override { return &sinks_[number]; }
  Event NextEvent(NamespaceNumber number) override { return sinks_[number].Take(); }
  void AwaitRegistry(uint64_t number) override { events_.AwaitCommitted(number); }
  AuditPage ListAudit(AuditQuery query) override {
    std::promise<AuditPage> page;
    store_->ListAudit(std::move(query), [&](AuditPage done) { page.set_value(std::move(done)); });
    return page.get_future().get();
  }

  ClusterImage Look() {
    auto image = cluster_->Look();
    if (!image.ok()) FAIL(image.status().detail());
    return *std::move(image);
  }
  UnitRow UnitOf(int64_t unit) {
    for (const UnitRow& row : Look().units)
      if (row.unit == unit) return row;
    FAIL("there is no such unit: " << unit);
    return {};
  }
  bool Has(int64_t unit) { return UnitOf(unit).owner == lease_->word().incarnation; }
  Code Acquire(NamespaceNumber number) {
    auto states = cluster_->Acquire({number});
    return states.ok() ? Code::kOk : states.status().code();
  }
  bool HandOver(NamespaceNumber number) {
    CloseAt(number);
    cluster_->Forget(number);
    return Released(number);
  }
  /// Waits until all of it is written.
  bool Released(int64_t unit) {
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
    for (;;) {
      auto released = cluster_->Release({UnitOf(unit)});
      if (!released.ok()) return false;
      if (!released->empty()) return *released == std::vector<int64_t>{unit};
      if (std::chrono::steady_clock::now() >= until) return false;
    }
  }

 private:
  std::map<NamespaceNumber, WaitingSink> sinks_;
  WaitingEvents events_;
  std::unique_ptr<TakenLease> lease_;
  std::unique_ptr<PgStore> store_;
  std::unique_ptr<ClusterStore> cluster_;
};

RegistryWrite RowOf(NamespaceNumber number, const std::string& name) {
  NamespaceRow row;
  row.number = number;
  row.name = name;
  return PutNamespaceRow{std::make_shared<const NamespaceRow>(std::move(row))};
}

}  // namespace

TEST_CASE("postgres cluster: one leads, namespaces are where they are placed, and go from one to the other with all that was written") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1}), b(options, "b", {2, 2});
  const ClusterImage image = a.Look();
  REQUIRE(image.members.size() == 2);
  CHECK(image.members[1].name == "b");
  CHECK(image.members[1].address == "b:1");
  CHECK(image.members[1].version == "9");
  CHECK(image.units.empty());  // those of the audit are nobody's affair
  REQUIRE(a.cluster().Lead().ok());
  CHECK(b.cluster().Lead().code() == Code::kConflict);
  CHECK(b.cluster().Place({{5, "", "b"}}).code() == Code::kConflict);
  REQUIRE(a.cluster().Place({{5, "", "a"}, {6, "", "b"}}).ok());
  CHECK(b.UnitOf(6).placed == "b");
  a.CommitRegistry({RowOf(5, "five")});
  CHECK(b.Look().registry == image.registry + 1);
  auto registry = b.cluster().ReadRegistry();
  REQUIRE(registry.ok());
  CHECK(std::any_of(registry->namespaces.begin(), registry->namespaces.end(), [](const auto& row) { return row->name == "five"; }));

  REQUIRE(a.Acquire(5) == Code::kOk);
  REQUIRE(b.Acquire(6) == Code::kOk);
  CHECK(b.Acquire(5) == Code::kConflict);
  CHECK(a.Acquire(5) == Code::kOk);  // again, where an answer was lost
  Totals totals;
  totals.accepted = 2;
  a.Commit(5, {Put(MakeRecord(1))});
  a.Commit(5, {Put(MakeRecord(2))}, /*sync=*/false, totals);
  const UnitRow before = a.UnitOf(5);
  REQUIRE(a.HandOver(5));
  auto again = a.cluster().Release({before});
  REQUIRE(again.ok());
  CHECK(again->empty());  // a release that comes late takes nothing
  auto states = b.cluster().Acquire({5});
  REQUIRE(states.ok());
  REQUIRE(states->size() == 1);
  CHECK(states->at(0).awake);
  CHECK(states->at(0).totals.accepted == 2);
  CHECK(b.ListIds(5) == std::vector<uint64_t>{1, 2});
  b.Commit(5, {Put(MakeRecord(3))});
  REQUIRE(b.HandOver(5));
  REQUIRE(a.Acquire(5) == Code::kOk);
  CHECK(a.ListIds(5) == std::vector<uint64_t>{1, 2, 3});
  a.Commit(5, {Put(MakeRecord(4))});
  CHECK(a.events().failures + b.events().failures == 0);
  CHECK(a.lease().fenced + b.lease().fenced == 0);
}

namespace {

/// Somebody's lock, for which each commit waits that writes keys.
class Locked {
 public:
  explicit Locked(const PostgresOptions& options) {
    auto opened = PgConnection::Open(options);
    if (!opened.ok()) FAIL(opened.status().detail());
    connection_ = *std::move(opened);
    REQUIRE(connection_->RunScript("BEGIN; LOCK TABLE kv_main, kv_notifies, kv_hot IN SHARE MODE").ok());
  }
  /// Until somebody waits for it.
  void AwaitWaiting() {
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
    while (std::chrono::steady_clock::now() < until) {
      auto waiting = connection_->Run("SELECT count(*) FROM pg_locks WHERE NOT granted");
      REQUIRE(waiting.ok());
      if (waiting->Int(0, 0) > 0) return;
    }
    FAIL("nobody waits for the lock");
  }
  void End() { REQUIRE(connection_->RunScript("COMMIT").ok()); }

 private:
  std::unique_ptr<PgConnection> connection_;
};

}  // namespace

TEST_CASE("postgres cluster: who lets go of a namespace waits for nothing, and nobody has it before all that is under way of it has ended") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1}), b(options, "b", {2, 2});
  REQUIRE(a.cluster().Lead().ok());
  REQUIRE(a.cluster().Place({{5, "", "a"}}).ok());
  REQUIRE(a.Acquire(5) == Code::kOk);
  a.Commit(5, {Put(MakeRecord(1))});
  Locked lock(options.postgres);
  a.Begin(5, {Put(MakeRecord(2))});
  lock.AwaitWaiting();
  a.CloseAt(5);
  a.cluster().Forget(5);
  CHECK(a.cluster().MayStillWrite(5));
  CHECK_FALSE(a.cluster().IsStranded(5));  // it is reached
  auto released = a.cluster().Release({a.UnitOf(5)});
  REQUIRE(released.ok());
  CHECK(released->empty());
  CHECK(a.Has(5));
  CHECK(b.Acquire(5) != Code::kOk);
  // Nor does who opens it here wait for long.
  WaitingSink sink;
  const auto opened = a.host().OpenNamespace(5, &sink);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.status().code() == Code::kUnavailable);
  lock.End();
  REQUIRE(a.Released(5));
  CHECK_FALSE(a.cluster().MayStillWrite(5));
  REQUIRE(b.Acquire(5) == Code::kOk);
  CHECK(b.ListIds(5) == std::vector<uint64_t>{1, 2});
  b.Commit(5, {Put(MakeRecord(3))});
  CHECK(a.events().failures + b.events().failures == 0);
  CHECK(a.lease().fenced + b.lease().fenced == 0);
}

TEST_CASE("postgres cluster: who gives up the leading waits for nothing, and nobody leads before what is under way of it has ended") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1}), b(options, "b", {2, 2});
  REQUIRE(a.cluster().Lead().ok());
  a.CommitRegistry({RowOf(5, "five")});
  Locked lock(options.postgres);
  a.host().Commit(RegistryBatch{2, true, {RowOf(6, "six")}});
  lock.AwaitWaiting();
  a.cluster().EndLead();
  auto released = a.cluster().Release({a.UnitOf(kRegistryUnit)});
  REQUIRE(released.ok());
  CHECK(released->empty());
  CHECK(a.cluster().Lead().code() == Code::kUnavailable);
  CHECK_FALSE(b.cluster().Lead().ok());
  lock.End();
  REQUIRE(a.Released(kRegistryUnit));
  REQUIRE(b.cluster().Lead().ok());
  const auto registry = b.cluster().ReadRegistry();
  REQUIRE(registry.ok());
  CHECK(std::any_of(registry->namespaces.begin(), registry->namespaces.end(), [](const auto& row) { return row->name == "six"; }));
  CHECK(a.events().failures + b.events().failures == 0);
}

TEST_CASE("postgres cluster: a namespace of which something waits for a connection that does not come back is stranded until it does") {
  StoreOptions options = PostgresStoreOptions();
  const PostgresOptions own = options.postgres;
  auto beside = PgConnection::Open(own);
  REQUIRE(beside.ok());
  REQUIRE((*beside)->RunScript("CREATE ROLE stranded LOGIN; GRANT CREATE ON DATABASE postgres TO stranded").ok());
  options.postgres.dsn += " user=stranded";
  MemberHarness a(options, "a", {1, 1});
  REQUIRE(a.Acquire(5) == Code::kOk);
  a.Commit(5, {Put(MakeRecord(1))});
  CHECK_FALSE(a.cluster().IsStranded(5));
  REQUIRE((*beside)->RunScript("ALTER ROLE stranded CONNECTION LIMIT 0").ok());
  REQUIRE((*beside)->RunScript("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stranded'").ok());
  a.Begin(5, {Put(MakeRecord(2))});
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
  while (!a.cluster().IsStranded(5) && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  REQUIRE(a.cluster().IsStranded(5));
  a.CloseAt(5);
  a.cluster().Forget(5);
  CHECK(a.cluster().MayStillWrite(5));
  REQUIRE((*beside)->RunScript("ALTER ROLE stranded CONNECTION LIMIT -1").ok());
  while (a.cluster().MayStillWrite(5) && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK_FALSE(a.cluster().MayStillWrite(5));
  CHECK(a.lease().fenced == 0);
}

TEST_CASE("postgres: a namespace that is opened again while it is to be let go of, over a connection that is away, is not let go of any more") {
  constexpr NamespaceNumber kLet = 2, kBeside = 4;  // over the same one of two connections
  PostgresHostHarness h;
  h.Commit(kBeside, {Put(MakeRecord(1))});
  h.Commit(kLet, {Put(MakeRecord(1))});
  h.Commit(kLet, {Put(MakeRecord(2))}, false);
  auto holder = PgConnection::Open(h.options().postgres), beside = PgConnection::Open(h.options().postgres);
  REQUIRE(holder.ok());
  REQUIRE(beside.ok());
  // What no sync covers yet is acquired anew over the next connection, which waits for this.
  REQUIRE((*holder)->RunScript("BEGIN; SELECT FROM owners WHERE unit = 2 FOR UPDATE").ok());
  const std::string cut = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'notifyd' AND pid NOT IN (" +
                          std::to_string(PQbackendPID((*holder)->raw())) + ", pg_backend_pid())";
  REQUIRE((*beside)->RunScript(cut).ok());
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
  for (bool waits = false; !waits;) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    auto asked = (*beside)->Run("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%acquire%'");
    REQUIRE(asked.ok());
    waits = asked->Int(0, 0) > 0;
  }
  h.CloseAt(kLet);
  h.postgres().BeginForget(kLet);
  REQUIRE(h.postgres().Knows(kLet));
  h.At(kLet);
  h.CloseAt(kLet);
  REQUIRE((*holder)->RunScript("COMMIT").ok());
  // One after the other, so that whatever may be let go of is let go of between them.
  for (uint64_t id : {2, 3, 4}) h.Commit(kBeside, {Put(MakeRecord(id))});
  CHECK(h.postgres().Knows(kLet));
  h.Commit(kLet, {Put(MakeRecord(3))});
  CHECK(h.ListIds(kLet) == std::vector<uint64_t>{1, 2, 3});
  CHECK(h.events().failures == 0);
}

TEST_CASE("postgres cluster: each says whom it does not reach, until it begins anew; a schema of before that gets what it needs") {
  const StoreOptions options = PostgresStoreOptions();
  {
    // As a version before made it.
    auto connection = PgConnection::Open(options.postgres, 5'000);
    REQUIRE(connection.ok());
    REQUIRE(PreparePgSchema(connection->get(), options.postgres).ok());
    REQUIRE((*connection)->RunScript("DROP TABLE reach").ok());
  }
  MemberHarness a(options, "a", {1, 1}), b(options, "b", {2, 2});
  CHECK_FALSE(a.Look().members[1].reach.told);
  REQUIRE(b.cluster().TellReach({"a", "M\xc3\xbcller 7"}).ok());
  REQUIRE(a.cluster().TellReach({}).ok());
  ClusterImage image = a.Look();
  CHECK(image.members[0].reach.told);
  CHECK(image.members[0].reach.unreached.empty());
  CHECK(image.members[1].reach.unreached == std::set<std::string>{"a", "M\xc3\xbcller 7"});
  REQUIRE(b.cluster().TellReach({}).ok());
  CHECK(a.Look().members[1].reach.told);
  CHECK(a.Look().members[1].reach.unreached.empty());
  REQUIRE(b.cluster().TellReach({"a"}).ok());
  REQUIRE(b.lease().Ask(OwnerAsk::Kind::kRelease) == OwnerAnswer::kYes);
  CHECK(a.Look().members.size() == 1);
  const TakenLease again(As(options.postgres, "b"), {3, 3});
  image = a.Look();
  REQUIRE(image.members.size() == 2);
  CHECK_FALSE(image.members[1].reach.told);
}

TEST_CASE("postgres cluster: each says by how much its clock is ahead, until it begins anew, and learns it where it renews its lease") {
  const StoreOptions options = PostgresStoreOptions();
  {
    // As a version before made it.
    auto connection = PgConnection::Open(options.postgres, 5'000);
    REQUIRE(connection.ok());
    REQUIRE(PreparePgSchema(connection->get(), options.postgres).ok());
    REQUIRE((*connection)->RunScript("DROP TABLE member_clocks").ok());
  }
  MemberHarness a(options, "a", {1, 1}), b(options, "b", {2, 2});
  CHECK_FALSE(a.Look().members[1].clock_ahead_ms);
  REQUIRE(b.cluster().TellClock(-30'000).ok());
  CHECK(a.Look().members[1].clock_ahead_ms == -30'000);
  CHECK_FALSE(a.Look().members[0].clock_ahead_ms);
  REQUIRE(b.cluster().TellClock(7).ok());
  CHECK(b.Look().members[1].clock_ahead_ms == 7);
  CHECK_FALSE(b.lease().clock_ahead_ms());
  REQUIRE(b.lease().Ask(OwnerAsk::Kind::kRenew) == OwnerAnswer::kYes);
  // Both are on this machine; the database's is rounded.
  REQUIRE(b.lease().clock_ahead_ms());
  CHECK(std::abs(*b.lease().clock_ahead_ms()) <= 1);
  REQUIRE(b.lease().Ask(OwnerAsk::Kind::kRelease) == OwnerAnswer::kYes);
  const TakenLease again(As(options.postgres, "b"), {3, 3});
  REQUIRE(a.Look().members.size() == 2);
  CHECK_FALSE(a.Look().members[1].clock_ahead_ms);
}

TEST_CASE("postgres cluster: who waits for a name learns at which address another one has it") {
  const StoreOptions options = PostgresStoreOptions();
  PgOwnerStore other(As(options.postgres, "a"));
  const OwnerAsk look{OwnerAsk::Kind::kLook, {}, false, {}};
  REQUIRE(other.Do(look).first == OwnerAnswer::kYes);
  CHECK(other.Namesake().empty());
  const TakenLease has(As(options.postgres, "a"), {1, 1});
  REQUIRE(other.Do(look).first == OwnerAnswer::kYes);
  CHECK(other.Namesake() == "a:1");
}

TEST_CASE("postgres cluster: both write the audit, none in place of the other's") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1}), b(options, "b", {2, 2});
  for (int i = 0; i < 5; ++i)
    for (MemberHarness* each : {&a, &b}) {
      AuditEntry entry;
      entry.at = WallTime{StoreHarness::kStart};
      entry.what = "something";
      each->host().Audit(std::move(entry), [] {});
    }
  for (MemberHarness* each : {&a, &b}) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(test::kDeadlineSeconds);
    while (each->ListAudit({}).items.size() < 10 && std::chrono::steady_clock::now() < until) continue;
  }
  CHECK(a.ListAudit({}).items.size() == 10);
}

TEST_CASE("postgres cluster: who is buried writes nothing any more, is told so, and what it had acknowledged is there") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1}), b(options, "b", {2, 2});
  REQUIRE(b.cluster().Lead().ok());
  REQUIRE(b.Acquire(6) == Code::kOk);
  b.Commit(6, {Put(MakeRecord(1))});
  MemberRow seen = a.Look().members[1];
  REQUIRE(b.lease().Ask(OwnerAsk::Kind::kRenew) == OwnerAnswer::kYes);
  auto buried = a.cluster().Bury(seen);
  REQUIRE(buried.ok());
  CHECK_FALSE(*buried);  // it lives
  CHECK(a.Acquire(6) == Code::kConflict);
  seen = a.Look().members[1];
  buried = a.cluster().Bury(seen);
  REQUIRE((buried.ok() && *buried));
  CHECK(a.Look().members.size() == 1);
  CHECK(b.lease().Ask(OwnerAsk::Kind::kRenew) == OwnerAnswer::kNo);
  CHECK(b.Acquire(6) == Code::kConflict);

  b.Begin(6, {Put(MakeRecord(2))});
  Event event = b.NextEvent(6);
  while (std::holds_alternative<Committed>(event)) event = b.NextEvent(6);
  CHECK(std::holds_alternative<WriteFailed>(event));
  CHECK(b.lease().fenced == 1);
  REQUIRE(a.cluster().Lead().ok());
  REQUIRE(a.Acquire(6) == Code::kOk);
  CHECK(a.ListIds(6) == std::vector<uint64_t>{1});
  a.Commit(6, {Put(MakeRecord(2))});
}

TEST_CASE("postgres cluster: a member that is there again under its word has what it had, at another epoch") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1});
  REQUIRE(a.Acquire(5) == Code::kOk);
  const UnitRow before = a.UnitOf(5);
  PgOwnerStore owners(As(options.postgres, "a"));
  const auto [taken, word] = owners.Do({OwnerAsk::Kind::kAcquire, a.lease().word(), true, {3, 3}});
  REQUIRE(taken == OwnerAnswer::kYes);
  CHECK(a.lease().Ask(OwnerAsk::Kind::kRenew) == OwnerAnswer::kNo);
  CHECK(a.UnitOf(5).owner == Incarnation{3, 3});
  CHECK(a.UnitOf(5).epoch == before.epoch + 1);
}

TEST_CASE("postgres cluster: an incarnation that is none is refused, and said to be damaged, whoever reads it") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1});
  REQUIRE(a.Acquire(5) == Code::kOk);
  auto beside = PgConnection::Open(options.postgres);
  REQUIRE(beside.ok());
  const std::string bytes = GENERATE(as<std::string>(), "''", "decode(repeat('00', 15), 'hex')", "decode(repeat('00', 17), 'hex')");
  const std::string other = "SET incarnation = " + bytes;
  REQUIRE((*beside)->RunScript("UPDATE owners " + other + " WHERE unit = 5").ok());
  const auto unit = a.cluster().Look();
  REQUIRE_FALSE(unit.ok());
  CHECK(unit.status().code() == Code::kCorrupt);
  CHECK_THAT(unit.status().detail(), Catch::Contains("instead of 16"));

  REQUIRE((*beside)->RunScript("DELETE FROM owners WHERE unit = 5; UPDATE members " + other + " WHERE name = 'a'").ok());
  const auto member = a.cluster().Look();
  REQUIRE_FALSE(member.ok());
  CHECK(member.status().code() == Code::kCorrupt);
  PgOwnerStore owners(As(options.postgres, "a"));
  CHECK(owners.Do({OwnerAsk::Kind::kLook, {}, false, {}}).first == OwnerAnswer::kUnknown);
  CHECK_THAT(owners.Fault(), Catch::Contains("instead of 16"));
}

TEST_CASE("postgres cluster: what a later release adds is passed over; a schema that it raised refuses who begins then, and nobody who runs") {
  const StoreOptions options = PostgresStoreOptions();
  MemberHarness a(options, "a", {1, 1});
  REQUIRE(a.Acquire(5) == Code::kOk);
  auto beside = PgConnection::Open(options.postgres);
  REQUIRE(beside.ok());
  for (const char* table : {"members", "owners", "places", "log", "kv_main"})
    REQUIRE((*beside)->RunScript("ALTER TABLE " + std::string(table) + " ADD COLUMN later text NOT NULL DEFAULT 'x'").ok());
  REQUIRE((*beside)->Run("CREATE TABLE later (x int)").ok());
  MemberHarness b(options, "b", {2, 2});
  CHECK(a.Look().members.size() == 2);
  CHECK(b.Look().members.front().version == "9");
  a.Commit(5, {Put(MakeRecord(1))});
  REQUIRE(b.Acquire(6) == Code::kOk);
  b.Commit(6, {Put(MakeRecord(1))});
  REQUIRE((*beside)->Run("UPDATE meta SET value = value + 2 WHERE name = 'schema'").ok());
  a.Commit(5, {Put(MakeRecord(2))});
  CHECK(a.lease().Ask(OwnerAsk::Kind::kRenew) == OwnerAnswer::kYes);
  StoreOptions again = options;
  again.postgres = As(options.postgres, "c");
  const auto refused = PgStore::Open(again);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().detail().find("a newer notifyd") != std::string::npos);
}

TEST_CASE("postgres cluster: members and an owner of the whole store wait for each other") {
  const StoreOptions options = PostgresStoreOptions();
  PgOwnerStore whole(options.postgres);
  auto look = [](PgOwnerStore* of) {
    const auto [looked, word] = of->Do({OwnerAsk::Kind::kLook, {}, false, {}});
    REQUIRE(looked == OwnerAnswer::kYes);
    return word;
  };
  auto a = std::make_unique<MemberHarness>(options, "a", Incarnation{1, 1});
  REQUIRE(a->Acquire(5) == Code::kOk);
  const OwnerWord first = look(&whole);
  CHECK_FALSE(first.free);
  REQUIRE(a->lease().Ask(OwnerAsk::Kind::kRenew) == OwnerAnswer::kYes);
  CHECK(look(&whole).renewal == first.renewal + 1);
  CHECK(whole.Do({OwnerAsk::Kind::kAcquire, first, false, {9, 9}}).first == OwnerAnswer::kNo);
  const auto [taken, word] = whole.Do({OwnerAsk::Kind::kAcquire, look(&whole), false, {9, 9}});
  REQUIRE(taken == OwnerAnswer::kYes);
  CHECK(a->lease().Ask(OwnerAsk::Kind::kRenew) == OwnerAnswer::kNo);
  CHECK(a->Acquire(5) == Code::kConflict);
  a.reset();

  PgOwnerStore member(As(options.postgres, "b"));
  const OwnerWord seen = look(&member);
  CHECK_FALSE(seen.free);
  REQUIRE(whole.Do({OwnerAsk::Kind::kRenew, word, true, {}}).first == OwnerAnswer::kYes);
  CHECK(member.Do({OwnerAsk::Kind::kAcquire, seen, false, {4, 4}}).first == OwnerAnswer::kNo);
  REQUIRE(member.Do({OwnerAsk::Kind::kAcquire, look(&member), false, {4, 4}}).first == OwnerAnswer::kYes);
  CHECK(whole.Do({OwnerAsk::Kind::kRenew, word, true, {}}).first == OwnerAnswer::kNo);
}

}  // namespace notifyd
