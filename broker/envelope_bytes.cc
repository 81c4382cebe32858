#include "broker/envelope_bytes.h"

#include <memory>
#include <utility>

#include "broker/flow.h"
#include "broker/record_bytes.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

// Bits of the envelope's flags. Never renumber.
constexpr uint8_t kReplyNone = 1, kHasRetry = 2, kHasCallback = 4, kHasTraceParent = 8, kHasLabels = 16, kHasFlow = 32;
constexpr uint8_t kEnvelopeFlags1 = kReplyNone | kHasRetry, kEnvelopeFlags = kEnvelopeFlags1 | kHasCallback | kHasTraceParent | kHasLabels | kHasFlow;

}  // namespace

void EncodeEnvelope(const Envelope& envelope, Encoder* out) {
  out->U8(static_cast<uint8_t>(envelope.lane.mode));
  out->Text(envelope.lane.name);
  out->Text(envelope.host);
  out->U8(envelope.priority);
  uint8_t flags = 0;
  if (envelope.reply_none) flags |= kReplyNone;
  if (envelope.retry) flags |= kHasRetry;
  if (envelope.callback) flags |= kHasCallback;
  if (!envelope.trace_parent.empty()) flags |= kHasTraceParent;
  if (envelope.labels) flags |= kHasLabels;
  if (envelope.flow) flags |= kHasFlow;
  out->U8(flags);
  out->Text(envelope.fkey);
  out->Text(envelope.caller);
  if (envelope.retry) EncodeRetry(*envelope.retry, out);
  if (envelope.callback) {
    out->Text(envelope.callback->url);
    out->Text(envelope.callback->lane);
    out->Text(envelope.callback->host);
    out->Text(envelope.callback->notify_url);
  }
  if (!envelope.trace_parent.empty()) out->Text(envelope.trace_parent);
  if (envelope.labels) PutLabels(*envelope.labels, out);
  if (envelope.flow) EncodeFlow(*envelope.flow, out);
}

size_t SizeOfEnvelope(const Envelope& envelope) {
  size_t bytes = envelope.lane.name.size() + envelope.host.size() + envelope.fkey.size() + envelope.caller.size() + envelope.trace_parent.size();
  if (const Callback* callback = envelope.callback.get())
    bytes += callback->url.size() + callback->lane.size() + callback->host.size() + callback->notify_url.size();
  if (envelope.labels)
    for (const auto& [key, value] : *envelope.labels) bytes += key.size() + value.size() + 2;
  return bytes;
}

bool DecodeEnvelope(Decoder* in, int version, Envelope* envelope) {
  envelope->lane.mode = TakeEnum(in, Mode::kFifo);
  envelope->lane.name = in->Text();
  envelope->host = in->Text();
  envelope->priority = in->U8();
  uint8_t flags = in->U8();
  envelope->reply_none = flags & kReplyNone;
  envelope->fkey = in->Text();
  envelope->caller = in->Text();
  if (envelope->priority > 9 || (flags & ~(version == 1 ? kEnvelopeFlags1 : kEnvelopeFlags))) return false;
  if (flags & kHasRetry) envelope->retry = std::make_shared<const RetryPolicy>(DecodeRetry(in, version));
  if (flags & kHasCallback) {
    auto callback = std::make_shared<Callback>();
    callback->url = in->Text();
    callback->lane = in->Text();
    callback->host = in->Text();
    callback->notify_url = in->Text();
    envelope->callback = std::move(callback);
  }
  if (flags & kHasTraceParent) envelope->trace_parent = in->Text();
  if (flags & kHasLabels) envelope->labels = std::make_shared<const Labels>(TakeLabels(in));
  if (flags & kHasFlow) envelope->flow = std::make_shared<const FlowFields>(DecodeFlow(in));
  return in->ok();
}

}  // namespace notifyd
