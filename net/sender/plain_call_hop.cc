// What a hop of a call is made of, before anything is opened for it: terms, keys, body and head; and other terms meanwhile.
#include <algorithm>
#include <utility>

#include "net/sender/plain_call.h"
#include "net/signing/webhook.h"

namespace notifyd {

bool PlainCall::TakeTerms() {
  hop_config_ = shared_->config;
  terms_ = shared_->terms->Of(number_);
  const DestinationRules& rules = hop_config_->rules();
  const RuleTarget target{request_.secure(), request_.host(), request_.port(), request_.path()};
  rule_ = rules.empty() ? nullptr : rules.Find(terms_->name, attempt_.envelope->caller, target);
  // Who redirects chooses the URL: only what a submitter asked for is called with the file's secrets.
  armed_ = rule_ != nullptr && !request_.other_origin();
  std::optional<std::string> refusal = RefusalOfTarget();
  if (refusal) Fail(Verdict::kFatal, "destination_refused", *std::move(refusal));
  return !refusal;
}

std::optional<std::string> PlainCall::RefusalOfTarget() const {
  if (std::optional<std::string> refusal = terms_->policy.RefusalOfKind(request_.secure(), request_.port())) return refusal;
  const RuleTarget target{request_.secure(), request_.host(), request_.port(), request_.path()};
  if (std::optional<std::string> refusal = hop_config_->rules().Refusal(target)) return refusal;
  if (proxy() == nullptr) return std::nullopt;
  if (request_.literal()) return terms_->policy.Refusal(*request_.literal(), request_.port());
  if (!terms_->policy.closes_private() || rule_->unchecked) return std::nullopt;
  return "where " + request_.host() + " leads is known to the proxy alone: its destination rule does not say unchecked";
}

bool PlainCall::Signs() const {
  return terms_->row != nullptr && !terms_->row->keys.empty() && !request_.other_origin() && (rule_ == nullptr || rule_->signs);
}

bool PlainCall::TakeKeys() {
  keys_.clear();
  const std::optional<std::string> key = rule_ != nullptr && !rule_->sign.empty() ? std::optional(rule_->sign) : std::nullopt;
  if (Signs()) keys_ = KeysForCall(terms_->row->keys, key, attempt_.at);
  if (!key || !armed_ || !rule_->signs || !keys_.empty()) return true;
  Fail(Verdict::kFailure, "not_signed", "the namespace has no valid key named " + *key);
  return false;
}

bool PlainCall::MakeHead() {
  hop_.of_rule = armed_ && !rule_->headers.empty() ? &rule_->headers : nullptr;
  if (hop_.of_rule != nullptr) sent_secrets_.Add(rule_->secrets);
  hop_.to_proxy = proxy() != nullptr && !request_.secure();
  hop_.to_proxy_as = hop_.to_proxy ? std::string_view(rule_->proxy_authorization) : std::string_view();
  if (proxy() != nullptr) sent_secrets_.Add(rule_->proxy_secrets);
  Status status = request_.Assemble(attempt_, *config_, hop_);
  if (!status.ok()) Fail(Verdict::kFatal, "invalid_request", status.detail());
  return status.ok();
}

void PlainCall::EnterHop(int64_t now_ms) {
  if (!TakeTerms() || !TakeKeys()) return;
  if (!shared_->side->TakesAtOnce(request_.Cost(keys_.size()))) return PrepareAside();
  if (!request_.contents()->encoded) request_.contents()->Encode();
  if (Status status = request_.TakeBody(); !status.ok()) return Fail(Verdict::kFatal, "invalid_request", status.detail());
  hop_.signature = WebhookHeaders(keys_, attempt_.id.ToString(), attempt_.at, request_.body());
  GoHop(now_ms);
}

void PlainCall::PrepareAside() {
  state_ = State::kPreparing;
  other_terms_ = false;
  signature_ = std::make_shared<HopHeaders::List>();
  preparing_ = shared_->side->Add(
      {.number = number_,
       .host = attempt_.envelope->host,
       .work =
           [contents = request_.contents(), signature = signature_, terms = terms_, keys = keys_, id = attempt_.id, at = attempt_.at] {
             if (!contents->encoded) contents->Encode();
             *signature = WebhookHeaders(keys, id.ToString(), at, contents->body());
             return contents->body().size() + contents->parts.encoded.size();
           },
       .then = [this] { OnPrepared(); }});
  Arm();
}

void PlainCall::OnPrepared() {
  preparing_.reset();
  state_ = State::kResolving;
  const std::shared_ptr<HopHeaders::List> signature = std::exchange(signature_, nullptr);
  const int64_t now_ms = MonotonicMs();
  if (Status status = request_.TakeBody(); !status.ok()) return Fail(Verdict::kFatal, "invalid_request", status.detail());
  // The time to connect begins with what is connected for.
  connect_deadline_ms_ = now_ms + std::max<int64_t>(1, request_.spec().connect_timeout_ms);
  if (other_terms_) return EnterHop(now_ms);
  hop_.signature = std::move(*signature);
  GoHop(now_ms);
}

SecretValues PlainCall::Secrets() const {
  if (request_.spec().headers.empty() && sent_secrets_.empty()) return {};
  SecretValues secrets(config_->secrets, request_.spec().headers);
  secrets.Add(sent_secrets_);
  return secrets;
}

std::optional<std::string> PlainCall::RefusalNow() const {
  const DestinationPolicy& policy = shared_->terms->Of(number_)->policy;
  if (std::optional<std::string> refusal = policy.RefusalOfKind(request_.secure(), request_.port())) return refusal;
  const IpAddress& address = over()->address();
  if (proxy() == nullptr) return policy.Refusal(address, dial_port());
  if (std::optional<std::string> refusal = shared_->config->policy.Refusal(address, dial_port())) return refusal;
  return request_.literal() ? policy.Refusal(*request_.literal(), request_.port()) : std::nullopt;
}

void PlainCall::OnOtherTerms() {
  if (state_ == State::kIdle) return;
  if (over() != nullptr) {
    std::optional<std::string> refusal = RefusalNow();
    if (!refusal) return;
    if (state_ != State::kAsking) return Fail(Verdict::kFatal, "destination_refused", *std::move(refusal));
    // What has come of an answer may have decided it.
    loss_ = Loss::kReset;
    lost_detail_ = "the connection was closed, since other destinations hold: " + *refusal;
    return End(Why::kLost, false);
  }
  // Nothing of it is on the wire: it goes on as one that begins now would.
  other_terms_ = true;
  if (state_ == State::kPreparing) return;
  StopWaiting();
  shared_->resolver->Cancel(this);
  dialer_.Stop();
  EndOpening(false);
  if (std::exchange(place_, false)) shared_->pool->FreePlace(host_);
  shared_->pool->Leave(std::exchange(host_, nullptr));
  state_ = State::kResolving;
  EnterHop(MonotonicMs());
}

}  // namespace notifyd
