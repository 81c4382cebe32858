#include "net/api/gather.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/json_tree.h"
#include "base/time.h"
#include "net/api/passing.h"
#include "net/api/problem.h"

namespace notifyd {
namespace {

/// Of all pages together.
constexpr size_t kMostBytes = 64 << 20;

/// What is summed up; all else is said of the process that was asked.
bool IsSummed(std::string_view key) {
  return key == "pending" || key == "totals" || key == "loaded";
}

bool Add(const JsonTree::Value& value, uint64_t* sum) {
  const std::string_view text = value.raw();
  uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  *sum += number;
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

/// The sum of what the pointer leads to in each of them.
bool WriteSum(const std::vector<JsonTree>& trees, const std::string& pointer, JsonWriter* json) {
  uint64_t sum = 0;
  for (const JsonTree& tree : trees) {
    const std::optional<JsonTree::Value> value = tree.root().At(pointer);
    if (!value || !Add(*value, &sum)) return false;
  }
  json->Uint(sum);
  return true;
}

void WriteMissing(const std::vector<std::string>& missing, JsonWriter* json) {
  if (missing.empty()) return;
  json->Key("missing");
  json->BeginArray();
  for (const std::string& name : missing) json->String(name);
  json->EndArray();
}

std::optional<std::vector<JsonTree>> ParseAll(const std::vector<std::string>& answers) {
  std::vector<JsonTree> trees;
  for (const std::string& each : answers) {
    Result<JsonTree> tree = JsonTree::Parse(each);
    if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kObject) return std::nullopt;
    trees.push_back(*std::move(tree));
  }
  return trees;
}

/// A notify of a page: its place in the list, newest first, and its text.
struct Item {
  int64_t created_ms;
  std::string_view id, text;
  bool operator<(const Item& other) const { return created_ms != other.created_ms ? created_ms > other.created_ms : id > other.id; }
};

std::optional<Item> ItemOf(const JsonTree::Value& value) {
  const std::optional<JsonTree::Value> id = value.At("/id"), created = value.At("/created_at");
  if (!id || !created) return std::nullopt;
  const Result<WallTime> at = ParseRfc3339(created->text());
  return at.ok() ? std::optional(Item{at->ms, id->text(), value.raw()}) : std::nullopt;
}

}  // namespace

std::optional<std::string> JoinStats(const std::vector<std::string>& answers, const std::vector<std::string>& missing) {
  const std::optional<std::vector<JsonTree>> trees = ParseAll(answers);
  if (!trees || trees->empty()) return std::nullopt;
  std::string out;
  JsonWriter json(&out);
  bool good = true;
  const auto sum = [&](const std::string& pointer) {
    good = good && WriteSum(*trees, pointer, &json);
    if (!good) json.Null();
  };
  json.BeginObject();
  trees->front().root().ForEach([&](const JsonTree::Value& key, const JsonTree::Value& value) {
    const std::string name(key.text());
    json.Key(name);
    if (!IsSummed(name)) return json.Raw(value.raw());
    if (value.kind() != JsonTree::Kind::kObject) return sum("/" + name);
    json.BeginObject();
    value.ForEach([&](const JsonTree::Value& inner, const JsonTree::Value&) {
      json.Key(inner.text());
      sum("/" + name + "/" + std::string(inner.text()));
    });
    json.EndObject();
  });
  if (!good) return std::nullopt;
  WriteMissing(missing, &json);
  json.EndObject();
  return out;
}

std::optional<std::string> JoinLists(const std::vector<std::string>& answers, size_t limit, const std::vector<std::string>& missing) {
  const std::optional<std::vector<JsonTree>> trees = ParseAll(answers);
  if (!trees) return std::nullopt;
  std::vector<Item> items;
  bool more = false, good = true;
  for (const JsonTree& tree : *trees) {
    const std::optional<JsonTree::Value> page = tree.root().At("/items"), next = tree.root().At("/next");
    if (!page || page->kind() != JsonTree::Kind::kArray) return std::nullopt;
    more = more || (next && next->kind() == JsonTree::Kind::kString);
    page->ForEach([&](const JsonTree::Value&, const JsonTree::Value& value) {
      std::optional<Item> item = ItemOf(value);
      good = good && item;
      if (item) items.push_back(*item);
    });
  }
  if (!good) return std::nullopt;
  std::sort(items.begin(), items.end());
  more = more || items.size() > limit;
  items.resize(std::min(items.size(), limit));
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("items");
  json.BeginArray();
  for (const Item& item : items) json.Raw(item.text);
  json.EndArray();
  json.Key("next");
  more && !items.empty() ? json.String(std::to_string(items.back().created_ms) + "-" + std::string(items.back().id)) : json.Null();
  WriteMissing(missing, &json);
  json.EndObject();
  return out;
}

/// What one member says.
class Gather::Part : public MemberCall {
 public:
  Part(Gather* gather, uint64_t token, const Member& member) : gather_(*gather), token_(token), member_(member) {}
  ~Part() override {
    if (call_ != 0) gather_.client_.Drop(call_);
  }

  void Begin(const std::string& head, size_t most_bytes) {
    most_bytes_ = most_bytes;
    call_ = gather_.client_.Begin(member_.address, MemberRequest{head, nullptr, false, kMostMs}, this);
  }
  void GiveUp() { ended_ = true; }

  void OnContinue() override {}
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t>) override { answer_ = std::move(head); }
  void OnAnswerBody(std::string_view piece) override {
    if (answer_.body.size() + piece.size() <= most_bytes_) answer_.body.append(piece);
    else answer_.status = 0;
  }
  void OnAnswerEnd(bool) override { End(); }
  void OnLost(const MemberLoss&) override {
    answer_ = {};
    answer_.status = 0;
    End();
  }
  void OnSent() override {}

  const Member& member() const { return member_; }
  bool ended() const { return ended_; }
  HttpResponse& answer() { return answer_; }

 private:
  void End() {
    call_ = 0;
    ended_ = true;
    gather_.PartEnded(token_);
  }

  Gather& gather_;
  const uint64_t token_;
  const Member member_;
  HttpResponse answer_;  // status 0: there is none
  size_t most_bytes_ = 0;
  uint64_t call_ = 0;
  bool ended_ = false;
};

struct Gather::Asked {
  std::optional<size_t> limit;
  std::vector<std::unique_ptr<Part>> parts;  // this one's first
};

Gather::Gather(Places* places, MemberClient* client) : places_(*places), client_(*client) {}
Gather::~Gather() = default;

bool Gather::OnClose(uint64_t token) {
  return asked_.erase(token) > 0;
}

void Gather::Begin(uint64_t token, HttpRequest request, std::optional<size_t> limit) {
  std::vector<Member> members = places_.Members();
  std::stable_partition(members.begin(), members.end(), [](const Member& member) { return member.self; });
  if (members.empty() || !members.front().self)
    return responder_->Respond(token, ProblemResponse(Status(Code::kUnavailable, "this broker is no member of its cluster yet; try again")));
  auto asked = std::make_unique<Asked>();
  asked->limit = limit;
  for (const Member& member : members) {
    auto part = std::make_unique<Part>(this, token, member);
    part->answer().status = 0;
    if (!member.alive) part->GiveUp();
    asked->parts.push_back(std::move(part));
  }
  request.method = "GET";
  const std::string head = PassedOnHead(request, request.target) + "\r\n";
  const Asked* kept = asked_.emplace(token, std::move(asked)).first->second.get();
  for (const auto& part : kept->parts)
    if (!part->ended()) part->Begin(head, kMostBytes / kept->parts.size());
}

void Gather::PartEnded(uint64_t token) {
  auto found = asked_.find(token);
  const auto& parts = found->second->parts;
  if (std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part->ended(); })) Answer(token);
}

void Gather::Answer(uint64_t token) {
  // Called from inside of a part, which goes with this at the end.
  const std::unique_ptr<Asked> asked = std::move(asked_.extract(token).mapped());
  HttpResponse own = std::move(asked->parts.front()->answer());
  // What it refuses, the others refuse, too.
  if (own.status != 0 && own.status != 200) return responder_->Respond(token, std::move(own));
  std::vector<std::string> answers, missing;
  for (const auto& part : asked->parts) {
    HttpResponse& answer = part == asked->parts.front() ? own : part->answer();
    if (answer.status == 200) answers.push_back(std::move(answer.body));
    else missing.push_back(part->member().name);
  }
  std::optional<std::string> body = answers.empty() ? std::nullopt
                                    : asked->limit  ? JoinLists(answers, *asked->limit, missing)
                                                    : JoinStats(answers, missing);
  if (!body) return responder_->Respond(token, ProblemResponse(Status(Code::kUnavailable, "no member of the cluster gave an answer; try again")));
  HttpResponse response;
  response.body = *std::move(body);
  responder_->Respond(token, std::move(response));
}

}  // namespace notifyd
