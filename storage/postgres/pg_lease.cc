#include "storage/postgres/pg_lease.h"

#include <algorithm>
#include <chrono>

#include "base/bytes.h"
#include "base/clocks.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "storage/postgres/pg_schema.h"

namespace notifyd {
namespace {

constexpr int kLeaseMostMs = 1'500;
// Whoever takes the lease meanwhile is waited for, or waits.
constexpr char kHoldLease[] = "SELECT 1 FROM lease WHERE unit = 0 AND epoch = $1 AND incarnation = $2 FOR KEY SHARE";

MonoTime BootNow() {
  return {ReadClockMs(CLOCK_BOOTTIME)};
}

/// Where a store is, without telling anybody a password.
std::string PlaceOf(const PostgresOptions& options) {
  const Digest256 digest = Sha256(options.dsn + '\0' + options.schema);
  return HexOf(BytesOf(digest)) + ":";
}

}  // namespace

Result<Incarnation> DecodeIncarnation(std::string_view bytes) {
  if (bytes.size() != 16) return Status(Code::kCorrupt, "an incarnation has " + std::to_string(bytes.size()) + " bytes instead of 16");
  Decoder in(bytes);
  const uint64_t high = in.Big64(), low = in.Big64();
  return Incarnation{high, low};
}

std::string EncodeIncarnation(const Incarnation& incarnation) {
  std::string bytes;
  Encoder out(&bytes);
  out.Big64(incarnation.high);
  out.Big64(incarnation.low);
  return bytes;
}

PgOwnerStore::PgOwnerStore(PostgresOptions options) : options_(std::move(options)), place_(PlaceOf(options_)) {
  if (options_.store_mark.starts_with(place_)) options_.store_known = options_.store_mark.substr(place_.size());
}

std::string PgOwnerStore::Mark() const {
  return options_.store_known.empty() ? std::string() : place_ + options_.store_known;
}

Status PgOwnerStore::Connect() {
  if (connection_ && !connection_->lost()) return Status::Ok();
  connection_.reset();
  refuses_ = gone_ = false;
  auto opened = PgConnection::Open(options_, kLeaseMostMs);
  if (!opened.ok()) return std::move(opened).status();
  auto store = PreparePgSchema(opened->get(), options_);
  if (!store.ok()) {
    refuses_ = (*opened)->sqlstate() == kPgNoRight;
    gone_ = !options_.store_known.empty() && store.status().code() == Code::kCorrupt;
    return std::move(store).status();
  }
  options_.store_known = HexOf(EncodePgStoreId(*store));
  connection_ = *std::move(opened);
  return Status::Ok();
}

Result<PgRows> PgOwnerStore::Run(const OwnerAsk& ask) {
  const auto epoch = static_cast<int64_t>(ask.seen.epoch), renewal = static_cast<int64_t>(ask.seen.renewal);
  const std::string seen = EncodeIncarnation(ask.seen.incarnation);
  if (!options_.member.empty()) return RunForMember(ask, epoch, renewal, seen);
  switch (ask.kind) {
    case OwnerAsk::Kind::kAcquire:
      return connection_->Run(kPgTakeLease, PgParams().Int(epoch).Int(renewal).Bytes(seen).Bool(ask.own).Bytes(EncodeIncarnation(ask.incarnation)));
    case OwnerAsk::Kind::kRenew:
      return connection_->Run(kPgRenewLease, PgParams().Int(epoch).Bytes(seen));
    case OwnerAsk::Kind::kRelease:
      return connection_->Run(kPgReleaseLease, PgParams().Int(epoch).Bytes(seen));
    case OwnerAsk::Kind::kLook:
      break;
  }
  return connection_->Run(kPgLook);
}

Result<PgRows> PgOwnerStore::RunForMember(const OwnerAsk& ask, int64_t epoch, int64_t renewal, const std::string& seen) {
  const std::string& name = options_.member;
  switch (ask.kind) {
    case OwnerAsk::Kind::kAcquire: {
      PgParams params = std::move(PgParams().Bytes(name).Bytes(options_.member_address).Bytes(options_.member_version));
      params.Int(epoch).Int(renewal).Bytes(seen).Bool(ask.own).Bytes(EncodeIncarnation(ask.incarnation));
      return connection_->Run(kPgTakeMember, params);
    }
    case OwnerAsk::Kind::kRenew:
      return connection_->Run(kPgRenewMember, PgParams().Int(epoch).Bytes(seen).Bytes(name));
    case OwnerAsk::Kind::kRelease:
      return connection_->Run(kPgReleaseMember, PgParams().Int(epoch).Bytes(seen).Bytes(name));
    case OwnerAsk::Kind::kLook:
      break;
  }
  return connection_->Run(kPgLookMember, PgParams().Bytes(name));
}

std::pair<OwnerAnswer, OwnerWord> PgOwnerStore::Do(const OwnerAsk& ask) {
  fault_ = Connect();
  if (!fault_.ok()) return {gone_ ? OwnerAnswer::kGone : OwnerAnswer::kUnknown, {}};
  const WallTime asked = ReadWall();
  auto rows = Run(ask);
  if (!rows.ok() && connection_->sqlstate() == kPgFenced) return {OwnerAnswer::kNo, {}};
  // What was changed counts only where its COMMIT waited for what it was to wait for.
  if (rows.ok())
    if (Status warned = connection_->TakeWarning(); !warned.ok()) rows = std::move(warned);
  // It was fit as the connection was made, and may be changed at any time.
  const bool tells = ask.kind == OwnerAsk::Kind::kRenew || ask.kind == OwnerAsk::Kind::kLook;
  if (rows.ok() && tells && rows->size() > 0)
    if (std::string unfit = PgUnfit(*rows); !unfit.empty()) rows = Status(Code::kUnavailable, std::move(unfit));
  if (!rows.ok()) {
    fault_ = rows.status();
    connection_.reset();
    return {OwnerAnswer::kUnknown, {}};
  }
  if (rows->size() == 0) return {OwnerAnswer::kNo, ask.kind == OwnerAsk::Kind::kRenew ? EpochNow() : OwnerWord()};
  // It was read at some moment between these two.
  if (const WallTime now = ReadWall(); ask.kind == OwnerAsk::Kind::kRenew)
    clock_ahead_ms_ = std::max<int64_t>(asked.ms - rows->Int(0, 2), 0) + std::min<int64_t>(now.ms - rows->Int(0, 2), 0);
  OwnerWord word{static_cast<uint64_t>(rows->Int(0, 0)), static_cast<uint64_t>(rows->Int(0, 1)), ask.seen.incarnation, false};
  if (ask.kind == OwnerAsk::Kind::kAcquire) word.incarnation = ask.incarnation;
  if (ask.kind == OwnerAsk::Kind::kRelease) word.free = true;
  if (ask.kind == OwnerAsk::Kind::kLook) {
    const Result<Incarnation> incarnation = DecodeIncarnation(rows->Bytes(0, 2));
    if (!incarnation.ok()) {
      fault_ = incarnation.status();
      return {OwnerAnswer::kUnknown, {}};
    }
    word.incarnation = *incarnation;
    word.free = rows->Int(0, 3) != 0;
    namesake_ = options_.member.empty() || word.free || rows->Int(0, 4) != 0 ? std::string() : std::string(rows->Bytes(0, 5));
  }
  return {OwnerAnswer::kYes, word};
}

/// Of what was not to be renewed: as another one took it, or as it was before it was taken, in a database that was put back.
OwnerWord PgOwnerStore::EpochNow() {
  OwnerWord word;
  if (auto rows = Run({OwnerAsk::Kind::kLook, {}, false, {}}); rows.ok() && rows->size() > 0) word.epoch = static_cast<uint64_t>(rows->Int(0, 0));
  return word;
}

// ---- one's own

Result<std::unique_ptr<PgOwnLease>> PgOwnLease::Take(const PostgresOptions& options) {
  std::unique_ptr<PgOwnLease> lease(new PgOwnLease(options));
  NOTIFYD_TRY(lease->TakeIt());
  return lease;
}

Status PgOwnLease::TakeIt() {
  Ownership owner(LeaseTimes(), [] { return *DecodeIncarnation(RandomBytes(16)); });
  std::optional<OwnerWord> first;
  for (;;) {
    const MonoTime now = BootNow();
    const std::optional<OwnerAsk> ask = owner.Ask(now);
    if (!ask) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::max<int64_t>(owner.next_at().ms - now.ms, 1)));
      continue;
    }
    const auto [answer, word] = store_.Do(*ask);
    if (answer == OwnerAnswer::kUnknown || answer == OwnerAnswer::kGone) return store_.fault();
    owner.Answer(BootNow(), answer, word);
    if (owner.standing() == Ownership::Standing::kOwning) {
      word_ = owner.word();
      return Status::Ok();
    }
    if (ask->kind != OwnerAsk::Kind::kLook) continue;
    if (first && *first != word) return Status(Code::kIo, "the store is in use: another broker owns it");
    first = word;
  }
}

void PgOwnLease::Keep(std::function<void()> lost) {
  lost_ = std::move(lost);
  thread_ = std::thread([this] { Run(); });
}

PgOwnLease::~PgOwnLease() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  // Its connection may have gone without a word: the next try is over another one.
  for (int tries = word_.epoch > 0 ? 2 : 0; tries > 0; --tries)
    if (store_.Do({OwnerAsk::Kind::kRelease, word_, true, {}}).first != OwnerAnswer::kUnknown) return;
}

void PgOwnLease::Run() {
  const LeaseTimes times;
  int64_t renewed_ms = BootNow().ms, wait_ms = times.renew_ms;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return ending_; })) {
    lock.unlock();
    const int64_t asked_ms = BootNow().ms;
    const auto [answer, word] = store_.Do({OwnerAsk::Kind::kRenew, word_, true, {}});
    lock.lock();
    if (answer == OwnerAnswer::kYes) renewed_ms = asked_ms;
    wait_ms = answer == OwnerAnswer::kYes ? times.renew_ms : times.retry_ms;
    if (answer != OwnerAnswer::kNo && BootNow().ms < renewed_ms + times.lease_ms) continue;
    lock.unlock();
    return lost_();
  }
}

// ---- a store in the hands of a command

Status PgHolder::Open(const PostgresOptions& options) {
  auto opened = PgConnection::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  connection_ = *std::move(opened);
  NOTIFYD_TRY(CheckPgSessions(options, connection_.get()));
  auto there = HasPgSchema(connection_.get(), options);
  if (!there.ok()) return std::move(there).status();
  if (!*there && !options.moving) return Status(Code::kNotFound, "there is no store in the schema " + options.schema);
  if (auto store = PreparePgSchema(connection_.get(), options); !store.ok()) return std::move(store).status();
  auto lease = PgOwnLease::Take(options);
  if (!lease.ok()) return std::move(lease).status();
  lease_ = *std::move(lease);
  lease_->Keep([this] { lost_ = true; });
  return Status::Ok();
}

Status PgHolder::Held() const {
  return lost_ ? Status(Code::kIo, "the store was taken by another broker meanwhile") : Status::Ok();
}

Status PgHolder::Do(bool synced, const std::vector<PgStatement>& statements) {
  NOTIFYD_TRY(connection_->RunScript(synced ? "BEGIN" : "BEGIN; SET LOCAL synchronous_commit = off"));
  Status done = DoIn(statements);
  if (!done.ok()) {
    Status ignored = connection_->RunScript("ROLLBACK");
    return done;
  }
  NOTIFYD_TRY(connection_->RunScript("COMMIT"));
  return connection_->TakeWarning();
}

Status PgHolder::DoIn(const std::vector<PgStatement>& statements) {
  auto held = connection_->Run(kHoldLease, PgParams().Int(static_cast<int64_t>(word().epoch)).Bytes(EncodeIncarnation(word().incarnation)));
  if (!held.ok()) return std::move(held).status();
  if (held->size() == 0) lost_ = true;
  NOTIFYD_TRY(Held());
  for (const PgStatement& statement : statements)
    if (auto done = connection_->Run(statement.sql, statement.params); !done.ok()) return std::move(done).status();
  return Status::Ok();
}

}  // namespace notifyd
