// BeanstalkdDoor: a command each, as requests to the API. See beanstalkd_door.h; docs/doors.md says what each comes to, and what differs.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/base64.h"
#include "base/log.h"
#include "base/percent_encoding.h"
#include "base/utf8.h"
#include "net/access/principal.h"
#include "net/beanstalkd/beanstalkd_answers.h"
#include "net/beanstalkd/beanstalkd_door.h"
#include "net/beanstalkd/beanstalkd_parser.h"
#include "net/notify_agent/notify_agent.h"

namespace notifyd {
namespace {

constexpr uint64_t kMostDelayS = 3653ULL * 24 * 3600;
constexpr std::string_view kNotifyTube = "notify";
constexpr std::string_view kNotFound = "NOT_FOUND\r\n";
constexpr const char* kKickable = "scheduled,retrying";
constexpr const char* kDelayed = "scheduled,retrying,held";
constexpr int kBuriedLooked = 200;        // of the newest buried ones the tubes are listed
constexpr uint64_t kMostAtOnce = 10'000;  // what one bulk call may touch

std::string LanePath(std::string_view mode, std::string_view lane) {
  return "/lanes/" + std::string(mode) + "/" + PercentEncoded(lane);
}

/// The filter of a tube's notifies, as members of an open object. `tube`: of the configuration; null: the lanes that are called as the tube is.
void WriteFilter(const BeanstalkdTube* tube, std::string_view name, std::string_view states, JsonWriter* json) {
  json->Key("filter");
  json->BeginObject();
  json->Key("state");
  json->String(states);
  json->Key("lane");
  json->String(tube ? std::string_view(tube->lane_name()) : name);
  if (tube) {
    json->Key("mode");
    json->String(tube->mode);
  }
  json->EndObject();
}

/// The same in a list's query.
std::string FilterQuery(const BeanstalkdTube* tube, std::string_view name, std::string_view states) {
  std::string query = "?state=" + std::string(states) + "&lane=" + PercentEncoded(tube ? std::string_view(tube->lane_name()) : name);
  return tube ? query + "&mode=" + tube->mode : query;
}

/// The job of an answer to a submit, which begins with its id. Of each put: reading all of it would cost more than the rest of the door.
std::string JobIn(std::string_view answer) {
  constexpr std::string_view kBegin = R"({"id":")";
  if (!answer.starts_with(kBegin)) return JobOfId(AnswerDocument(answer).Text("/id"));
  answer.remove_prefix(kBegin.size());
  return JobOfId(answer.substr(0, answer.find('"')));
}

/// How much longer a text is as a JSON string, at most: by escapes of control characters up to five times its length.
size_t EscapeBytes(std::string_view text) {
  size_t bytes = 0;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) bytes += 5;
    else bytes += c == '"' || c == '\\';
  }
  return bytes;
}

/// What a job has become takes the place of what came; what it is longer needs a place of its own. A little is not worth counting.
void HoldBeyond(size_t came, size_t becomes, size_t* held_bytes) {
  constexpr size_t kLittleBytes = 16 << 10;
  *held_bytes = becomes > came + kLittleBytes ? becomes - came : 0;
}

/// Is the tube that is meant the one that the connection uses ("used"), or one that it watches ("watched")?
bool IsOfConnection(const HttpRequest& request, std::string_view how) {
  return std::find(request.headers.begin(), request.headers.end(), std::pair(std::string(how), request.target)) != request.headers.end();
}

std::vector<std::string> ModesOf(const BeanstalkdTube* tube) {
  return tube ? std::vector<std::string>{tube->mode} : std::vector<std::string>{"fifo", "concurrent"};
}

}  // namespace

// ---- put

void BeanstalkdDoor::RefuseJob(const CommandPtr& command, std::string_view detail) {
  options_.figures->refused.fetch_add(1, std::memory_order_relaxed);
  const std::string peer = command->request.peer->Name();
  std::vector<LogField> fields;
  if (command->space() != kDefaultNamespace) fields.emplace_back("namespace", command->space());
  fields.emplace_back("tube", command->request.target);
  fields.emplace_back("peer", peer);
  fields.emplace_back("detail", detail);
  Log(LogLevel::kWarn, "job refused", fields.data(), fields.size());
  Answer(command, std::string(kBadFormat));
}

void BeanstalkdDoor::Put(const CommandPtr& command) {
  const uint64_t delay_s = command->Number("delay");
  if (delay_s > kMostDelayS) return RefuseJob(command, "the delay is longer than ten years");
  const BeanstalkdTube* tube = command->tube;
  if (!tube && command->request.target == kNotifyTube) return PutNotifyAgent(command);
  if (!tube) return RefuseJob(command, "there is no [[tube]] of this name in the listener's namespace");
  // What goes on is the document alone; the job's bytes have their place in the budget until the answer.
  const std::string job = std::exchange(command->request.body, std::string());
  std::string document;
  document.reserve(job.size() + 256);
  JsonWriter json(&document);
  json.BeginObject();
  auto text = [&](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  text("url", tube->url);
  if (!tube->content_type.empty()) text("content_type", tube->content_type);
  if (IsValidUtf8(job) && EscapeBytes(job) <= job.size() / 2) text("body", job);
  else text("body_base64", EncodeBase64(job));
  text("lane", tube->lane_name());
  text("mode", tube->mode);
  if (tube->mode != "fifo") {
    json.Key("priority");
    json.Int(PriorityOf(command->Number("pri")));
  }
  if (delay_s > 0) {
    json.Key("delay_ms");
    json.Uint(delay_s * 1000);
  }
  json.EndObject();
  HoldBeyond(job.size(), document.size(), &command->held_bytes);
  Submit(command, std::move(document));
}

void BeanstalkdDoor::PutNotifyAgent(const CommandPtr& command) {
  const std::string job = std::exchange(command->request.body, std::string());
  Result<NotifyAgentCall> call = ReadNotifyAgentCall(job);
  if (!call.ok()) return RefuseJob(command, call.status().detail());
  NotifyAgentTerms terms;
  if (const uint64_t delay_s = command->Number("delay"); delay_s > 0) terms.delay_ms = static_cast<int64_t>(delay_s * 1000);
  terms.caller = command->request.peer->asker->grant->grant.caller.value_or("");
  std::string document = NotifyOfNotifyAgentCall(*call, terms);
  HoldBeyond(job.size(), document.size(), &command->held_bytes);
  // One that waits for its next attempt steps aside in its lane, as in the old daemon's queue.
  Submit(command, std::move(document), "?on_retry=skip");
}

void BeanstalkdDoor::Submit(const CommandPtr& command, std::string document, const std::string& query) {
  Ask(command, "POST", "/notifies" + query, std::move(document), [this, command](HttpResponse response) {
    if (const std::string job = response.status == 201 ? JobIn(response.body) : std::string(); !job.empty()) {
      options_.figures->jobs.fetch_add(1, std::memory_order_relaxed);
      return Answer(command, "INSERTED " + job + "\r\n");
    }
    if (response.status < 500 && response.status != 429 && !LacksNamespace(response)) {
      const AnswerDocument answer(response.body);
      const std::string field = answer.Text("/field");
      return RefuseJob(command, answer.Text("/detail") + (field.empty() ? "" : " (" + field + ")"));
    }
    // Of 504 nobody knows.
    if (response.status != 504) options_.figures->turned_away.fetch_add(1, std::memory_order_relaxed);
    AnswerRefusal(command, response);
  });
}

// ---- one job

void BeanstalkdDoor::Delete(const CommandPtr& command) {
  const std::string id = IdOfJob(command->request.target);
  if (id.empty()) return Answer(command, std::string(kNotFound));
  LookAndDelete(command, id, /*first=*/true);
}

void BeanstalkdDoor::LookAndDelete(const CommandPtr& command, const std::string& id, bool first) {
  Ask(command, "GET", "/notifies/" + id + "/explain", {}, [this, command, id, first](HttpResponse response) {
    if (response.status != 200) return AnswerRefusal(command, response);
    const std::string state = AnswerDocument(response.body).Text("/state");
    if (state == "failed") return Purge(command, id);
    if (JobState(state).empty()) return Answer(command, std::string(kNotFound));
    Ask(command, "DELETE", "/notifies/" + id, {}, [this, command, id, first](HttpResponse cancelled) {
      // Its call has ended in between: maybe it is buried now.
      if (cancelled.status == 409 && first) return LookAndDelete(command, id, /*first=*/false);
      if (cancelled.status != 200) return AnswerRefusal(command, cancelled);
      Answer(command, "DELETED\r\n");
    });
  });
}

/// Of one that failed. It alone, and only if it still is: by the time that this is carried out somebody else may have removed it.
void BeanstalkdDoor::Purge(const CommandPtr& command, const std::string& id) {
  Ask(command, "POST", "/notifies/purge", R"({"filter":{"state":"failed","id":")" + id + "\"}}", [this, command](HttpResponse purged) {
    if (purged.status != 200) return AnswerRefusal(command, purged);
    Answer(command, AnswerDocument(purged.body).Number("/count") == 1 ? "DELETED\r\n" : std::string(kNotFound));
  });
}

void BeanstalkdDoor::KickJob(const CommandPtr& command) {
  const std::string id = IdOfJob(command->request.target);
  if (id.empty()) return Answer(command, std::string(kNotFound));
  Ask(command, "GET", "/notifies/" + id + "/explain", {}, [this, command, id](HttpResponse response) {
    if (response.status != 200) return AnswerRefusal(command, response);
    const std::string state = AnswerDocument(response.body).Text("/state");
    if (state != "failed" && state != "scheduled" && state != "retrying") return Answer(command, std::string(kNotFound));
    Ask(command, "POST", "/notifies/" + id + "/retry", {}, [this, command](HttpResponse retried) {
      if (retried.status != 202) return AnswerRefusal(command, retried);
      Answer(command, "KICKED\r\n");
    });
  });
}

void BeanstalkdDoor::ShowJob(const CommandPtr& command, const std::string& id) {
  Ask(command, "GET", "/notifies/" + id, {}, [this, command](HttpResponse response) {
    const AnswerDocument notify(response.body);
    if (response.status != 200) return AnswerRefusal(command, response);
    if (JobState(notify.Text("/state")).empty()) return Answer(command, std::string(kNotFound));
    const std::string job = JobOf(notify);
    Answer(command, "FOUND " + JobOfId(notify.Text("/id")) + " " + std::to_string(job.size()) + "\r\n" + job + "\r\n");
  });
}

void BeanstalkdDoor::Peek(const CommandPtr& command) {
  const std::string id = IdOfJob(command->request.target);
  id.empty() ? Answer(command, std::string(kNotFound)) : ShowJob(command, id);
}

/// The oldest one of those that are buried: of these the broker has an index, and no lane counts them. A page may be empty though there is more.
void BeanstalkdDoor::PeekBuried(const CommandPtr& command) {
  LookForBuried(command, {}, 0);
}

void BeanstalkdDoor::LookForBuried(const CommandPtr& command, std::string cursor, int pages) {
  std::string query = FilterQuery(command->tube, command->request.target, "failed") + "&order=oldest&limit=1";
  if (!cursor.empty()) query += "&cursor=" + PercentEncoded(cursor);
  Ask(command, "GET", "/notifies" + query, {}, [this, command, pages](HttpResponse response) {
    const AnswerDocument list(response.body);
    if (response.status != 200) return AnswerRefusal(command, response);
    if (const std::string id = list.Text("/items/0/id"); !id.empty()) return ShowJob(command, id);
    const std::string next = list.Text("/next");
    if (next.empty() || pages + 1 >= kMostPages) return Answer(command, std::string(kNotFound));
    LookForBuried(command, next, pages + 1);
  });
}

/// One that is looked for among those of a tube that wait: the lanes say how many there are.
struct BeanstalkdDoor::JobLook {
  bool delayed = false;            // the one that is due first; else the oldest one that is ready
  std::vector<std::string> modes;  // of the lanes that are still to be asked
  uint64_t there = 0;
  uint64_t seen = 0;
  int pages = 0;
  std::string id, at;  // the best so far
  /// What waits is young mostly: few are looked for from the newest on, until all are found.
  bool few() const { return there <= kMostLooked; }
  bool done() const { return seen >= (few() ? there : delayed ? kMostLooked : 1); }

  void See(const AnswerDocument& list) {
    for (size_t i = 0, size = list.Size("/items"); i < size; ++i, ++seen) {
      const std::string item = "/items/" + std::to_string(i);
      std::string due = delayed ? list.Text(item + "/next_attempt_at") : std::string();
      if (delayed && due.empty()) due = list.Text(item + "/due_at");
      if (delayed && due.empty()) due = "~";  // behind all times
      // Of those that are alike the oldest.
      if (!id.empty() && (few() ? due > at : due >= at)) continue;
      id = list.Text(item + "/id");
      at = std::move(due);
    }
  }
};

void BeanstalkdDoor::PeekReady(const CommandPtr& command) {
  auto look = std::make_shared<JobLook>();
  look->modes = ModesOf(command->tube);
  CountWaiting(command, look);
}

void BeanstalkdDoor::PeekDelayed(const CommandPtr& command) {
  auto look = std::make_shared<JobLook>();
  look->delayed = true;
  look->modes = ModesOf(command->tube);
  CountWaiting(command, look);
}

void BeanstalkdDoor::CountWaiting(const CommandPtr& command, const std::shared_ptr<JobLook>& look) {
  if (look->modes.empty()) return look->there > 0 ? LookForWaiting(command, look, {}) : Answer(command, std::string(kNotFound));
  const std::string mode = std::move(look->modes.back());
  look->modes.pop_back();
  const std::string& lane = command->tube ? command->tube->lane_name() : command->request.target;
  Ask(command, "GET", LanePath(mode, lane), {}, [this, command, look](HttpResponse response) {
    if (response.status != 200 && response.status != 404) return AnswerRefusal(command, response);
    TubeFigures figures;
    if (response.status == 200) figures.Add(AnswerDocument(response.body), options_.wall());
    look->there += look->delayed ? figures.delayed : figures.ready;
    CountWaiting(command, look);
  });
}

void BeanstalkdDoor::LookForWaiting(const CommandPtr& command, const std::shared_ptr<JobLook>& look, std::string cursor) {
  std::string query = FilterQuery(command->tube, command->request.target, look->delayed ? kDelayed : "ready");
  query += look->few() ? "&limit=1000" : look->delayed ? "&order=oldest&limit=1000" : "&order=oldest&limit=1";
  if (!cursor.empty()) query += "&cursor=" + PercentEncoded(cursor);
  Ask(command, "GET", "/notifies" + query, {}, [this, command, look](HttpResponse response) {
    const AnswerDocument list(response.body);
    if (response.status != 200) return AnswerRefusal(command, response);
    look->See(list);
    const std::string next = list.Text("/next");
    if (!look->done() && !next.empty() && ++look->pages < kMostLookPages) return LookForWaiting(command, look, next);
    look->id.empty() ? Answer(command, std::string(kNotFound)) : ShowJob(command, look->id);
  });
}

void BeanstalkdDoor::StatsJob(const CommandPtr& command) {
  const std::string id = IdOfJob(command->request.target);
  if (id.empty()) return Answer(command, std::string(kNotFound));
  Ask(command, "GET", "/notifies/" + id, {}, [this, command](HttpResponse response) {
    const AnswerDocument notify(response.body);
    if (response.status != 200) return AnswerRefusal(command, response);
    if (JobState(notify.Text("/state")).empty()) return Answer(command, std::string(kNotFound));
    const std::string lane = notify.Text("/lane"), mode = notify.Text("/mode");
    std::string tube = lane;
    for (const BeanstalkdTube& each : *command->tubes)
      if (each.space == command->space() && each.lane_name() == lane && each.mode == mode) tube = each.name;
    Answer(command, BeanstalkdData(JobYaml(notify, tube, options_.wall())));
  });
}

// ---- tubes

void BeanstalkdDoor::Kick(const CommandPtr& command) {
  if (command->Number("bound") == 0) return Answer(command, "KICKED 0\r\n");
  KickMore(command, "failed", 0, {}, 0);
}

void BeanstalkdDoor::KickMore(const CommandPtr& command, const char* states, uint64_t kicked, std::string cursor, int calls) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  WriteFilter(command->tube, command->request.target, states, &json);
  if (!cursor.empty()) {
    json.Key("cursor");
    json.String(cursor);
  }
  json.Key("limit");
  json.Uint(std::min<uint64_t>(command->Number("bound") - kicked, kMostAtOnce));
  json.EndObject();
  Ask(command, "POST", "/notifies/retry", std::move(body), [this, command, states, kicked, calls](HttpResponse response) {
    // What was kicked before is.
    if (response.status != 200 && kicked > 0) return Answer(command, "KICKED " + std::to_string(kicked) + "\r\n");
    if (response.status != 200) return AnswerRefusal(command, response);
    const AnswerDocument done(response.body);
    const uint64_t all = kicked + done.Number("/count");
    const std::string next = done.Text("/next");
    if (!next.empty() && all < command->Number("bound") && calls + 1 < kMostPages) return KickMore(command, states, all, next, calls + 1);
    // Delayed ones only where there are no buried ones.
    if (all == 0 && states != kKickable) return KickMore(command, kKickable, 0, {}, 0);
    Answer(command, "KICKED " + std::to_string(all) + "\r\n");
  });
}

void BeanstalkdDoor::PauseTube(const CommandPtr& command) {
  PauseLanes(command, ModesOf(command->tube), /*paused=*/false);
}

/// Those of the tube that are there, one after the other; all where it is a tube that always is, or while this connection has it. `paused`: one is
/// already.
void BeanstalkdDoor::PauseLanes(const CommandPtr& command, std::vector<std::string> modes, bool paused) {
  if (modes.empty()) return Answer(command, paused ? "PAUSED\r\n" : std::string(kNotFound));
  const std::string mode = std::move(modes.back());
  modes.pop_back();
  auto next = [this, command, modes = std::move(modes)](bool done) mutable { PauseLanes(command, std::move(modes), done); };
  auto pause = [this, command, mode, next]() { PauseLane(command, mode, [next]() mutable { next(true); }); };
  const std::string& name = command->request.target;
  const bool had = name == BeanstalkdParser::kDefault || IsOfConnection(command->request, "used") || IsOfConnection(command->request, "watched");
  // The jobs of the tube notify are in lanes of other names.
  if (command->tube || (had && name != kNotifyTube)) return pause();
  Ask(command, "GET", LanePath(mode, name), {}, [this, command, mode, paused, next, pause](HttpResponse response) mutable {
    if (response.status == 200) return pause();
    if (response.status != 404) return AnswerRefusal(command, response);
    // A tube of buried jobs alone has no lane any more.
    BeanstalkdTube lane;
    lane.lane = command->request.target;
    lane.mode = mode;
    CountBuried(command, &lane, /*may_lack=*/false, [paused, next, pause](uint64_t count) mutable { count > 0 ? pause() : next(paused); });
  });
}

void BeanstalkdDoor::PauseLane(const CommandPtr& command, std::string mode, std::function<void()> then) {
  const uint64_t delay_s = command->Number("delay");
  const std::string& lane = command->tube ? command->tube->lane_name() : command->request.target;
  std::string body = R"({"paused":false})";
  if (delay_s > 0) body = R"({"paused_until":)" + std::to_string(options_.wall().ms + static_cast<int64_t>(delay_s * 1000)) + "}";
  Ask(command, "PATCH", LanePath(mode, lane), std::move(body), [this, command, then = std::move(then)](HttpResponse response) {
    if (response.status == 200) {
      command->changed = true;
      return then();
    }
    // So many lanes are paused until some time that there is no room for another.
    if (response.status == 409 && !command->changed) return Answer(command, std::string(kOutOfMemory));
    AnswerRefusal(command, response);
  });
}

/// A tube that is being looked at: lane by lane, then what of it is buried.
struct BeanstalkdDoor::TubeLook {
  TubeFigures figures;
  bool there = false;
  std::vector<std::string> modes;  // of the lanes that are still to be looked at
};

void BeanstalkdDoor::StatsTube(const CommandPtr& command) {
  auto look = std::make_shared<TubeLook>();
  const std::string& name = command->request.target;
  look->modes = ModesOf(command->tube);
  look->figures.using_it = IsOfConnection(command->request, "used");
  look->figures.watching = IsOfConnection(command->request, "watched");
  look->there = command->tube || name == kNotifyTube || name == BeanstalkdParser::kDefault || look->figures.using_it + look->figures.watching > 0;
  LookAtLanes(command, look);
}

void BeanstalkdDoor::LookAtLanes(const CommandPtr& command, const std::shared_ptr<TubeLook>& look) {
  if (look->modes.empty()) return LookAtBuried(command, look);
  const std::string mode = std::move(look->modes.back());
  look->modes.pop_back();
  const std::string& lane = command->tube ? command->tube->lane_name() : command->request.target;
  Ask(command, "GET", LanePath(mode, lane), {}, [this, command, look](HttpResponse response) {
    if (response.status != 200 && response.status != 404) return AnswerRefusal(command, response);
    if (response.status == 200) look->figures.Add(AnswerDocument(response.body), options_.wall());
    look->there |= response.status == 200;
    LookAtLanes(command, look);
  });
}

void BeanstalkdDoor::LookAtBuried(const CommandPtr& command, const std::shared_ptr<TubeLook>& look) {
  // Of a tube that may be there for its buried jobs alone it is not known then whether it is.
  CountBuried(command, command->tube, /*may_lack=*/look->there, [this, command, look](uint64_t count) {
    look->figures.buried = count;
    if (!look->there && count == 0) return Answer(command, std::string(kNotFound));
    Answer(command, BeanstalkdData(TubeYaml(command->request.target, look->figures)));
  });
}

/// `may_lack`: all else is told without them by a broker that stops, which counts none any more.
void BeanstalkdDoor::CountBuried(const CommandPtr& command, const BeanstalkdTube* tube, bool may_lack, std::function<void(uint64_t count)> then) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  WriteFilter(tube, command->request.target, "failed", &json);
  json.Key("dry_run");
  json.Bool(true);
  json.EndObject();
  Ask(command, "POST", "/notifies/retry", std::move(body), [this, command, may_lack, then = std::move(then)](HttpResponse response) {
    if (may_lack && response.status == 503) return then(0);
    if (response.status != 200) return AnswerRefusal(command, response);
    then(AnswerDocument(response.body).Number("/count"));
  });
}

void BeanstalkdDoor::ListTubes(const CommandPtr& command) {
  auto names = std::make_shared<std::vector<std::string>>();
  names->emplace_back(BeanstalkdParser::kDefault);
  names->emplace_back(kNotifyTube);
  for (const BeanstalkdTube& tube : *command->tubes)
    if (tube.space == command->space()) names->push_back(tube.name);
  for (const auto& [header, value] : command->request.headers) names->push_back(value);
  ListMore(command, std::move(names), {});
}

void BeanstalkdDoor::ListMore(const CommandPtr& command, std::shared_ptr<std::vector<std::string>> names, std::string cursor) {
  std::string path = "/lanes?limit=1000";
  if (!cursor.empty()) path += "&cursor=" + PercentEncoded(cursor);
  Ask(command, "GET", std::move(path), {}, [this, command, names](HttpResponse response) {
    if (response.status != 200) return AnswerRefusal(command, response);
    const AnswerDocument page(response.body);
    if (!TakeTubes(command, page, "/name", names.get())) return;
    const std::string next = page.Text("/next");
    if (!next.empty() && names->size() < kMostNames) return ListMore(command, names, next);
    ListBuried(command, names);
  });
}

/// Takes the tubes' names of a page's items, each at `pointer`. False: there is no room for them, and that is answered.
bool BeanstalkdDoor::TakeTubes(const CommandPtr& command, const AnswerDocument& page, const char* pointer, std::vector<std::string>* names) {
  if (const std::optional<JsonTree::Value> items = page.At("/items"))
    for (auto at = items->inside(); !at.at_end(); at.Next()) {
      const std::optional<JsonTree::Value> name = at.value().At(pointer);
      if (!name || !IsTubeName(name->text())) continue;
      names->emplace_back(name->text());
      command->held_bytes += 2 * names->back().size() + 2 * sizeof(std::string);  // here, and in the answer
    }
  if (server_->Reserve(command->token, command->held_bytes)) return true;
  Answer(command, std::string(kOutOfMemory));
  return false;
}

/// Tubes of buried jobs alone have no lane any more.
void BeanstalkdDoor::ListBuried(const CommandPtr& command, const std::shared_ptr<std::vector<std::string>>& names) {
  Ask(command, "GET", "/notifies?state=failed&limit=" + std::to_string(kBuriedLooked), {}, [this, command, names](HttpResponse response) {
    if (response.status != 200) return AnswerRefusal(command, response);
    if (!TakeTubes(command, AnswerDocument(response.body), "/lane", names.get())) return;
    // Each once, in the order in which they came: beanstalkd's own comes first.
    std::unordered_set<std::string_view> seen;
    std::vector<std::string> once;
    for (const std::string& name : *names)
      if (once.size() < kMostNames && seen.insert(name).second) once.push_back(name);
    Answer(command, BeanstalkdList(once));
  });
}

// ---- the whole

void BeanstalkdDoor::Stats(const CommandPtr& command) {
  Ask(command, "GET", "/stats", {}, [this, command](HttpResponse response) {
    if (response.status != 200) return AnswerRefusal(command, response);
    Ask(command, "POST", "/notifies/retry", R"({"filter":{"state":"failed"},"dry_run":true})", [this, command, response](HttpResponse failed) {
      const bool draining = failed.status == 503;
      if (failed.status != 200 && !draining) return AnswerRefusal(command, failed);
      const uint64_t buried = draining ? 0 : AnswerDocument(failed.body).Number("/count");
      const ServerFigures figures{buried, options_.connections(), options_.max_job_bytes, draining};
      auto count = [this](std::string_view name) { return options_.figures->Of(name); };
      Answer(command, BeanstalkdData(StatsYaml(AnswerDocument(response.body), figures, count)));
    });
  });
}

}  // namespace notifyd
