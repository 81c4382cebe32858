#include "net/sender/routing_sender.h"

#include "net/loop.h"

namespace notifyd {

Result<std::unique_ptr<RoutingSender>> RoutingSender::Create(Loop* loop, EventSink* sink, const SenderOptions& options) {
  std::unique_ptr<RoutingSender> sender(new RoutingSender);
  sender->follow_redirects_ = options.follow_redirects;
  sender->resolver_ = std::make_unique<Resolver>(loop->raw(), options.resolver);
  Result<std::unique_ptr<CurlSender>> curl = CurlSender::Create(loop, sink, options);
  if (!curl.ok()) return std::move(curl).status();
  Result<std::unique_ptr<PlainSender>> plain = PlainSender::Create(loop, sink, sender->resolver_.get(), options);
  if (!plain.ok()) return std::move(plain).status();
  sender->curl_ = *std::move(curl);
  sender->plain_ = *std::move(plain);
  return sender;
}

void RoutingSender::SetSelf(SenderSelf self) {
  plain_->SetSelf(self);
  curl_->SetSelf(std::move(self));
}

void RoutingSender::Start(StartAttempt attempt) {
  if (!follow_redirects_) plain_->Start(std::move(attempt));
  else curl_->Start(std::move(attempt));
}

Status RoutingSender::Reload(const SenderOptions& options) {
  if (Status status = curl_->Reload(options); !status.ok()) return status;
  if (Status status = plain_->Reload(options); !status.ok()) return status;
  follow_redirects_ = options.follow_redirects;
  return Status::Ok();
}

void RoutingSender::Abort() {
  plain_->Abort();
  curl_->Abort();
}

uint64_t RoutingSender::judged_apart() const {
  return plain_->judged_apart() + curl_->judged_apart();
}

size_t RoutingSender::in_flight() const {
  return plain_->in_flight() + curl_->in_flight();
}

}  // namespace notifyd
