#include "cli/client/bridge_commands.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/clocks.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/bridge/bridge.h"
#include "cli/bridge/bridge_metrics.h"
#include "cli/bridge/dead_letter_file.h"
#include "cli/bridge/dead_letter_queue.h"
#include "cli/client/notify_fields.h"
#include "cli/client/progress.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr size_t kMostUrlFile = 64 << 10, kMostTemplate = 1 << 20;
/// How long a submit that is under way at SIGTERM may take.
constexpr int64_t kStopGraceMs = 10'000;

struct ShapeWord {
  const char* word;
  MessageShape shape;
};
constexpr ShapeWord kShapes[] = {
    {"callback", MessageShape::kCallback}, {"deliver-by", MessageShape::kDeliverBy}, {"template", MessageShape::kTemplate}};

// ---- where the queue is

std::string Trimmed(std::string text) {
  text.erase(std::find_if(text.rbegin(), text.rend(), [](char c) { return c != '\n' && c != '\r' && c != ' '; }).base(), text.end());
  return text;
}

/// The file's text. It holds a password.
Result<std::string> ReadSecretFile(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Status(Code::kUnacceptable, path + " may be read by others than its owner: chmod 600 it");
  Result<std::string> text = ReadFile(path, kMostUrlFile);
  if (!text.ok()) return Status(Code::kIo, path + " " + text.status().detail());
  return Trimmed(*std::move(text));
}

Result<AmqpAddress> AddressOf(const AmqpBridgeArguments& arguments) {
  std::string url = arguments.url;
  if (!arguments.url_file.empty()) {
    Result<std::string> text = ReadSecretFile(arguments.url_file);
    if (!text.ok()) return std::move(text).status();
    url = *std::move(text);
  }
  Result<AmqpAddress> address = ParseAmqpUrl(url);
  if (!address.ok())
    return Status(Code::kUnacceptable, (arguments.url_file.empty() ? "--url: " : arguments.url_file + ": ") + address.status().detail());
  address->ca_file = arguments.ca_file;
  address->cert_file = arguments.cert_file;
  address->key_file = arguments.key_file;
  return address;
}

/// "amqp://user:password@host".
bool HoldsPassword(const std::string& url) {
  const size_t from = url.find("://");
  if (from == std::string::npos) return false;
  const std::string_view authority = std::string_view(url).substr(from + 3, url.find('/', from + 3) - from - 3);
  const size_t at = authority.rfind('@');
  return at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
}

// ---- what becomes of messages

Result<MessageTemplate> TemplateOf(const AmqpBridgeArguments& arguments) {
  std::string text = "{}";
  if (!arguments.template_file.empty()) {
    Result<std::string> file = ReadFile(arguments.template_file, kMostTemplate);
    if (!file.ok()) return Status(Code::kIo, arguments.template_file + " " + file.status().detail());
    text = *std::move(file);
  }
  if (!arguments.url_template.empty()) {
    Result<JsonTree> tree = JsonTree::Parse(text);
    if (tree.ok() && tree->root().kind() == JsonTree::Kind::kObject) {
      std::string with;
      JsonWriter json(&with);
      json.BeginObject();
      tree->root().ForEach([&](JsonTree::Value key, JsonTree::Value value) {
        if (key.text() == "url") return;
        json.Key(key.text());
        json.Raw(value.raw());
      });
      json.Key("url");
      json.String(arguments.url_template);
      json.EndObject();
      text = std::move(with);
    }
  }
  const std::string whose = arguments.template_file.empty() ? "--url-template" : arguments.template_file;
  Result<MessageTemplate> made = MessageTemplate::Parse(text);
  if (!made.ok()) return Status(made.status().code(), whose + ": " + made.status().detail());
  for (const std::string& name : made->names()) {
    const std::vector<FieldFlag>& known = NotifyFlags();
    const bool is_field =
        name == "headers" || name == "retry" || std::any_of(known.begin(), known.end(), [&](const FieldFlag& f) { return f.name == name; });
    if (!is_field) return Status(Code::kUnacceptable, whose + ": a notify has no field " + name);
  }
  return made;
}

Result<MappingOptions> MappingOf(const AmqpBridgeArguments& arguments) {
  Result<MessageTemplate> fields = TemplateOf(arguments);
  if (!fields.ok()) return std::move(fields).status();
  MappingOptions mapping{arguments.queue};
  mapping.fields = *std::move(fields);
  // Never by what stands in the body where the template says where it goes: else whoever may publish could say it, too.
  if (mapping.fields.Has("url")) mapping.shape = MessageShape::kTemplate;
  for (const ShapeWord& each : kShapes)
    if (arguments.shape == each.word) mapping.shape = each.shape;
  if (mapping.shape == MessageShape::kTemplate && !mapping.fields.Has("url"))
    return Status(Code::kUnacceptable, "--shape template needs a url: --url-template, or in --template");
  if (!arguments.header_prefix.empty()) {
    if (!IsToken(arguments.header_prefix)) return Status(Code::kUnacceptable, "--headers: no header of HTTP can begin with this");
    mapping.header_prefix = arguments.header_prefix;
  }
  mapping.deliver_by = arguments.deliver_by;
  if (!arguments.key.empty()) {
    Result<MessageRef> key = ParseMessageRef(arguments.key);
    if (!key.ok()) return Status(Code::kUnacceptable, "--key: " + key.status().detail());
    mapping.key = *std::move(key);
  }
  return mapping;
}

// ---- the broker

/// Of an array of notifies: has each an idempotency key?
bool IsKeyed(const std::string& batch) {
  const Result<JsonTree> tree = JsonTree::Parse(batch);
  if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kArray) return false;
  bool keyed = true;
  tree->root().ForEach([&](JsonTree::Value, JsonTree::Value notify) { keyed = keyed && !TextAt(notify, "/idempotency_key").empty(); });
  return keyed;
}

class BrokerPort : public SubmitPort {
 public:
  explicit BrokerPort(HttpClient* client) : client_(*client) {}

  SubmitAnswer Submit(const std::string& batch) override {
    HttpCall call;
    call.method = "POST";
    call.path = "/v1/notifies";
    call.body = &batch;
    call.repeatable = IsKeyed(batch);
    SubmitAnswer answer = Ask(call);
    if (answer.status < 200 || answer.status >= 300) return answer;
    Result<JsonTree> tree = JsonTree::Parse(body_);
    std::optional<JsonTree::Value> items = tree.ok() ? tree->root().At("/items") : std::nullopt;
    if (!items || items->kind() != JsonTree::Kind::kArray) return answer;
    items->ForEach([&](JsonTree::Value, JsonTree::Value item) {
      answer.items += !TextAt(item, "/id").empty();
      answer.duplicates += Cell(item.At("/duplicate")) == "true";
    });
    return answer;
  }
  SubmitAnswer Probe() override {
    HttpCall call;
    call.method = "GET";
    call.path = "/v1/whoami";
    return Ask(call);
  }

 private:
  SubmitAnswer Ask(const HttpCall& call) {
    SubmitAnswer answer;
    Result<HttpAnswer> came = client_.Send(call);
    if (!came.ok()) {
      answer.detail = came.status().detail();
      return answer;
    }
    answer.status = came->status;
    answer.retry_after_ms = came->retry_after_ms;
    if (!came->Done()) {
      answer.detail = ProblemText(*came);
      Result<JsonTree> problem = JsonTree::Parse(came->body);
      if (problem.ok()) answer.field = TextAt(problem->root(), "/field");
      if (!answer.field.empty()) answer.detail = TextAt(problem->root(), "/detail");  // the field stands beside it
    }
    body_ = std::move(came->body);
    return answer;
  }

  HttpClient& client_;
  std::string body_;  // of the last answer
};

// ---- signals

std::atomic<Bridge*> stopped_by_signal{nullptr};

void OnSignal(int) {
  if (Bridge* bridge = stopped_by_signal) bridge->Stop();
}

/// SIGTERM and SIGINT stop the bridge while this lives. SIGHUP, with which whoever rotates files tells that one was moved, does nothing, unless it
/// may be a terminal that goes away: systemd takes an end by it for a good one, and starts nothing again.
class StopBySignal {
 public:
  StopBySignal(Bridge* bridge, bool at_terminal) {
    stopped_by_signal = bridge;
    struct sigaction action {};
    action.sa_handler = OnSignal;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
    if (!at_terminal) hang_up_before_ = signal(SIGHUP, SIG_IGN);
  }
  ~StopBySignal() {
    if (hang_up_before_ != SIG_ERR) signal(SIGHUP, hang_up_before_);
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
    stopped_by_signal = nullptr;
  }
  StopBySignal(const StopBySignal&) = delete;

 private:
  static constexpr std::array<int, 2> kSignals = {SIGTERM, SIGINT};
  std::array<struct sigaction, 2> before_;
  sighandler_t hang_up_before_ = SIG_ERR;
};

/// "1,204 received, 1,200 accepted (3 known already), 1 dead letter, 4 held".
std::string CountersText(const BridgeCounters& counters) {
  std::string text = Grouped(counters.received) + " received, " + Grouped(counters.accepted) + " accepted";
  if (counters.duplicates > 0) text += " (" + Grouped(counters.duplicates) + " known already)";
  const uint64_t dead = counters.dead_letters;
  return text + ", " + Grouped(dead) + (dead == 1 ? " dead letter, " : " dead letters, ") + Grouped(counters.held) + " held";
}

/// Says what there is to know about it before the first message.
void Introduce(const AmqpBridgeArguments& arguments) {
  if (!arguments.key.empty()) return;
  Remark(
      "each message's message_id tells a repeat of it; messages without one may be submitted twice after a crash, or a lost connection to the queue "
      "(--key says what else tells it)");
}

Exit Run(const Context& context, const AmqpBridgeArguments& arguments, BridgeOptions options, DeadLetterPort* dead_letters) {
  BridgeCounters counters;
  std::unique_ptr<BridgeMetrics> metrics;
  if (!arguments.metrics.empty()) {
    auto served = BridgeMetrics::Serve(arguments.metrics, [&] { return MetricsText(counters, arguments.queue); });
    if (!served.ok()) {
      Complain("--metrics: " + served.status().detail());
      return kUsage;
    }
    metrics = *std::move(served);
    Remark("metrics on " + metrics->address());
  }
  Introduce(arguments);
  Progress progress;
  std::mutex mutex;  // of the terminal
  BridgeReports reports;
  reports.note = [&](const std::string& line) {
    std::lock_guard lock(mutex);
    progress.Clear();
    Remark(line);
  };
  reports.show = [&](const std::string& waits_for) {
    std::lock_guard lock(mutex);
    if (progress.on()) progress.Show(CountersText(counters) + (waits_for.empty() ? "" : "; waiting for " + waits_for));
  };
  BrokerPort broker(context.client);
  Bridge bridge(std::move(options), &broker, dead_letters, reports, &counters);
  int64_t stopping_ms = 0;  // since when
  context.client->GiveUpWhen([&] {
    if (!bridge.stopping()) return false;
    const int64_t now_ms = ReadClockMs(CLOCK_MONOTONIC);
    if (stopping_ms == 0) stopping_ms = now_ms;
    return now_ms - stopping_ms > kStopGraceMs;
  });
  Status status;
  {
    StopBySignal by_signal(&bridge, progress.on());
    status = bridge.Run();
  }
  context.client->GiveUpWhen({});
  progress.Clear();
  if (!status.ok()) Complain(status.detail() + "; nothing was acknowledged that was not accepted");
  Remark("ended: " + CountersText(counters));
  return status.ok() ? kDone : kRefused;
}

}  // namespace

std::vector<std::string> ShapeWords() {
  std::vector<std::string> words;
  for (const ShapeWord& each : kShapes) words.emplace_back(each.word);
  return words;
}

std::string FaultOf(const AmqpBridgeArguments& arguments) {
  const char* from_variable = std::getenv("NOTIFYD_AMQP_URL");
  const bool on_command_line = !arguments.url.empty() && (!from_variable || arguments.url != from_variable);
  if (on_command_line && HoldsPassword(arguments.url))
    return "--url: a password on a command line can be read by whoever may list processes; give it by --url-file or NOTIFYD_AMQP_URL";
  if (arguments.url.empty() && arguments.url_file.empty()) return "bridge amqp needs --url, --url-file, or NOTIFYD_AMQP_URL";
  if (on_command_line && !arguments.url_file.empty()) return "--url goes without --url-file";
  if (arguments.cert_file.empty() != arguments.key_file.empty()) return "--amqp-cert-file and --amqp-key-file go together";
  if (arguments.dead_letter_queue.empty() == arguments.dead_letter_file.empty())
    return "bridge amqp needs a place for what the broker refuses for good: --dead-letter-queue or --dead-letter-file, one of them";
  if (arguments.dead_letter_queue == arguments.queue) return "--dead-letter-queue: it must be another queue than --queue";
  return "";
}

Exit BridgeAmqp(const Context& context, const AmqpBridgeArguments& arguments) {
  Result<AmqpAddress> address = AddressOf(arguments);
  Result<MappingOptions> mapping = MappingOf(arguments);
  for (const Status& fault : {address.ok() ? Status() : address.status(), mapping.ok() ? Status() : mapping.status()}) {
    if (fault.ok()) continue;
    Complain(fault.detail());
    return kUsage;
  }
  std::unique_ptr<DeadLetterPort> dead_letters;
  if (!arguments.dead_letter_file.empty()) {
    Result<std::unique_ptr<DeadLetterFile>> file = DeadLetterFile::Open(arguments.dead_letter_file);
    if (!file.ok()) {
      Complain(file.status().detail());
      return kUsage;
    }
    dead_letters = *std::move(file);
  } else {
    auto queue = std::make_unique<DeadLetterQueue>(*address, arguments.dead_letter_queue);
    // A server that is away is waited for later; one that is there must have the queue.
    if (Status ready = queue->Prepare(); !ready.ok() && ready.code() != Code::kUnavailable) {
      Complain(ready.detail());
      return kRefused;
    }
    dead_letters = std::move(queue);
  }
  BridgeOptions options{*address};
  options.prefetch = static_cast<uint16_t>(arguments.prefetch);
  options.exclusive = arguments.exclusive;
  options.until_empty = arguments.until_empty;
  options.buffer_bytes = arguments.buffer_bytes;
  options.mapping = *std::move(mapping);
  return Run(context, arguments, std::move(options), dead_letters.get());
}

}  // namespace notifyd
