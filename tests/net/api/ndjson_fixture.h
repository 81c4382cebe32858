// A bulk submit whose core answers as its lines say.
#pragma once

#include <catch2/catch.hpp>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "net/api/ndjson.h"
#include "net/api/problem.h"

namespace notifyd {

inline constexpr RequestId kRequest{3, 9};
inline const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A line that is taken; its lane tells it apart.
inline std::string Good(const std::string& lane) {
  return R"({"url":"http://h/","lane":")" + lane + "\"}";
}

/// Gives ids in order; refuses by the names of lanes.
class FakeCore {
 public:
  SubmittedItem Answer(const SubmitItem& item) {
    SubmittedItem answer;
    const std::string& lane = item.envelope->lane.name;
    lanes.push_back(lane);
    answer.id = NotifyId{lanes.size()};
    answer.duplicate = lane == "duplicate";
    answer.kept = lane == "kept";
    if (lane == "conflict") answer.refused = Status(Code::kConflict, "held already", "/fkey");
    return answer;
  }
  Submitted Answer(const SubmitRequest& request) {
    Submitted submitted;
    for (const SubmitItem& item : request.items) submitted.items.push_back(Answer(item));
    return submitted;
  }

  std::vector<std::string> lanes;  // in the order of submission
};

/// A BulkSubmit and its owner, who hands all answers on at once and keeps requests until Reply.
struct BulkFixture {
  explicit BulkFixture(const BulkLimits& limits = {}, const TraceContext& trace = {}) : bulk(limits, kRequest, trace, &parser) {}

  void Pump() {
    for (bool more = true; std::exchange(more, false);) {
      if (std::optional<SubmitRequest> request = bulk.NextRequest()) {
        REQUIRE_FALSE(under_way);
        under_way = std::move(request);
        REQUIRE(under_way->each);
        REQUIRE_FALSE(under_way->batch);
        REQUIRE(under_way->request == kRequest);
        sizes.push_back(under_way->items.size());
      }
      if (std::string answers = bulk.TakeAnswers(); !answers.empty()) {
        text += answers;
        bulk.OnUnsent(unsent);
        more = true;
      }
      if (bulk.wants_turn()) {
        ++turns;
        bulk.Continue();
        more = true;
      }
    }
  }
  BulkFixture& Take(std::string_view piece) {
    bulk.Take(piece);
    Pump();
    return *this;
  }
  BulkFixture& End() {
    bulk.TakeEnd();
    Pump();
    return *this;
  }
  BulkFixture& Break() {
    bulk.TakeBreak();
    Pump();
    return *this;
  }
  BulkFixture& Stop(Leaving why) {
    bulk.TakeStop(why);
    Pump();
    return *this;
  }
  /// The core's reply to the request under way.
  BulkFixture& Reply() {
    REQUIRE(under_way);
    Submitted submitted = core.Answer(*std::exchange(under_way, {}));
    bulk.OnReply(submitted);
    Pump();
    return *this;
  }
  BulkFixture& Refuse(const Status& status) {
    REQUIRE(under_way);
    under_way.reset();
    bulk.OnReply(Refused{status, {}});
    Pump();
    return *this;
  }
  BulkFixture& ReplyAll() {
    while (under_way) Reply();
    return *this;
  }

  SubmitParser parser{1000, 5};
  BulkSubmit bulk;
  FakeCore core;
  std::optional<SubmitRequest> under_way;
  size_t turns = 0;           // how often others were to have theirs
  std::vector<size_t> sizes;  // of requests, in items
  std::string text;           // all answers
  size_t unsent = 0;          // what the client has not taken, as told from now on
};

inline std::string Accepted(uint64_t index, uint64_t id, const std::string& more = "") {
  return "{\"index\":" + std::to_string(index) + ",\"id\":\"" + NotifyId{id}.ToString() + "\"" + more + "}\n";
}
inline std::string Error(uint64_t index, const Status& status, NotifyId holder = {}) {
  return "{\"index\":" + std::to_string(index) + ",\"error\":" + ProblemResponse(status, holder).body + "}\n";
}
/// What a single submit of it would be answered, said of a line where that says it of its body.
inline std::string SingleError(uint64_t index, std::string line) {
  SubmitParser parser(1000, 0);
  Result<ParsedSubmit> parsed = parser.Parse(line, nullptr);
  REQUIRE_FALSE(parsed.ok());
  const Status& status = parsed.status();
  const std::string& detail = status.detail();
  return Error(index, Status(status.code(), detail.starts_with("the body is not") ? "the line" + detail.substr(8) : detail, status.field()));
}

}  // namespace notifyd
