// ApiFixture: an Api without server and core. Requests go in as values; the answers, or the events that were posted, are looked at.
#pragma once

#include "base/json_tree.h"
#include "broker/spec.h"
#include "net/api/api.h"
#include <catch2/catch.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace notifyd {

class FakeSwitchboard : public Switchboard {
 public:
  void Post(NamespaceNumber to, Event event) override {
    events.push_back(std::move(event));
    numbers.push_back(to);
  }
  void Post(RegistryEvent event) override { registry.push_back(std::move(event)); }
  void Audit(AuditEntry entry, std::function<void()> durable) override {
    audited.push_back(std::move(entry));
    if (holds_audit) held_audit.push_back(std::move(durable));
    else durable();
  }

  std::vector<Event> events;
  std::vector<NamespaceNumber> numbers;  // of all events that there ever were: for whom each was
  std::vector<RegistryEvent> registry;
  std::vector<AuditEntry> audited;
  bool holds_audit = false;
  std::vector<std::function<void()>> held_audit;
};

/// A parsed answer: any JSON value by its pointer.
class Json {
 public:
  explicit Json(const std::string& text) : tree_(JsonTree::Parse(text)) {
    INFO(text);
    REQUIRE(tree_.ok());
  }
  bool Has(const std::string& pointer) const { return tree_->root().At(pointer).has_value(); }
  /// A string as it is, anything else as JSON; "(none)" where there is nothing.
  std::string At(const std::string& pointer) const {
    std::optional<JsonTree::Value> value = tree_->root().At(pointer);
    if (!value) return "(none)";
    return std::string(value->kind() == JsonTree::Kind::kString ? value->text() : value->raw());
  }

 private:
  Result<JsonTree> tree_;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Keeps what a server would send, and holds the Api to the rules of answering.
class FakeResponder : public HttpResponder {
 public:
  struct Streamed {
    HttpResponse head;
    std::string text;
    bool ended = false;
    bool closes = false;  // the connection
    bool broken = false;
  };

  void Respond(uint64_t token, HttpResponse response) override {
    REQUIRE_FALSE(streams.contains(token));
    REQUIRE(answers.emplace(token, std::move(response)).second);  // one answer a request
  }
  void BeginStream(uint64_t token, HttpResponse head) override {
    REQUIRE_FALSE(answers.contains(token));
    REQUIRE(streams.emplace(token, Streamed{std::move(head), ""}).second);
  }
  size_t Stream(uint64_t token, std::string_view piece) override {
    REQUIRE(streams.contains(token));
    REQUIRE_FALSE(streams[token].ended);
    streams[token].text += piece;
    return unsent;
  }
  void EndStream(uint64_t token, bool close) override {
    REQUIRE(streams.contains(token));
    REQUIRE_FALSE(std::exchange(streams[token].ended, true));
    streams[token].closes = close;
  }
  void BreakStream(uint64_t token) override {
    REQUIRE(streams.contains(token));
    REQUIRE_FALSE(streams[token].ended);
    REQUIRE_FALSE(std::exchange(streams[token].broken, true));
  }
  bool Reserve(uint64_t, size_t bytes) override {
    reserved += bytes;
    return room;
  }
  void PauseBody(uint64_t) override { REQUIRE_FALSE(std::exchange(paused, true)); }
  void ResumeBody(uint64_t) override { REQUIRE(std::exchange(paused, false)); }

  std::map<uint64_t, HttpResponse> answers;
  std::map<uint64_t, Streamed> streams;
  size_t unsent = 0;    // what Stream says
  bool room = true;     // what Reserve says
  size_t reserved = 0;  // what it was asked for, in all
  bool paused = false;  // the one body that comes in pieces
};

class ApiFixture {
 public:
  static constexpr size_t kMaxListeners = 100'000;  // more than any case has

  ApiFixture() : api(Options(), &sink) { api.SetResponder(&responder); }

  ApiOptions Options() {
    ApiOptions options;
    options.thread = 3;
    options.max_body_bytes = 1000;
    options.max_batch_items = 5;
    options.secret_headers = {"X-Pin"};
    options.version = "1.2.3";
    options.cells = {"east", std::string(63, 'x')};  // the latter has the longest name that one may have
    options.wall = [this] { return WallTime{wall_ms}; };
    options.rekey = [this](bool begin) {
      rekeys += begin;
      return rekey;
    };
    options.cluster = [this] { return cluster; };
    options.drain = [this](const std::string& member, bool draining, const std::function<void(Status)>& then) {
      drains.emplace_back(member, draining);
      then(drained);
    };
    options.backups = [this](const BackupAsk& ask, const std::function<void(BackupAnswer)>& then) {
      backup_asks.push_back(ask);
      then(backups);
    };
    options.profile = [this](int64_t seconds, std::function<void(Result<std::string>)> then) {
      profiled_seconds = seconds;
      then(profile);
    };
    options.held = [this](std::function<void(std::vector<HeldByCore>)> then) { then(held_by_cores); };
    options.ready = [this] { return ready; };
    options.max_line_bytes = 500;
    options.hosts = {"broker.example"};
    options.max_waiters = 2;
    options.max_listeners = kMaxListeners;
    options.listeners = listeners;
    options.live_timer = [this](int64_t delay_ms, std::function<void()> task) {
      live_ms = delay_ms;
      live_tick = std::move(task);
    };
    options.hold_timer = [this](int64_t, std::function<void()> task) { hold_tick = std::move(task); };
    options.monotonic_us = [this] { return now_us; };
    options.acknowledgement = &acknowledgement.histogram;
    options.histograms = {&acknowledgement};
    options.process = [] {
      ProcessStats stats;
      stats.pid = 42;
      stats.started_at = WallTime{1'700'000'000'000};
      stats.uptime_ms = 5000;
      stats.rss_bytes = 1 << 20;
      stats.cpu_seconds = 1.5;
      using enum StoreFigure::Part;
      stats.store = {{kStore, "disk_bytes", "", 77},
                     {kStore, "wal_bytes", "", 0},
                     {kStore, "free_bytes", "", 0},
                     {kStore, "dropped_bytes", "", 0, true},
                     {kStore, "rewritten_bytes", "", 0, true},
                     {kStore, "sealed", "", 1},
                     {kStore, "rekey_due", "", 0},
                     {kStore, "backups", "", 0, true},
                     {kStore, "backups_failed", "", 0, true},
                     {kStore, "backup_age_seconds", "", 0},
                     {kStore, "backup_bytes", "", 0},
                     {kCommits, "batches", "", 0, true},
                     {kCommits, "groups", "", 0, true},
                     {kCommits, "syncs", "", 0, true},
                     {kMemory, "memtable_bytes", "", 0},
                     {kMemory, "block_cache_bytes", "", 0},
                     {kMemory, "table_readers_bytes", "", 0}};
      return stats;
    };
    return options;
  }

  /// Returns the token.
  uint64_t Ask(const std::string& method, const std::string& target, const std::string& body = "", Headers headers = {}) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = std::move(headers);
    request.body = body;
    api.OnRequest(++last_token, std::move(request));
    return last_token;
  }
  uint64_t Submit(const std::string& body, Headers headers = {}) { return Ask("POST", "/v1/notifies", body, std::move(headers)); }

  /// The answer to the newest request; it must be there.
  const HttpResponse& Answer() {
    REQUIRE(answers.contains(last_token));
    return answers.at(last_token);
  }
  bool answered() const { return answers.contains(last_token); }
  std::string Header(const std::string& name) {
    for (const auto& [key, value] : Answer().headers)
      if (key == name) return value;
    return "(none)";
  }

  /// "422 /url", or "posted" where an event went out instead of an answer; "200" and the like for what is no problem.
  std::string Outcome() {
    if (!answered()) return "posted";
    const HttpResponse& answer = Answer();
    std::string outcome = std::to_string(answer.status);
    if (answer.content_type != "application/problem+json") return outcome;
    Json problem(answer.body);
    REQUIRE(problem.At("/status") == outcome);
    for (const char* part : {"/type", "/title", "/detail"}) REQUIRE(problem.Has(part));
    return problem.Has("/field") ? outcome + " " + problem.At("/field") : outcome;
  }
  std::string SubmitOutcome(const std::string& body, Headers headers = {}) {
    Submit(body, std::move(headers));
    return Outcome();
  }
  /// Of a notify with these fields beside a good URL.
  std::string WithFields(const std::string& fields) { return SubmitOutcome("{\"url\":\"http://h/\"," + fields + "}"); }

  template <class E>
  const E& Posted() {
    REQUIRE_FALSE(sink.events.empty());
    REQUIRE(std::holds_alternative<E>(sink.events.back()));
    return std::get<E>(sink.events.back());
  }
  /// The one item of the newest submit, which must have been posted.
  const SubmitItem& Item() {
    REQUIRE(!answered());
    const SubmitRequest& submit = Posted<SubmitRequest>();
    REQUIRE(submit.items.size() == 1);
    return submit.items[0];
  }
  NotifySpec Spec() { return *DecodeSpec(*Item().spec); }
  const Envelope& Head() { return *Item().envelope; }

  /// The record that a submit's first item would become.
  NotifyRecord RecordOf(const SubmitItem& item) {
    NotifyRecord record;
    record.id = NotifyId{0x1f};
    record.created_at = WallTime{1'700'000'000'000};
    record.envelope = item.envelope;
    record.spec = item.spec;
    record.state.due = WallTime{1'700'000'001'000};
    return record;
  }
  /// The core's answer to the newest request.
  void Reply(decltype(Reply::body) body) { api.OnReply({{3, last_token}, std::move(body)}); }

  /// A bulk submit whose body comes in pieces. Returns the token; false where the head is not taken.
  bool Open(Headers headers = {{"Content-Type", "application/x-ndjson"}}, const std::string& target = "/v1/notifies",
            const std::string& method = "POST") {
    HttpRequest head;
    head.method = method;
    head.target = target;
    head.headers = std::move(headers);
    if (!api.TakesPieces(head)) return false;
    api.OnHead(++last_token, head);
    return true;
  }
  const FakeResponder::Streamed& Streamed() {
    REQUIRE(responder.streams.contains(last_token));
    return responder.streams.at(last_token);
  }

  /// Asks for a notify and answers with the record: the JSON that comes of it.
  Json Shown(const NotifyRecord& record, State state) {
    uint64_t token = Ask("GET", "/v1/notifies/" + record.id.ToString());
    api.OnReply({{3, token}, Viewed{{std::make_shared<const NotifyRecord>(record), state}}});
    return Json(Answer().body);
  }

  FakeSwitchboard sink;
  FakeResponder responder;
  std::map<uint64_t, HttpResponse>& answers = responder.answers;
  NamedHistogram acknowledgement{"notifyd_acknowledgement_seconds", "From a submit to its answer.", {}};
  std::vector<BackupAsk> backup_asks;
  BackupAnswer backups{{}, {{"nightly", "running", "", {1'700'000'000'000}, std::nullopt, 12, 3456, 78}}};  // what the store says
  Result<std::string> profile = std::string("a profile");
  int64_t profiled_seconds = 0;
  std::vector<HeldByCore> held_by_cores{{0, "default", {{"notifies", 2, 900}}}};
  ClusterReport cluster{{{"a", "h:1", true, true, false, true, 2, "1.0", 3, {"b"}, true}},
                        {{kDefaultNumber, "a", "a", 3, 0}},
                        {{WallTime{5}, kDefaultNumber, "", "a"}}};
  std::vector<std::pair<std::string, bool>> drains;  // that were asked for
  Status drained;                                    // what is said of them
  RekeyReport rekey;  // what the process says
  int rekeys = 0;     // that were asked for
  bool ready = true;
  std::shared_ptr<std::atomic<size_t>> listeners = std::make_shared<std::atomic<size_t>>(0);
  int64_t live_ms = 0;  // until live_tick is to run; what ran is empty
  std::function<void()> live_tick;
  std::function<void()> hold_tick;  // to be called once the timer of credentials goes off
  int64_t now_us = 1'000'000'000;
  int64_t wall_ms = 1'700'000'000'000;
  uint64_t last_token = 0;
  Api api;
};

}  // namespace notifyd
