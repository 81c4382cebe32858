// Api: HTTP requests to core events, core replies to HTTP responses. One a loop, on its thread. Decides nothing: parses, validates, renders.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/time.h"
#include "broker/ports.h"
#include "net/api/problem.h"
#include "net/api/submit_parser.h"
#include "net/http.h"

namespace notifyd {

struct ApiOptions {
  uint32_t thread = 0;              // RequestId::thread of what it posts
  size_t max_body_bytes = 1 << 20;  // a notify's body as sent to the receiver
  size_t max_batch_items = 10'000;
  size_t max_line_bytes = 8 << 20;  // of a bulk submit
  int64_t max_timeout_ms = SubmitParser::kMostTimeoutMs;
  /// Names (any case) of headers whose values are shown as "***", beside those that always are (base/secrets.h).
  std::vector<std::string> secret_headers;
  std::vector<std::string> hosts;  // names under which it may be reached, beside localhost and addresses
  size_t max_waiters = 4096;       // GETs with wait_ms at once, of all that share `waiters`
  std::shared_ptr<std::atomic<size_t>> waiters = std::make_shared<std::atomic<size_t>>(0);
  int64_t bulk_idle_ms = 60'000;  // a bulk submit of which so long no line came is ended, whatever blanks did
  std::string version;
  /// Runs `work` on another thread, then `then` on the loop; empty: there is none, and large documents are parsed on the loop.
  std::function<void(std::function<void()> work, std::function<void()> then)> aside;
  /// Runs it on the loop, once what else waits there had its turn; empty: at once.
  std::function<void(std::function<void()>)> later;
  std::function<int64_t()> monotonic_us;  // empty: the steady clock
  std::function<WallTime()> wall;         // reads the wall clock
  std::function<bool()> ready;            // readyz; any thread
  /// What the process knows beside the core, for stats and metrics; any thread, never blocks long.
  struct ProcessStats {
    int64_t pid = 0;
    WallTime started_at;
    int64_t uptime_ms = 0;
    uint64_t rss_bytes = 0, connections = 0, waiters = 0, buffered_bytes = 0;
    double cpu_seconds = 0;
    uint64_t store_disk_bytes = 0, store_wal_bytes = 0, store_free_bytes = 0, store_syncs = 0, store_groups = 0, store_batches = 0;
    uint64_t memtable_bytes = 0, block_cache_bytes = 0, table_readers_bytes = 0;
  };
  std::function<ProcessStats()> process;
  Histogram* acknowledgement = nullptr;           // borrowed; from a submit's last byte to its answer
  std::vector<const NamedHistogram*> histograms;  // borrowed; for /metrics
};

class Api : public HttpHandler {
 public:
  /// Where answers go: the server's functions of the same names (net/http.h).
  class Responder {
   public:
    virtual ~Responder() = default;
    virtual void Respond(uint64_t token, HttpResponse response) = 0;
    virtual void BeginStream(uint64_t token, HttpResponse head) = 0;
    virtual size_t Stream(uint64_t token, std::string_view piece) = 0;
    virtual void EndStream(uint64_t token, bool close) = 0;
    virtual void BreakStream(uint64_t token) = 0;
    virtual bool Reserve(uint64_t token, size_t bytes) = 0;
    virtual void PauseBody(uint64_t token) = 0;
    virtual void ResumeBody(uint64_t token) = 0;
  };

  /// `sink` takes the events; borrowed. SetResponder (borrowed, too) must follow before the first request.
  Api(const ApiOptions& options, EventSink* sink);
  ~Api() override;
  void SetResponder(Responder* responder);
  /// The name that this broker has in Notify-Via: requests that it has made itself are refused from now on. Loop thread, or before it runs.
  void SetVia(std::string name);
  /// In place of ApiOptions::secret_headers: the settings were read anew. Loop thread.
  void SetSecretHeaders(std::vector<std::string> names);
  /// ApiOptions::hosts, anew. Loop thread.
  void SetHosts(const std::vector<std::string>& hosts);

  HttpDemand Demand(const HttpRequest& request) override;
  void OnHalfClose(uint64_t token) override;
  bool OnHead(uint64_t token, const HttpRequest& head) override;
  void OnBody(uint64_t token, std::string_view piece) override;
  void OnBodyEnd(uint64_t token) override;
  bool OnBodyBroken(uint64_t token) override;
  void OnWritable(uint64_t token) override;
  void OnRequest(uint64_t token, HttpRequest request) override;
  void OnClose(uint64_t token) override;
  HttpResponse OnRefused(int status, std::string_view detail) override;
  /// From now on no bulk submit is taken. Those under way end in order: each is answered for the lines that were taken, and told where they end.
  /// Before the core hears of the stop. Loop thread.
  void EndBulkSubmits(Leaving why);
  /// The core's answer to what OnRequest posted. Loop thread.
  void OnReply(Reply reply);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
