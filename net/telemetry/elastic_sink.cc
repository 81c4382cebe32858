#include "net/telemetry/elastic_sink.h"

#include <unistd.h>

#include <cstdio>
#include <random>
#include <utility>

#include "base/batch_queue.h"
#include "base/json.h"
#include "base/json_tree.h"
#include "net/telemetry/http_post.h"

namespace notifyd {
namespace {

constexpr BatchQueue::Limits kLimits{.most_bytes = 8 << 20, .batch_bytes = 1 << 20, .batch_items = 2000, .pace_ms = 500};
/// So often is a batch sent of which some documents are refused each time, or all: for some seconds, or about eight minutes.
constexpr int kMostRoundsOfSome = 5, kMostRounds = 20;
constexpr const char* kDefaultIndex = "notifyd-logs";

std::string BulkUrl(std::string url) {
  const std::string query = TakeQuery(&url);
  const size_t host = url.find("://") + 3;
  while (url.size() > host && url.back() == '/') url.pop_back();
  if (url.find('/', host) == url.npos) url.append("/").append(kDefaultIndex);
  url += "/_bulk?filter_path=errors,items.*.status";
  return query.size() > 1 ? url + "&" + query.substr(1) : url;
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

class ElasticSink : public LogSink {
 public:
  explicit ElasticSink(const ElasticOptions& options)
      : post_({BulkUrl(options.url), "application/x-ndjson", options.headers, options.ca_file}, "log lines", &queue_),
        queue_(kLimits, [this](const BatchQueue::Batch& batch) { return Deliver(batch); }) {
    std::random_device random;
    char hex[17];
    std::snprintf(hex, sizeof hex, "%08x%08x", static_cast<unsigned>(random()), static_cast<unsigned>(random()));
    run_ = hex;
  }

  const char* name() const override { return "elasticsearch"; }
  void Take(const LogEvent& event) override { queue_.Add(Document(event)); }
  bool Finish(int64_t most_ms) override { return queue_.Finish(most_ms); }
  void Stop() override { queue_.Stop(); }
  uint64_t dropped() const override { return queue_.dropped(); }

 private:
  /// The two lines of one event.
  std::string Document(const LogEvent& event) {
    const uint64_t number = made_.fetch_add(1, std::memory_order_relaxed);
    std::string out = R"({"create":{"_id":")" + run_ + "-" + std::to_string(number) + "\"}}\n";
    JsonWriter json(&out);
    json.BeginObject();
    const auto text = [&json](std::string_view key, std::string_view value) {
      json.Key(key);
      json.String(value);
    };
    text("@timestamp", FormatRfc3339(event.time));
    text("log.level", NameOf(event.level));
    text("message", event.event);
    text("service.name", "notifyd");
    if (!host_.empty()) text("host.name", host_);
    for (const LogField* field = event.fields; field != event.fields + event.count; ++field)
      if (const auto* id = std::get_if<std::string_view>(&field->value); id && field->name == "trace_id" && !id->empty()) text("trace.id", *id);
    json.Key("notifyd");
    json.BeginObject();
    for (const LogField* field = event.fields; field != event.fields + event.count; ++field) {
      if (IsLeftOut(*field)) continue;
      std::string value;
      AppendLogValue(*field, /*plain_words=*/false, &value);
      json.Key(field->name);
      json.Raw(value);
    }
    json.EndObject();
    json.EndObject();
    return out += '\n';
  }

  size_t Deliver(const BatchQueue::Batch& batch) {
    std::vector<const std::string*> left;
    for (const std::string& item : batch) left.push_back(&item);
    size_t lost = 0;
    for (int round = 1;; ++round) {
      std::string body, answer;
      for (const std::string* item : left) body += *item;
      if (!post_.Send(body, &answer)) return lost + left.size();
      left = Refused(answer, left, &lost);
      if (left.empty()) return lost;
      // Where others of the batch were taken, it is these documents that are at fault, and what waits behind them is not to wait for ever.
      if (round >= (left.size() < batch.size() ? kMostRoundsOfSome : kMostRounds) || !post_.AwaitRetry(round)) return lost + left.size();
    }
  }

  /// Those of `sent` that are to be sent again: there was no room for them (429), or the shard was away (5xx). 409: an earlier request made it.
  static std::vector<const std::string*> Refused(const std::string& answer, const std::vector<const std::string*>& sent, size_t* lost) {
    std::vector<const std::string*> again;
    Result<JsonTree> tree = JsonTree::Parse(answer);
    if (!tree.ok()) return again;
    const auto errors = tree->root().At("/errors");
    const auto items = tree->root().At("/items");
    if (!errors || errors->kind() != JsonTree::Kind::kTrue || !items) return again;
    size_t at = 0;
    items->ForEach([&](JsonTree::Value, JsonTree::Value item) {
      const size_t number = at++;
      const auto status = item.At("/create/status");
      if (number >= sent.size() || !status) return;
      const std::string code(status->raw());
      if (code == "429" || code.starts_with('5')) again.push_back(sent[number]);
      else if (!code.starts_with('2') && code != "409") ++*lost;
    });
    return again;
  }

  const std::string host_ = HostName();
  std::string run_;  // of this process, in the documents' ids
  std::atomic<uint64_t> made_{0};
  HttpPost post_;  // outlives the thread of the queue
  BatchQueue queue_;
};

}  // namespace

std::unique_ptr<LogSink> MakeElasticSink(const ElasticOptions& options) {
  return std::make_unique<ElasticSink>(options);
}

}  // namespace notifyd
