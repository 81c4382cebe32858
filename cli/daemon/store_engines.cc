#include "cli/daemon/store_engines.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "storage/directory.h"
#include "storage/postgres/pg_cells.h"
#include "storage/postgres/pg_dsn.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_move.h"
#include "storage/postgres/pg_restore.h"
#include "storage/rocks_move.h"
#include "storage/rocks_store.h"

namespace notifyd {
namespace {

Result<OpenedStore> OpenRocks(const StoreOptions& options) {
  auto opened = RocksStore::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  RocksStore* engine = opened->get();
  auto rekey = [engine] { return engine->Rekey(); };
  auto rekeyed = [engine] { return engine->Rekeyed(); };
  return OpenedStore{*std::move(opened), rekey, rekeyed, [engine] { engine->Expect(); }, nullptr, engine->backups()};
}

Result<std::unique_ptr<OwnerStore>> OneOwner(const StoreOptions&) {
  return std::unique_ptr<OwnerStore>();
}

Result<OpenedStore> OpenPostgres(const StoreOptions& options) {
  NOTIFYD_TRY(CheckPgPlaces(options.postgres));
  NOTIFYD_TRY(MakeStoreDirectory(options.directory));
  auto no_rekey = [] { return Status(Code::kNotImplemented, "a store in PostgreSQL is not sealed by the broker"); };
  auto opened = PgCells::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  PgCells* const store = opened->get();
  std::unique_ptr<ClusterStore> cluster = store->OpenCluster();
  std::function<bool(NamespaceNumber)> lost;
  if (!options.postgres.cells.empty()) lost = [store](NamespaceNumber number) { return store->Lost(number); };
  return OpenedStore{*std::move(opened), no_rekey, [] { return RekeyState(); }, [] {}, std::move(cluster), nullptr, lost, store->mover()};
}

Result<std::unique_ptr<OwnerStore>> PostgresOwner(const StoreOptions& options) {
  NOTIFYD_TRY(CheckPgPlaces(options.postgres));
  auto store = std::make_unique<PgOwnerStore>(options.postgres);
  // What is not to be used at all is said at once; what is not reached may be there later.
  if (Status status = store->Check(); status.code() == Code::kUnacceptable || status.code() == Code::kCorrupt) return status;
  // For the control socket, which a standby has, too; as the other engine's directory it is nobody else's.
  NOTIFYD_TRY(MakeStoreDirectory(options.directory));
  return std::unique_ptr<OwnerStore>(std::move(store));
}

Result<std::unique_ptr<MoveSource>> PostgresSource(const StoreOptions& options) {
  NOTIFYD_TRY(CheckPgPlaces(options.postgres));
  return OpenPgSource(options);
}

Result<std::unique_ptr<MoveTarget>> RocksTarget(const StoreOptions& options, const Fingerprint& id, const RetentionRules& rules, int64_t) {
  return OpenRocksTarget(options, id, rules);
}

Result<std::unique_ptr<MoveTarget>> PostgresTarget(const StoreOptions& options, const Fingerprint&, const RetentionRules& rules, int64_t now_ms) {
  NOTIFYD_TRY(CheckPgPlaces(options.postgres));
  return OpenPgTarget(options, &rules, now_ms);
}

Result<std::unique_ptr<InPlaceRestore>> RocksInPlace(const StoreOptions&, uint64_t) {
  return Status(Code::kUnacceptable, "a store in a directory is restored from a backup, or a copy, beside it: notifyd restore DIR");
}

Result<std::unique_ptr<InPlaceRestore>> PostgresInPlace(const StoreOptions& options, uint64_t id_gap) {
  NOTIFYD_TRY(CheckPgPlaces(options.postgres));
  return BeginPgRestore(options, id_gap);
}

struct Engine {
  std::string_view name;  // of store.engine
  Result<std::unique_ptr<OwnerStore>> (*owner)(const StoreOptions& options);
  Result<OpenedStore> (*open)(const StoreOptions& options);
  bool seals;
  std::string& (*place)(StoreOptions* options);
  Result<std::unique_ptr<MoveSource>> (*source)(const StoreOptions& options);
  Result<std::unique_ptr<MoveTarget>> (*target)(const StoreOptions& options, const Fingerprint& id, const RetentionRules& rules, int64_t now_ms);
  Result<std::unique_ptr<InPlaceRestore>> (*restore)(const StoreOptions& options, uint64_t id_gap);
};
constexpr Engine kEngines[] = {
    {"rocksdb", OneOwner, OpenRocks, true, [](StoreOptions* options) -> std::string& { return options->directory; }, OpenRocksSource, RocksTarget,
     RocksInPlace},
    {"postgres", PostgresOwner, OpenPostgres, false, [](StoreOptions* options) -> std::string& { return options->postgres.dsn; }, PostgresSource,
     PostgresTarget, PostgresInPlace}};

const Engine& EngineOf(const StoreOptions& options) {
  const auto* found = std::find_if(std::begin(kEngines), std::end(kEngines), [&](const Engine& engine) { return engine.name == options.engine; });
  CHECK(found != std::end(kEngines));  // the setting takes no other word
  return *found;
}

}  // namespace

Result<std::unique_ptr<OwnerStore>> OpenOwnerStore(const StoreOptions& options) {
  return EngineOf(options).owner(options);
}

Result<OpenedStore> OpenStoreHost(const StoreOptions& options) {
  return EngineOf(options).open(options);
}

Result<std::unique_ptr<InPlaceRestore>> BeginInPlaceRestore(const StoreOptions& options, uint64_t id_gap) {
  return EngineOf(options).restore(options, id_gap);
}

std::string MoveEnd::directory() const {
  return options_.engine == kEmbeddedEngine ? options_.directory : "";
}

Result<std::unique_ptr<MoveSource>> MoveEnd::OpenSource() const {
  return kEngines[engine_].source(options_);
}

Result<std::unique_ptr<MoveTarget>> MoveEnd::OpenTarget(const Fingerprint& id, const RetentionRules& rules, int64_t now_ms) const {
  return kEngines[engine_].target(options_, id, rules, now_ms);
}

Result<MoveEnd> ReadMoveEnd(const std::string& said, const StoreOptions& options) {
  const std::string text = IsPgUri(said) ? "postgres:" + said : said;
  const size_t colon = text.find(':');
  const std::string_view name = std::string_view(text).substr(0, colon);
  for (size_t engine = 0; engine < std::size(kEngines); ++engine) {
    if (kEngines[engine].name != name) continue;
    StoreOptions at = options;
    at.engine = name;
    at.backup_directory.clear();
    if (colon != text.npos) kEngines[engine].place(&at) = text.substr(colon + 1);
    if (kEngines[engine].place(&at).empty()) return Status(Code::kUnacceptable, "where " + std::string(name) + " is must be said");
    return MoveEnd(engine, std::move(at));
  }
  // What was said may be a DSN, with a password.
  return Status(Code::kUnacceptable, "it names no engine: rocksdb:DIRECTORY, or postgres:DSN");
}

Status CheckMove(const MoveEnd& from, const MoveEnd& to) {
  if (from.engine_ == to.engine_)
    return Status(Code::kUnacceptable, "a store is moved from one engine to the other; within one it is copied by backup and restore");
  if (kEngines[from.engine_].seals && !kEngines[to.engine_].seals && !from.options_.encryption_key_file.empty())
    return Status(Code::kUnacceptable,
                  "the store is sealed by store.encryption_key_file, and a store in PostgreSQL cannot be: what is in it is not moved to where it "
                  "would lie in the clear");
  return Status::Ok();
}

}  // namespace notifyd
