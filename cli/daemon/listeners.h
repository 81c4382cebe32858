// Listeners: where the broker listens, for all its loops: the addresses of the settings, their certificates, and control.sock in the data directory.
// It opens them, or takes over the sockets of the process before; reads certificates again; and removes the files of Unix sockets at the end.
// First loop's thread but where it says otherwise. Outlives the servers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cli/daemon/handover.h"
#include "cli/daemon/settings.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/sender/destinations.h"
#include "net/tls/tls_files.h"

namespace notifyd {

class Listeners {
 public:
  explicit Listeners(const Options& options);
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// Reads the certificates, then listens with each server at each address. What `handover` has of them is gone on with, what it has of others is
  /// closed. The servers, one a loop, are borrowed. Errors: kUnacceptable for a certificate; kIo, the detail names the address.
  Status Open(const std::vector<HttpServer*>& servers, const Handover& handover);
  /// Says where they are open, a line each.
  void LogAddresses() const;
  /// How many clients of beanstalkd's protocol are connected. Any thread.
  size_t beanstalkd_connections() const;
  /// The addresses, with commas between them: Holdings::listening_on.
  std::string held() const;
  /// Those where a call would come back to this broker.
  std::vector<Listener> own() const;

  /// By what this member asks others. Any thread. Error: kUnavailable, before a certificate was read.
  Result<std::shared_ptr<const TlsContext>> MembersTls() const;

  /// Reads the certificates again now, and from now on every few seconds, beside the loop. What is new serves who connects from then on; what cannot
  /// be used is logged, and what was there is kept. `loop` outlives it; `slot`: a timer of its that nobody else uses.
  void WatchCertificates(Loop* loop, int slot);

  /// Removes the files of the Unix sockets: the servers have closed them, and nobody takes them over.
  void RemoveFiles();

 private:
  struct Place;

  static void ServeMembers(const HttpLimits& limits, Place* place);
  Status OpenAnew(Place* place, const std::vector<HttpServer*>& servers);
  Status Adopt(Place* place, const std::vector<HttpServer*>& servers, const std::vector<int>& listening, const std::vector<int>& connections);
  void ReadCertificates();
  static void TellDates(Place* place);

  const bool reuse_port_;
  std::vector<std::unique_ptr<Place>> places_;  // that of `listen` first, the control socket last
  std::unique_ptr<TlsFiles> members_;           // as a client; null: there are none, or they talk without
  // The watch. `reading_`: beside the loop, now.
  Loop* loop_ = nullptr;
  int slot_ = 0;
  bool reading_ = false;
};

}  // namespace notifyd
