#include "cli/daemon/start_check.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/daemon/descriptors.h"
#include "net/http.h"
#include "storage/directory.h"

namespace notifyd {
namespace {

bool IsAny(const std::string& address) {
  return address == "0.0.0.0" || address == "::";
}

/// Whoever is bound to `held` keeps others from `wanted`, and lets go of it for its successor.
bool Covers(const ListenAddress& held, const ListenAddress& wanted) {
  return held.port == wanted.port && (held.address == wanted.address || IsAny(held.address) || IsAny(wanted.address));
}

Status CheckAddress(const Options& options, const std::optional<Holdings>& held) {
  Result<ListenAddress> wanted = ParseListen(options.listen);
  if (!wanted.ok()) return std::move(wanted).status();
  Status bound = HttpServer::CheckListen(wanted->address, wanted->port, /*reuse_port=*/options.io_threads > 1);
  if (bound.ok()) return bound;
  if (bound.code() == Code::kConflict) {
    Result<ListenAddress> own = held ? ParseListen(held->listening_on) : Status(Code::kNotFound, "nothing is held");
    if (!held || (own.ok() && Covers(*own, *wanted))) return Status::Ok();
  }
  return Status(Code::kIo, "cannot listen on " + options.listen + ": " + bound.detail(), "/listen");
}

bool IsSame(const std::string& one, const std::string& other) {
  std::error_code error;
  return one == other || std::filesystem::equivalent(one, other, error);
}

}  // namespace

Status CheckStart(const Options& options, const std::optional<Holdings>& held) {
  if (Status fault = CheckAddress(options, held); !fault.ok()) return fault;
  Options fitted = options;
  if (Result<DescriptorPlan> fits = FitDescriptors(RaiseOpenFiles(), &fitted); !fits.ok()) return std::move(fits).status();
  bool must_be_free = held && !IsSame(held->data_dir, options.data_dir);
  return CheckDirectory(options.data_dir, must_be_free);
}

int ExitCodeOf(const Status& failed) {
  return failed.code() == Code::kUnacceptable && !failed.field().empty() ? 2 : 1;
}

std::string EncodeHoldings(const Holdings& holdings, pid_t process) {
  return std::to_string(process) + ";" + holdings.listening_on + ";" + holdings.data_dir;
}

std::optional<Holdings> TakeHoldings(pid_t parent) {
  const char* value = std::getenv(kHoldingsVariable);
  if (!value) return std::nullopt;
  std::string text = value;
  unsetenv(kHoldingsVariable);
  size_t first = text.find(';'), second = text.find(';', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos || text.substr(0, first) != std::to_string(parent)) return std::nullopt;
  return Holdings{text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

}  // namespace notifyd
