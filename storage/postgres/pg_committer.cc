#include "storage/postgres/pg_committer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "storage/postgres/pg_committer_impl.h"
#include "storage/postgres/pg_leftovers.h"
#include "storage/postgres/pg_schema.h"
#include "storage/records.h"

namespace notifyd {
namespace {

using std::chrono::milliseconds;

// While one is committed the next one waits at the server: no time is lost between the two, and more would only be smaller ones.
constexpr size_t kUnderWay = 2;
constexpr size_t kMostBytes = 1 << 20;      // of a transaction, about
constexpr size_t kMostKeptBytes = 8 << 20;  // of a unit's that are not synced: the next one is
constexpr int64_t kTrimEvery = 256;         // transactions
constexpr milliseconds kIdle{1000};

}  // namespace

struct PgCommitter::Group {
  PgWrites writes;
  LaneChanges lane_counts;
  std::shared_ptr<Sent> sent;
  std::vector<NamespaceNumber> dropped;
  bool changed = false;  // what followers read of the registry
  bool moves = false;    // a namespace is to be moved to another cell
};

PgCommitter::PgCommitter(Setup setup)
    : setup_(std::move(setup)),
      incarnation_(EncodeIncarnation(setup_.word.incarnation)),
      audit_(new PgQueue(kDefaultNumber, nullptr, Unit(new PgUnit(setup_.audit_unit, 0, setup_.registry ? *setup_.registry : setup_.audit)))),
      registry_(setup_.registry ? audit_ : nullptr),
      audit_serial_(setup_.audit_serial) {
  const size_t count = static_cast<size_t>(std::max(setup_.options.connections, 1));
  lines_space_.resize(count);
  lines_away_.resize(count);
  sessions_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    lines_.push_back(std::make_unique<Line>());
    lines_.back()->index = i;
  }
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(wake_fd_ >= 0);
}

PgCommitter::~PgCommitter() {
  Stop();
  close(wake_fd_);
}

void PgCommitter::Start(StoreEvents* events) {
  events_ = events;
  thread_ = std::thread([this] { Run(); });
}

void PgCommitter::Stop() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      stop_by_ = Clock::now() + milliseconds(kStopMs);
    }
    Wake();
    thread_.join();
  }
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  settled_.notify_all();
}

std::optional<bool> PgCommitter::AwaitClosed(NamespaceNumber number, milliseconds most) {
  std::unique_lock lock(mutex_);
  const bool closed = settled_.wait_for(lock, most, [&] {
    auto it = open_.find(number);
    CHECK(it == open_.end() || it->second->closed_);
    return it == open_.end() || stopped_;
  });
  if (!closed) return std::nullopt;
  // Whoever began to let go of it, as for a move that then did not come about, is not to do so while it is opened as it stands.
  std::erase(forgetting_, number);
  return units_.contains(number);
}

std::optional<std::pair<std::shared_ptr<PgQueue>, PgStand>> PgCommitter::Open(NamespaceNumber number, std::shared_ptr<Outlet> outlet,
                                                                              const std::optional<PgStand>& stand) {
  std::lock_guard lock(mutex_);
  if (!stand && !units_.contains(number)) return std::nullopt;
  auto [it, fresh] = units_.try_emplace(number);
  if (fresh) it->second.reset(new PgUnit(number, (number + size_t{1}) % lines_.size(), *stand));
  Queue queue(new PgQueue(number, outlet, it->second));
  open_[number] = queue;
  if (const DiskSpace& space = lines_space_[it->second->line_]; space.lost) outlet->Post(space);
  if (failed_) outlet->Post(WriteFailed{failure_});
  return std::pair(queue, it->second->stand_);
}

void PgCommitter::Close(const Queue& queue) {
  std::lock_guard lock(mutex_);
  queue->closed_ = true;
  if (queue->pending_) return;
  open_.erase(queue->space_.number());
  settled_.notify_all();
}

void PgCommitter::Track(NamespaceNumber number, bool on) {
  {
    std::lock_guard lock(mutex_);
    if (on) tracked_.insert(number);
    else tracked_.erase(number);
    untold_.erase(number);
    if (on) untold_.insert(number);
  }
  Wake();
}

bool PgCommitter::TracksAll(NamespaceNumber number) {
  std::lock_guard lock(mutex_);
  return !untold_.contains(number);
}

void PgCommitter::Doubt() {
  {
    std::lock_guard lock(mutex_);
    doubted_ = true;
  }
  Wake();
}

void PgCommitter::GiveUp(const Status& status) {
  {
    std::lock_guard lock(mutex_);
    given_up_ = status;
  }
  Wake();
}

void PgCommitter::Add(const Queue& queue, PgQueue::Work work) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    queue->arrived_.push_back(std::move(work));
    queue->pending_ = true;
    if (!queue->listed_) {
      queue->listed_ = true;
      wake = arrived_.empty();
      arrived_.push_back(queue);
    }
  }
  if (wake) Wake();
}

void PgCommitter::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

// ---- the thread

void PgCommitter::Run() {
  for (;;) {
    const bool stopping = TakeArrived();
    ForgetSome();
    for (const auto& line : lines_)
      if (!failed_ && !MustLook(stopping)) Work(line.get());
    if (failed_) DropAll();
    if (stopping && (Quiet() || Clock::now() >= stop_at_)) break;
    Wait();
    // By what has come until now.
    CheckLate();
    CheckAnswers();
  }
  if (!failed_ && !Quiet()) failure_ = Status(Code::kUnavailable, "the database was not reached: what was committed last is not written");
  // What a unit keeps knows its queue, and that its unit: neither would ever be freed.
  for (const auto& line : lines_)
    for (const auto& [number, unit] : line->holding) unit->kept_.clear();
}

/// It was told to stop, or to write no more, since it looked last, or has no time left: where nothing answers each connection takes seconds.
bool PgCommitter::MustLook(bool stopping) {
  std::lock_guard lock(mutex_);
  return given_up_ || stopping_ != stopping || (stopping && Clock::now() >= stop_at_);
}

/// Returns whether it is to stop.
bool PgCommitter::TakeArrived() {
  std::optional<Status> given_up;
  bool stopping = false;
  {
    std::lock_guard lock(mutex_);
    for (Queue& queue : arrived_) {
      queue->listed_ = false;
      std::move(queue->arrived_.begin(), queue->arrived_.end(), std::back_inserter(queue->work_));
      queue->arrived_.clear();
      if (!std::exchange(queue->in_turn_, true)) lines_[queue->unit_->line_]->turns.push_back(queue);
    }
    arrived_.clear();
    given_up = std::exchange(given_up_, std::nullopt);
    stopping = stopping_;
    stop_at_ = stop_by_;
  }
  if (given_up && !failed_) Fail(*given_up);
  return stopping;
}

/// Nothing is left to be written, or to be synced.
bool PgCommitter::Quiet() const {
  return std::all_of(lines_.begin(), lines_.end(),
                     [](const auto& line) { return line->turns.empty() && line->flight.empty() && line->holding.empty(); });
}

void PgCommitter::Wait() {
  std::vector<pollfd> fds = {{wake_fd_, POLLIN, 0}};
  std::vector<Line*> of = {nullptr};
  auto until = std::min(Clock::now() + kIdle, stop_at_);
  for (const auto& line : lines_) {
    if (!line->connection) {
      if (MayConnect(*line)) until = std::min(until, line->retry_at);
      continue;
    }
    const bool unsent = PQflush(line->connection->raw()) > 0;
    fds.push_back({PQsocket(line->connection->raw()), static_cast<short>(POLLIN | (unsent ? POLLOUT : 0)), 0});
    of.push_back(line.get());
    if (HasAnswers(*line)) until = Clock::now();
  }
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
  poll(fds.data(), fds.size(), static_cast<int>(std::clamp<int64_t>(left, 0, kIdle.count())));
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(wake_fd_, &count, sizeof count);
  for (size_t i = 1; i < fds.size(); ++i)
    if (fds[i].revents != 0 || HasAnswers(*of[i])) Receive(of[i]);
}

/// That its socket does not show: libpq takes what comes while it sends, too, and TLS holds what libpq has not taken yet.
bool PgCommitter::HasAnswers(const Line& line) {
  const bool waits = line.acquiring || !line.flight.empty();
  return waits && (PQisBusy(line.connection->raw()) == 0 || line.connection->HoldsInput());
}

void PgCommitter::Work(Line* line) {
  if (MayConnect(*line) && Clock::now() >= line->retry_at) Recover(line);
  while (line->connection && !line->acquiring && !failed_ && line->flight.size() < kUnderWay && Make(line)) {
  }
  if (line->connection && PQflush(line->connection->raw()) < 0) Lose(line, line->connection->StatusOf(nullptr));
}

/// Makes and sends the next transaction; false: there is none to be made.
bool PgCommitter::Make(Line* line) {
  if (line->turns.empty()) {
    bool stopping = false;
    {
      std::lock_guard lock(mutex_);
      stopping = stopping_;
    }
    const bool unsynced = stopping && line->flight.empty() && !line->holding.empty();
    std::shared_ptr<Sent> sync = unsynced ? MakeSync(line, line->holding.begin()->second) : nullptr;
    if (sync) Send(line, sync);
    return sync != nullptr;
  }
  for (size_t i = line->turns.size(); i > 0; --i)
    if (MakeNext(line)) return true;
  return false;
}

/// Of the unit whose turn it is; false: that has to wait.
bool PgCommitter::MakeNext(Line* line) {
  Queue queue = std::move(line->turns.front());
  line->turns.pop_front();
  const std::shared_ptr<const RetentionRules> rules = setup_.retention->Now();
  Group group{PgWrites(rules.get(), setup_.wall_ms()), {}, std::make_shared<Sent>(), {}};
  size_t taken = 0;
  for (; taken < queue->work_.size() && group.writes.bytes() < kMostBytes; ++taken) {
    const auto* registry = std::get_if<RegistryBatch>(&queue->work_[taken]);
    if (registry && MustWait(*registry)) break;
    std::visit([&](const auto& work) { Encode(queue.get(), work, &group); }, queue->work_[taken]);
  }
  if (taken == 0) {
    line->turns.push_back(std::move(queue));
    return false;
  }
  EncodeLaneChanges(queue->space_, group.lane_counts, &group.writes);
  queue->work_.erase(queue->work_.begin(), queue->work_.begin() + static_cast<ptrdiff_t>(taken));
  queue->in_turn_ = !queue->work_.empty();
  if (queue->in_turn_) line->turns.push_back(queue);
  Sent& sent = *group.sent;
  sent.unit = queue->unit_;
  sent.queue = queue;
  sent.statements = group.writes.Statements(queue->unit_->stand_.n + 1);  // as Keep numbers it
  if (group.changed) sent.statements.push_back({kPgRegistryChanged, {}});
  if (group.moves && setup_.cell_of) sent.statements.push_back({kPgKnowsMoves, {}});
  for (NamespaceNumber number : group.dropped) {
    for (const char* sql : {kPgForgetLog, kPgForgetOwner, kPgForgetPlace}) sent.statements.push_back({sql, std::move(PgParams().Int(number))});
    if (setup_.tracks)
      for (const char* sql : {kPgForgetTransit, kPgForgetTouched}) sent.statements.push_back({sql, std::move(PgParams().Int(number))});
    // Its keys go afterwards: however many they are, whatever else goes over this connection goes on.
    sent.statements.push_back({kPgLeaveOver, std::move(PgParams().Int(number).Bytes(kPgLeftHere))});
    sent.leaves_over = true;
    const std::string cell = setup_.cell_of ? setup_.cell_of(number) : std::string();
    if (!cell.empty()) sent.statements.push_back({kPgLeaveOver, std::move(PgParams().Int(number).Bytes(cell))});
  }
  ++queue->under_way_;
  Keep(line, group.sent, &group.writes);
  Send(line, group.sent);
  return true;
}

/// Something of it is kept that no sync covers yet: a transaction of nothing else.
std::shared_ptr<PgUnit::Sent> PgCommitter::MakeSync(Line* line, const Unit& unit) {
  auto sent = std::make_shared<Sent>();
  sent->unit = unit;
  sent->synced = true;
  Keep(line, sent, nullptr);
  return sent;
}

/// What is still to be written of a namespace that it drops goes first.
bool PgCommitter::MustWait(const RegistryBatch& batch) {
  std::lock_guard lock(mutex_);
  return std::any_of(batch.writes.begin(), batch.writes.end(), [this](const RegistryWrite& write) {
    const auto* drop = std::get_if<DropNamespace>(&write);
    return drop && open_.contains(drop->number);
  });
}

void PgCommitter::Encode(PgQueue* queue, const WriteBatch& batch, Group* group) {
  group->sent->synced |= batch.sync;
  ++group->sent->batches;
  group->sent->number = batch.number;
  group->sent->reports = true;
  if (batch.ops.empty()) return;
  group->sent->points.Add(batch);
  EncodeOps(batch, queue->space_, *setup_.sealing, &group->writes, &group->lane_counts);
  PgStand& stand = queue->unit_->stand_;
  stand.totals = batch.totals;
  stand.written_boot_ms.reset();
  if (!stand.awake) EncodeWake(queue->space_.number(), {}, &group->writes);
  stand.awake = true;
}

void PgCommitter::Encode(PgQueue* queue, const PgQueue::SleepMark& mark, Group* group) {
  EncodeWake(queue->space_.number(), {NamespaceWake::Asleep{mark.wake, queue->unit_->stand_.totals}}, &group->writes);
  queue->unit_->stand_.awake = false;
}

void PgCommitter::Encode(PgQueue*, const RegistryBatch& batch, Group* group) {
  group->sent->synced |= batch.sync;
  group->changed |= batch.sync;
  ++group->sent->batches;
  group->sent->number = batch.number;
  group->sent->reports = true;
  for (const RegistryWrite& write : batch.writes) {
    const auto* put = std::get_if<PutNamespaceRow>(&write);
    group->moves |= put && put->row->moving_to;
    const auto* drop = std::get_if<DropNamespace>(&write);
    if (!drop) continue;
    group->sent->synced = true;
    group->dropped.push_back(drop->number);
    // Nothing of it is sent again, and what it is made anew as is another one.
    std::lock_guard lock(mutex_);
    auto unit = units_.find(drop->number);
    if (unit == units_.end()) continue;
    LetGo(lines_[unit->second->line_].get(), drop->number);
    unit->second->kept_.clear();
    units_.erase(unit);
  }
  EncodeRegistry(batch, *setup_.sealing, &audit_serial_, &group->writes);
}

void PgCommitter::Encode(PgQueue*, const PgQueue::Audited& audited, Group* group) {
  group->sent->synced = true;
  EncodeAuditEntry(audited.entry, &audit_serial_, &group->writes);
  group->sent->audited.push_back(audited.durable);
}

/// Numbers it, and keeps it until it is synced. `writes`: of keys; null: none.
void PgCommitter::Keep(Line* line, const std::shared_ptr<Sent>& sent, const PgWrites* writes) {
  PgUnit& unit = *sent->unit;
  sent->before = unit.stand_.n;
  sent->n = ++unit.stand_.n;
  EncodeTotals(unit.stand_.totals, &sent->totals);
  bool tracked = false;
  {
    std::lock_guard lock(mutex_);
    unsynced_[unit.number_] = {sent->n, line->index};
    tracked = tracked_.contains(unit.number_);
  }
  if (tracked) {
    const std::vector<std::string_view> keys = writes ? writes->Keys() : std::vector<std::string_view>();
    sent->statements.push_back({kPgTouch, std::move(PgParams().Int(unit.number_).Int(sent->n).BytesArray(keys))});
  }
  if (unit.kept_bytes_ > kMostKeptBytes) sent->synced = true;
  // The newest stays: the next one is to find it.
  if (unit.synced_n_ - unit.trimmed_n_ >= kTrimEvery) {
    sent->statements.push_back({kPgTrimLog, std::move(PgParams().Int(unit.number_).Int(unit.trimmed_n_).Int(unit.synced_n_))});
    unit.trimmed_n_ = unit.synced_n_;
  }
  for (const PgStatement& statement : sent->statements) sent->bytes += statement.params.bytes();
  unit.kept_bytes_ += sent->bytes;
  unit.kept_.push_back(sent);
  line->holding[unit.number_] = sent->unit;
}

void PgCommitter::Send(Line* line, const std::shared_ptr<Sent>& sent) {
  PGconn* raw = line->connection->raw();
  const PgParams fence = std::move(PgParams()
                                       .Int(sent->unit->number_)
                                       .Int(sent->unit->stand_.epoch)
                                       .Bytes(incarnation_)
                                       .Int(sent->before)
                                       .Int(sent->n)
                                       .Bytes(sent->totals)
                                       .Bool(sent->synced)
                                       .Bool(setup_.options.require_standby));
  auto send = [&](const char* sql, const PgParams& params) {
    const Result<std::string> name = line->connection->Prepare(sql);  // it is prepared
    return name.ok() && PQsendQueryPrepared(raw, name->c_str(), params.count(), params.values(), params.lengths(), params.formats(), 1) == 1;
  };
  PassCrashPoint(CrashPoint::kPgBeforeSend);
  sent->points.BeforeWrite();
  bool sent_all = send(kPgFence, fence);
  for (const PgStatement& statement : sent->statements) sent_all = sent_all && send(statement.sql, statement.params);
  sent_all = sent_all && PQpipelineSync(raw) == 1;
  sent->sent_at = ++moment_;
  sent->began = line->heard_at = Clock::now();
  if (line->flight.empty()) line->waits_since = sent->began;
  line->flight.push_back(sent);
  if (!sent_all) return Lose(line, line->connection->StatusOf(nullptr));
  PassCrashPoint(CrashPoint::kPgAfterSend);
}

// ---- answers

void PgCommitter::Receive(Line* line) {
  line->heard_at = Clock::now();
  PGconn* raw = line->connection->raw();
  if (!line->connection->TakeInput()) return Lose(line, line->connection->StatusOf(nullptr));
  int ends = 0;  // of a statement's results; two of them in a row: nothing more is there
  while (line->connection && (line->acquiring || !line->flight.empty()) && ends < 2 && PQisBusy(raw) == 0) {
    std::unique_ptr<PGresult, FreeWith<PQclear>> result(PQgetResult(raw));
    ends = result ? 0 : ends + 1;
    if (result) Take(line, result.get());
  }
  if (line->connection && PQstatus(raw) != CONNECTION_OK) Lose(line, line->connection->StatusOf(nullptr));
}

void PgCommitter::Take(Line* line, const PGresult* result) {
  switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
      line->waits_since = Clock::now();
      return line->acquiring ? Acquired(line) : Finish(line);
    case PGRES_TUPLES_OK: {
      const int count = PQntuples(result);
      for (int i = 0; line->acquiring && i < count; ++i) line->acquired.push_back({PgInt(result, i, 0), PgInt(result, i, 1), PgInt(result, i, 2)});
      const std::string_view column = line->acquiring || count == 0 ? "" : PQfname(result, 0);
      if (column == "fsync" && line->error.ok() && PgInt(result, 0, 0) == 0) line->error = Status(Code::kUnavailable, kPgNoFsync);
      if (column != "k" || !setup_.long_keys) return;
      std::vector<std::string> keys;
      for (int i = 0; i < count; ++i) keys.emplace_back(PQgetvalue(result, i, 0), static_cast<size_t>(PQgetlength(result, i, 0)));
      return setup_.long_keys(std::move(keys));
    }
    case PGRES_COMMAND_OK:
    case PGRES_PIPELINE_ABORTED:
      return;
    default:
      if (!line->error.ok()) return;  // the first one decides
      line->error = line->connection->StatusOf(result);
      line->error_state = line->connection->sqlstate();
  }
}

/// The transaction's end is there, one way or the other.
void PgCommitter::Finish(Line* line) {
  const std::shared_ptr<Sent> sent = line->flight.front();
  const Status warned = line->connection->TakeWarning();
  if (line->error.ok()) line->error = warned;
  if (line->error.ok()) {
    line->flight.pop_front();
    return Succeed(line, sent);
  }
  const Code code = line->error.code();
  if (code == Code::kUnavailable || code == Code::kDiskFull) return Lose(line, line->error);
  Fail(line->error);
}

void PgCommitter::Succeed(Line* line, const std::shared_ptr<Sent>& sent) {
  PassCrashPoint(CrashPoint::kPgAfterCommit);
  sent->points.AfterWrite();
  sent->done = true;
  if (line->again > 0 && --line->again == 0) TellSession(line, line->session);
  sent->done_at = ++moment_;
  line->was_there = true;
  ++counters_.groups;
  counters_.batches += sent->batches;
  counters_.written_bytes += sent->bytes;
  if (sent->synced) {
    ++counters_.syncs;
    if (setup_.commits) setup_.commits->Observe(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - sent->began).count());
    // Those before it in its unit were committed before it was; it is the newest of them that is done.
    for (const auto& kept : sent->unit->kept_)
      if (kept->n <= sent->n) kept->done_at = 0;
  }
  Prune(line, sent->unit.get());
  if (sent->synced) CoverOthers(*line, *sent);
  if (sent->queue) {
    --sent->queue->under_way_;
    Report(sent);
    Settle(sent->queue);
  }
  if (line->said_lost) Say(line, false);
}

/// What others had committed before it was sent is under this sync, too: where that was while the connection was there already, since a server that
/// crashes, or another one that takes its place, ends all connections. What was committed before may have been taken back, and then it is sent again
/// over its own connection. Nobody is told before its next batch.
void PgCommitter::CoverOthers(const Line& line, const Sent& synced) {
  for (const auto& other : lines_) {
    std::vector<Unit> units;
    for (const auto& [number, unit] : other->holding) units.push_back(unit);
    for (const Unit& unit : units) {
      for (const auto& kept : unit->kept_) {
        if (!kept->done || kept->done_at > synced.sent_at) break;
        if (kept->done_at > line.opened_at) kept->done_at = 0;
      }
      Prune(other.get(), unit.get());
    }
  }
}

/// Lets go of what is synced by now.
void PgCommitter::Prune(Line* line, PgUnit* unit) {
  while (!unit->kept_.empty()) {
    const std::shared_ptr<Sent> sent = unit->kept_.front();
    if (!sent->done || sent->done_at != 0) break;
    unit->synced_n_ = sent->n;
    if (sent->queue && sent->reports) sent->queue->synced_number_ = std::max(sent->queue->synced_number_, sent->number);
    unit->kept_bytes_ -= sent->bytes;
    unit->kept_.pop_front();
  }
  if (!unit->kept_.empty()) return;
  std::lock_guard lock(mutex_);
  LetGo(line, unit->number_);
}

/// Under the mutex.
void PgCommitter::LetGo(Line* line, int64_t unit) {
  line->holding.erase(unit);
  unsynced_.erase(unit);
}

void PgCommitter::Report(const std::shared_ptr<Sent>& sent) {
  for (const auto& durable : std::exchange(sent->audited, {})) durable();
  if (sent->leaves_over && setup_.left_over) setup_.left_over();
  if (!sent->reports) return;
  const Queue& queue = sent->queue;
  queue->last_number_ = std::max(queue->last_number_, sent->number);
  if (!queue->outlet_) events_->OnRegistryCommitted(queue->last_number_);
  else queue->outlet_->Post(Committed{queue->last_number_, queue->synced_number_});
}

}  // namespace notifyd
