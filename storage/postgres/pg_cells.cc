#include "storage/postgres/pg_cells.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/clocks.h"
#include "base/log.h"
#include "storage/postgres/pg_cell.h"
#include "storage/postgres/pg_cell_move.h"
#include "storage/postgres/pg_schema.h"

namespace notifyd {
namespace {

constexpr std::chrono::seconds kCleanEach{5};
// Of one, however little time there is: so it comes to its end.
constexpr int kLeastSteps = 2;

}  // namespace

PgCells::PgCells(std::shared_ptr<PgCellTable> table, std::unique_ptr<PgStore> home) : table_(std::move(table)), home_(std::move(home)) {}

Result<std::unique_ptr<PgCells>> PgCells::Open(const StoreOptions& options) {
  auto table = std::make_shared<PgCellTable>(options.postgres.cells);
  auto home = PgStore::Open(options, [table](NamespaceNumber number) { return table->NameOf(number); });
  if (!home.ok()) return std::move(home).status();
  std::unique_ptr<PgCells> cells(new PgCells(std::move(table), *std::move(home)));
  for (const auto& [name, dsn] : options.postgres.cells) {
    StoreOptions its = options;
    its.postgres.dsn = dsn;
    its.postgres.cells.clear();
    its.postgres.cell = name;
    cells->cells_.push_back(std::make_unique<PgCell>(its, cells->home_.get()));
    Status status = cells->cells_.back()->Prepare();
    if (status.code() == Code::kUnacceptable || status.code() == Code::kCorrupt)
      return Status(status.code(), "the cell " + name + ": " + status.detail(), "/store/postgres/cells/" + name);
  }
  cells->unnamed_ = std::make_unique<PgCell>();
  cells->mover_ = std::make_unique<PgCellMover>(cells->home_.get(), [of = cells.get()](const std::string& name) -> Result<PgStore*> {
    if (name == kHomeCell) return of->home_.get();
    PgCell* cell = of->FindCell(name);
    if (!cell) return Status(Code::kUnacceptable, "there is no cell \"" + name + "\" in store.postgres.cells");
    if (Status status = cell->Prepare(); !status.ok())
      return Status(Code::kUnavailable, "the cell \"" + name + "\" is not reached: " + status.detail());
    return &cell->store();
  });
  return cells;
}

PgCells::~PgCells() {
  Status closed = Close();
  if (!closed.ok()) Log(LogLevel::kError, "the store did not close", {{"detail", closed.detail()}});
}

PgCell* PgCells::CellOf(NamespaceNumber number) const {
  const size_t at = table_->PlaceOf(number);
  if (at == PgCellTable::kHome) return nullptr;
  return at == PgCellTable::kUnnamed ? unnamed_.get() : cells_[at - 1].get();
}

void PgCells::Remember(const RegistryImage& image) {
  for (const auto& row : image.namespaces) {
    if (!table_->Put(*row))
      Log(LogLevel::kError, "a namespace lies in a cell that is not set", {{"namespace", row->name}, {"cell", row->settings.cell.value_or("")}});
    // Where no cell is set at all nobody is there who would say that the move waits.
    if (row->moving_to && *row->moving_to != kHomeCell && !FindCell(*row->moving_to))
      Log(LogLevel::kError, "a namespace is to move to a cell that is not set", {{"namespace", row->name}, {"cell", *row->moving_to}});
  }
}

/// Refuses a start where a namespace lies in a cell that is not set: with one broker alone nobody else could serve it.
Status PgCells::CheckAllNamed(const RegistryImage& image) const {
  for (const auto& row : image.namespaces)
    if (table_->PlaceOf(row->number) == PgCellTable::kUnnamed)
      return Status(Code::kUnacceptable,
                    "the namespace " + row->name + " lies in the cell " + table_->NameOf(row->number) +
                        ", which store.postgres.cells does not name: a cell in which a namespace lies must stay",
                    "/store/postgres/cells/" + table_->NameOf(row->number));
  return Status::Ok();
}

Result<RegistryImage> PgCells::LoadRegistry() {
  Result<RegistryImage> image = home_->LoadRegistry();
  if (!image.ok()) return image;
  Remember(*image);
  if (home_->options().postgres.member.empty()) NOTIFYD_TRY(CheckAllNamed(*image));
  // What is over is removed from the start on, whoever opens it: nothing of a namespace may go by the retention of another one.
  for (const auto& row : image->namespaces)
    if (const auto& own = row->settings; own.retention_succeeded_ms || own.retention_settled_ms)
      SetRetention(row->number, own.retention_succeeded_ms, own.retention_settled_ms);
  // What is said of its sleep lies in its cell, where it may change until the namespace is claimed: its core looks.
  for (NamespaceAtStart& state : image->states)
    if (CellOf(state.number)) state = {state.number, true, kWallNever, {}};
  return image;
}

void PgCells::Start(StoreEvents* events) {
  home_->Start(events);
  for (const auto& cell : cells_) cell->Start(events);
  if (!cells_.empty()) cleaner_ = std::thread([this] { Run(); });
}

Result<OpenedNamespace> PgCells::OpenNamespace(NamespaceNumber number, EventSink* sink) {
  PgCell* cell = CellOf(number);
  if (cell == unnamed_.get())
    return Status(Code::kUnavailable,
                  "the namespace lies in the cell " + table_->NameOf(number) + ", which the settings of the broker that serves it do not name",
                  "/store/postgres/cells");
  Result<OpenedNamespace> opened = cell ? cell->OpenNamespace(number, sink) : home_->OpenNamespace(number, sink);
  // It goes from one cell to another: soon its row says where it lies, or it is there again.
  if (!opened.ok() && opened.status().code() == Code::kNotFound) return Status(Code::kUnavailable, opened.status().detail());
  return opened;
}

void PgCells::Commit(RegistryBatch batch) {
  for (const RegistryWrite& write : batch.writes)
    if (const auto* put = std::get_if<PutNamespaceRow>(&write)) table_->Put(*put->row);
  home_->Commit(std::move(batch));
}

void PgCells::SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) {
  home_->SetRetention(number, succeeded_ms, settled_ms);
  for (const auto& cell : cells_) cell->store().SetRetention(number, succeeded_ms, settled_ms);
}

uint64_t PgCells::StoredBytes(NamespaceNumber number) const {
  PgCell* cell = CellOf(number);
  if (cell == unnamed_.get()) return 0;
  return cell ? cell->store().StoredBytes(number) : home_->StoredBytes(number);
}

void PgCells::CompactNamespace(NamespaceNumber number) {
  PgCell* cell = CellOf(number);
  if (cell == unnamed_.get()) return;
  (cell ? cell->store() : *home_).CompactNamespace(number);
}

bool PgCells::IsCompacting(NamespaceNumber number) const {
  PgCell* cell = CellOf(number);
  if (cell == unnamed_.get()) return false;
  return (cell ? cell->store() : *home_).IsCompacting(number);
}

void PgCells::Stop() {
  if (!home_) return;
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  // At once: one that is lost is waited for for some seconds, and so is what the cleaner asked of it.
  std::vector<std::thread> others;
  for (const auto& cell : cells_) others.emplace_back([&cell] { cell->store().Stop(); });
  home_->Stop();
  for (std::thread& other : others) other.join();
  if (cleaner_.joinable()) cleaner_.join();
}

Status PgCells::Close() {
  if (!home_) return Status::Ok();
  Stop();
  Status failure;
  for (const auto& cell : cells_)
    if (Status closed = cell->store().Close(); failure.ok()) failure = closed;
  Status closed = home_->Close();
  mover_.reset();
  cells_.clear();
  home_.reset();
  return closed.ok() ? failure : closed;
}

std::vector<StoreFigure> PgCells::Figures() const {
  std::vector<StoreFigure> sum = home_->Figures();
  if (cells_.empty()) return sum;
  uint64_t lost = 0;
  for (const auto& cell : cells_) {
    lost += cell->lost() ? 1 : 0;
    const std::vector<StoreFigure> its = cell->store().Figures();
    for (size_t i = 0; i < sum.size(); ++i)
      if (sum[i].grows) sum[i].value += its[i].value;
  }
  sum.push_back({StoreFigure::Part::kStore, "cells", "Cells of the store beside the home cell.", cells_.size()});
  sum.push_back(
      {StoreFigure::Part::kStore, "cell_moves", "Namespaces that went from one cell to another since the start.", mover_->moved(), /*grows=*/true});
  sum.push_back({StoreFigure::Part::kStore, "cell_copied", "Keys that were copied for that since the start.", mover_->copied(), /*grows=*/true});
  sum.push_back({StoreFigure::Part::kStore, "cells_lost", "Cells that are not reached: their namespaces answer 503.", lost});
  return sum;
}

bool PgCells::Unwritten() const {
  return home_->Unwritten() || std::any_of(cells_.begin(), cells_.end(), [](const auto& cell) { return cell->store().Unwritten(); });
}

bool PgCells::Lost(NamespaceNumber number) const {
  const PgCell* cell = CellOf(number);
  return cell && cell != unnamed_.get() && cell->lost();
}

// ---- what was dropped

void PgCells::Lead(bool leads) {
  leads_anew_ = true;
  leads_ = leads;
  for (const auto& cell : cells_) cell->RemoveEnded(leads);
}

bool PgCells::Ending() {
  std::lock_guard lock(mutex_);
  return ending_;
}

void PgCells::Run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kCleanEach, [this] { return ending_; })) {
    lock.unlock();
    if (Status status = leads_ ? Clean() : Status::Ok(); !status.ok() && status.code() != Code::kUnavailable)
      Log(LogLevel::kWarn, "cannot clean up in the database", {{"detail", status.detail()}});
    lock.lock();
    // Each takes some seconds where nothing answers, and a stop waits for one of them at most.
    for (const auto& cell : cells_) {
      if (ending_) break;
      lock.unlock();
      cell->LookAgain();
      lock.lock();
    }
  }
}

Status PgCells::ForEachCell(const std::function<Status(PgStore*)>& use) {
  NOTIFYD_TRY(use(home_.get()));
  for (const auto& cell : cells_) {
    if (Status ready = cell->Prepare(); !ready.ok()) return Status(ready.code(), "the cell " + cell->name() + ": " + ready.detail());
    NOTIFYD_TRY(use(&cell->store()));
  }
  return Status::Ok();
}

CellStore* PgCells::mover() const {
  return cells_.empty() ? nullptr : mover_.get();
}

PgCell* PgCells::FindCell(const std::string& name) const {
  const auto cell = std::find_if(cells_.begin(), cells_.end(), [&](const auto& each) { return each->name() == name; });
  return cell == cells_.end() ? nullptr : cell->get();
}

/// Error: kConflict: nothing is to be removed there any more, as where the store was put back to when it was.
Status PgCells::CheckIsLeft(NamespaceNumber number, const std::string& name) {
  return home_->With([&](PgConnection* connection) {
    auto left = connection->Run(kPgIsLeft, PgParams().Int(number).Bytes(name));
    if (!left.ok()) return std::move(left).status();
    return left->size() > 0 ? Status::Ok() : Status(Code::kConflict, "nothing is left over there");
  });
}

/// Removes what lies of the namespace in the cell `name`, unless that is where it lies or where it goes. Its number is never given to another one.
Status PgCells::CleanOne(NamespaceNumber number, const std::string& name, std::chrono::steady_clock::time_point until, bool* cleaned) {
  auto row = home_->ReadRow(number);
  if (!row.ok()) return std::move(row).status();
  if (*row && (*row)->moving_to) return Status::Ok();
  const auto lies_elsewhere = [&](const NamespaceRow& its) { return its.settings.cell.value_or(kHomeCell) != name; };
  PgCell* cell = FindCell(name);
  if (name == kHomeCell ? !*row : *row && !lies_elsewhere(**row)) {
    cleaning_.erase({number, name});
    *cleaned = true;
    return Status::Ok();
  }
  if (name != kHomeCell && (!cell || cell->lost() || !cell->Prepare().ok())) return Status::Ok();
  PgStore& store = cell ? cell->store() : *home_;
  // What is still written of it would be refused, as another owner's.
  store.BeginForget(number);
  if (store.Knows(number)) return Status::Ok();
  const auto left = cleaning_.try_emplace({number, name}, PgCleaning{PgEmptying(number)}).first;
  int steps = 0;
  bool later = false;
  const auto ends = [&] { return later = Ending() || (++steps > kLeastSteps && std::chrono::steady_clock::now() > until); };
  const auto check = [&] { return ends() ? Status(Code::kUnavailable, "the rest goes later") : CheckIsLeft(number, name); };
  const auto may = [&]() -> Result<bool> {
    auto now = home_->ReadRow(number);
    if (!now.ok()) return std::move(now).status();
    return *now && !(*now)->moving_to && lies_elsewhere(**now);
  };
  *cleaned = (*row ? CleanTransit(&store, &left->second, may, ends) : store.Clean(&left->second, check)).ok();
  // Behind any other end it is not known how far it came.
  if (!later) cleaning_.erase(left);
  return Status::Ok();
}

/// Some of what is left where it may be removed now, behind the last one of `before`: what has to wait, as for a cell that is lost, or for the end of
/// a move, keeps nothing else waiting.
Result<PgCells::Left> PgCells::LeftBehind(const Left& before) {
  std::vector<std::string> names = {kHomeCell};
  for (const auto& cell : cells_)
    if (!cell->lost() && cell->Prepare().ok()) names.push_back(cell->name());
  const Left::value_type last = before.empty() ? Left::value_type() : before.back();
  Left left;
  NOTIFYD_TRY(home_->With([&](PgConnection* connection) {
    auto rows = connection->Run(kPgLeftovers, PgParams().BytesArray(names).Int(last.first).Bytes(last.second));
    if (!rows.ok()) return std::move(rows).status();
    for (int i = 0; i < rows->size(); ++i) left.emplace_back(static_cast<NamespaceNumber>(rows->Int(i, 0)), rows->Bytes(i, 1));
    return Status::Ok();
  }));
  return left;
}

Status PgCells::Clean(std::chrono::milliseconds most) {
  std::lock_guard lock(cleans_);
  // Another one may have gone on with it.
  if (leads_anew_.exchange(false)) cleaning_.clear();
  const auto until = std::chrono::steady_clock::now() + most;
  Left left;
  for (bool first = true;;) {
    auto next = LeftBehind(left);
    if (!next.ok()) return std::move(next).status();
    left = *std::move(next);
    if (left.empty()) return Status::Ok();
    for (const auto& leftover : left) {
      if (Ending() || (!std::exchange(first, false) && std::chrono::steady_clock::now() > until)) return Status::Ok();
      // Names that a lambda may capture: clang, which make fuzz builds with, refuses those of a structured binding.
      const auto& number = leftover.first;
      const auto& name = leftover.second;
      bool clean = false;
      NOTIFYD_TRY(CleanOne(number, name, until, &clean));
      if (!clean) continue;
      NOTIFYD_TRY(home_->With([&](PgConnection* connection) { return connection->Execute(kPgCleaned, PgParams().Int(number).Bytes(name)); }));
    }
  }
}

// ---- of one of several members

/// The home cell answers for members and for who owns what, each cell for what lies in it.
class PgCellsCluster : public ClusterStore {
 public:
  PgCellsCluster(PgCells* cells, std::unique_ptr<ClusterStore> home) : cells_(cells), home_(std::move(home)) {}

  Result<ClusterImage> Look() override { return home_->Look(); }
  Result<bool> Bury(const MemberRow& seen) override { return home_->Bury(seen); }
  Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>& numbers) override {
    auto states = home_->Acquire(numbers);
    if (!states.ok()) return states;
    for (NamespaceAtStart& state : *states)
      if (cells_->CellOf(state.number)) state = {state.number, true, kWallNever, {}};
    return states;
  }
  Status Lead() override {
    NOTIFYD_TRY(home_->Lead());
    cells_->Lead(true);
    return Status::Ok();
  }
  void EndLead() override {
    cells_->Lead(false);
    home_->EndLead();
  }
  Result<RegistryImage> ReadRegistry() override {
    auto image = home_->ReadRegistry();
    if (image.ok()) cells_->Remember(*image);
    return image;
  }
  /// Does not wait for a cell, which may not answer: Release finds out whether it has.
  void Forget(NamespaceNumber number) override {
    PgCell* cell = cells_->CellOf(number);
    if (!cell) return home_->Forget(number);
    if (cell != cells_->unnamed_.get()) cell->store().BeginForget(number);
  }
  /// Leaves out those of which a cell has not yet all that was written: they are asked for again.
  Result<std::vector<int64_t>> Release(const std::vector<UnitRow>& seen) override {
    std::vector<UnitRow> written;
    for (const UnitRow& unit : seen)
      if (IsWritten(static_cast<NamespaceNumber>(unit.unit))) written.push_back(unit);
    return written.empty() ? Result<std::vector<int64_t>>(std::vector<int64_t>()) : home_->Release(written);
  }
  bool IsStranded(NamespaceNumber number) const override {
    const PgCell* cell = cells_->CellOf(number);
    if (!cell) return home_->IsStranded(number);
    return cell != cells_->unnamed_.get() && cell->store().lost() && cell->store().Keeps(number);
  }
  bool MayStillWrite(NamespaceNumber number) const override {
    const PgCell* cell = cells_->CellOf(number);
    if (!cell) return home_->MayStillWrite(number);
    return cell != cells_->unnamed_.get() && cell->store().Knows(number);
  }
  Status Place(const std::vector<PlacementMove>& moves) override { return home_->Place(moves); }
  Status TellLoads(const std::map<NamespaceNumber, uint64_t>& loads) override { return home_->TellLoads(loads); }
  Status TellReach(const std::set<std::string>& unreached) override { return home_->TellReach(unreached); }
  Status TellClock(int64_t ahead_ms) override { return home_->TellClock(ahead_ms); }
  Result<bool> SetDraining(const std::string& member, bool draining) override { return home_->SetDraining(member, draining); }

 private:
  bool IsWritten(NamespaceNumber number) {
    PgCell* cell = cells_->CellOf(number);
    if (!cell || cell == cells_->unnamed_.get() || !cell->store().Knows(number)) return true;
    cell->store().BeginForget(number);
    return false;
  }

  PgCells* const cells_;
  const std::unique_ptr<ClusterStore> home_;
};

std::unique_ptr<ClusterStore> PgCells::OpenCluster() {
  std::unique_ptr<ClusterStore> home = home_->OpenCluster();
  if (!home) {
    Lead(true);
    return nullptr;
  }
  return std::make_unique<PgCellsCluster>(this, std::move(home));
}

}  // namespace notifyd
