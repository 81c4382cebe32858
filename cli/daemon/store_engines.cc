#include "cli/daemon/store_engines.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_store.h"
#include "storage/rocks_store.h"

namespace notifyd {
namespace {

Result<OpenedStore> OpenRocks(const StoreOptions& options) {
  auto opened = RocksStore::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  RocksStore* engine = opened->get();
  return OpenedStore{*std::move(opened), [engine] { return engine->Rekey(); }, [engine] { return engine->Rekeyed(); },
                     [engine] { engine->Expect(); }, engine->backups()};
}

Result<std::unique_ptr<OwnerStore>> OneOwner(const StoreOptions&) {
  return std::unique_ptr<OwnerStore>();
}

Status CheckDsn(const StoreOptions& options) {
  if (!options.postgres.dsn.empty()) return Status::Ok();
  return Status(Code::kUnacceptable, "store.engine is postgres: where it is must be said, too", "/store/postgres/dsn");
}

Result<OpenedStore> OpenPostgres(const StoreOptions& options) {
  NOTIFYD_TRY(CheckDsn(options));
  // For the control socket, as another engine's directory is: nobody else's.
  if (mkdir(options.directory.c_str(), 0700) != 0 && errno != EEXIST)
    return Status(Code::kIo, "cannot make " + options.directory + ": " + std::strerror(errno));
  auto opened = PgStore::Open(options);
  if (!opened.ok()) return std::move(opened).status();
  auto no_rekey = [] { return Status(Code::kNotImplemented, "a store in PostgreSQL is not sealed by the broker"); };
  return OpenedStore{*std::move(opened), no_rekey, [] { return RekeyState(); }, [] {}, nullptr};
}

Result<std::unique_ptr<OwnerStore>> PostgresOwner(const StoreOptions& options) {
  NOTIFYD_TRY(CheckDsn(options));
  return std::unique_ptr<OwnerStore>(std::make_unique<PgOwnerStore>(options.postgres));
}

struct Engine {
  std::string_view name;  // of store.engine
  Result<std::unique_ptr<OwnerStore>> (*owner)(const StoreOptions& options);
  Result<OpenedStore> (*open)(const StoreOptions& options);
};
constexpr Engine kEngines[] = {{"rocksdb", OneOwner, OpenRocks}, {"postgres", PostgresOwner, OpenPostgres}};

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

}  // namespace notifyd
