// Stream: one connection to a broker, plain or over TLS, non-blocking, with the errors of send(2) and recv(2).
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "bench/sockets.h"

namespace notifyd::bench {

/// Where a broker is, and as whom it is asked.
struct Target {
  Target() = default;
  Target(const Address& broker) : address(broker) {}  // NOLINT: implicit, as somebody whom nobody asks who it is
  Address address;
  std::string space = {};    // the namespace that its paths are of; empty: none is named
  /// Of a client of several connections: namespaces that these take in turn, in place of that one.
  std::vector<std::string> spaces = {};
  std::string token = {};    // empty: none is shown
  std::string ca_file = {};  // PEM: it is asked over TLS, and its certificate is one of these; empty: without TLS

  /// "/v1/notifies", or what it is in the namespace.
  std::string Path(std::string_view path) const;
  /// The lines of a head that say where to and as whom, each with its end.
  std::string HeadLines() const;
};

class Stream {
 public:
  /// Connects, and over TLS has the handshake behind it. Error: kIo.
  static Result<std::unique_ptr<Stream>> Open(const Target& target);
  virtual ~Stream() = default;
  virtual int fd() const = 0;
  virtual ssize_t Send(const char* bytes, size_t size) = 0;
  virtual ssize_t Receive(char* bytes, size_t size) = 0;
  /// Something came that Receive gives without the socket.
  virtual bool has_more() const { return false; }
};

}  // namespace notifyd::bench
