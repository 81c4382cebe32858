#include "net/beanstalkd/beanstalkd_door.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "net/access/admission.h"
#include "net/access/principal.h"
#include "net/beanstalkd/beanstalkd_answers.h"
#include "net/beanstalkd/beanstalkd_parser.h"

namespace notifyd {
namespace {

size_t PlaceOf(std::string_view command) {
  const auto& all = BeanstalkdFigures::kCommands;
  return static_cast<size_t>(std::find(all.begin(), all.end(), command) - all.begin());
}

HttpResponse Bare(std::string text, bool close = false) {
  HttpResponse response;
  response.body = std::move(text);
  response.close = close;
  return response;
}

}  // namespace

uint64_t BeanstalkdFigures::Of(std::string_view command) const {
  const size_t place = PlaceOf(command);
  return place == commands.size() ? 0 : commands[place].load(std::memory_order_relaxed);
}

void BeanstalkdFigures::Count(std::string_view command) {
  if (const size_t place = PlaceOf(command); place < commands.size()) commands[place].fetch_add(1, std::memory_order_relaxed);
}

bool BeanstalkdFigures::Note(const std::string& space, bool missing) {
  if (!missing && of_missing_.load(std::memory_order_relaxed) == 0) return false;
  const std::lock_guard lock(mutex_);
  const bool is_new = missing ? missing_.insert(space).second : missing_.erase(space) > 0;
  of_missing_.store(missing_.size(), std::memory_order_relaxed);
  return is_new;
}

const std::string& BeanstalkdDoor::Command::space() const {
  return request.peer->asker->space;
}

std::string_view BeanstalkdDoor::Command::Value(std::string_view header) const {
  const std::string* value = request.Header(header);
  return value ? std::string_view(*value) : std::string_view();
}

uint64_t BeanstalkdDoor::Command::Number(std::string_view header) const {
  const std::string_view text = Value(header);
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

struct BeanstalkdDoor::Row {
  std::string_view command;
  void (BeanstalkdDoor::*carry_out)(const CommandPtr& command);
  bool may_miss = true;  // NOT_FOUND is among its answers
};
const BeanstalkdDoor::Row BeanstalkdDoor::kRows[] = {
    {"put", &BeanstalkdDoor::Put, false},
    {"delete", &BeanstalkdDoor::Delete},
    {"peek", &BeanstalkdDoor::Peek},
    {"peek-ready", &BeanstalkdDoor::PeekReady},
    {"peek-delayed", &BeanstalkdDoor::PeekDelayed},
    {"peek-buried", &BeanstalkdDoor::PeekBuried},
    {"kick", &BeanstalkdDoor::Kick, false},
    {"kick-job", &BeanstalkdDoor::KickJob},
    {"pause-tube", &BeanstalkdDoor::PauseTube},
    {"stats", &BeanstalkdDoor::Stats, false},
    {"stats-job", &BeanstalkdDoor::StatsJob},
    {"stats-tube", &BeanstalkdDoor::StatsTube},
    {"list-tubes", &BeanstalkdDoor::ListTubes, false},
};

BeanstalkdDoor::BeanstalkdDoor(BeanstalkdOptions options, HttpHandler* api) : options_(std::move(options)), api_(api) {}

BeanstalkdDoor::~BeanstalkdDoor() = default;

HttpDemand BeanstalkdDoor::Demand(const HttpRequest& request) {
  return request.peer->asker ? HttpDemand() : api_->Demand(request);
}

void BeanstalkdDoor::OnRequest(uint64_t token, HttpRequest request) {
  if (!request.peer->asker) return api_->OnRequest(token, std::move(request));
  if (request.method == "quit") return server_->Respond(token, Bare({}, /*close=*/true));
  options_.figures->Count(request.method);
  if (request.method == "say") return server_->Respond(token, Bare(std::move(request.target)));
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& each) { return each.command == request.method; });
  CHECK(row != std::end(kRows));
  auto command = std::make_shared<Command>();
  command->token = token;
  command->row = row;
  command->request = std::move(request);
  command->tubes = options_.tubes();
  command->tube = FindTube(*command, command->request.target);
  (this->*row->carry_out)(command);
}

void BeanstalkdDoor::OnClose(uint64_t token) {
  auto own = own_of_.find(token);
  if (own == own_of_.end()) return api_->OnClose(token);
  const uint64_t asked = own->second;
  own_of_.erase(own);
  asked_.erase(asked);
  api_->OnClose(asked);
}

void BeanstalkdDoor::OnHalfClose(uint64_t token) {
  if (!own_of_.contains(token)) api_->OnHalfClose(token);
}

void BeanstalkdDoor::Respond(uint64_t token, HttpResponse response) {
  if ((token & kOwn) == 0) return server_->Respond(token, std::move(response));
  auto found = asked_.find(token);
  if (found == asked_.end()) return;  // the client went away
  Asked asked = std::move(found->second);
  asked_.erase(found);
  own_of_.erase(asked.command->token);
  if (response.status < 300) options_.figures->Note(asked.command->space(), /*missing=*/false);
  asked.then(std::move(response));
}

bool BeanstalkdDoor::Reserve(uint64_t token, size_t bytes) {
  if ((token & kOwn) == 0) return server_->Reserve(token, bytes);
  auto found = asked_.find(token);
  return found == asked_.end() || server_->Reserve(found->second.command->token, bytes);
}

void BeanstalkdDoor::Ask(const CommandPtr& command, std::string method, std::string path, std::string body, Then then) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = "/v1/namespaces/" + command->space() + path;
  request.peer = command->request.peer;
  body.reserve(body.size() + HttpRequest::kPaddingBytes);
  request.body = std::move(body);
  const uint64_t own = kOwn | ++sequence_;
  asked_.emplace(own, Asked{command, std::move(then)});
  own_of_[command->token] = own;
  // Whatever it is, there is room for its answer, or it is not asked. To a put that is small: what it submits is one notify, and no batch.
  const bool small = command->row->carry_out == &BeanstalkdDoor::Put;
  const size_t bytes = command->held_bytes + (small ? 0 : api_->Demand(request).answer_bytes);
  if (bytes > 0 && !server_->Reserve(command->token, bytes)) return Respond(own, api_->OnRefused(429, "no room"));
  api_->OnRequest(own, std::move(request));
}

void BeanstalkdDoor::Answer(const CommandPtr& command, std::string answer) {
  server_->Respond(command->token, Bare(std::move(answer)));
}

bool BeanstalkdDoor::LacksNamespace(const HttpResponse& response) {
  return response.status == 404 || (response.status == 409 && AnswerDocument(response.body).Text("/detail") == kNamespaceGoes);
}

void BeanstalkdDoor::AnswerRefusal(const CommandPtr& command, const HttpResponse& response) {
  std::string_view answer = "INTERNAL_ERROR\r\n";
  switch (command->changed ? 504 : response.status) {
    case 404:
    case 409:
      if (command->row->may_miss) return Answer(command, "NOT_FOUND\r\n");
      if (!LacksNamespace(response)) break;
      // No fault of what was asked: it may be asked again once somebody has made the namespace. Said once until that is so.
      if (!options_.figures->Note(command->space(), /*missing=*/true)) return Answer(command, std::string(kDraining));
      answer = kDraining;
      break;
    case 429:
    case 507:
      return Answer(command, std::string(kOutOfMemory));
    case 503:
      return Answer(command, std::string(kDraining));
    default:
      break;
  }
  const std::string peer = command->request.peer->Name(), detail = AnswerDocument(response.body).Text("/detail");
  Log(LogLevel::kWarn, "command failed",
      {{"namespace", command->space() == kDefaultNamespace ? std::string_view() : std::string_view(command->space())},
       {"command", command->row->command},
       {"peer", peer},
       {"status", response.status},
       {"detail", detail}});
  Answer(command, std::string(answer));
}

const BeanstalkdTube* BeanstalkdDoor::FindTube(const Command& command, std::string_view name) const {
  for (const BeanstalkdTube& tube : *command.tubes)
    if (tube.name == name && tube.space == command.space()) return &tube;
  return nullptr;
}

}  // namespace notifyd
