#include "storage/postgres/pg_cluster.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_schema.h"
#include "storage/postgres/pg_stand.h"
#include "storage/registry_image.h"

namespace notifyd {
namespace {

// Of a statement: what takes longer waits for somebody, and is asked again.
constexpr int kMostMs = 3'000;
// For so long what is let go of is waited for: most is written by then, and the next look comes soon.
constexpr std::chrono::milliseconds kForgetMost{20};

enum LookColumn { kKind, kUnit, kName, kAddress, kVersion, kEpoch, kRenewal, kIncarnation, kDraining };

Result<MemberRow> MemberOf(const PgRows& rows, int row) {
  const Result<Incarnation> incarnation = DecodeIncarnation(rows.Bytes(row, kIncarnation));
  if (!incarnation.ok()) return incarnation.status();
  MemberRow member;
  member.name = rows.Bytes(row, kName);
  member.address = rows.Bytes(row, kAddress);
  member.version = rows.Bytes(row, kVersion);
  member.word = {static_cast<uint64_t>(rows.Int(row, kEpoch)), static_cast<uint64_t>(rows.Int(row, kRenewal)), *incarnation, false};
  member.draining = rows.Int(row, kDraining) != 0;
  return member;
}

Result<UnitRow> UnitOf(const PgRows& rows, int row) {
  const Result<Incarnation> owner = DecodeIncarnation(rows.Bytes(row, kIncarnation));
  if (!owner.ok()) return owner.status();
  return UnitRow{rows.Int(row, kUnit), static_cast<uint64_t>(rows.Int(row, kEpoch)), *owner, std::string(rows.Bytes(row, kName)),
                 static_cast<uint64_t>(rows.Int(row, kRenewal))};
}

}  // namespace

Result<PgRows> PgCluster::Run(const std::function<Result<PgRows>(PgConnection*)>& ask) {
  if (!connection_ || connection_->lost()) {
    connection_.reset();
    auto opened = PgConnection::Open(setup_.options, kMostMs);
    if (!opened.ok()) return Status(Code::kUnavailable, opened.status().detail());
    connection_ = *std::move(opened);
  }
  Result<PgRows> rows = ask(connection_.get());
  if (rows.ok())
    if (Status warned = connection_->TakeWarning(); !warned.ok()) rows = std::move(warned);
  if (rows.ok()) return rows;
  if (connection_->sqlstate() == kPgHeld || connection_->sqlstate() == kPgFenced) return Status(Code::kConflict, rows.status().detail());
  connection_.reset();
  return Status(Code::kUnavailable, rows.status().detail());
}

Result<bool> PgCluster::Changed(const char* sql, const PgParams& params) {
  auto rows = Run([&](PgConnection* connection) { return connection->Run(sql, params); });
  if (!rows.ok()) return std::move(rows).status();
  return rows->size() > 0;
}

/// Once: the settings' cells are those of its start.
Status PgCluster::TellCells() {
  if (told_cells_) return Status::Ok();
  std::vector<std::string> names;
  for (const auto& [name, dsn] : setup_.options.cells) names.push_back(name);
  Result<bool> told =
      Changed(kPgTellCells, PgParams().Bytes(setup_.options.member).Bytes(EncodeIncarnation(setup_.word.incarnation)).BytesArray(names));
  told_cells_ = told.ok();
  return told.ok() ? Status::Ok() : std::move(told).status();
}

Result<ClusterImage> PgCluster::Look() {
  NOTIFYD_TRY(TellCells());
  auto rows = Run([](PgConnection* connection) { return connection->Run(kPgLookAround); });
  if (!rows.ok()) return std::move(rows).status();
  ClusterImage image;
  for (int i = 0; i < rows->size(); ++i) {
    switch (rows->Int(i, kKind)) {
      case 0: {
        Result<MemberRow> member = MemberOf(*rows, i);
        if (!member.ok()) return std::move(member).status();
        image.members.push_back(*std::move(member));
        break;
      }
      case 1: {
        Result<UnitRow> unit = UnitOf(*rows, i);
        if (!unit.ok()) return std::move(unit).status();
        image.units.push_back(*std::move(unit));
        break;
      }
      case 3:
        for (MemberRow& member : image.members) {
          if (member.name != rows->Bytes(i, kName)) continue;
          member.reach.told = true;
          if (const std::string other(rows->Bytes(i, kAddress)); !other.empty()) member.reach.unreached.insert(other);
        }
        break;
      case 4:
        for (MemberRow& member : image.members) {
          if (member.name != rows->Bytes(i, kName)) continue;
          if (!member.cells) member.cells.emplace();
          if (const std::string cell(rows->Bytes(i, kAddress)); !cell.empty()) member.cells->insert(cell);
        }
        break;
      case 5:
        for (MemberRow& member : image.members)
          if (member.name == rows->Bytes(i, kName)) member.clock_ahead_ms = rows->Int(i, kUnit);
        break;
      default:
        image.registry = static_cast<uint64_t>(rows->Int(i, kUnit));
    }
  }
  return image;
}

Result<bool> PgCluster::Bury(const MemberRow& seen) {
  return Changed(kPgBury, PgParams()
                              .Bytes(seen.name)
                              .Int(static_cast<int64_t>(seen.word.epoch))
                              .Int(static_cast<int64_t>(seen.word.renewal))
                              .Bytes(EncodeIncarnation(seen.word.incarnation)));
}

Result<PgRows> PgCluster::AcquireUnits(const std::vector<int64_t>& units) {
  return Run([&](PgConnection* connection) { return AcquirePgUnits(connection, setup_.options, setup_.word, units); });
}

Result<std::vector<NamespaceAtStart>> PgCluster::Acquire(const std::vector<NamespaceNumber>& numbers) {
  auto rows = AcquireUnits({numbers.begin(), numbers.end()});
  if (!rows.ok()) return std::move(rows).status();
  std::vector<NamespaceAtStart> states;
  for (int i = 0; i < rows->size(); ++i) {
    const auto number = static_cast<NamespaceNumber>(rows->Int(i, 0));
    Result<PgStand> stand = PgStandOf(*setup_.kv, number, *rows, i);
    if (!stand.ok()) return std::move(stand).status();
    states.push_back({number, stand->awake, stand->next_wake, stand->totals});
  }
  return states;
}

Status PgCluster::Lead() {
  // Its epoch is not to move under what is still on its way of the leading before.
  if (setup_.committer->MayWrite(kRegistryUnit))
    return Status(Code::kUnavailable, "what was written last by this one as the leader is not committed yet");
  auto rows = AcquireUnits({kRegistryUnit});
  if (!rows.ok()) return std::move(rows).status();
  setup_.committer->Lead({rows->Int(0, 1), rows->Int(0, 2), Totals(), true});
  setup_.removes(true);
  return Status::Ok();
}

void PgCluster::EndLead() {
  setup_.removes(false);
  setup_.committer->EndLead();
}

Result<RegistryImage> PgCluster::ReadRegistry() {
  return notifyd::ReadRegistry(*setup_.kv, *setup_.sealing);
}

Result<std::vector<int64_t>> PgCluster::Release(const std::vector<UnitRow>& seen) {
  std::vector<int64_t> units, epochs;
  for (const UnitRow& unit : seen) {
    CHECK(unit.owner == seen.front().owner);
    units.push_back(unit.unit);
    if (unit.unit != kRegistryUnit) setup_.committer->BeginForget(static_cast<NamespaceNumber>(unit.unit));
  }
  if (setup_.committer->AwaitForgotten(units, kForgetMost)) std::erase_if(units, [this](int64_t unit) { return setup_.committer->MayWrite(unit); });
  if (units.empty()) return units;
  for (const UnitRow& unit : seen)
    if (std::find(units.begin(), units.end(), unit.unit) != units.end()) epochs.push_back(static_cast<int64_t>(unit.epoch));
  const PgParams params = std::move(PgParams().Ints(units).Ints(epochs).Bytes(EncodeIncarnation(seen.empty() ? Incarnation() : seen.front().owner)));
  auto rows = Run([&](PgConnection* connection) { return connection->Run(kPgReleaseUnits, params); });
  if (!rows.ok()) return std::move(rows).status();
  std::vector<int64_t> released;
  for (int i = 0; i < rows->size(); ++i) released.push_back(rows->Int(i, 0));
  return released;
}

Status PgCluster::Place(const std::vector<PlacementMove>& moves) {
  std::vector<int64_t> units;
  std::vector<std::string> members;
  for (const PlacementMove& move : moves) {
    units.push_back(move.number);
    members.push_back(move.to);
  }
  Result<bool> placed = Changed(kPgPlace, PgParams().Bytes(EncodeIncarnation(setup_.word.incarnation)).Ints(units).BytesArray(members));
  return placed.ok() ? Status::Ok() : std::move(placed).status();
}

Status PgCluster::TellLoads(const std::map<NamespaceNumber, uint64_t>& loads) {
  std::vector<int64_t> units, values;
  for (const auto& [number, load] : loads) {
    units.push_back(number);
    values.push_back(static_cast<int64_t>(load));
  }
  Result<bool> told = Changed(kPgTellLoads, PgParams().Ints(units).Ints(values));
  return told.ok() ? Status::Ok() : std::move(told).status();
}

Status PgCluster::TellReach(const std::set<std::string>& unreached) {
  const std::vector<std::string> names(unreached.begin(), unreached.end());
  Result<bool> told =
      Changed(kPgTellReach, PgParams().Bytes(setup_.options.member).Bytes(EncodeIncarnation(setup_.word.incarnation)).BytesArray(names));
  return told.ok() ? Status::Ok() : std::move(told).status();
}

Status PgCluster::TellClock(int64_t ahead_ms) {
  Result<bool> told = Changed(kPgTellClock, PgParams().Bytes(setup_.options.member).Bytes(EncodeIncarnation(setup_.word.incarnation)).Int(ahead_ms));
  return told.ok() ? Status::Ok() : std::move(told).status();
}

Result<bool> PgCluster::SetDraining(const std::string& member, bool draining) {
  return Changed(kPgSetDraining, PgParams().Bytes(member).Bool(draining));
}

}  // namespace notifyd
