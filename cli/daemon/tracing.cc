#include "cli/daemon/tracing.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <random>
#include <utility>

#include "base/authority.h"
#include "base/clocks.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/random.h"
#include "broker/flow.h"
#include "broker/services.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
/// Of an attempt: its own, and that of the wait before.
constexpr size_t kSpansOfAttempt = 2;

int64_t NowNs() {
  return ReadClockUs(CLOCK_REALTIME) * 1000;
}

uint64_t NextRandom() {
  static thread_local Random random = [] {
    std::random_device device;
    return Random(static_cast<uint64_t>(device()) << 32 | device());
  }();
  return random.Next();
}

uint64_t NumberOf(std::string_view hex) {
  uint64_t number = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
  return number;
}

std::string_view TraceIdOf(std::string_view trace_parent) {
  return trace_parent.substr(3, 32);
}
uint64_t ParentOf(std::string_view trace_parent) {
  return NumberOf(trace_parent.substr(36, 16));
}

/// Attributes, those alone that say something.
class Attributes {
 public:
  explicit Attributes(Span* span) : span_(span) {}
  void Text(std::string_view name, std::string_view value) {
    if (!value.empty()) span_->attributes.emplace_back(name, std::string(value));
  }
  void Number(std::string_view name, int64_t value) { span_->attributes.emplace_back(name, value); }

 private:
  Span* span_;
};

Span SpanIn(std::string_view trace_parent, const char* name) {
  Span span;
  span.trace_id = TraceIdOf(trace_parent);
  span.parent_id = ParentOf(trace_parent);
  span.name = name;
  return span;
}

/// Whose it is, and what it comes from.
void Describe(std::string_view space, const AttemptLog& log, Attributes* attributes) {
  const Envelope& envelope = *log.envelope;
  attributes->Text("notifyd.id", log.id.ToString());
  attributes->Text("notifyd.namespace", space);
  attributes->Text("notifyd.lane", envelope.lane.name);
  attributes->Text("notifyd.mode", ToString(envelope.lane.mode));
  attributes->Text("notifyd.caller", envelope.caller);
  for (const auto& [name, text] : TextsOf(envelope.host, envelope.flow.get())) attributes->Text("notifyd." + std::string(name), text);
}

const char* WordOf(Phase phase) {
  switch (phase) {
    case Phase::kSucceeded:
      return "succeeded";
    case Phase::kFailed:
      return "failed";
    case Phase::kCancelled:
      return "cancelled";
    case Phase::kExpired:
      return "expired";
    default:
      return "";
  }
}

/// Where the call went (OpenTelemetry's conventions for HTTP clients). What may be secret in a URL stays out.
void DescribeCall(const StartAttempt& attempt, Span* span) {
  Attributes attributes(span);
  if (const std::string_view command = CommandOf(attempt.envelope->host); !command.empty()) return attributes.Text("notifyd.command", command);
  span->kind = Span::Kind::kClient;
  Result<NotifySpec> spec = DecodeSpec(*attempt.spec);
  if (!spec.ok()) return;
  attributes.Text("http.request.method", ToString(spec->method));
  if (attempt.number > 1) attributes.Number("http.request.resend_count", attempt.number - 1);
  const std::string url = attempt.instance ? UrlAt(attempt.instance->url, spec->url) : spec->url;
  attributes.Text("url.full", ShownUrl(url));
  if (attempt.instance) attributes.Text("notifyd.instance", attempt.instance->id);
  const std::optional<UrlParts> parts = PartsOfUrl(url, "/?");
  if (!parts) return;
  Result<Authority> authority = ParseAuthority(parts->authority, parts->default_port());
  if (!authority.ok()) return;
  attributes.Text("server.address", authority->host);
  attributes.Number("server.port", authority->port);
}

}  // namespace

Tracing::Tracing(SpanExporterOptions options, double ratio) : ratio_(ratio), exporter_(std::move(options)) {}

void Tracing::SetInstance(const std::string& name) {
  exporter_.SetResource({{"service.name", "notifyd"}, {"service.instance.id", name}});
}

void Tracing::Finish(int64_t most_ms) {
  if (exporter_.Finish(most_ms)) return;
  if (const size_t left = exporter_.left(); left > 0) Log(LogLevel::kWarn, "spans lost at the end", {{"count", left}});
}

bool Tracing::IsIn(uint64_t trace_id_low, double ratio) {
  constexpr uint64_t kDigits = (uint64_t{1} << 56) - 1;
  return (trace_id_low & kDigits) < static_cast<uint64_t>(ratio * 0x1p56);  // as a number: the greatest one is none as a double
}

std::string Tracing::Begin() {
  const uint64_t low = NextRandom();
  if (!IsIn(low, ratio_)) return {};
  const std::string trace_id = HexOf(NextRandom() | 1) + HexOf(low);
  return "00-" + trace_id + "-" + HexOf(FirstSpan(trace_id)) + "-01";
}

void Tracing::Submitted(const SampledTraces& traces, const ReplyBody& answer, int64_t took_us) {
  const int64_t now_ns = NowNs();
  const Refused* refused = std::get_if<Refused>(&answer);
  const auto* submitted = std::get_if<notifyd::Submitted>(&answer);
  std::map<std::string_view, size_t> counts;
  for (const auto& [place, trace_parent] : traces) ++counts[trace_parent];
  for (const auto& [trace_parent, count] : counts) {
    Span span = SpanIn(trace_parent, "submit");
    const bool first = span.parent_id == FirstSpan(span.trace_id);
    span.id = first ? std::exchange(span.parent_id, 0) : SpanOf(NextRandom());
    span.kind = Span::Kind::kServer;
    span.begin_ns = now_ns - took_us * 1000;
    span.end_ns = now_ns;
    Attributes(&span).Text("http.request.method", "POST");
    Attributes(&span).Number("notifyd.count", static_cast<int64_t>(count));
    if (refused) {
      span.failed = true;
      span.message = refused->status.detail();
    }
    exporter_.Add(span);
  }
  if (!submitted) return;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [place, trace_parent] : traces) {
    if (place >= submitted->items.size() || !submitted->items[place].refused.ok() || submitted->items[place].duplicate) continue;
    // Its receiver may have been faster: what is known of it then is younger than this.
    const NotifyId id = submitted->items[place].id;
    if (!in_flight_.Find(id) && !waits_.Find(id)) waits_.Put(id, {1, now_ns / kNsPerMs});
  }
}

void Tracing::TakeStart(const StartAttempt& attempt) {
  std::lock_guard<std::mutex> lock(mutex_);
  const std::optional<Wait> wait = waits_.Take(attempt.id);
  std::optional<int64_t> since_ms;
  if (wait && wait->number == attempt.number) since_ms = wait->since_ms;
  if (in_flight_.Put(attempt.id, {attempt, since_ms})) exporter_.Lose(kSpansOfAttempt);
}

void Tracing::TakeEnd(std::string_view space, const AttemptLog& log) {
  if (log.attempt) return TakeAttempt(space, log);
  const int64_t now_ms = NowNs() / kNsPerMs;
  std::optional<Wait> wait;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (in_flight_.Find(log.id)) return;  // it was cancelled: its attempt goes on, and ends
    wait = waits_.Take(log.id);
  }
  // It ended while it waited: since when, nobody else tells.
  const uint32_t number = log.attempts_made + 1;
  if (log.settled) AddWait(space, log, number, wait && wait->number == number ? wait->since_ms : now_ms, now_ms, std::nullopt);
}

void Tracing::TakeAttempt(std::string_view space, const AttemptLog& log) {
  std::optional<InFlight> ended;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (const InFlight* known = in_flight_.Find(log.id); known && known->attempt.number <= log.number) ended = in_flight_.Take(log.id);
    if (!IsSettled(log.phase)) waits_.Put(log.id, {log.number + 1, NowNs() / kNsPerMs});
  }
  if (!ended || ended->attempt.number != log.number) return;
  const StartAttempt& attempt = ended->attempt;
  AddWait(space, log, log.number, ended->since_ms.value_or(attempt.at.ms - attempt.late_ms), attempt.at.ms, attempt.late_ms);
  AddAttempt(space, log, attempt);
}

void Tracing::Left(NamespaceNumber number) {
  std::lock_guard<std::mutex> lock(mutex_);
  waits_.Forget(number);
  exporter_.Lose(kSpansOfAttempt * in_flight_.Forget(number));
}

void Tracing::AddWait(std::string_view space, const AttemptLog& log, uint32_t number, int64_t from_ms, int64_t to_ms,
                      std::optional<int64_t> late_ms) {
  const std::string& trace_parent = log.envelope->trace_parent;
  Span span = SpanIn(trace_parent, "wait");
  span.id = WaitSpan(span.trace_id, log.id, number);
  span.begin_ns = std::min(from_ms, to_ms) * kNsPerMs;
  span.end_ns = to_ms * kNsPerMs;
  Attributes attributes(&span);
  Describe(space, log, &attributes);
  attributes.Number("notifyd.attempt", number);
  if (late_ms) attributes.Number("notifyd.late_ms", *late_ms);
  else attributes.Text("notifyd.state", WordOf(log.phase));
  if (!late_ms) attributes.Text("notifyd.reason", log.reason);
  exporter_.Add(span);
}

void Tracing::AddAttempt(std::string_view space, const AttemptLog& log, const StartAttempt& attempt) {
  Span span = SpanIn(log.envelope->trace_parent, "attempt");
  span.id = AttemptSpan(span.trace_id, log.id, log.number);
  span.begin_ns = attempt.at.ms * kNsPerMs;
  span.end_ns = span.begin_ns + log.duration_ms * kNsPerMs;
  Attributes attributes(&span);
  Describe(space, log, &attributes);
  attributes.Number("notifyd.attempt", log.number);
  DescribeCall(attempt, &span);
  if (log.status != 0) attributes.Number("http.response.status_code", log.status);
  if (!log.error.empty()) {
    span.failed = true;
    span.message = log.error;
    attributes.Text("error.type", log.error);
  }
  if (log.settled) attributes.Text("notifyd.state", WordOf(log.phase));
  if (log.settled) attributes.Text("notifyd.reason", log.reason);
  exporter_.Add(span);
}

}  // namespace notifyd
