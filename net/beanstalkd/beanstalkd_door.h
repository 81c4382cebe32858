// BeanstalkdDoor: what comes from clients of beanstalkd (contract section 20), as requests to the API, and its answers in beanstalkd's words. It
// stands between a server and the API's handler: requests of HTTP, and their answers, go through it untouched; a command becomes one request to the
// API or several, one after the other, as its client would have made them over HTTP. So limits, quotas, checks and the books are the API's, and an
// answer comes when that does: INSERTED after the sync. One a loop, on its thread.
//
// I1  A command's own requests have tokens that no server gives (kOwn).
// I2  Of a command one request is with the API at most; where its client goes away the API hears of it, and nothing more is asked.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "net/beanstalkd/beanstalkd_tube.h"
#include "net/http.h"

namespace notifyd {

class AnswerDocument;

/// What is counted, for `stats` and the metrics. Shared by all loops.
struct BeanstalkdFigures {
  static constexpr std::array<std::string_view, 14> kCommands = {"put",        "peek",       "peek-ready", "peek-delayed", "peek-buried",
                                                                 "delete",     "kick",       "kick-job",   "stats",        "stats-job",
                                                                 "stats-tube", "list-tubes", "pause-tube", "say"};
  std::array<std::atomic<uint64_t>, kCommands.size()> commands{};
  std::atomic<uint64_t> jobs{0};         // that were put and taken
  std::atomic<uint64_t> refused{0};      // that were put and not taken, for what they are
  std::atomic<uint64_t> turned_away{0};  // likewise, for the time being
  /// Notes that a namespace is not there, or that it is. Returns whether that was noted for the first time since the other. Any thread.
  bool Note(const std::string& space, bool missing);
  /// 0 where there is no such command.
  uint64_t Of(std::string_view command) const;
  void Count(std::string_view command);

 private:
  std::mutex mutex_;
  std::set<std::string> missing_;
  std::atomic<size_t> of_missing_{0};  // how many: mostly none is
};

struct BeanstalkdOptions {
  size_t max_job_bytes = 1 << 20;
  /// The tubes of all namespaces. Any thread.
  std::function<std::shared_ptr<const std::vector<BeanstalkdTube>>()> tubes;
  std::function<WallTime()> wall;
  /// How many connections there are at such listeners. Any thread.
  std::function<size_t()> connections;
  BeanstalkdFigures* figures = nullptr;  // borrowed; outlives the door
};

class BeanstalkdDoor : public HttpHandler, public HttpResponder {
 public:
  /// `api` is borrowed. SetResponder (borrowed, too) must follow before the first request.
  BeanstalkdDoor(BeanstalkdOptions options, HttpHandler* api);
  ~BeanstalkdDoor() override;
  void SetResponder(HttpResponder* server) { server_ = server; }

  // As the server's handler.
  HttpDemand Demand(const HttpRequest& request) override;
  bool TakesPieces(const HttpRequest& head) override { return !head.peer->asker && api_->TakesPieces(head); }
  void OnRequest(uint64_t token, HttpRequest request) override;
  void OnClose(uint64_t token) override;
  void OnHalfClose(uint64_t token) override;
  void OnHead(uint64_t token, const HttpRequest& head) override { api_->OnHead(token, head); }
  void OnBody(uint64_t token, std::string_view piece) override { api_->OnBody(token, piece); }
  void OnBodyEnd(uint64_t token) override { api_->OnBodyEnd(token); }
  bool OnBodyBroken(uint64_t token) override { return api_->OnBodyBroken(token); }
  void OnWritable(uint64_t token) override { api_->OnWritable(token); }
  HttpResponse OnRefused(int status, std::string_view detail) override { return api_->OnRefused(status, detail); }

  // As the API's responder. No request of a command is answered by a stream.
  void Respond(uint64_t token, HttpResponse response) override;
  bool Reserve(uint64_t token, size_t bytes) override;
  void BeginStream(uint64_t token, HttpResponse head) override { server_->BeginStream(token, std::move(head)); }
  size_t Stream(uint64_t token, std::string_view piece) override { return server_->Stream(token, piece); }
  void EndStream(uint64_t token, bool close) override { server_->EndStream(token, close); }
  void BreakStream(uint64_t token) override { server_->BreakStream(token); }
  void PauseBody(uint64_t token) override { server_->PauseBody(token); }
  void ResumeBody(uint64_t token) override { server_->ResumeBody(token); }

 private:
  static constexpr uint64_t kOwn = uint64_t{1} << 63;
  /// Of a list; what there is beyond is not shown.
  static constexpr size_t kMostNames = 10'000;
  /// Pages that are looked at for one buried job, and calls that one kick takes.
  static constexpr int kMostPages = 100;
  /// Those of which one that waits is chosen, and pages that are looked at for them: of 4,000 notifies each. Only where a lane says that it is there.
  static constexpr uint64_t kMostLooked = 1'000;
  static constexpr int kMostLookPages = 2'500;

  struct Row;
  static const Row kRows[];

  /// A command under way.
  struct Command {
    uint64_t token = 0;  // the server's
    HttpRequest request;
    const Row* row = nullptr;              // what it is
    bool changed = false;                  // a part of it is carried out
    size_t held_bytes = 0;                 // for the answer, or behind a job: has its place in the budget while a request is with the API
    const BeanstalkdTube* tube = nullptr;  // of the configuration, by the tube in question; null: none. Kept by `tubes`
    std::shared_ptr<const std::vector<BeanstalkdTube>> tubes;
    const std::string& space() const;
    std::string_view Value(std::string_view header) const;
    uint64_t Number(std::string_view header) const;
  };
  using CommandPtr = std::shared_ptr<Command>;
  using Then = std::function<void(HttpResponse)>;
  struct Asked {
    CommandPtr command;
    Then then;
  };
  /// Asks the API, in the command's namespace. `path`: behind that, with its query.
  void Ask(const CommandPtr& command, std::string method, std::string path, std::string body, Then then);
  void Answer(const CommandPtr& command, std::string answer);
  /// Is it refused since there is no such namespace, or soon will be none? By a path where nothing else is looked for.
  static bool LacksNamespace(const HttpResponse& response);
  /// What an answer of the API that is none of those expected means. A command of which a part was carried out is not refused.
  void AnswerRefusal(const CommandPtr& command, const HttpResponse& response);
  const BeanstalkdTube* FindTube(const Command& command, std::string_view name) const;

  // beanstalkd_commands.cc: a command each.
  void Put(const CommandPtr& command);
  /// `query`: of the submit, with its "?".
  void Submit(const CommandPtr& command, std::string document, const std::string& query = {});
  void PutNotifyAgent(const CommandPtr& command);
  void RefuseJob(const CommandPtr& command, std::string_view detail);
  void Delete(const CommandPtr& command);
  void LookAndDelete(const CommandPtr& command, const std::string& id, bool first);
  void Purge(const CommandPtr& command, const std::string& id);
  void Peek(const CommandPtr& command);
  void PeekReady(const CommandPtr& command);
  void PeekDelayed(const CommandPtr& command);
  struct JobLook;
  void CountWaiting(const CommandPtr& command, const std::shared_ptr<JobLook>& look);
  void LookForWaiting(const CommandPtr& command, const std::shared_ptr<JobLook>& look, std::string cursor);
  void PeekBuried(const CommandPtr& command);
  void LookForBuried(const CommandPtr& command, std::string cursor, int pages);
  void ShowJob(const CommandPtr& command, const std::string& id);
  void Kick(const CommandPtr& command);
  void KickMore(const CommandPtr& command, const char* states, uint64_t kicked, std::string cursor, int calls);
  void KickJob(const CommandPtr& command);
  void PauseTube(const CommandPtr& command);
  void PauseLanes(const CommandPtr& command, std::vector<std::string> modes, bool paused);
  void PauseLane(const CommandPtr& command, std::string mode, std::function<void()> then);
  void Stats(const CommandPtr& command);
  void StatsJob(const CommandPtr& command);
  void StatsTube(const CommandPtr& command);
  struct TubeLook;
  void LookAtLanes(const CommandPtr& command, const std::shared_ptr<TubeLook>& look);
  void LookAtBuried(const CommandPtr& command, const std::shared_ptr<TubeLook>& look);
  /// Of a tube, as WriteFilter has it.
  void CountBuried(const CommandPtr& command, const BeanstalkdTube* tube, bool may_lack, std::function<void(uint64_t count)> then);
  void ListTubes(const CommandPtr& command);
  bool TakeTubes(const CommandPtr& command, const AnswerDocument& page, const char* pointer, std::vector<std::string>* names);
  void ListBuried(const CommandPtr& command, const std::shared_ptr<std::vector<std::string>>& names);
  void ListMore(const CommandPtr& command, std::shared_ptr<std::vector<std::string>> names, std::string cursor);

  const BeanstalkdOptions options_;
  HttpHandler* const api_;
  HttpResponder* server_ = nullptr;
  uint64_t sequence_ = 0;
  std::unordered_map<uint64_t, Asked> asked_;      // by our own tokens
  std::unordered_map<uint64_t, uint64_t> own_of_;  // by the server's
};

}  // namespace notifyd
