#include "fakes/fake_store.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "fakes/fake_reads.h"

namespace notifyd {

FakeStore::FakeStore(FakeStoreOptions options, FakeDisk disk, int64_t now_ms)
    : options_(std::move(options)), random_(options_.seed), now_ms_(now_ms), written_(std::move(disk)) {
  for (auto& [number, image] : written_.spaces) image.batch = 0;
  synced_ = written_;
}

FakeStore::~FakeStore() = default;

// ---- time

void FakeStore::At(int64_t delay_ms, Step step) {
  steps_.emplace(std::pair(now_ms_ + delay_ms, next_step_++), std::move(step));
}

void FakeStore::AdvanceTo(int64_t now_ms) {
  while (!dead_ && !away_ && !steps_.empty() && steps_.begin()->first.first <= now_ms) {
    auto node = steps_.extract(steps_.begin());
    now_ms_ = std::max(now_ms_, node.key().first);
    node.mapped()();
  }
  now_ms_ = std::max(now_ms_, now_ms);
}

void FakeStore::Deliver() {
  CHECK(!away_);
  while (!dead_ && !steps_.empty()) AdvanceTo(NextAt());
}

// ---- writes

/// Is this an operation that the fault forgets some of?
bool FakeStore::IsFaulty(const WriteOp& op) const {
  switch (options_.fault) {
    case StoreFault::kDropDeleteDue:
      return std::holds_alternative<DeleteDue>(op);
    case StoreFault::kLoseChange:
      return std::holds_alternative<ChangeNotify>(op);
    case StoreFault::kLoseCounts:
      return std::holds_alternative<AddLaneCounts>(op);
    default:
      return false;
  }
}

// ---- namespaces

/// Not after the store that it came from.
class FakeStore::View : public NamespaceStore {
 public:
  View(FakeStore* host, SpacePtr space) : host_(host), space_(std::move(space)) {}
  ~View() override {
    space_->sink = nullptr;
    host_->open_.erase(space_->number);
  }

  void Commit(WriteBatch batch) override { host_->Commit(space_, std::move(batch)); }
  void Sleep(WallTime wake) override { host_->Queue(space_, SleepMark{wake}); }
  void Load(LoadEffect load) override {
    host_->ReadLater(space_, [host = host_, load = std::move(load)](const FakeReads& reads) -> Event {
      Loaded loaded{load.ticket, host->ReadStatus(), {}};
      if (loaded.status.ok())
        for (const LoadKey& key : load.keys) loaded.values.push_back(reads.GetValue(key));
      return loaded;
    });
  }
  void LoadPage(PageEffect page) override {
    host_->ReadLater(space_, [host = host_, page = std::move(page)](const FakeReads& reads) -> Event {
      Status status = host->ReadStatus();
      if (status.ok()) return reads.RunPage(page, &host->random_, &host->rows_);
      PageLoaded out;
      out.ticket = page.ticket;
      out.status = std::move(status);
      return out;
    });
  }
  void Read(ReadEffect read) override {
    host_->ReadLater(space_, [host = host_, read](const FakeReads& reads) -> Event {
      Status status = host->ReadStatus();
      LoadedNotify notify = status.ok() ? reads.Get(read.id, read.even_over) : LoadedNotify{};
      return ReadDone{read.request, std::move(status), std::move(notify)};
    });
  }
  void List(ListEffect list) override {
    host_->ReadLater(space_, [host = host_, list = std::move(list)](const FakeReads& reads) -> Event {
      Status status = host->ReadStatus();
      if (!status.ok()) return ListDone{list.request, std::move(status), {}, {}};
      return reads.RunList(list);
    });
  }
  void ListLanes(LanesEffect lanes) override {
    host_->ReadLater(space_, [host = host_, lanes = std::move(lanes)](const FakeReads& reads) -> Event {
      Status status = host->ReadStatus();
      if (!status.ok()) return LanesDone{lanes.request, std::move(status), {}, false, {}};
      return reads.RunLanes(lanes);
    });
  }

 private:
  FakeStore* const host_;
  const SpacePtr space_;
};

void FakeStore::Start(EventSink* sink) {
  own_ = std::move(OpenNamespace(kDefaultNumber, sink)->store);
}

Result<OpenedNamespace> FakeStore::OpenNamespace(NamespaceNumber number, EventSink* sink) {
  CHECK(!open_.contains(number));
  // What was still to be written of it, a sleep, is.
  for (const WorkPtr& work : queued_)
    if (work->space && work->space->number == number) {
      Deliver();
      break;
    }
  auto space = std::make_shared<Space>();
  space->number = number;
  space->sink = sink;
  space->last_report_ms = now_ms_;
  open_[number] = space;
  if (disk_low_) At(0, [space] { space->Post(DiskSpace{true}); });
  for (FakeDisk* disk : {&written_, &synced_}) {
    FakeImage& image = disk->spaces[number];
    if (image.state == FakeImage::State::kNew && number != kDefaultNumber) image.totals.next_id = NotifyId::Of(number, 1).value;
    image.batch = 0;
  }
  const Totals totals = written(number).totals;
  return OpenedNamespace{std::make_unique<View>(this, std::move(space)), totals};
}

const FakeImage& FakeStore::ImageIn(const FakeDisk& disk, NamespaceNumber number) {
  static const FakeImage none;
  auto it = disk.spaces.find(number);
  return it == disk.spaces.end() ? none : it->second;
}

void FakeStore::SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) {
  retention_[number] = {succeeded_ms.value_or(options_.retention_succeeded_ms), settled_ms.value_or(options_.retention_settled_ms)};
}

FakeStoreOptions FakeStore::OptionsOf(NamespaceNumber number) const {
  FakeStoreOptions options = options_;
  auto it = retention_.find(number);
  if (it != retention_.end()) std::tie(options.retention_succeeded_ms, options.retention_settled_ms) = it->second;
  return options;
}

uint64_t FakeStore::StoredBytes(NamespaceNumber number) const {
  uint64_t bytes = 0;
  for (const auto& [id, record] : written(number).notifies) bytes += record->spec ? record->spec->size() : 0;
  return bytes;
}

Status FakeStore::Close() {
  if (!dead_) Deliver();
  return failed_ ? Status(Code::kIo, "simulated write failure") : Status::Ok();
}

// ---- more writes

void FakeStore::Commit(const SpacePtr& space, WriteBatch batch) {
  CHECK(!dead_);
  CHECK(batch.number == space->last_number + 1);
  space->last_number = batch.number;
  writes_ += batch.ops.size();
  for (WriteOp& op : batch.ops) {
    if (auto* put = std::get_if<PutNotify>(&op)) put->record = DeepCopy(*put->record);
    if (auto* change = std::get_if<ChangeNotify>(&op)) change->change = std::make_shared<StateChange>(*change->change);
    if (auto* fkey = std::get_if<PutFkey>(&op)) fkey->record = DeepCopy(fkey->record);
  }
  std::erase_if(batch.ops, [&](const WriteOp& op) { return IsFaulty(op) && random_.Chance(0.2); });
  Queue(space, std::move(batch));
}

void FakeStore::Commit(RegistryBatch batch) {
  CHECK(events_ && !dead_);
  CHECK(batch.number == registry_number_ + 1);
  registry_number_ = batch.number;
  Queue(nullptr, std::move(batch));
}

void FakeStore::Queue(SpacePtr space, std::variant<WriteBatch, SleepMark, RegistryBatch, Audited> what) {
  if (failed_) return;  // after a WriteFailed nothing is written any more
  queued_.push_back(std::make_shared<const Work>(Work{std::move(space), std::move(what)}));
  if (busy_ && !options_.simple) return;
  busy_ = true;
  At(Draw(options_.write_ms_max), [this] { WriteGroup(); });
}

void FakeStore::Apply(const Work& work, FakeDisk* disk) {
  if (const auto* registry = std::get_if<RegistryBatch>(&work.what)) return disk->Apply(*registry);
  if (const auto* audited = std::get_if<Audited>(&work.what)) return disk->Add(audited->entry);
  FakeImage& image = disk->spaces[work.space->number];
  if (const auto* batch = std::get_if<WriteBatch>(&work.what)) return image.Apply(*batch);
  image.state = FakeImage::State::kAsleep;
  image.next_wake = std::get<SleepMark>(work.what).wake;
}

void FakeStore::WriteGroup() {
  if (failed_) return;
  bool fails = random_.Chance(options_.write_failure);
  size_t take = queued_.size();
  if (fails) take = random_.Below(take + 1);
  bool sync = false;
  for (; take > 0; --take) {
    WorkPtr work = std::move(queued_.front());
    queued_.pop_front();
    Apply(*work, &written_);
    if (const auto* batch = std::get_if<WriteBatch>(&work->what)) {
      work->space->written_number = batch->number;
      if (options_.on_written) options_.on_written(work->space->number, batch->number);
      sync |= batch->sync;
      if (std::find(unreported_.begin(), unreported_.end(), work->space) == unreported_.end()) unreported_.push_back(work->space);
    } else if (const auto* registry = std::get_if<RegistryBatch>(&work->what)) {
      sync |= registry->sync;
      registry_group_.push_back(registry->number);
    } else if (const auto* audited = std::get_if<Audited>(&work->what)) {
      sync = true;
      audited_group_.push_back(audited->durable);
    }
    unsynced_.push_back(std::move(work));
    if (options_.simple) break;
  }
  if (fails) return Fail();
  if (!sync) {
    ReportCommitted(false);
    return EndGroup();
  }
  if (options_.fault == StoreFault::kSyncedEarly)
    for (const SpacePtr& space : unreported_) Report(space, space->written_number);
  if (options_.simple) return SyncGroup();
  At(Draw(options_.sync_ms_max), [this] { SyncGroup(); });
}

void FakeStore::SyncGroup() {
  if (random_.Chance(options_.write_failure)) return Fail();
  for (const WorkPtr& work : unsynced_) Apply(*work, &synced_);
  unsynced_.clear();
  ReportCommitted(true);
  EndGroup();
}

void FakeStore::EndGroup() {
  busy_ = !queued_.empty();
  if (busy_ && !options_.simple) At(Draw(options_.write_ms_max), [this] { WriteGroup(); });
}

/// What is in the present group: to each of whom something is. What others wrote before is synced with it, and they hear of it with their next.
void FakeStore::ReportCommitted(bool synced) {
  if (synced)
    for (const auto& [number, space] : open_) space->synced_number = space->written_number;
  for (const SpacePtr& space : unreported_) Report(space, space->synced_number);
  unreported_.clear();
  for (uint64_t number : registry_group_) {
    if (options_.simple) events_->OnRegistryCommitted(number);
    else At(Draw(options_.answer_ms_max), [this, number] { events_->OnRegistryCommitted(number); });
  }
  registry_group_.clear();
  for (const auto& durable : std::exchange(audited_group_, {})) At(Draw(options_.answer_ms_max), durable);
}

void FakeStore::Report(const SpacePtr& space, uint64_t synced) {
  if (options_.simple) return space->Post(Committed{space->written_number, synced});
  int64_t at = std::max(space->last_report_ms, now_ms_ + Draw(options_.answer_ms_max));
  space->last_report_ms = at;
  At(at - now_ms_, [space, batch = space->written_number, synced] { space->Post(Committed{batch, synced}); });
}

void FakeStore::Fail() {
  failed_ = true;
  queued_.clear();
  At(Draw(options_.answer_ms_max), [this] {
    Status status(Code::kIo, "simulated write failure");
    for (const auto& [number, space] : open_) space->Post(WriteFailed{status});
    if (events_) events_->OnWriteFailed(status);
  });
}

void FakeStore::SetDiskLow(bool low) {
  disk_low_ = low;
  At(0, [this, low] {
    for (const auto& [number, space] : open_) space->Post(DiskSpace{low});
  });
}

void FakeStore::SetAway(bool away) {
  away_ = away;
  for (const auto& [number, space] : open_) space->Post(DiskSpace{disk_low_, away});
}

FakeDisk FakeStore::CrashDisk(CrashKind kind) {
  CHECK(!dead_);
  dead_ = true;
  steps_.clear();
  // After a failed write or sync nobody knows what is on the disk: as after a power cut.
  const bool kill = kind == CrashKind::kKill && !failed_;
  FakeDisk disk = kill ? written_ : synced_;
  const std::deque<WorkPtr>& maybe = kill ? queued_ : unsynced_;
  for (size_t n = random_.Below(maybe.size() + 1), i = 0; i < n; ++i) Apply(*maybe[i], &disk);
  return disk;
}

void FakeStore::ListAudit(AuditQuery query, std::function<void(AuditPage)> done) {
  At(Draw(options_.read_ms_max), [this, query = std::move(query), done = std::move(done)] {
    AuditPage page;
    std::optional<AuditPlace> last;
    auto it = query.below ? written_.audit.lower_bound(*query.below) : written_.audit.end();
    while (it != written_.audit.begin()) {
      const auto& [place, entry] = *--it;
      if (options_.wall && place.at.ms <= options_.wall().ms - kAuditKeptMs) break;
      if (page.items.size() == query.limit) {
        page.next = last;
        break;
      }
      last = place;
      if (TakesEntry(query, entry)) page.items.push_back({place, entry});
    }
    done(std::move(page));
  });
}

// ---- reads

template <class Run>
void FakeStore::ReadLater(const SpacePtr& space, Run run) {
  CHECK(!dead_);
  auto answer = [this, space, run = std::move(run)]() -> Event {
    const FakeStoreOptions options = OptionsOf(space->number);
    return run(FakeReads(written(space->number), options));
  };
  if (options_.simple) return At(0, [space, answer = std::move(answer)] { space->Post(answer()); });
  At(Draw(options_.read_ms_max), [this, space, answer = std::move(answer)] {
    At(Draw(options_.answer_ms_max), [space, event = std::make_shared<Event>(answer())] { space->Post(std::move(*event)); });
  });
}

Status FakeStore::ReadStatus() {
  return random_.Chance(options_.read_failure) ? Status(Code::kIo, "simulated read failure") : Status::Ok();
}

}  // namespace notifyd
