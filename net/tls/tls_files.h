// TlsFiles: the context of a listener, or of a client, from files that may be replaced while it runs (contract section 8: read again on SIGHUP and
// when they change; a pair that does not match is reported and the one before kept). Load on one thread, context() on any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "net/tls/tls_context.h"

namespace notifyd {

struct TlsPaths {
  std::string certificate;
  std::string key;
  std::string client_ca;  // empty: none
  /// A name or an address at which those who trust `client_ca` alone must take the certificate; empty: nobody need to.
  std::string shown_at = {};
};

class TlsFiles {
 public:
  /// For whom the context is: a listener; or a client, which shows the certificate and trusts whom `client_ca` names.
  enum class Side : uint8_t { kServer, kClient };
  explicit TlsFiles(TlsPaths paths, Side side = Side::kServer) : paths_(std::move(paths)), side_(side) {}

  /// Reads the files. True: there is another context now. False: they say what they said. Error (kUnacceptable, for people, names the file): the
  /// context stays what it was; what is wrong in the same way is told once only, so that it may be called every few seconds.
  Result<bool> Load();
  /// Null before a Load was good.
  std::shared_ptr<const TlsContext> context() const;

 private:
  Result<std::shared_ptr<const TlsContext>> Read(std::optional<Fingerprint>* print) const;

  const TlsPaths paths_;
  const Side side_;
  std::optional<Fingerprint> print_;  // of what was read last
  std::string told_;                  // what was wrong with it
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;
};

}  // namespace notifyd
