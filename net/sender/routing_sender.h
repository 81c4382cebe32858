// RoutingSender: the Sender that the broker uses. http goes to the plain client, https to curl; where redirects are followed, which may lead from one
// to the other, all goes to curl. One a loop; Start on the loop's thread only.
#pragma once

#include <memory>

#include "base/status.h"
#include "broker/ports.h"
#include "net/sender/curl_sender.h"
#include "net/sender/plain_sender.h"
#include "net/sender/resolver.h"

namespace notifyd {

class RoutingSender : public Sender {
 public:
  // As CurlSender's functions of the same names.
  static Result<std::unique_ptr<RoutingSender>> Create(Loop* loop, EventSink* sink, const SenderOptions& options);
  void SetSelf(SenderSelf self);
  void Start(StartAttempt attempt) override;
  Status Reload(const SenderOptions& options);
  void Abort();
  size_t in_flight() const;
  uint64_t judged_apart() const;

 private:
  RoutingSender() = default;
  bool follow_redirects_ = false;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<PlainSender> plain_;
  std::unique_ptr<CurlSender> curl_;
};

}  // namespace notifyd
