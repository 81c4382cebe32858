#include "cli/daemon/start_check.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "cli/daemon/descriptors.h"
#include "cli/daemon/log_sinks.h"
#include "net/http.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_files.h"
#include "net/unix_socket.h"
#include "storage/directory.h"
#include "storage/postgres/pg_dsn.h"
#include "storage/sealing.h"

namespace notifyd {
namespace {

constexpr const char *kHeldBy = "NOTIFYD_HELD_BY", *kSealedBy = "NOTIFYD_SEALED_BY", *kHeldCells = "NOTIFYD_HELD_CELLS";

bool IsAny(const std::string& address) {
  return address == "0.0.0.0" || address == "::";
}

/// Whoever is bound to `held` keeps others from `wanted`, and lets go of it for its successor.
bool Covers(const ListenAddress& held, const ListenAddress& wanted) {
  if (!held.path.empty() || !wanted.path.empty()) return held.path == wanted.path;
  return held.port == wanted.port && (held.address == wanted.address || IsAny(held.address) || IsAny(wanted.address));
}

/// Does a broker that is bound to these addresses let go of `wanted` for its successor?
bool Holds(const Holdings& held, const ListenAddress& wanted) {
  for (size_t from = 0; from <= held.listening_on.size();) {
    const size_t to = std::min(held.listening_on.find(',', from), held.listening_on.size());
    Result<ListenAddress> own = ParseListen(std::string_view(held.listening_on).substr(from, to - from));
    if (own.ok() && Covers(*own, wanted)) return true;
    from = to + 1;
  }
  return false;
}

Status CheckAddress(const std::string& address, bool reuse_port, const std::optional<Holdings>& held) {
  Result<ListenAddress> wanted = ParseListen(address);
  if (!wanted.ok()) return std::move(wanted).status();
  Status free = wanted->path.empty() ? HttpServer::CheckListen(wanted->address, wanted->port, reuse_port) : CheckUnix(wanted->path);
  if (free.ok() || (free.code() == Code::kConflict && (!held || Holds(*held, *wanted)))) return Status::Ok();
  return Status(Code::kIo, "cannot listen on " + address + ": " + free.detail());
}

/// Would the other members take this one for what it says that it is?
Status CheckMemberCertificate(const ClusterOptions& cluster) {
  constexpr size_t kMostBytes = 1 << 20;
  const Result<std::string> shown = ReadFile(cluster.cert_file, kMostBytes), ca = ReadFile(cluster.ca_file, kMostBytes);
  // They could be read a moment ago.
  if (!shown.ok() || !ca.ok()) return Status::Ok();
  const Status checked = TlsContext::CheckShown(*shown, *ca, cluster.host());
  if (checked.ok()) return checked;
  std::string detail = cluster.cert_file + " " + checked.detail();
  if (checked.field() == "/ca") detail = cluster.ca_file + ": " + checked.detail();
  else if (checked.field() == "/host") detail += ", the host of cluster.advertise";
  else if (const std::string words = "is not certified"; checked.detail().starts_with(words))
    detail.insert(cluster.cert_file.size() + 1 + words.size(), " by cluster.ca_file (" + cluster.ca_file + ")");
  return Status(Code::kUnacceptable, "cluster.cert_file: " + detail, "/cluster/cert_file");
}

/// A listener's by its number in the file; that of `listen` has none.
std::string FieldOf(const Options& options, const ListenerOptions& listener, size_t at) {
  if (listener.members) return options.cluster.listen.empty() ? "/cluster/advertise" : "/cluster/listen";
  const size_t tables_from = options.listen.empty() ? 0 : 1;
  return at < tables_from ? "/listen" : "/listener/" + std::to_string(at - tables_from);
}

Status CheckListeners(const Options& options, const std::optional<Holdings>& held, bool certificates) {
  const std::vector<ListenerOptions> all = AllListeners(options);
  for (size_t i = 0; i < all.size(); ++i) {
    Status fault = CheckAddress(all[i].address, /*reuse_port=*/options.io_threads > 1, held);
    const std::string field = FieldOf(options, all[i], i);
    if (!fault.ok()) return Status(fault.code(), fault.detail(), field);
    if (!certificates || all[i].tls_key.empty()) continue;
    Result<bool> loaded = TlsFiles(PathsOf(all[i])).Load();
    if (!loaded.ok() && all[i].members)
      return Status(loaded.status().code(), "cluster.cert_file, cluster.key_file, cluster.ca_file: " + loaded.status().detail(),
                    "/cluster/cert_file");
    if (!loaded.ok()) return Status(loaded.status().code(), loaded.status().detail(), field + "/tls");
    if (all[i].members) NOTIFYD_TRY(CheckMemberCertificate(options.cluster));
  }
  return Status::Ok();
}

Status LeadsIntoStore(const std::string& directory) {
  return Status(Code::kUnacceptable, directory + " leads into the data directory", "/backup/directory");
}

/// By its name alone, without a look at the disk.
bool NamesPartOf(const std::string& inner, const std::string& outer) {
  std::error_code error;
  auto plain = [&](const std::string& path) {
    const std::filesystem::path normal = std::filesystem::absolute(path, error).lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
  };
  const std::filesystem::path in = plain(inner), out = plain(outer);
  return std::mismatch(out.begin(), out.end(), in.begin(), in.end()).first == out.end();
}

/// Another machine's directory may not answer for as long as that is away, which must not keep the broker from starting: then nothing is known, and
/// whoever makes a backup looks once more. `look`: false for who checks on behalf of a broker that runs: where that one waits for the directory, a
/// second process that does so cannot even end before the first one.
Status CheckBackups(const Options& options, bool look) {
  constexpr std::chrono::seconds kMost(3);
  const std::string& directory = options.store.backup_directory;
  if (directory.empty()) return Status::Ok();
  if (NamesPartOf(directory, options.data_dir)) return LeadsIntoStore(directory);
  if (!look) return Status::Ok();
  auto looked = std::make_shared<std::promise<bool>>();
  std::future<bool> lies_in = looked->get_future();
  std::thread([looked, directory, data_dir = options.data_dir] { looked->set_value(LiesIn(directory, data_dir)); }).detach();
  if (lies_in.wait_for(kMost) != std::future_status::ready) {
    Log(LogLevel::kWarn, "backup directory does not answer", {{"directory", directory}});
    return Status::Ok();
  }
  return lies_in.get() ? LeadsIntoStore(directory) : Status::Ok();
}

/// Those that could never fire.
Status CheckAlerts(const Options& options) {
  for (size_t i = 0; i < options.alerts.rules.size(); ++i) {
    const AlertWhen when = options.alerts.rules[i].when;
    const std::string field = "/alert/" + std::to_string(i) + "/when";
    if (when == AlertWhen::kBackupAge && options.store.backup_directory.empty())
      return Status(Code::kUnacceptable, "backup_age is of the backups in backup.directory, which is not set", field);
    if (when == AlertWhen::kNoStandby && options.store.engine == kEmbeddedEngine)
      return Status(Code::kUnacceptable, "no_standby is of a store in PostgreSQL, and store.engine is not postgres", field);
  }
  return Status::Ok();
}

/// What waits in a store of the embedded engine would wait there for ever.
Status CheckNoStoreIn(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory + "/FORMAT", error)) return Status::Ok();
  return Status(Code::kUnacceptable,
                directory + " holds a store of the embedded engine, whose notifies nobody would send: another data_dir is needed", "/store/engine");
}

Status CheckCellsStay(const Options& options, const std::set<std::string>& cells) {
  for (const std::string& cell : cells)
    if (!options.store.postgres.cells.contains(cell))
      return Status(Code::kUnacceptable, "store.postgres.cells: namespaces lie in the cell " + cell + ", which must stay, or are to move there",
                    "/store/postgres/cells/" + cell);
  return Status::Ok();
}

/// What the parent said, behind its own number; taken out of the environment.
std::optional<std::string> TakeVariable(const char* name, pid_t parent) {
  const char* value = std::getenv(name);
  if (!value) return std::nullopt;
  const std::string text = value;
  unsetenv(name);
  const std::string of = std::to_string(parent) + ";";
  return text.starts_with(of) ? std::optional(text.substr(of.size())) : std::nullopt;
}

bool IsSame(const std::string& one, const std::string& other) {
  std::error_code error;
  return one == other || std::filesystem::equivalent(one, other, error);
}

}  // namespace

TlsPaths PathsOf(const ListenerOptions& listener) {
  return {listener.tls_certificate, listener.tls_key, listener.tls_client_ca};
}

Status CheckStart(const Options& options, const std::optional<Holdings>& held, bool certificates) {
  if (Status fault = CheckListeners(options, held, certificates); !fault.ok()) return fault;
  if (Result<std::shared_ptr<const AuthSettings>> auth = ReadAuthSettings(options.auth); !auth.ok()) return std::move(auth).status();
  // Of another store it is not known what it needs.
  const bool same_store = held && options.store.engine == kEmbeddedEngine && IsSame(held->data_dir, options.data_dir);
  NOTIFYD_TRY(CheckSealKeys(options.store.encryption_key_file, same_store ? held->sealed_by : ""));
  if (Status fault = CheckLogSinks(options); !fault.ok()) return fault;
  if (Status fault = CheckBackups(options, /*look=*/!held); !fault.ok()) return fault;
  if (Status fault = CheckAlerts(options); !fault.ok()) return fault;
  if (options.cluster.on() && options.store.engine == kEmbeddedEngine)
    return Status(Code::kUnacceptable, "a store of engine rocksdb is one broker's: several share one of engine postgres", "/cluster/advertise");
  if (!options.store.postgres.cells.empty() && options.store.engine == kEmbeddedEngine)
    return Status(Code::kUnacceptable, "cells are of a store in PostgreSQL, and store.engine is not postgres", "/store/postgres/cells");
  if (options.store.engine != kEmbeddedEngine) NOTIFYD_TRY(CheckPgPlaces(options.store.postgres));
  if (held) NOTIFYD_TRY(CheckCellsStay(options, held->cells));
  Options fitted = options;
  if (Result<DescriptorPlan> fits = FitDescriptors(RaiseOpenFiles(), &fitted); !fits.ok()) return std::move(fits).status();
  if (options.store.engine != kEmbeddedEngine) return CheckNoStoreIn(options.data_dir);
  bool must_be_free = held && !IsSame(held->data_dir, options.data_dir);
  return CheckDirectory(options.data_dir, must_be_free);
}

int ExitCodeOf(const Status& failed) {
  return failed.code() == Code::kUnacceptable && !failed.field().empty() ? 2 : 1;
}

std::vector<std::string> EncodeHoldings(const Holdings& holdings, pid_t process) {
  std::string cells;
  for (const std::string& cell : holdings.cells) cells += cell + ",";
  const std::string of = std::to_string(process) + ";";
  return {std::string(kHeldBy) + "=" + of + holdings.listening_on + ";" + holdings.data_dir, std::string(kSealedBy) + "=" + of + holdings.sealed_by,
          std::string(kHeldCells) + "=" + of + cells};
}

std::optional<Holdings> TakeHoldings(pid_t parent) {
  const std::optional<std::string> held = TakeVariable(kHeldBy, parent), sealed_by = TakeVariable(kSealedBy, parent);
  const std::string cells = TakeVariable(kHeldCells, parent).value_or("");
  const size_t end = held ? held->find(';') : std::string::npos;
  if (end == std::string::npos) return std::nullopt;
  Holdings holdings{held->substr(0, end), held->substr(end + 1), sealed_by.value_or("")};
  for (size_t from = 0, to = 0; (to = cells.find(',', from)) != std::string::npos; from = to + 1)
    holdings.cells.insert(cells.substr(from, to - from));
  return holdings;
}

}  // namespace notifyd
