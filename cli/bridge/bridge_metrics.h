// BridgeMetrics: GET /metrics over HTTP, for Prometheus, on a loop and thread of its own, and GET /healthz: the process lives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"

namespace notifyd {

class BridgeMetrics {
 public:
  /// `address`: "127.0.0.1:9300" or "[::1]:9300", an address literal; port 0 takes a free one. `text`: what is answered; called on the loop's thread.
  /// Errors: kUnacceptable, where the address is none; kIo.
  static Result<std::unique_ptr<BridgeMetrics>> Serve(const std::string& address, std::function<std::string()> text);
  ~BridgeMetrics();
  BridgeMetrics(const BridgeMetrics&) = delete;

  /// Where it listens: "127.0.0.1:9300".
  const std::string& address() const;

 private:
  class Impl;
  explicit BridgeMetrics(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
