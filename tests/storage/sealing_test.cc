// A store that seals: what lies on the disk, keys that fit and do not, a rekey, and what somebody has changed.
#include "storage/sealing.h"

#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "base/bytes.h"
#include "storage/hex.h"
#include "storage/keys.h"
#include "storage/records.h"
#include "storage/rocks_harness.h"
#include "storage/sealed_records.h"
#include "storage/store_tool.h"
#include "storage/stored_record.h"

namespace notifyd {
namespace {

const std::string kKeyA(64, 'a'), kKeyB(64, 'b'), kKeyC(64, 'c');

struct SealedHarness : RocksHarness {
  explicit SealedHarness(const std::string& keys, size_t memtable_bytes = StoreOptions().memtable_bytes)
      : RocksHarness(nullptr, memtable_bytes, kDefaultNumber, keys) {}
  uint64_t Figure(const std::string& name) {
    for (const StoreFigure& figure : rocks().Figures())
      if (name == figure.name) return figure.value;
    FAIL("no figure " << name);
    return 0;
  }
  RekeyState AwaitRekey() {
    for (;;) {
      RekeyState state = rocks().Rekeyed();
      if (state.phase != RekeyState::Phase::kRunning) return state;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void Rekey() {
    const Status begun = rocks().Rekey();
    REQUIRE(begun.detail() == "");
    const RekeyState state = AwaitRekey();
    REQUIRE(state.detail == "");
    REQUIRE(state.phase == RekeyState::Phase::kDone);
  }
  std::string OpenFault() {
    auto opened = RocksStore::Open(Options());
    return opened.ok() ? "" : opened.status().detail();
  }
};

const RecordKind kSealedKinds[] = {RecordKind::kAgenda,   RecordKind::kResponse, RecordKind::kEvent,       RecordKind::kGroup,
                                   RecordKind::kSchedule, RecordKind::kInstance, RecordKind::kSubscription};

/// What nobody may find: each a word of its own, and where it goes.
std::vector<std::string> Secrets() {
  std::vector<std::string> out = {
      "secret-spec", "secret-callback", "secret-own-url", "secret-detail", "secret-answer", "secret-remembered", "secret-signing-key-of-32-bytes..."};
  for (RecordKind kind : kSealedKinds) out.push_back(std::string("secret-record-") + static_cast<char>(kind));
  return out;
}

NotifyRecord SecretRecord(uint64_t id) {
  NotifyRecord record = MakeFullestRecord(id);
  auto envelope = std::make_shared<Envelope>(*record.envelope);
  envelope->callback = std::make_shared<const Callback>(Callback{"http://c/secret-callback", "http://c/x", "c:80", "http://h/secret-own-url"});
  record.envelope = std::move(envelope);
  record.spec = std::make_shared<const std::string>(std::string("\x02 http://h/secret-spec of ") + std::to_string(id));
  record.attempts.clear();
  return record;
}

AttemptRecord SecretAttempt(uint32_t number) {
  AttemptRecord attempt = MakeAttempt(number);
  attempt.detail = "secret-detail " + std::to_string(number);
  attempt.response_body = "secret-answer " + std::to_string(number);
  return attempt;
}

const IdempotencyKey kIdempotency{"tester", "key"};
const Fingerprint kPrint{0x0102030405060708, 0x1112131415161718};

void Fill(SealedHarness* store) {
  std::vector<WriteOp> ops = {Put(SecretRecord(1)), Put(SecretRecord(2))};
  for (RecordKind kind : kSealedKinds)
    ops.push_back(PutRecord{{kind, "name"},
                            std::make_shared<const StoredRecord>(StoredRecord{std::string("secret-record-") + static_cast<char>(kind), kWallNever})});
  ops.push_back(
      PutFkey{"fkey-name", {{}, kWallNever, std::make_shared<const RememberedTrigger>(RememberedTrigger{"{\"a\":\"secret-remembered\"}", {}})}});
  ops.push_back(PutIdempotency{kIdempotency, {{1}, kPrint, kWallNever}});
  store->Commit(std::move(ops));
  NamespaceRow row;
  row.name = "billing";
  row.number = 300;
  row.keys = {{"k", SigningKind::kHmac, "secret-signing-key-of-32-bytes...", {1}}};
  RegistryBatch batch;
  batch.number = 1;
  batch.sync = true;
  batch.writes = {PutNamespaceRow{std::make_shared<const NamespaceRow>(row)}};
  store->rocks().Commit(std::move(batch));
  store->events().AwaitCommitted(1);
}

/// Attempts of the first notify: one put, others as operands.
void Attempt(SealedHarness* store, uint32_t number) {
  NotifyState state = SecretRecord(1).state;
  state.attempts_made = number;
  store->Commit({Change({1}, state, SecretAttempt(number))});
}

void CheckAll(SealedHarness* store, size_t attempts) {
  for (uint64_t id : {1, 2}) {
    NotifyRecord expected = SecretRecord(id);
    if (id == 1)
      for (uint32_t i = 1; i <= attempts; ++i) expected.attempts.push_back(SecretAttempt(i));
    if (id == 1 && attempts > 0) expected.state.attempts_made = static_cast<uint32_t>(attempts);
    const LoadedNotify loaded = store->LoadNotify({id});
    REQUIRE(loaded.record);
    CheckSame(*loaded.record, expected);
    CheckSame(*store->Read({id}).record, expected);
  }
  CHECK(store->LoadFkey("fkey-name")->remembered->data == "{\"a\":\"secret-remembered\"}");
  CHECK(store->LoadIdempotency(kIdempotency)->fields == kPrint);
  for (RecordKind kind : kSealedKinds) {
    const std::string expected = std::string("secret-record-") + static_cast<char>(kind);
    CHECK(std::get<std::optional<StoredRecord>>(store->Load({RecordKey{kind, "name"}}).at(0))->value == expected);
    CHECK(store->LoadPage(RecordsPage{kind, "", "", false}).records().at(0).record.value == expected);
  }
  auto image = store->rocks().LoadRegistry();
  REQUIRE(image.ok());
  CHECK(image->namespaces.at(0)->keys.at(0).secret == "secret-signing-key-of-32-bytes...");
}

/// Every file, and every value of the closed store as it stands there: tables are compressed, so that a word may be there and not be seen.
std::string AllBytes(SealedHarness* store) {
  std::string all;
  for (const auto& file : FilesIn(store->directory())) all += ReadBytes(file);
  auto tool = StoreTool::Open(store->Options());
  REQUIRE(tool.ok());
  const Status read = (*tool)->ForEach([&](std::string_view key, std::string_view value) { all.append(key).append("=").append(value).append("\n"); });
  REQUIRE(read.ok());
  return all;
}

std::string Raw(const StoreOptions& options, const std::string& key) {
  auto tool = StoreTool::Open(options);
  REQUIRE(tool.ok());
  return **(*tool)->Get(key);
}

void PutRaw(const StoreOptions& options, const std::string& key, const std::string& value) {
  auto tool = StoreTool::Open(options);
  REQUIRE(tool.ok());
  REQUIRE((*tool)->Put(key, value).ok());
  REQUIRE((*tool)->Flush().ok());
}

/// The fields changed, the checksum right again: what somebody would do, not what a disk does.
std::string Changed(std::string value, size_t at) {
  value[at] = static_cast<char>(value[at] ^ 1);
  value.resize(value.size() - 4);
  const std::string_view all = value;
  const auto sum = Checksum(all);
  Encoder(&value).Big32(sum);
  return value;
}

TEST_CASE("sealing: nothing of what is sealed is found on the disk, in the log and in tables; without a key all of it is") {
  for (const std::string& keys : {kKeyA, std::string()}) {
    SealedHarness store(keys);
    Fill(&store);
    for (uint32_t i = 1; i <= 3; ++i) Attempt(&store, i);
    std::string log;
    for (const auto& file : FilesIn(store.directory(), ".log")) log += ReadBytes(file);
    CheckAll(&store, 3);
    store.Reopen();
    CheckAll(&store, 3);
    REQUIRE(store.rocks().Compact().ok());
    Attempt(&store, 4);
    CheckAll(&store, 4);
    CHECK(store.Figure("sealed") == !keys.empty());
    CHECK(store.Figure("rekey_due") == 0);
    store.Close();
    const std::string all = AllBytes(&store);
    std::string print;
    Encoder(&print).Big64(kPrint.high);
    for (const std::string& secret : Secrets()) {
      INFO(secret);
      CHECK((log.find(secret) != std::string::npos) == keys.empty());
      CHECK((all.find(secret) != std::string::npos) == keys.empty());
    }
    CHECK((all.find(print) != std::string::npos) == keys.empty());
    // Names are not sealed.
    for (const char* name : {"fkey-name", "shop.example:443", "billing"}) CHECK(all.find(name) != std::string::npos);
    if (!keys.empty()) CHECK(all.find(std::string(32, '\xaa')) == std::string::npos);
  }
}

TEST_CASE("sealing: a start that does not fit the store is refused, with what to do, and leaves it as it was") {
  SealedHarness store(kKeyA);
  Fill(&store);
  store.Close();
  store.SetKeys(kKeyB);
  CHECK_THAT(store.OpenFault(), Catch::Contains("a key that is not in store.encryption_key_file"));
  CHECK_THAT(store.OpenFault(), !Catch::Contains(kKeyA));
  StoreOptions without = store.Options();
  without.encryption_key_file.clear();
  CHECK_THAT(RocksStore::Open(without).status().detail(), Catch::Contains("the store is sealed"));
  CHECK(RocksStore::Open(without).status().code() == Code::kUnacceptable);
  store.SetKeys("nonsense");
  CHECK_THAT(store.OpenFault(), Catch::Contains("line 1") && !Catch::Contains("nonsense"));
  store.SetKeys(kKeyA);
  REQUIRE(chmod(store.key_file().c_str(), 0640) == 0);
  CHECK_THAT(store.OpenFault(), Catch::Contains("chmod 600"));
  std::filesystem::remove(store.key_file());
  CHECK_THAT(store.OpenFault(), Catch::Contains("cannot be read"));
  store.SetKeys(kKeyA);
  store.Open();
  CheckAll(&store, 0);
}

TEST_CASE("sealing: a piece that somebody has changed or moved is an error that names what it is in, and the rest is read") {
  SealedHarness store(kKeyA);
  Fill(&store);
  store.Close();
  const std::string one = EncodeNotifyKey({1}), two = EncodeNotifyKey({2}), fkey = EncodeFkeyKey("fkey-name"),
                    event = EncodeRecordKey(RecordKind::kEvent, "name");
  const std::string good = Raw(store.Options(), one), good_fkey = Raw(store.Options(), fkey), good_event = Raw(store.Options(), event);
  auto read = [&](LoadKey key) {
    store.store().Load({77, {std::move(key)}});
    return store.Next<Loaded>().status;
  };
  SECTION("a bit of the spec") {
    PutRaw(store.Options(), one, Changed(good, good.size() - 10));
    store.Open();
    const Status fault = read(NotifyId{1});
    CHECK(fault.code() == Code::kCorrupt);
    CHECK_THAT(fault.detail(), Catch::Contains("the notify " + NotifyId{1}.ToString()) && !Catch::Contains("secret"));
    CHECK(store.LoadNotify({2}).record);
  }
  SECTION("another notify's") {
    PutRaw(store.Options(), two, good);
    store.Open();
    CHECK_THAT(read(NotifyId{2}).detail(), Catch::Contains("not where it was put"));
    CHECK(store.LoadNotify({1}).record);
  }
  SECTION("remembered data") {
    PutRaw(store.Options(), fkey, Changed(good_fkey, good_fkey.size() - 16));
    store.Open();
    CHECK_THAT(read(std::string("fkey-name")).detail(), Catch::Contains("fkey-name"));
  }
  SECTION("an event") {
    PutRaw(store.Options(), event, Changed(good_event, good_event.size() - 8));
    store.Open();
    CHECK_THAT(read(RecordKey{RecordKind::kEvent, "name"}).detail(), Catch::Contains("the record e name"));
    // A rekey does not lose it: it says what is in its way, and the old key stays needed.
    store.SetKeys(kKeyB + "\n" + kKeyA);
    REQUIRE(store.rocks().Rekey().ok());
    const RekeyState state = store.AwaitRekey();
    CHECK(state.phase == RekeyState::Phase::kFailed);
    CHECK_THAT(state.detail, Catch::Contains("the record e name"));
    CHECK(store.Figure("rekey_due") == 1);
    store.Commit({DeleteRecord{{RecordKind::kEvent, "name"}}});
    store.Rekey();
  }
}

TEST_CASE("sealing: a store that did not seal goes on with a key, and a rekey seals what it has") {
  SealedHarness store("");
  Fill(&store);
  for (uint32_t i = 1; i <= 2; ++i) Attempt(&store, i);
  CHECK_THAT(store.rocks().Rekey().detail(), Catch::Contains("not set"));
  store.SetKeys(kKeyA);
  store.Reopen();
  CHECK(store.Figure("rekey_due") == 1);
  CheckAll(&store, 2);
  Attempt(&store, 3);  // sealed, on a record that is not
  CheckAll(&store, 3);
  store.Rekey();
  CHECK(store.Figure("rekey_due") == 0);
  CheckAll(&store, 3);
  store.Reopen();
  CHECK(store.Figure("rekey_due") == 0);
  CheckAll(&store, 3);
  store.Close();
  const std::string all = AllBytes(&store);
  for (const std::string& secret : Secrets()) CHECK(all.find(secret) == std::string::npos);
}

TEST_CASE("sealing: a rekey while it is written to, after which the old key is not needed; until then it is") {
  SealedHarness store(kKeyA);
  Fill(&store);
  for (uint32_t i = 1; i <= 2; ++i) Attempt(&store, i);
  store.Reopen();
  Attempt(&store, 3);
  // Without the old key nothing is begun.
  store.SetKeys(kKeyB);
  CHECK_THAT(store.rocks().Rekey().detail(), Catch::Contains("below the first one"));
  store.SetKeys(kKeyB + "\n" + kKeyA);
  REQUIRE(store.rocks().Rekey().ok());
  uint32_t attempts = 3;
  for (; attempts < 8 || (attempts < 18 && store.rocks().Rekeyed().phase == RekeyState::Phase::kRunning);) Attempt(&store, ++attempts);
  CHECK(store.AwaitRekey().detail == "");
  CHECK(store.Figure("rekey_due") == 0);
  CheckAll(&store, attempts);
  store.SetKeys(kKeyB);
  store.Reopen();
  CheckAll(&store, attempts);
  store.Rekey();  // again, with nothing to do
  // Not by the old key any more.
  store.Close();
  store.SetKeys(kKeyA);
  CHECK_THAT(store.OpenFault(), Catch::Contains("a key that is not"));
}

TEST_CASE("sealing: a rekey by another key than the one that is under way is refused; by the same one it goes on") {
  SealedHarness store(kKeyA);
  Fill(&store);
  struct Release {
    std::atomic<bool>* held;
    ~Release() { *held = false; }
  } release{&store.clock_held};
  store.SetKeys(kKeyB + "\n" + kKeyA);
  // Its compaction, which rewrites what there is, does not begin before it has the time.
  store.clock_held = true;
  REQUIRE(store.rocks().Rekey().ok());
  store.SetKeys(kKeyC + "\n" + kKeyB + "\n" + kKeyA);
  const Status refused = store.rocks().Rekey();
  CHECK(refused.code() == Code::kConflict);
  CHECK_THAT(refused.detail(), Catch::Contains("a rekey by another key is under way"));
  // Nor is one taken for it by a file that does not read.
  store.SetKeys("nonsense");
  CHECK(store.rocks().Rekey().code() == Code::kUnacceptable);
  store.SetKeys(kKeyB + "\n" + kKeyA);
  CHECK(store.rocks().Rekey().ok());
  CHECK(store.rocks().Rekeyed().phase == RekeyState::Phase::kRunning);
  store.clock_held = false;
  const RekeyState by_second = store.AwaitRekey();
  CHECK(by_second.phase == RekeyState::Phase::kDone);
  CHECK(by_second.needed == *FirstSealKey(store.key_file().string()));
  // That one was by the second of these: a file of the first one alone opens nothing yet.
  store.SetKeys(kKeyC + "\n" + kKeyB + "\n" + kKeyA);
  CHECK(by_second.needed != *FirstSealKey(store.key_file().string()));
  store.Rekey();
  CHECK(store.rocks().Rekeyed().needed == *FirstSealKey(store.key_file().string()));
  store.SetKeys(kKeyC);
  store.Reopen();
  CheckAll(&store, 0);
}

TEST_CASE("sealing: what a kill leaves in the middle of a rekey opens with both keys, has everything, and is finished by another one") {
  SealedHarness store(kKeyA, 256 << 10);
  Fill(&store);
  for (uint64_t id = 10; id < 1500;) {
    std::vector<WriteOp> ops;
    for (uint64_t end = id + 100; id < end; ++id) ops.push_back(Put(SecretRecord(id)));
    store.Commit(std::move(ops), false);
  }
  Attempt(&store, 1);
  TempDir copies;
  store.SetKeys(kKeyB + "\n" + kKeyA);
  REQUIRE(store.rocks().Rekey().ok());
  std::vector<std::filesystem::path> taken;
  do {
    taken.push_back(copies.path() / std::to_string(taken.size()));
    store.CopyTo(taken.back());
  } while (store.rocks().Rekeyed().phase == RekeyState::Phase::kRunning && taken.size() < 8);
  CHECK(store.AwaitRekey().detail == "");
  for (const auto& copy : taken) {
    RocksHarness opened(&copy, 256 << 10, kDefaultNumber, kKeyB + "\n" + kKeyA);
    for (uint64_t id = 10; id < 1500; ++id) REQUIRE(opened.LoadNotify({id}).record);
    CHECK(opened.LoadNotify({1}).record->attempts.size() == 1);
    REQUIRE(opened.rocks().Rekey().ok());
    while (opened.rocks().Rekeyed().phase == RekeyState::Phase::kRunning) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(opened.rocks().Rekeyed().detail == "");
    opened.SetKeys(kKeyB);
    opened.Reopen();
    CHECK(*opened.LoadNotify({1499}).record->spec == *SecretRecord(1499).spec);
  }
}

TEST_CASE("sealing: pieces in their records, byte for byte") {
  CHECK(IsSealedKind(RecordKind::kEvent));
  CHECK_FALSE(IsSealedKind(RecordKind::kTopic));
  NotifyRecord record = MakeRecord(42);
  record.attempts = {SecretAttempt(1)};
  SealedHarness store(kKeyA);
  store.Commit({Put(record)});
  store.Close();
  const std::string value = Raw(store.Options(), EncodeNotifyKey({42}));
  const auto raw = DecodeNotify({42}, value);
  REQUIRE(raw.ok());
  CHECK((*raw)->attempts[0].status == 503 + kSealedMark);
  // F5, then a piece: version 1, start 1, a counter, text and tag.
  CHECK(Hex((*raw)->spec->substr(0, 3)) == "f50101");
  CHECK((*raw)->spec->size() == record.spec->size() + 1 + 3 + 16);
  CHECK(Hex((*raw)->attempts[0].detail.substr(0, 3)) == "f50101");
  // A sealed record and a keyed print are version 2 of their values.
  std::string stored, keyed;
  EncodeStoredRecord({"piece", {1000}}, &stored, /*sealed=*/true);
  CHECK(Hex(stored.substr(0, stored.size() - 4)) == "02d00f057069656365");
  EncodeKeyedIdempotency({{42}, {1, 2}, {1000}}, &keyed);
  CHECK(IsKeyedIdempotency(keyed));
  CHECK(Hex(keyed.substr(0, keyed.size() - 4)) == "022a00000000000000010000000000000002d00f");
}

}  // namespace
}  // namespace notifyd
