#include "storage/postgres/pg_store.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/crash_point.h"
#include "base/crypto.h"
#include "base/log.h"
#include "storage/audit.h"
#include "storage/encode_batch.h"
#include "storage/keys.h"
#include "storage/outlet.h"
#include "storage/postgres/pg_cluster.h"
#include "storage/postgres/pg_committer.h"
#include "storage/postgres/pg_committer_impl.h"
#include "storage/postgres/pg_compactor.h"
#include "storage/postgres/pg_kv.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_leftovers.h"
#include "storage/postgres/pg_schema.h"
#include "storage/postgres/pg_stand.h"
#include "storage/postgres/pg_sweeper.h"
#include "storage/reader.h"
#include "storage/reader_pool.h"
#include "storage/records.h"
#include "storage/registry_image.h"
#include "storage/registry_records.h"
#include "storage/retention.h"
#include "storage/sealing.h"

namespace notifyd {
namespace {

constexpr std::chrono::milliseconds kPollAgain{100};
// Whoever opens a namespace is one of few, and others are to be opened, too: so long it waits for what is still written of that one, and so long it
// asks again where the store itself is not reached.
constexpr std::chrono::milliseconds kCloseMost{500}, kOpenMost{2'000};

/// What reads stand on; a namespace that is still open where the store is closed holds it.
struct Shared {
  Shared(const StoreOptions& options)
      : pool(options.postgres), kv(&pool), retention({options.retention_succeeded_ms, options.retention_settled_ms}), wall_ms(options.wall_ms) {}

  PgPool pool;
  const PgKv kv;
  const Sealing sealing;  // seals nothing
  RetentionTable retention;
  const std::function<int64_t()> wall_ms;
  ReaderPool readers;

  /// Waits before what was not reached is asked again. False: it is stopped.
  bool MayRetry() {
    std::unique_lock lock(mutex);
    return !wake.wait_for(lock, kPollAgain, [this] { return stopping; });
  }
  void Stop() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    readers.Stop();
  }

 private:
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
};

class PgNamespace : public NamespaceStore {
 public:
  PgNamespace(std::shared_ptr<Shared> shared, std::shared_ptr<PgCommitter> committer, std::shared_ptr<PgQueue> writes, NamespaceNumber number,
              std::shared_ptr<Outlet> outlet)
      : committer_(std::move(committer)), writes_(std::move(writes)), reads_(std::make_shared<ReaderPool::Queue>()), shared_(shared) {
    Reader reader(&shared->kv, KeySpace(number), &shared->retention, &shared->sealing, shared->wall_ms);
    answers_ = std::make_shared<Answers>(Answers{std::move(shared), std::move(reader), std::move(outlet)});
  }
  ~PgNamespace() override {
    answers_->outlet->Close();
    committer_->Close(writes_);
  }
  PgNamespace(const PgNamespace&) = delete;
  PgNamespace& operator=(const PgNamespace&) = delete;

  void Commit(WriteBatch batch) override { committer_->Commit(writes_, std::move(batch)); }
  void Sleep(WallTime wake) override { committer_->Sleep(writes_, wake); }
  void Load(LoadEffect load) override { shared_->readers.Add(reads_, Answered(&Reader::Load, std::move(load))); }
  void LoadPage(PageEffect page) override {
    const auto* records = std::get_if<RecordsPage>(&page.page);
    const bool lists = records && records->with_events;
    ReaderPool::Task task = Answered(&Reader::LoadPage, std::move(page));
    if (lists) shared_->readers.AddList(reads_, std::move(task));
    else shared_->readers.Add(reads_, std::move(task));
  }
  void Read(ReadEffect read) override { shared_->readers.Add(reads_, Answered(&Reader::Read, std::move(read))); }
  void List(ListEffect list) override { shared_->readers.AddList(reads_, Answered(&Reader::List, std::move(list))); }
  void ListLanes(LanesEffect lanes) override {
    // One lane is a few look-ups, and lanes with settings are few: they do not wait behind lists.
    const bool few = lanes.query.only || lanes.query.configured;
    ReaderPool::Task task = Answered(&Reader::ListLanes, std::move(lanes));
    if (few) shared_->readers.Add(reads_, std::move(task));
    else shared_->readers.AddList(reads_, std::move(task));
  }

 private:
  struct Answers {
    const std::shared_ptr<Shared> shared;
    const Reader reader;
    const std::shared_ptr<Outlet> outlet;
  };
  /// Makes a read's task. It asks again until the server answers: to the core a read that failed is the end.
  template <class Answer, class Effect>
  ReaderPool::Task Answered(Answer (Reader::*read)(const Effect&) const, Effect effect) const {
    return [answers = answers_, read, effect = std::move(effect)] {
      for (;;) {
        Answer answer = (answers->reader.*read)(effect);
        if (answer.status.code() != Code::kUnavailable) return answers->outlet->Post(std::move(answer));
        if (!answers->shared->MayRetry()) return;
      }
    };
  }

  const std::shared_ptr<PgCommitter> committer_;
  const std::shared_ptr<PgQueue> writes_;
  const std::shared_ptr<ReaderPool::Queue> reads_;
  const std::shared_ptr<Shared> shared_;
  std::shared_ptr<Answers> answers_;
};

StoreOptions WithClock(StoreOptions options) {
  if (options.wall_ms) return options;
  options.wall_ms = [] { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); };
  return options;
}

/// Returns whether commits wait for no standby, so that what was acknowledged lies on one machine; refuses that where one is `required`.
Result<bool> CheckStandby(PgConnection* connection, bool required) {
  auto none = NamesNoStandby(connection);
  if (!none.ok() || !*none) return none;
  if (required)
    return Status(Code::kUnacceptable, "store.postgres.require_standby is on, and synchronous_standby_names of the server is empty",
                  "/store/postgres/require_standby");
  Log(LogLevel::kWarn, "commits wait for no standby: what is acknowledged is lost with the database's machine");
  return true;
}

/// Acquires the unit of what is no namespace's: the registry, or a member's own, under which it writes the audit.
Status TakeOwnUnit(PgConnection* connection, const OrderedKv& kv, PgCommitter::Setup* setup) {
  const bool member = !setup->options.member.empty();
  if (member) {
    auto unit = connection->Run(kPgUnitOfMember, PgParams().Bytes(setup->options.member));
    if (!unit.ok()) return std::move(unit).status();
    if (unit->size() == 0) return Status(Code::kIo, "the row of this member is gone");
    setup->audit_unit = unit->Int(0, 0);
  }
  auto own = AcquirePgUnits(connection, setup->options, setup->word, {setup->audit_unit});
  if (!own.ok()) return std::move(own).status();
  const PgStand stand{own->Int(0, 1), own->Int(0, 2), Totals(), true};
  if (!member) {
    auto serial = NextAuditSerial(kv);
    if (!serial.ok()) return std::move(serial).status();
    setup->audit_serial = *serial;
    setup->registry = stand;
    return Status::Ok();
  }
  // It tells entries of several members apart that fall into one millisecond: each member begins with a random one.
  const std::string random = RandomBytes(4);
  setup->audit_serial = Decoder(random).Big32();
  setup->audit = stand;
  return Status::Ok();
}

}  // namespace

class PgStore::Impl {
 public:
  Impl(const StoreOptions& with, std::shared_ptr<Shared> read)
      : options(with),
        shared(std::move(read)),
        sweeper(&shared->pool, &shared->retention, shared->wall_ms, with.postgres.cell.empty()),
        compactor(&shared->pool) {}

  /// Returns where it begins: behind its last transaction or, where there was none yet, with what lies there.
  Result<PgStand> StandOf(NamespaceNumber number);
  Result<PgRows> Acquire(PgConnection* connection, NamespaceNumber number);
  /// Checks that what lies here is the namespace, and makes it that where a move left it to be done. Error: kNotFound: it is on its way, or gone.
  Status CheckTransit(NamespaceNumber number);
  /// Returns nothing where it is known. Errors: as OpenNamespace's.
  Result<std::optional<PgStand>> StandToOpen(NamespaceNumber number);
  void MakeCommitter(PgCommitter::Setup setup);
  /// Cleans up behind the whole store from now on.
  void CleanUp() {
    sweeper.Remove();
    compactor.Work();
  }
  /// Leaves that to another one.
  void LeaveUnclean() {
    sweeper.Rest();
    compactor.Rest();
  }

  const StoreOptions options;
  const std::shared_ptr<Shared> shared;
  std::unique_ptr<PgOwnLease> lease;  // null: options.owner's
  OwnerWord word;
  Fingerprint store;
  std::function<Result<int64_t>(NamespaceNumber)> claim;  // of a cell; null: it is the store itself
  ReadNamespaceRow row;                                   // of the store itself
  PgSweeper sweeper;
  PgCompactor compactor;
  std::shared_ptr<PgCommitter> committer;
  const std::shared_ptr<ReaderPool::Queue> audit_reads = std::make_shared<ReaderPool::Queue>();
};

void PgStore::Impl::MakeCommitter(PgCommitter::Setup setup) {
  setup.options = options.postgres;
  setup.word = word;
  setup.retention = &shared->retention;
  setup.sealing = &shared->sealing;
  setup.wall_ms = options.wall_ms;
  setup.commits = options.commit_histogram;
  if (options.owner) setup.fenced = [owner = options.owner] { owner->Fenced(); };
  setup.left_over = [to = &sweeper] { to->LookForLeftovers(); };
  setup.long_keys = [to = &sweeper](std::vector<std::string> keys) { to->Fold(std::move(keys)); };
  committer = std::make_shared<PgCommitter>(std::move(setup));
  shared->pool.SetCheck([committer = committer](PgConnection* fresh) { return committer->CheckIsThere(fresh); });
  shared->pool.SetDoubt([committer = committer] { committer->Doubt(); });
}

Result<std::unique_ptr<PgStore>> PgStore::Open(const StoreOptions& given, std::function<std::string(NamespaceNumber)> cell_of) {
  const StoreOptions options = WithClock(given);
  NOTIFYD_TRY(CheckPgOptions(options));
  auto opened = PgConnection::Open(options.postgres);
  // One whose lease was taken was fit then, and may be so again, as where its fsync was switched off.
  if (!opened.ok()) return options.owner ? Status(Code::kUnavailable, opened.status().detail()) : std::move(opened).status();
  PgConnection* connection = opened->get();
  NOTIFYD_TRY(CheckPgSessions(options.postgres, connection));
  auto store = PreparePgSchema(connection, options.postgres);
  if (!store.ok()) return std::move(store).status();
  auto no_standby = CheckStandby(connection, options.postgres.require_standby);
  if (!no_standby.ok()) return std::move(no_standby).status();
  auto impl = std::make_unique<Impl>(options, std::make_shared<Shared>(options));
  impl->store = *store;
  impl->sweeper.SetNoStandby(*no_standby);
  if (!options.owner) {
    auto lease = PgOwnLease::Take(options.postgres);
    if (!lease.ok()) return std::move(lease).status();
    impl->lease = *std::move(lease);
  }
  impl->word = options.owner ? options.owner->word() : impl->lease->word();
  PgCommitter::Setup setup;
  setup.options = options.postgres;
  setup.word = impl->word;
  setup.acquire = PgAcquireStatement(options.postgres);
  setup.cell_of = std::move(cell_of);
  setup.tracks = setup.cell_of != nullptr;
  NOTIFYD_TRY(TakeOwnUnit(connection, impl->shared->kv, &setup));
  impl->MakeCommitter(std::move(setup));
  impl->shared->pool.Give(*std::move(opened));
  std::unique_ptr<PgStore> made(new PgStore(std::move(impl)));
  made->impl_->row = [of = made.get()](NamespaceNumber number) { return of->ReadRow(number); };
  return made;
}

std::unique_ptr<PgStore> PgStore::OpenCell(const StoreOptions& given, const OwnerWord& word, std::function<Result<int64_t>(NamespaceNumber)> claim,
                                           ReadNamespaceRow row) {
  const StoreOptions options = WithClock(given);
  auto impl = std::make_unique<Impl>(options, std::make_shared<Shared>(options));
  impl->word = word;
  impl->claim = std::move(claim);
  impl->row = std::move(row);
  PgCommitter::Setup setup;
  setup.acquire = kPgRenewUnits;
  setup.syncs_what_it_forgets = setup.tracks = true;
  impl->MakeCommitter(std::move(setup));
  return std::unique_ptr<PgStore>(new PgStore(std::move(impl)));
}

PgStore::PgStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

PgStore::~PgStore() {
  Status closed = Close();
  if (!closed.ok()) Log(LogLevel::kError, "the store did not close", {{"detail", closed.detail()}});
}

std::string PgStore::name() const {
  return NameOfStore(impl_->store);
}

Result<RegistryImage> PgStore::LoadRegistry() {
  return ReadRegistry(impl_->shared->kv, impl_->shared->sealing);
}

void PgStore::Start(StoreEvents* events) {
  impl_->committer->Start(events);
  impl_->shared->readers.Start(impl_->options.reader_threads);
  const bool alone = impl_->options.postgres.member.empty() && !impl_->claim;
  impl_->sweeper.Start(/*removes=*/alone);
  impl_->compactor.Start(/*works=*/alone);
  if (impl_->lease)
    impl_->lease->Keep([committer = impl_->committer.get()] { committer->GiveUp(Status(Code::kIo, "the lease of the store is lost")); });
}

/// Acquires the namespace. For one in a cell the home cell gives the number of the claim first (storage/postgres/pg_schema.cc, kCell).
Result<PgRows> PgStore::Impl::Acquire(PgConnection* connection, NamespaceNumber number) {
  if (!claim) return AcquirePgUnits(connection, options.postgres, word, {number});
  auto drawn = claim(number);
  if (!drawn.ok()) return std::move(drawn).status();
  auto rows = connection->Run(kPgClaim, PgParams().Int(*drawn).Bytes(EncodeIncarnation(word.incarnation)).Int(number));
  if (!rows.ok()) return rows;
  if (rows->size() != 1) return Status(Code::kCorrupt, "the cell is damaged: a unit was not claimed");
  NOTIFYD_TRY(connection->TakeWarning());
  return rows;
}

Result<PgStand> PgStore::Impl::StandOf(NamespaceNumber number) {
  std::optional<PgRows> acquired;
  std::optional<int64_t> written_boot_ms;
  NOTIFYD_TRY(shared->pool.With([&](PgConnection* connection) {
    auto rows = Acquire(connection, number);
    if (!rows.ok()) return std::move(rows).status();
    acquired.emplace(*std::move(rows));
    auto written = WrittenBootMs(connection, number);
    if (!written.ok()) return std::move(written).status();
    written_boot_ms = *written;
    return Status::Ok();
  }));
  NOTIFYD_TRY(CheckTransit(number));
  // Whoever heard late that it was dropped has an empty one, and nothing of what is still there of it.
  const auto remove_left = [&](PgConnection* connection) { return RemovePgLeftover(connection, number, kOpenMost); };
  if (options.postgres.cell.empty()) NOTIFYD_TRY(shared->pool.With(remove_left));
  Result<PgStand> stand = PgStandOf(shared->kv, number, *acquired, 0);
  if (stand.ok() && !acquired->IsNull(0, 3)) stand->written_boot_ms = written_boot_ms;
  return stand;
}

/// The row of the namespace in the home cell says where it lies, whatever this one thinks of itself: read once it was acquired, so nobody moves it
/// meanwhile. What is read of `transits` is taken back by its number, so that no later move is meant.
Status PgStore::Impl::CheckTransit(NamespaceNumber number) {
  return shared->pool.With([&](PgConnection* connection) {
    auto transit = connection->Run(kPgTransit, PgParams().Int(number));
    if (!transit.ok()) return std::move(transit).status();
    if (transit->size() == 0) return Status::Ok();
    auto now = row(number);
    if (!now.ok()) return std::move(now).status();
    const bool arriving = transit->Int(0, 1) != 0, whole = transit->Int(0, 2) != 0;
    const bool lies_here = *now && (*now)->settings.cell.value_or("") == options.postgres.cell;
    if (!lies_here || (arriving ? !whole : (*now)->moving_to.has_value()))
      return Status(Code::kNotFound, "the namespace is on its way to another cell");
    auto settled = connection->Run(kPgSettle, PgParams().Int(number).Int(transit->Int(0, 0)));
    if (!settled.ok()) return std::move(settled).status();
    NOTIFYD_TRY(connection->TakeWarning());
    if (settled->size() == 0) return Status(Code::kUnavailable, "the namespace is on its way to another cell");
    PassCrashPoint(CrashPoint::kCellActive);
    return Status::Ok();
  });
}

std::unique_ptr<ClusterStore> PgStore::OpenCluster() {
  if (impl_->options.postgres.member.empty()) return nullptr;
  PgCluster::Setup setup;
  setup.options = impl_->options.postgres;
  setup.word = impl_->word;
  setup.kv = &impl_->shared->kv;
  setup.sealing = &impl_->shared->sealing;
  setup.committer = impl_->committer.get();
  setup.removes = [impl = impl_.get()](bool removes) { removes ? impl->CleanUp() : impl->LeaveUnclean(); };
  return std::make_unique<PgCluster>(std::move(setup));
}

/// In a cell it tries once, since whoever opens it asks again; and it does not wait long for what a lost connection does not write.
Result<std::optional<PgStand>> PgStore::Impl::StandToOpen(NamespaceNumber number) {
  const std::optional<bool> known = committer->AwaitClosed(number, kCloseMost);
  if (!known) return Status(Code::kUnavailable, "what was written of the namespace last is not committed yet");
  if (*known) return std::optional<PgStand>();
  const auto until = std::chrono::steady_clock::now() + kOpenMost;
  Result<PgStand> found = StandOf(number);
  const auto again = [&] { return !claim && !found.ok() && found.status().code() == Code::kUnavailable && std::chrono::steady_clock::now() < until; };
  while (again() && shared->MayRetry()) found = StandOf(number);
  if (!found.ok() && found.status().code() == Code::kConflict && claim && options.owner) options.owner->Fenced();
  if (!found.ok()) return std::move(found).status();
  return std::optional(*found);
}

Result<OpenedNamespace> PgStore::OpenNamespace(NamespaceNumber number, EventSink* sink) {
  Result<std::optional<PgStand>> found = impl_->StandToOpen(number);
  if (!found.ok()) return std::move(found).status();
  auto outlet = std::make_shared<Outlet>(sink);
  auto opened = impl_->committer->Open(number, outlet, *found);
  if (!opened) return Status(Code::kUnavailable, "the namespace was let go of in this moment");
  auto& [writes, now] = *opened;
  return OpenedNamespace{std::make_unique<PgNamespace>(impl_->shared, impl_->committer, std::move(writes), number, std::move(outlet)), now.totals,
                         now.written_boot_ms};
}

void PgStore::Commit(RegistryBatch batch) {
  impl_->committer->Commit(std::move(batch));
}

void PgStore::Audit(AuditEntry entry, std::function<void()> durable) {
  impl_->committer->Audit(std::move(entry), std::move(durable));
}

void PgStore::ListAudit(AuditQuery query, std::function<void(AuditPage)> done) {
  auto read = [shared = impl_->shared, query = std::move(query), done = std::move(done)] { done(ReadAudit(shared->kv, query, shared->wall_ms())); };
  impl_->shared->readers.AddList(impl_->audit_reads, std::move(read));
}

void PgStore::SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) {
  impl_->shared->retention.Set(number, succeeded_ms, settled_ms);
}

uint64_t PgStore::StoredBytes(NamespaceNumber number) const {
  return impl_->sweeper.BytesOf(number);
}

void PgStore::CompactNamespace(NamespaceNumber number) {
  impl_->sweeper.AddNamespace(number);
}

bool PgStore::IsCompacting(NamespaceNumber number) const {
  return impl_->sweeper.Has(number);
}

void PgStore::Stop() {
  if (!impl_) return;
  // At once: each may wait for a server that stands still for some seconds.
  std::thread writes([this] { impl_->committer->Stop(); });
  impl_->shared->pool.Stop();
  impl_->compactor.Stop();
  impl_->sweeper.Stop();
  impl_->shared->Stop();
  writes.join();
}

Status PgStore::Close() {
  if (!impl_) return Status::Ok();
  Stop();
  Status failure = impl_->committer->failure();
  impl_->lease.reset();
  impl_.reset();
  return failure;
}

std::vector<StoreFigure> PgStore::Figures() const {
  using enum StoreFigure::Part;
  const PgCommitter::Counters& counters = impl_->committer->counters();
  return {
      {kStore, "database_lost", "1 while the database is not reached.", counters.lost.load()},
      {kStore, "database_reconnects", "Connections to the database that were lost since the start.", counters.reconnects, /*grows=*/true},
      {kStore, "no_standby", "1 while synchronous_standby_names of the database is empty: what is acknowledged waits for no standby.",
       impl_->sweeper.no_standby()},
      {kStore, "removed", "Keys that retention removed from the database since the start.", impl_->sweeper.removed(), /*grows=*/true},
      {kStore, "left_over", "Namespaces that were removed, and of which the database still has rows that this one is to remove.",
       impl_->sweeper.left_over()},
      {kStore, "folded", "Rows whose changes were made one value since the start.", impl_->sweeper.folded(), /*grows=*/true},
      {kStore, "pages_given_back", "Pages that tables and indexes in the database gave back since the start.", impl_->compactor.pages(),
       /*grows=*/true},
      {kCommits, "batches", "Batches written since the start.", counters.batches, /*grows=*/true},
      {kCommits, "groups", "Groups of batches written in one go since the start.", counters.groups, /*grows=*/true},
      {kCommits, "syncs", "Syncs to disk since the start.", counters.syncs, /*grows=*/true},
  };
}

bool PgStore::Unwritten() const {
  return impl_->committer->Unwritten();
}

Status PgStore::Sweep() {
  return impl_->sweeper.RemoveDue();
}

Status PgStore::Compact() {
  return impl_->compactor.CompactAll();
}

// ---- cells

Result<int64_t> PgStore::Claim(NamespaceNumber number) {
  const char* sql = impl_->options.postgres.member.empty() ? kPgDraw : kPgDrawUnits;
  const OwnerWord& word = impl_->word;
  int64_t claim = 0;
  NOTIFYD_TRY(impl_->shared->pool.With([&](PgConnection* connection) {
    auto rows =
        connection->Run(sql, PgParams().Int(static_cast<int64_t>(word.epoch)).Bytes(EncodeIncarnation(word.incarnation)).Ints({int64_t{number}}));
    if (!rows.ok()) return std::move(rows).status();
    if (rows->size() != 1) return Status(Code::kCorrupt, "the store is damaged: a unit was not acquired");
    if (Status warned = connection->TakeWarning(); !warned.ok()) return warned;
    claim = rows->Int(0, 4);
    return Status::Ok();
  }));
  return claim;
}

const OwnerWord& PgStore::word() const {
  return impl_->word;
}

Fingerprint PgStore::id() const {
  return impl_->store;
}

Status PgStore::With(const std::function<Status(PgConnection*)>& use) const {
  return impl_->shared->pool.With(use);
}

void PgStore::RemoveEnded(bool removes) {
  removes ? impl_->CleanUp() : impl_->LeaveUnclean();
}

void PgStore::BeginForget(NamespaceNumber number) {
  impl_->committer->BeginForget(number);
}

bool PgStore::Knows(NamespaceNumber number) const {
  return impl_->committer->Knows(number);
}

bool PgStore::Keeps(NamespaceNumber number) const {
  return impl_->committer->Keeps(number);
}

bool PgStore::lost() const {
  return impl_->committer->counters().unreached;
}

bool PgStore::reached() const {
  return impl_->shared->pool.reached();
}

Result<std::shared_ptr<const NamespaceRow>> PgStore::ReadRow(NamespaceNumber number) const {
  std::shared_ptr<const NamespaceRow> row;
  NOTIFYD_TRY(impl_->shared->kv.GetAll({EncodeNamespaceKey(number)}, [&](size_t, std::string_view value) {
    auto decoded = DecodeNamespace(number, value, /*seal=*/nullptr);
    if (!decoded.ok()) return std::move(decoded).status();
    row = *std::move(decoded);
    return Status::Ok();
  }));
  return row;
}

const OrderedKv& PgStore::kv() const {
  return impl_->shared->kv;
}

const StoreOptions& PgStore::options() const {
  return impl_->options;
}

std::shared_ptr<const RetentionRules> PgStore::retention() const {
  return impl_->shared->retention.Now();
}

void PgStore::Track(NamespaceNumber number, bool on) {
  impl_->committer->Track(number, on);
}

bool PgStore::TracksAll(NamespaceNumber number) const {
  return impl_->committer->TracksAll(number);
}

Result<PgStore::Taken> PgStore::Take(NamespaceNumber number) {
  Taken taken;
  NOTIFYD_TRY(impl_->shared->pool.With([&](PgConnection* connection) {
    auto rows = impl_->Acquire(connection, number);
    if (!rows.ok()) return std::move(rows).status();
    taken = {rows->Int(0, 1), rows->Int(0, 2), {}, {}};
    if (!rows->IsNull(0, 3)) taken.totals = rows->Bytes(0, 3);
    auto written = WrittenBootMs(connection, number);
    if (!written.ok()) return std::move(written).status();
    taken.written_boot_ms = *written;
    return Status::Ok();
  }));
  return taken;
}

Status PgStore::Clean(PgCleaning* left, const std::function<Status()>& check) {
  return CleanPgCell(impl_->options.postgres, left, check);
}

}  // namespace notifyd
