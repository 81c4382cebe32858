// The commit thread where something goes wrong: connections that are lost, and what is found out over the next ones.
#include <algorithm>
#include <string_view>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/crash_point.h"
#include "base/crypto.h"
#include "base/log.h"
#include "storage/postgres/pg_committer_impl.h"
#include "storage/postgres/pg_schema.h"

namespace notifyd {
namespace {

constexpr std::chrono::milliseconds kRetry{150};
/// Another reason why the database is not reached is said this long after the one before it at the earliest.
constexpr std::chrono::seconds kSayAgain{10};
// What takes longer is asked for whether the server answers at all.
constexpr std::chrono::seconds kSilent{3};
// What takes longer is told to whoever submits.
constexpr std::chrono::seconds kLate{5};
// How often, and how far apart, a new connection is asked whether what was made is there.
constexpr int kLooks = 50;
constexpr std::chrono::milliseconds kBetweenAsks{10};
// Units that one statement asks for: all of a large store's would take longer than a statement may where the server has just begun.
constexpr size_t kAskedAtOnce = 10'000;
constexpr const char* kHoldSession = "SELECT pg_advisory_lock($1)";
constexpr const char* kAllThere =
    "SELECT bool_and(EXISTS (SELECT FROM log WHERE log.unit = made.unit AND log.n >= made.n) OR (made.session <> 0 AND made.session = ANY (ARRAY("
    "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted)))) "
    "FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS made (unit, n, session)";

int64_t NewSession() {
  const std::string random = RandomBytes(8);
  return static_cast<int64_t>(Decoder(random).Big64() >> 1) | 1;
}

bool IsOfSame(const PgConnection& a, const PgConnection& b) {
  const auto same = [&](char* (*part)(const PGconn*)) { return std::string_view(part(a.raw())) == part(b.raw()); };
  return same(PQhost) && same(PQhostaddr) && same(PQport);
}

}  // namespace

/// What is under way over it is neither written nor not written, until its units are acquired anew.
void PgCommitter::Lose(Line* line, const Status& why) {
  if (!line->connection) return;
  const bool full = why.code() == Code::kDiskFull;  // `why` may be the line's own, which ends here
  // What goes on is said once.
  const bool said = line->said_lost && line->said_full == full && !line->said_late;
  if (!said && full) Log(LogLevel::kWarn, "the database has no room", {{"detail", why.detail()}, {"cell", setup_.options.cell}});
  else if (!said) Log(LogLevel::kWarn, "a connection to the database is lost", {{"detail", why.detail()}, {"cell", setup_.options.cell}});
  line->connection.reset();
  TellSession(line, 0);
  line->again = 0;
  line->flight.clear();
  line->error = {};
  line->acquiring = false;
  // At once where it is the connection alone; but not again and again where the server answers, and says no.
  const bool worked = std::exchange(line->was_there, false);
  line->retry_at = worked ? Clock::now() : Clock::now() + kRetry;
  if (!worked && !said) Say(line, true, full);
  ++counters_.reconnects;
}

/// A connection is made once something is to go over it, and again where it went, so that whoever submits next is told; but not where a stop leaves
/// no time for it.
bool PgCommitter::MayConnect(const Line& line) const {
  return !line.connection && (line.wanted || !line.turns.empty()) && Clock::now() + connects_take_ <= stop_at_;
}

/// What has no answer may be at a server that stands still: one that answers nobody is lost, to all that goes to it.
void PgCommitter::CheckAnswers() {
  bool doubted = false;
  {
    std::lock_guard lock(mutex_);
    doubted = std::exchange(doubted_, false);
  }
  if (doubted && std::none_of(lines_.begin(), lines_.end(), [](const auto& line) { return line->wanted; })) lines_.front()->wanted = true;
  const auto line = std::find_if(lines_.begin(), lines_.end(), [&](const auto& each) {
    const bool waits = doubted || each->acquiring || !each->flight.empty();
    return each->connection && waits && Clock::now() - each->heard_at > kSilent;
  });
  if (line == lines_.end() || Clock::now() + PgConnection::kConnectMost > stop_at_) return;
  const PgConnection& asked = *(*line)->connection;
  const bool answers = asked.Answers();
  // It answers for all that goes to it.
  for (const auto& each : lines_)
    if (each->connection && IsOfSame(asked, *each->connection)) each->heard_at = Clock::now();
  if (answers) return;
  connects_take_ = PgConnection::kConnectMost;
  for (const auto& each : lines_) {
    each->was_there = false;
    Lose(each.get(), Status(Code::kUnavailable, kPgSilent));
  }
}

/// What waits at a server that answers others, for a lock or a standby, is waited for; but whoever submits meanwhile is to be told.
void PgCommitter::CheckLate() {
  for (const auto& line : lines_) {
    const bool waits = line->connection && (line->acquiring || !line->flight.empty());
    if (!waits || line->said_lost || Clock::now() - line->waits_since < kLate) continue;
    Log(LogLevel::kWarn, "the database takes long",
        {{"detail", "a commit has had no answer for five seconds: it waits for a lock, or a standby"}, {"cell", setup_.options.cell}});
    Say(line.get(), true, /*full=*/false, /*late=*/true);
  }
}

void PgCommitter::Recover(Line* line) {
  line->wanted = true;
  const Clock::time_point begun = Clock::now();
  auto opened = PgConnection::Open(setup_.options);
  connects_take_ = std::min<Clock::duration>(Clock::now() - begun, PgConnection::kConnectMost);
  line->session = NewSession();
  Status status = opened.ok() ? CheckHasAll(opened->get()) : std::move(opened).status();
  if (status.code() == Code::kCorrupt) return Fail(status);
  if (status.ok()) status = SetUp(opened->get(), line->session);
  if (!status.ok()) {
    const bool said = line->said_lost && !line->said_late;
    if (!said || line->said_full) Say(line, true);
    // Why it is not reached need not be why it was lost.
    if (status.detail() != line->unreached && Clock::now() >= line->say_unreached_at) {
      line->unreached = status.detail();
      line->say_unreached_at = Clock::now() + kSayAgain;
      Log(LogLevel::kWarn, "the database is not reached", {{"detail", status.detail()}, {"cell", setup_.options.cell}});
    }
    line->retry_at = Clock::now() + kRetry;
    return;
  }
  line->connection = *std::move(opened);
  line->unreached.clear();
  line->say_unreached_at = {};
  line->opened_at = ++moment_;
  if (!line->holding.empty()) return Acquire(line);
  TellSession(line, line->session);
  if (line->said_lost) Say(line, false);
}

/// Whatever line it is for: what was confirmed is there, of all that is still this owner's. Error, besides PgConnection::Run's: kCorrupt.
Status PgCommitter::CheckHasAll(PgConnection* connection) {
  struct Part {
    std::vector<int64_t> units, epochs, synced;
  };
  std::vector<Part> parts(1);
  const auto add = [&](const PgUnit& unit) {
    if (parts.back().units.size() == kAskedAtOnce) parts.emplace_back();
    parts.back().units.push_back(unit.number_);
    parts.back().epochs.push_back(unit.stand_.epoch);
    parts.back().synced.push_back(unit.synced_n_);
  };
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, unit] : units_) add(*unit);
    add(*audit_->unit_);
    if (led_) add(*led_->unit_);
  }
  const int64_t epoch = setup_.options.cell.empty() ? static_cast<int64_t>(setup_.word.epoch) : 0;
  for (const Part& part : parts) {
    PgParams params = std::move(PgParams().Bytes(setup_.options.member).Int(epoch).Bytes(incarnation_));
    auto lost = connection->Run(kPgLostOf, params.Ints(part.units).Ints(part.epochs).Ints(part.synced));
    if (!lost.ok()) return std::move(lost).status();
    if (lost->size() > 0)
      return Status(Code::kCorrupt, kPgLostSome + std::string(lost->Bytes(0, 0)) + " is " + std::to_string(lost->Int(0, 1)) + ", and " +
                                        std::to_string(lost->Int(0, 2)) + " was confirmed");
  }
  return Status::Ok();
}

/// Prepares all that goes over it.
Status PgCommitter::SetUp(PgConnection* connection, int64_t session) const {
  std::vector<const char*> statements = PgWriteStatements();
  statements.insert(statements.end(), {setup_.acquire, kPgFence, kPgTrimLog, kPgForgetLog, kPgForgetOwner, kPgForgetPlace, kPgRegistryChanged});
  if (setup_.options.cell.empty()) statements.push_back(kPgLeaveOver);
  if (setup_.cell_of) statements.push_back(kPgKnowsMoves);
  if (setup_.tracks) statements.insert(statements.end(), {kPgTouch, kPgForgetTransit, kPgForgetTouched});
  for (const char* sql : statements)
    if (auto name = connection->Prepare(sql); !name.ok()) return std::move(name).status();
  if (auto held = connection->Run(kHoldSession, PgParams().Int(session)); !held.ok()) return std::move(held).status();
  if (PQenterPipelineMode(connection->raw()) != 1) return connection->StatusOf(nullptr);
  return Status::Ok();
}

/// Asks how far each unit got that keeps something. It waits at the server for whoever still writes them, and for the standby.
void PgCommitter::Acquire(Line* line) {
  std::vector<int64_t> units;
  for (const auto& [number, unit] : line->holding) units.push_back(number);
  PgConnection& connection = *line->connection;
  const PgParams params = std::move(PgParams().Int(static_cast<int64_t>(setup_.word.epoch)).Bytes(incarnation_).Ints(units));
  const Result<std::string> name = connection.Prepare(setup_.acquire);  // it is prepared
  PassCrashPoint(CrashPoint::kPgBeforeAcquire);
  line->acquiring = true;
  line->heard_at = line->waits_since = Clock::now();
  line->acquired.clear();
  const bool sent =
      name.ok() && PQsendQueryPrepared(connection.raw(), name->c_str(), params.count(), params.values(), params.lengths(), params.formats(), 1) == 1;
  if (!sent || PQpipelineSync(connection.raw()) != 1) Lose(line, connection.StatusOf(nullptr));
}

/// The answer is there, and counts where its own COMMIT came without a warning. What is missing is sent again.
void PgCommitter::Acquired(Line* line) {
  line->acquiring = false;
  const Status warned = line->connection->TakeWarning();
  if (line->error.ok()) line->error = warned;
  if (!line->error.ok()) {
    const Code code = line->error.code();
    if (code == Code::kUnavailable || code == Code::kDiskFull) return Lose(line, line->error);
    return Fail(line->error);
  }
  PassCrashPoint(CrashPoint::kPgAfterAcquire);
  for (const auto& [number, epoch, n] : line->acquired) {
    auto unit = line->holding.find(number);
    if (unit == line->holding.end()) continue;
    const Unit of = unit->second;
    if (Status status = Resolve(line, of.get(), epoch, n); !status.ok()) return Fail(status);
  }
  std::vector<std::shared_ptr<Sent>> again;
  for (const auto& [number, unit] : line->holding) again.insert(again.end(), unit->kept_.begin(), unit->kept_.end());
  line->again = again.size();
  if (again.empty()) TellSession(line, line->session);
  for (const auto& sent : again) {
    // One that was done, and that a crash took back, was reported already.
    if (std::exchange(sent->done, false) && sent->queue) ++sent->queue->under_way_;
    if (line->connection) Send(line, sent);
  }
  if (again.empty() && line->said_lost) Say(line, false);
}

/// Its transactions up to `n` are in, and durable; no other one of an older epoch will be.
Status PgCommitter::Resolve(Line* line, PgUnit* unit, int64_t epoch, int64_t n) {
  unit->stand_.epoch = epoch;
  if (n < unit->synced_n_ || n > unit->stand_.n)
    return Status(Code::kCorrupt, kPgLostSome + ("batch " + std::to_string(n)) + " of unit " + std::to_string(unit->number_) + " is its last, and " +
                                      std::to_string(unit->synced_n_) + " was synced");
  const std::deque<std::shared_ptr<Sent>> kept = unit->kept_;
  for (const auto& sent : kept) {
    if (sent->n > n) break;
    const bool news = !std::exchange(sent->done, true);
    sent->done_at = 0;
    Prune(line, unit);
    if (!news || !sent->queue) continue;
    ++counters_.groups;
    counters_.batches += sent->batches;
    --sent->queue->under_way_;
    Report(sent);
    Settle(sent->queue);
  }
  return Status::Ok();
}

void PgCommitter::TellSession(Line* line, int64_t session) {
  std::lock_guard lock(mutex_);
  sessions_[line->index] = session;
}

// A server that crashed, or another one that took its place, has not what was reported and not synced until it is sent again, and takes reads before
// that. What is on its way counts, too: that it was committed may stand in an answer that is not read yet. But where the session that it all went
// over is there still, the server is the same, and whatever was committed is seen: what waits there for somebody's lock is not waited for.
Status PgCommitter::CheckIsThere(PgConnection* connection) {
  std::vector<int64_t> units, made, sessions;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [unit, of] : unsynced_) {
      units.push_back(unit);
      made.push_back(of.n);
      sessions.push_back(sessions_[of.line]);
    }
  }
  if (units.empty()) return Status::Ok();
  for (int look = 0; look < kLooks; ++look) {
    if (look > 0) std::this_thread::sleep_for(kBetweenAsks);
    auto all = connection->Run(kAllThere, PgParams().Ints(units).Ints(made).Ints(sessions));
    if (!all.ok()) return std::move(all).status();
    if (all->Int(0, 0) != 0) return Status::Ok();
  }
  return Status(Code::kUnavailable, "the database has not yet what was written to it last");
}

void PgCommitter::Say(Line* line, bool lost, bool full, bool late) {
  if (!lost && line->said_full) Log(LogLevel::kInfo, "the database has room again", {{"cell", setup_.options.cell}});
  else if (!lost) Log(LogLevel::kInfo, "the database is reached again", {{"cell", setup_.options.cell}});
  line->said_lost = lost;
  line->said_full = full;
  line->said_late = late;
  std::lock_guard lock(mutex_);
  const DiskSpace space = lines_space_[line->index] = {.low = full, .lost = lost};
  lines_away_[line->index] = lost && !late;
  counters_.lost = std::any_of(lines_space_.begin(), lines_space_.end(), [](const DiskSpace& each) { return each.lost; });
  counters_.unreached = std::any_of(lines_.begin(), lines_.end(), [](const auto& each) { return each->said_lost && !each->said_late; });
  for (const auto& [number, queue] : open_)
    if (queue->unit_->line_ == line->index) queue->outlet_->Post(space);
}

void PgCommitter::Fail(const Status& status) {
  if (failed_) return;
  // Neither this nor the last call comes back where the process ends, or another one goes on in its place; whoever sees to that may ask what is not
  // written.
  if (status.code() == Code::kConflict && setup_.fenced) setup_.fenced();
  {
    std::lock_guard lock(mutex_);
    failed_ = true;
    failure_ = status;
    for (const auto& [number, queue] : open_) queue->outlet_->Post(WriteFailed{status});
  }
  events_->OnWriteFailed(status);
}

bool PgCommitter::Unwritten() {
  std::lock_guard lock(mutex_);
  const auto waits = [](const Queue& queue) { return queue && queue->pending_; };
  return !unsynced_.empty() || waits(audit_) || waits(led_) ||
         std::any_of(open_.begin(), open_.end(), [&](const auto& each) { return waits(each.second); });
}

/// Lets go of a queue that was closed, once nothing of it is left.
void PgCommitter::Settle(const Queue& queue) {
  {
    std::lock_guard lock(mutex_);
    queue->pending_ = !queue->arrived_.empty() || !queue->work_.empty() || queue->under_way_ > 0;
    if (queue->pending_ || !queue->closed_ || !queue->outlet_) return;
    auto it = open_.find(queue->space_.number());
    if (it != open_.end() && it->second == queue) open_.erase(it);
  }
  settled_.notify_all();
}

/// After a failure.
void PgCommitter::DropAll() {
  std::vector<Queue> dropped;
  for (const auto& line : lines_) {
    for (const auto& [number, unit] : line->holding) {
      for (const auto& sent : unit->kept_) {
        if (!sent->queue || sent->done) continue;
        --sent->queue->under_way_;
        dropped.push_back(sent->queue);
      }
      unit->kept_.clear();
    }
    for (const Queue& queue : line->turns) {
      queue->work_.clear();
      queue->in_turn_ = false;
      dropped.push_back(queue);
    }
    line->holding.clear();
    line->turns.clear();
    line->flight.clear();
    line->again = 0;
    line->connection.reset();
    line->said_lost = line->said_full = line->said_late = line->wanted = false;
  }
  for (const Queue& queue : dropped) Settle(queue);
}

}  // namespace notifyd
