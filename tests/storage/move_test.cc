// Moving a store from one engine to the other and back: what is kept, what stays behind, and what is refused meanwhile.
#include "storage/move.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <set>
#include <string>

#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/postgres/pg_move.h"
#include "storage/postgres_harness.h"
#include "storage/registry_image.h"
#include "storage/registry_records.h"
#include "storage/rocks_host_harness.h"
#include "storage/rocks_move.h"

namespace notifyd {
namespace {

constexpr int64_t kNow = StoreHarness::kStart;

using Image = std::map<std::string, std::string>;

/// All that is not over, folded.
Image ImageOf(MoveSource* source) {
  auto elsewhere = source->Elsewhere();
  REQUIRE(elsewhere.ok());
  Image image = *elsewhere;
  const auto rules = ReadRetentionRules(source->kv(), Sealing(), {StoreHarness::kRetentionSucceededMs, StoreHarness::kRetentionSettledMs});
  REQUIRE(rules.ok());
  for (const KvPart& part : source->kv().Parts()) {
    auto it = source->kv().Walk(part.from, part.to, {});
    for (; it->Valid(); it->Next())
      if (!elsewhere->contains(std::string(it->key())) && !MayDrop(it->key(), it->value(), *rules, kNow))
        CHECK(image.emplace(it->key(), it->value()).second);
    REQUIRE(it->status().detail() == "");
  }
  return image;
}

template <class Opened>
auto Must(Opened opened) {
  if (!opened.ok()) FAIL(opened.status().detail());
  return *std::move(opened);
}

enum class Cut { kNot, kBeforeTheEnd };  // where the move is cut short

/// Moves it; what it was.
template <class OpenTarget>
Image Move(std::unique_ptr<MoveSource> source, OpenTarget open_target, Cut cut = Cut::kNot) {
  Image image = ImageOf(source.get());
  const auto rules = Must(ReadRetentionRules(source->kv(), Sealing(), {StoreHarness::kRetentionSucceededMs, StoreHarness::kRetentionSettledMs}));
  std::unique_ptr<MoveTarget> target = open_target(Must(ReadStoreId(source->kv())), rules);
  if (cut == Cut::kBeforeTheEnd) {
    Status written = target->Write([&](KvWrites& out) {
      for (const auto& [key, value] : image) out.Put(key, value);
    });
    CHECK(written.detail() == "");
    return image;
  }
  const auto counts = Must(MoveStore(source.get(), target.get(), rules, kNow, [](const MoveCounts&) {}));
  CHECK(counts.keys == image.size());
  return image;
}

auto ToPostgres(const StoreOptions& options) {
  return [&options](const Fingerprint&, const RetentionRules& rules) { return Must(OpenPgTarget(options, &rules, kNow)); };
}
auto ToRocks(const StoreOptions& options) {
  return [&options](const Fingerprint& id, const RetentionRules& rules) { return Must(OpenRocksTarget(options, id, rules)); };
}

NotifyRecord Settled(uint64_t id, Phase phase, int64_t at_ms) {
  NotifyRecord record = MakeRecord(id);
  record.state = SettledState(phase, at_ms);
  return record;
}

/// Something of each kind, changed as brokers change it.
std::vector<WriteOp> OfEachKind(uint64_t base) {
  const auto expires = [](int64_t ms) { return WallTime{kNow + ms}; };
  const DueKey due{{kNow + 5}, {base + 1}};
  LaneRecord lane;
  lane.tail = true;
  LaneSettings settings;
  settings.concurrency = 7;
  auto switches = std::make_shared<Switches>();
  switches->lanes[kFifoLane] = {kNow + 9};
  std::vector<WriteOp> ops = {Put(MakeRecord(base + 1)),
                              Put(MakeRecord(base + 2)),
                              Change({base + 2}, SettledState(Phase::kFailed, kNow), MakeAttempt(1)),
                              Put(Settled(base + 3, Phase::kSucceeded, kNow - StoreHarness::kRetentionSucceededMs - 1)),
                              PutDue{Clock::kWall, due},
                              PutDue{Clock::kMono, due},
                              PutExpiry{due},
                              PutTail{kFifoLane, {1, {kNow}, {base + 1}}},
                              PutLane{kFifoLane, lane},
                              PutLaneSettings{kConcurrentLane, settings},
                              PutSwitches{switches},
                              AddLaneCounts{kFifoLane, {1, 2, 0, 0, 0}},
                              AddLaneCounts{kConcurrentLane, {0, 0, 1, 0, 0}},
                              PutSleeper{"shop.example:443", {4, kFifoLane}},
                              PutFkey{"order-1", {{base + 1}, kWallNever}},
                              PutFkey{"order-0", {{base + 2}, kWallNever}},
                              ExpireFkey{"order-0", {base + 2}, expires(60'000)},
                              PutIdempotency{{"shop", "a"}, {{base + 1}, {1, 2}, expires(60'000)}},
                              PutSettled{Phase::kFailed, {base + 2}, {kNow}}};
  for (RecordKind kind : kRecordKinds) {
    if (kind == RecordKind::kDueCount) ops.push_back(AddToCount{{kind, "minute"}, 3, expires(60'000)});
    else ops.push_back(PutRecord{{kind, "key"}, std::make_shared<StoredRecord>(StoredRecord{std::string("value\0", 6), expires(3'600'000)})});
  }
  return ops;
}

/// Two batches of it in each namespace; and what retention has ended.
void Fill(HostHarness* h) {
  auto own = std::make_shared<NamespaceRow>(*MakeSpace(3, "three"));
  own->settings.retention_succeeded_ms = 10 * StoreHarness::kRetentionSucceededMs;
  auto token = std::make_shared<TokenRow>();
  token->id = "aaaaaaaa";
  token->name = "a";
  token->grant.namespaces.all = true;
  token->grant.scopes = {Scope::kRead};
  h->CommitRegistry({PutHead{{4, 7, {}}}, PutNamespaceRow{MakeSpace(0, "default")}, PutNamespaceRow{MakeSpace(2, "two")}, PutNamespaceRow{own},
                     PutTokenRow{token}, PutTokenUse{"aaaaaaaa", {60'000}}});
  h->host().Audit({{kNow}, "a", "token_made", "aaaaaaaa"}, [] {});
  for (NamespaceNumber number : {kDefaultNumber, NamespaceNumber{2}, NamespaceNumber{3}}) {
    Totals totals;
    totals.next_id = 1000 + number;
    h->Commit(number, OfEachKind(100), false, totals);
    totals.next_id += 100;
    h->Commit(number,
              {Change({101}, MakeRecord(101).state, MakeAttempt(1)), AddLaneCounts{kFifoLane, {1, 0, 0, 0, 0}},
               AddToCount{{RecordKind::kDueCount, "minute"}, 4, {kNow + 60'000}}},
              true, totals);
  }
}

std::set<char> KindsIn(const Image& image) {
  std::set<char> kinds;
  for (const auto& [key, value] : image) kinds.insert(PlaceOf(key).bare.front());
  return kinds;
}

TEST_CASE("move: a store with something of each kind comes back as it was from the other engine, and goes on there") {
  RocksHostHarness rocks;
  Fill(&rocks);
  rocks.Close();
  TempDir place;
  const StoreOptions first = rocks.Options(), in_postgres = PostgresStoreOptions();
  StoreOptions second = first, third = first;
  second.directory = (place.path() / "second").string();
  third.directory = (place.path() / "third").string();

  const Image was = Move(Must(OpenRocksSource(first)), ToPostgres(in_postgres));
  std::set<char> all = {'m', 'n', 'c', 'd', 'f', 'i', 'l', 'q', 's', 'w', 'x', 'z', 'A', 'N', 'T', 'U', 'W'};
  for (RecordKind kind : kRecordKinds) all.insert(static_cast<char>(kind));
  CHECK(KindsIn(was) == all);
  CHECK(was.contains(KeySpace(3).In(EncodeNotifyKey({103}))));  // kept longer there
  CHECK_FALSE(was.contains(KeySpace(2).In(EncodeNotifyKey({103}))));
  CHECK(Move(Must(OpenPgSource(in_postgres)), ToRocks(second)) == was);
  CHECK(ImageOf(Must(OpenRocksSource(second)).get()) == was);
  CHECK(ImageOf(Must(OpenRocksSource(first)).get()) == was);

  // It is used there, and what it has then is moved.
  {
    PostgresHostHarness h(in_postgres);
    CHECK(h.TotalsAt(2).next_id == 1102);
    CHECK(h.ListIds(2) == std::vector<uint64_t>{101, 102});
    Totals totals = h.TotalsAt(2);
    totals.next_id = 5000;
    h.Commit(2, {Put(MakeRecord(104)), AddLaneCounts{kFifoLane, {10, 0, 0, 0, 0}}}, true, totals);
    h.wall_ms += StoreHarness::kRetentionSettledMs + 2 * 3'600'000;
    CHECK(h.postgres().Sweep().ok());
    CHECK_FALSE(h.LoadNotify(2, {102}).record);
    CHECK(h.LoadNotify(2, {101}).record);
  }
  const Image later = Move(Must(OpenPgSource(in_postgres)), ToRocks(third));
  CHECK_FALSE(later.contains(KeySpace(2).In(EncodeNotifyKey({102}))));
  const std::filesystem::path third_path = third.directory;
  RocksHostHarness after(&third_path);
  CHECK(after.TotalsAt(2).next_id == 5000);
  CHECK(after.TotalsAt(3).next_id == 1103);
  CHECK(after.ListIds(2) == std::vector<uint64_t>{101, 104});
  after.At(2).ListLanes({{9, 1}, {}});
  for (const LaneRow& row : after.Next<LanesDone>(2).rows)
    if (row.lane == kFifoLane) CHECK(row.counts.Sum() == 14);
}

TEST_CASE("move: a target is half-made until its end, and says so, and a move begins it anew") {
  RocksHostHarness rocks;
  Fill(&rocks);
  rocks.Close();
  TempDir place;
  const StoreOptions from = rocks.Options(), in_postgres = PostgresStoreOptions();
  StoreOptions back = from;
  back.directory = (place.path() / "back").string();

  const Image was = Move(Must(OpenRocksSource(from)), ToPostgres(in_postgres), Cut::kBeforeTheEnd);
  auto broker = PgStore::Open(in_postgres);
  CHECK(broker.status().code() == Code::kUnacceptable);
  CHECK(broker.status().detail().find("half-made") != std::string::npos);
  CHECK_FALSE(OpenPgSource(in_postgres).ok());
  Move(Must(OpenRocksSource(from)), ToPostgres(in_postgres));
  CHECK(ImageOf(Must(OpenPgSource(in_postgres)).get()) == was);

  Move(Must(OpenPgSource(in_postgres)), ToRocks(back), Cut::kBeforeTheEnd);
  auto store = RocksStore::Open(back);
  CHECK(store.status().code() == Code::kUnacceptable);
  CHECK(store.status().detail().find("half-made") != std::string::npos);
  Move(Must(OpenPgSource(in_postgres)), ToRocks(back));
  CHECK(ImageOf(Must(OpenRocksSource(back)).get()) == was);
}

TEST_CASE("move: nothing is moved to where something is, from where nothing is, or while either is in use") {
  RocksHostHarness rocks;
  Fill(&rocks);
  CHECK_FALSE(OpenRocksSource(rocks.Options()).ok());
  rocks.Close();
  const StoreOptions from = rocks.Options();
  const RetentionRules rules;
  CHECK(OpenRocksTarget(from, {1, 2}, rules).status().code() == Code::kUnacceptable);
  PostgresHostHarness postgres;
  CHECK_FALSE(OpenPgSource(postgres.options()).ok());
  CHECK(OpenPgTarget(postgres.options(), &rules, kNow).status().code() == Code::kUnacceptable);
  StoreOptions nowhere = PostgresStoreOptions();
  CHECK(OpenPgSource(nowhere).status().code() == Code::kNotFound);
  nowhere.directory = from.directory + "-nothing";
  CHECK(OpenRocksSource(nowhere).status().code() == Code::kNotFound);
  CHECK_FALSE(std::filesystem::exists(nowhere.directory));
  // What a broker that was killed left there is in nobody's way.
  REQUIRE(std::filesystem::create_directory(nowhere.directory));
  const std::string left = nowhere.directory + "/" + kControlSocket;
  sockaddr_un address{AF_UNIX, {}};
  REQUIRE(left.size() < sizeof address.sun_path);
  left.copy(address.sun_path, left.size());
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  // One move at a time.
  const auto target = Must(OpenRocksTarget(nowhere, {1, 2}, rules));
  CHECK(OpenRocksTarget(nowhere, {1, 2}, rules).status().code() == Code::kUnacceptable);
  const StoreOptions place = PostgresStoreOptions();
  CHECK(std::filesystem::is_socket(left));
  const auto held = Must(OpenPgTarget(place, &rules, kNow));
  CHECK_FALSE(OpenPgTarget(place, &rules, kNow).ok());
}

}  // namespace
}  // namespace notifyd
