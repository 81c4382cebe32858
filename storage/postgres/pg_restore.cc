#include "storage/postgres/pg_restore.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/namespace.h"
#include "broker/ownership.h"
#include "storage/id_gap.h"
#include "storage/postgres/pg_cells.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_schema.h"
#include "storage/postgres/pg_writes.h"
#include "storage/records.h"
#include "storage/registry_image.h"

namespace notifyd {
namespace {

constexpr char kBegin[] = "INSERT INTO meta (name, value) VALUES ('restoring', 1) ON CONFLICT DO NOTHING";
constexpr char kEnd[] = "DELETE FROM meta WHERE name = 'restoring'";
// Cells refuse a claim that is not larger than those that they were shown.
constexpr char kClaimAbove[] = "SELECT setval('claims', greatest($1, last_value)) FROM claims";
// What looks at all of a log takes as long as that is large, the more so in a database that was just put back, of which nothing is in memory yet.
constexpr char kBeginLong[] = "BEGIN; SET LOCAL statement_timeout = 0";
constexpr char kHighestClaim[] = "SELECT greatest(0, (SELECT max(claim) FROM claimed), (SELECT max(move) FROM transits))::bigint";
constexpr char kAllTransits[] = "SELECT unit, arriving AND whole FROM transits";
constexpr char kAllLeftovers[] = "SELECT unit, cell FROM leftovers";
constexpr char kAllWritten[] = "SELECT DISTINCT unit FROM log WHERE unit >= 0";
// All rows that repeat the last totals, so that these stay as old as they are (kPgLogAge).
constexpr char kRaiseTotals[] =
    "UPDATE log l SET totals = u.raised FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS u (unit, stood, raised) "
    "WHERE l.unit = u.unit AND l.totals = u.stood";

/// What the home cell says of where namespaces lie, against what each cell has of them.
class CellsCheck {
 public:
  explicit CellsCheck(const RegistryImage& image) : image_(image) {}

  /// Of the home cell first. Error: kUnacceptable: they are of two moments, or of one within a move.
  Status Check(PgStore* cell) {
    const bool home = cell->options().postgres.cell.empty();
    const std::string name = home ? kHomeCell : cell->options().postgres.cell;
    return cell->With([&](PgConnection* connection) -> Status {
      NOTIFYD_TRY(CheckTransits(connection, name));
      if (home) return ReadLeftovers(connection);
      NOTIFYD_TRY(connection->RunScript(kBeginLong));
      const Status checked = CheckWritten(connection, name);
      NOTIFYD_TRY(connection->RunScript("ROLLBACK"));
      return checked;
    });
  }
  int64_t highest_claim() const { return highest_claim_; }

 private:
  const NamespaceRow* Find(int64_t unit) const {
    const auto found = std::find_if(image_.namespaces.begin(), image_.namespaces.end(), [&](const auto& row) { return row->number == unit; });
    return found == image_.namespaces.end() ? nullptr : found->get();
  }
  static bool LiesIn(const NamespaceRow& row, const std::string& cell) { return row.settings.cell.value_or(kHomeCell) == cell; }

  /// What lies there by its row must not have gone from there, nor be half a copy.
  Status CheckTransits(PgConnection* connection, const std::string& cell) const {
    auto transits = connection->Run(kAllTransits);
    if (!transits.ok()) return std::move(transits).status();
    for (int i = 0; i < transits->size(); ++i) {
      const NamespaceRow* row = Find(transits->Int(i, 0));
      if (row && LiesIn(*row, cell) && transits->Int(i, 1) == 0)
        return Status(Code::kUnacceptable, "the namespace " + row->name + " was on its way from one cell to another at the moment to which cell " +
                                               cell +
                                               " was put back: put all databases of the store back to one moment, before its move or behind it");
    }
    return Status::Ok();
  }
  Status ReadLeftovers(PgConnection* connection) {
    auto left = connection->Run(kAllLeftovers);
    if (!left.ok()) return std::move(left).status();
    for (int i = 0; i < left->size(); ++i) leftovers_.emplace(left->Int(i, 0), left->Bytes(i, 1));
    return Status::Ok();
  }
  /// What is written there lies there, goes there, or is to be removed there. Else it would be another namespace's that is given its number.
  Status CheckWritten(PgConnection* connection, const std::string& cell) {
    auto written = connection->Run(kAllWritten);
    if (!written.ok()) return std::move(written).status();
    for (int i = 0; i < written->size(); ++i) {
      const int64_t unit = written->Int(i, 0);
      const NamespaceRow* row = Find(unit);
      if (leftovers_.contains({unit, cell}) || (row && (LiesIn(*row, cell) || row->moving_to == cell))) continue;
      return Status(Code::kUnacceptable, "in the cell " + cell + " lies a namespace (" + (row ? row->name : "number " + std::to_string(unit)) +
                                             ") that does not lie there by the home cell: put all databases of the store back to one moment");
    }
    auto highest = connection->Run(kHighestClaim);
    if (!highest.ok()) return std::move(highest).status();
    highest_claim_ = std::max(highest_claim_, highest->Int(0, 0));
    return Status::Ok();
  }

  const RegistryImage& image_;
  std::set<std::pair<int64_t, std::string>> leftovers_;
  int64_t highest_claim_ = 0;
};

/// What raises the totals of each namespace that was written there.
Result<PgStatement> RaiseWritten(PgConnection* connection, uint64_t gap) {
  auto rows = connection->Run(kPgNewestTotals);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<int64_t> units;
  std::vector<std::string> stood, raised;
  for (int i = 0; i < rows->size(); ++i) {
    if (rows->IsNull(i, 1)) continue;
    Result<Totals> totals = DecodeTotals(rows->Bytes(i, 1));
    if (!totals.ok()) return std::move(totals).status();
    NOTIFYD_TRY(RaiseIds(gap, &*totals));
    units.push_back(rows->Int(i, 0));
    stood.emplace_back(rows->Bytes(i, 1));
    EncodeTotals(*totals, &raised.emplace_back());
  }
  return PgStatement{kRaiseTotals, std::move(PgParams().Ints(units).BytesArray(stood).BytesArray(raised))};
}

/// In one synced transaction.
Status LeaveGap(PgStore* cell, const RegistryImage& image, uint64_t gap) {
  std::set<NamespaceNumber> numbers;
  for (const auto& row : image.namespaces) numbers.insert(row->number);
  const auto rules = cell->retention();
  PgWrites writes(rules.get(), cell->options().wall_ms());
  NOTIFYD_TRY(EncodeIdGap(cell->kv(), gap, &writes, std::move(numbers)));
  std::vector<PgStatement> statements = writes.Statements(0);
  return cell->With([&](PgConnection* connection) -> Status {
    NOTIFYD_TRY(connection->RunScript(kBeginLong));
    Result<PgStatement> raise = RaiseWritten(connection, gap);
    if (!raise.ok()) return std::move(raise).status();
    statements.push_back(*std::move(raise));
    for (const PgStatement& statement : statements)
      if (auto done = connection->Run(statement.sql, statement.params); !done.ok()) return std::move(done).status();
    NOTIFYD_TRY(connection->RunScript("COMMIT"));
    return connection->TakeWarning();
  });
}

class PgInPlaceRestore : public InPlaceRestore, private OwnerHandle {
 public:
  explicit PgInPlaceRestore(const StoreOptions& options) : options_(options) {
    options_.postgres.restoring = true;
    options_.owner = this;
  }
  Status Begin(uint64_t gap) {
    NOTIFYD_TRY(holder_.Open(options_.postgres));
    auto cells = PgCells::Open(options_);
    if (!cells.ok()) return std::move(cells).status();
    auto image = (*cells)->LoadRegistry();
    if (!image.ok()) return std::move(image).status();
    CellsCheck check(*image);
    NOTIFYD_TRY((*cells)->ForEachCell([&](PgStore* cell) { return check.Check(cell); }));
    NOTIFYD_TRY(holder_.Do(true, {{kBegin, {}}, {kClaimAbove, std::move(PgParams().Int(check.highest_claim()))}}));
    NOTIFYD_TRY((*cells)->ForEachCell([&](PgStore* cell) { return LeaveGap(cell, *image, gap); }));
    return (*cells)->Close();
  }
  const StoreOptions& options() const override { return options_; }
  Status Finish() override { return holder_.Do(true, {{kEnd, {}}}); }

 private:
  OwnerWord word() const override { return holder_.word(); }
  void Fenced() override {}  // what was refused says so

  StoreOptions options_;
  PgHolder holder_;
};

}  // namespace

Result<std::unique_ptr<InPlaceRestore>> BeginPgRestore(const StoreOptions& options, uint64_t id_gap) {
  auto restore = std::make_unique<PgInPlaceRestore>(options);
  NOTIFYD_TRY(restore->Begin(id_gap));
  return std::unique_ptr<InPlaceRestore>(std::move(restore));
}

}  // namespace notifyd
