// Bulk submits: lines over any boundaries of pieces, answers in order, one request at a time, bounded memory.
#include "base/random.h"
#include "net/api/ndjson.h"
#include "net/api/problem.h"
#include <catch2/catch.hpp>

#include <deque>
#include <utility>

namespace notifyd {
namespace {

constexpr RequestId kRequest{3, 9};
const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A line that is taken; its lane tells it apart.
std::string Good(const std::string& lane) {
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
struct Fixture {
  explicit Fixture(const BulkLimits& limits = {}, const TraceContext& trace = {}) : bulk(limits, kRequest, trace, &parser) {}

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
  Fixture& Take(std::string_view piece) {
    bulk.Take(piece);
    Pump();
    return *this;
  }
  Fixture& End() {
    bulk.TakeEnd();
    Pump();
    return *this;
  }
  Fixture& Break() {
    bulk.TakeBreak();
    Pump();
    return *this;
  }
  Fixture& Stop(Leaving why) {
    bulk.TakeStop(why);
    Pump();
    return *this;
  }
  /// The core's reply to the request under way.
  Fixture& Reply() {
    REQUIRE(under_way);
    Submitted submitted = core.Answer(*std::exchange(under_way, {}));
    bulk.OnReply(submitted);
    Pump();
    return *this;
  }
  Fixture& Refuse(const Status& status) {
    REQUIRE(under_way);
    under_way.reset();
    bulk.OnReply(Refused{status, {}});
    Pump();
    return *this;
  }
  Fixture& ReplyAll() {
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

std::string Accepted(uint64_t index, uint64_t id, const std::string& more = "") {
  return "{\"index\":" + std::to_string(index) + ",\"id\":\"" + NotifyId{id}.ToString() + "\"" + more + "}\n";
}
std::string Error(uint64_t index, const Status& status, NotifyId holder = {}) {
  return "{\"index\":" + std::to_string(index) + ",\"error\":" + ProblemResponse(status, holder).body + "}\n";
}
/// What a single submit of it would be answered, said of a line where that says it of its body.
std::string SingleError(uint64_t index, std::string line) {
  SubmitParser parser(1000, 0);
  Result<ParsedSubmit> parsed = parser.Parse(&line, nullptr);
  REQUIRE_FALSE(parsed.ok());
  const Status& status = parsed.status();
  const std::string& detail = status.detail();
  return Error(index, Status(status.code(), detail.starts_with("the body is not") ? "the line" + detail.substr(8) : detail, status.field()));
}

TEST_CASE("bulk: lines of one piece are one request, answered in order") {
  Fixture f;
  f.Take(Good("a") + "\n" + Good("b") + "\n").End();
  REQUIRE(f.under_way);
  CHECK(f.under_way->items.size() == 2);
  CHECK(f.text.empty());
  CHECK_FALSE(f.bulk.done());
  f.Reply();
  CHECK(f.core.lanes == std::vector<std::string>{"a", "b"});
  CHECK(f.text == Accepted(0, 1) + Accepted(1, 2));
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: an empty body is done at once") {
  Fixture f;
  CHECK_FALSE(f.bulk.done());
  CHECK(f.End().bulk.done());
  CHECK(f.text.empty());
  CHECK(f.sizes.empty());
}

TEST_CASE("bulk: CR LF, blank lines and a last line without a line break") {
  Fixture f;
  f.Take("\n\r\n  \t\n" + Good("a") + "\r\n\n" + Good("b") + "\n \n" + Good("c")).End().ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a", "b", "c"});
  CHECK(f.text == Accepted(0, 1) + Accepted(1, 2) + Accepted(2, 3));
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a byte order mark before the first line is skipped, in whatever pieces it comes") {
  const std::string text = "\xef\xbb\xbf" + Good("a") + "\n" + Good("b") + "\n";
  size_t cut = GENERATE(0, 1, 2, 3, 4);
  Fixture f;
  f.Take(text.substr(0, cut)).Take(text.substr(cut)).End();
  f.ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a", "b"});
}

TEST_CASE("bulk: a first line of a byte order mark alone is blank, and one before a later line is malformed") {
  Fixture f;
  f.Take("\xef\xbb\xbf\n" + Good("a") + "\n\xef\xbb\xbf" + Good("b") + "\n").End();
  f.ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a"});
  CHECK_THAT(f.text, Catch::Contains(R"({"index":1,"error":)"));
}

TEST_CASE("bulk: a line is submitted once its line break is there") {
  Fixture f;
  f.Take(Good("a").substr(0, 10));
  CHECK_FALSE(f.under_way);
  f.Take(Good("a").substr(10));
  CHECK_FALSE(f.under_way);
  f.Take("\n");
  CHECK(f.under_way);
}

TEST_CASE("bulk: what comes while a request is under way is gathered for the next") {
  Fixture f;
  f.Take(Good("a") + "\n");
  f.Take(Good("b") + "\n").Take(Good("c") + "\n");
  CHECK(f.sizes == std::vector<size_t>{1});
  f.Reply();
  CHECK(f.text == Accepted(0, 1));
  CHECK(f.sizes == std::vector<size_t>{1, 2});
  f.Reply();
  CHECK(f.text == Accepted(0, 1) + Accepted(1, 2) + Accepted(2, 3));
}

TEST_CASE("bulk: lines that are refused carry what a single submit would answer, in their place") {
  Fixture f;
  std::string bad_url = R"({"url":"ftp://h"})", no_json = "{", array = "[" + Good("x") + "]", unknown = R"({"url":"http://h/","retry":{"x":1}})";
  f.Take(Good("a") + "\n" + bad_url + "\n" + no_json + "\n" + Good("b") + "\n" + array + "\n" + unknown + "\n7\n").End();
  CHECK(f.text.empty());  // an earlier line is under way
  f.Reply();
  CHECK(f.text == Accepted(0, 1) + SingleError(1, bad_url) + SingleError(2, no_json) + Accepted(3, 2) +
                      Error(4, Status(Code::kUnacceptable, "the document must be an object")) + SingleError(5, unknown) +
                      Error(6, Status(Code::kUnacceptable, "the document must be an object")));
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: what is wrong with a line is said of the line, of a body of its own of the body, whatever its size") {
  const std::string large(70'000, 'x');
  for (const std::string& text :
       {std::string("x"), std::string("{"), std::string(R"({"url":"http://h/"} {})"), std::string(R"({"url":"http://h/)"),
        std::string(R"({"url":"\x"})"), std::string(R"({"url":nil})"), std::string("{\"url\":\"\xff\"}"), R"({"url":"http://h/","body":")" + large,
        R"({"url":"http://h/","body":")" + large + "\"} {}", R"({"url":"http://h/","body":")" + large + "\""}) {
    CAPTURE(text.substr(0, 60), text.size());
    SubmitParser parser(1 << 20, 5);
    const Status of_line = parser.ParseLine(text, text.size()).status();
    std::string body = text;
    const Status of_body = parser.Parse(&body, nullptr).status();
    REQUIRE(of_line.code() == Code::kMalformed);
    REQUIRE(of_body.code() == Code::kMalformed);
    CHECK_THAT(of_line.detail(), Catch::StartsWith("the line is not valid "));
    CHECK(of_body.detail() == "the body" + of_line.detail().substr(8));
  }
}

TEST_CASE("bulk: of a body that breaks what is under way is answered, and the rest is dropped") {
  Fixture f;
  f.Take(Good("a") + "\n" + Good("b") + "\n").Take(Good("c") + "\nx\n" + Good("d"));
  f.Break();
  CHECK_FALSE(f.bulk.done());
  CHECK(f.bulk.wants_body());
  f.ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a", "b"});
  CHECK(f.text == Accepted(0, 1) + Accepted(1, 2));
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a body that breaks with nothing under way is done") {
  auto body = GENERATE(values<std::string>({"", Good("a"), "x\n", "\n", std::string(600, 'x')}));
  CAPTURE(body);
  BulkLimits limits;
  limits.max_line_bytes = 500;
  Fixture f(limits);
  if (!body.empty()) f.Take(body);
  f.Break();
  CHECK(f.bulk.done());
  CHECK_FALSE(f.under_way);
}

TEST_CASE("bulk: at a stop what is under way is answered, and the last line says which line was the first that is not taken") {
  Leaving why = GENERATE(Leaving::kStopping, Leaving::kRestarting);
  std::string word = why == Leaving::kStopping ? "stopping" : "restarting";
  Fixture f;
  f.Take(Good("a") + "\n").Take(Good("b") + "\n" + Good("c") + "\nx\n" + Good("d"));
  f.Stop(why);
  CHECK(f.text.empty());
  CHECK_FALSE(f.bulk.done());
  f.Reply();
  CHECK(f.core.lanes == std::vector<std::string>{"a"});
  CHECK(f.text == Accepted(0, 1) + LeavingResponse(why, 1).body + "\n");
  CHECK_THAT(f.text, Catch::Contains(R"({"type":"urn:notifyd:problem:)" + word + R"(","title":)") && Catch::Contains(R"("status":503,)") &&
                         Catch::EndsWith("\"next_index\":1}\n"));
  CHECK(f.bulk.done());
  CHECK(f.bulk.stopped());
}

TEST_CASE("bulk: at a stop with nothing under way the answer ends at once") {
  Fixture f;
  f.Take(Good("a") + "\n").Reply().Take(Good("b"));
  f.Stop(Leaving::kRestarting);
  CHECK(f.text == Accepted(0, 1) + LeavingResponse(Leaving::kRestarting, 1).body + "\n");
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a stop behind the last line of a whole body says nothing") {
  Fixture f;
  f.Take(Good("a") + "\n").End();
  f.Stop(Leaving::kRestarting);
  f.Reply();
  CHECK(f.text == Accepted(0, 1));
  CHECK(f.bulk.done());
  CHECK_FALSE(f.bulk.stopped());
}

TEST_CASE("bulk: lines that the core refuses because it stops already are not taken, and not answered one by one") {
  Fixture f;
  f.Take(Good("a") + "\n").Reply().Take(Good("b") + "\n" + Good("c") + "\n");
  f.Stop(Leaving::kStopping);
  f.Refuse(Status(Code::kUnavailable, "the broker is stopping"));
  CHECK(f.text == Accepted(0, 1) + LeavingResponse(Leaving::kStopping, 1).body + "\n");
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a refused line is answered at once where nothing is before it") {
  Fixture f;
  f.Take("{\n");
  CHECK(f.text == SingleError(0, "{"));
  CHECK(f.sizes.empty());
  f.Take(Good("a") + "\n{\n").Reply();
  CHECK(f.text == SingleError(0, "{") + Accepted(1, 1) + SingleError(2, "{"));
}

TEST_CASE("bulk: what the core refuses line by line") {
  Fixture f;
  f.Take(Good("conflict") + "\n" + Good("duplicate") + "\n" + Good("kept") + "\n" + Good("a") + "\n").End().Reply();
  CHECK(f.text == Error(0, Status(Code::kConflict, "held already", "/fkey"), NotifyId{1}) + Accepted(1, 2, ",\"duplicate\":true") +
                      Accepted(2, 3, ",\"kept\":true") + Accepted(3, 4));
}

TEST_CASE("bulk: a request that is refused as a whole refuses each of its lines") {
  Fixture f;
  Status stopping(Code::kUnavailable, "the broker stops");
  f.Take(Good("a") + "\n{\n" + Good("b") + "\n").Take(Good("c") + "\n").End();
  f.Refuse(stopping);
  CHECK(f.text == Error(0, stopping) + SingleError(1, "{") + Error(2, stopping));
  f.Reply();
  CHECK(f.text == Error(0, stopping) + SingleError(1, "{") + Error(2, stopping) + Accepted(3, 1));
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: answers are one line each, whatever the input quotes") {
  Fixture f;
  f.Take("{\"url\":\"http://h/\",\"a\\nb\\r\":1}\n").End();
  CHECK(std::count(f.text.begin(), f.text.end(), '\n') == 1);
  CHECK(f.text.find('\r') == std::string::npos);
}

TEST_CASE("bulk: the trace of the request goes with every line, a line's own wins") {
  Fixture f({}, {kParent, "a=1"});
  std::string own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  f.Take(Good("a") + "\n" + R"({"url":"http://h/","headers":{"traceparent":")" + own + "\"}}\n");
  REQUIRE(f.under_way);
  const std::vector<SubmitItem>& items = f.under_way->items;
  CHECK(items[0].envelope->trace_parent == kParent);
  CHECK(DecodeSpec(*items[0].spec)->trace_state == "a=1");
  CHECK(items[1].envelope->trace_parent == own);
  CHECK(DecodeSpec(*items[1].spec)->trace_state.empty());
}

TEST_CASE("bulk: an idempotency key of a line is its own") {
  Fixture f;
  f.Take(R"({"url":"http://h/","idempotency_key":"k"})"
         "\n" +
         Good("a") + "\n");
  REQUIRE(f.under_way);
  CHECK(f.under_way->items[0].idempotency_key == "k");
  CHECK_FALSE(f.under_way->items[0].fields == Fingerprint());
  CHECK(f.under_way->items[1].idempotency_key.empty());
}

// ---- limits

TEST_CASE("bulk: a request has at most so many lines, refused ones counted") {
  BulkLimits limits;
  limits.max_items = 3;
  Fixture f(limits);
  std::string lines;
  for (int i = 0; i < 7; ++i) lines += Good("a") + "\n";
  f.Take(lines + "{\n").End().ReplyAll();
  // The first line goes as soon as the piece was read: all of it that fits is in one request.
  CHECK(f.sizes == std::vector<size_t>{3, 3, 1});
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a request has at most so many bytes, a longer line goes alone") {
  BulkLimits limits;
  limits.max_request_bytes = 2 * Good("a").size();
  Fixture f(limits);
  f.Take(Good("a") + "\n" + Good("b") + "\n" + Good("c") + "\n" + Good(std::string(100, 'x')) + "\n" + Good("d") + "\n").End().ReplyAll();
  CHECK(f.sizes == std::vector<size_t>{2, 1, 1, 1});
}

TEST_CASE("bulk: a line over the limit is refused, and skipped to its end") {
  BulkLimits limits;
  limits.max_line_bytes = Good("a").size();
  Fixture f(limits);
  Status too_long(Code::kTooLarge, "the line is longer than " + std::to_string(limits.max_line_bytes) + " bytes");
  std::string over(limits.max_line_bytes + 1, 'x');

  std::string expected = Accepted(0, 1) + Error(1, too_long) + Accepted(2, 2);
  SECTION("whole") {
    f.Take(Good("a") + "\r\n" + over + "\n" + Good("b") + "\n");
  }
  SECTION("in pieces, the rest dropped as it comes") {
    f.Take(Good("a") + "\r\n" + over);
    for (int i = 0; i < 1000; ++i) f.Take(over);
    f.Take("\n" + Good("b") + "\n");
  }
  SECTION("at the end") {
    f.Take(Good("a") + "\n" + Good("b") + "\n" + over);
    expected = Accepted(0, 1) + Accepted(1, 2) + Error(2, too_long);
  }
  f.End().ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a", "b"});
  CHECK(f.text == expected);
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a line of just the limit is taken with either line break") {
  BulkLimits limits;
  limits.max_line_bytes = Good("a").size();
  Fixture f(limits);
  f.Take(Good("a") + "\r").Take("\n" + Good("b") + "\r\n" + Good("c") + "\n" + Good("d")).End().ReplyAll();
  CHECK(f.core.lanes.size() == 4);
}

TEST_CASE("bulk: the body pauses while too much waits behind a request, and goes on after it") {
  BulkLimits limits;
  limits.max_items = 2;
  limits.max_waiting_bytes = 3 * (Good("a").size() + 1);
  Fixture f(limits);
  f.Take(Good("a") + "\n");
  CHECK(f.bulk.wants_body());
  for (int i = 0; i < 5; ++i) f.Take(Good("b") + "\n");  // two are gathered, three wait
  CHECK(f.bulk.wants_body());
  f.Take("x");
  CHECK_FALSE(f.bulk.wants_body());
  f.Reply();
  CHECK(f.bulk.wants_body());
}

TEST_CASE("bulk: one long line does not pause the body that it waits for") {
  BulkLimits limits;
  limits.max_waiting_bytes = 10;
  Fixture f(limits);
  f.Take(Good("a").substr(0, 20));
  CHECK(f.bulk.wants_body());
  f.Take(Good("a").substr(20) + "\n" + Good("b").substr(0, 20));
  CHECK_FALSE(f.bulk.wants_body());
  f.Reply();
  CHECK(f.bulk.wants_body());
  f.Take(Good("b").substr(20) + "\n").End().ReplyAll();
  CHECK(f.core.lanes.size() == 2);
}

TEST_CASE("bulk: while the client takes no answers nothing further is parsed or posted") {
  BulkLimits limits;
  limits.max_unsent_bytes = 100;
  Fixture f(limits);
  f.unsent = 101;
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "{\n";
  f.Take(lines + Good("a") + "\n").End();
  size_t answered = f.text.size();
  CHECK(answered < 1000);
  CHECK_FALSE(f.under_way);
  CHECK_FALSE(f.bulk.done());
  f.unsent = 0;
  f.bulk.OnUnsent(0);
  f.Pump();
  CHECK(f.text.size() > answered);
  CHECK(f.under_way);
  f.Reply();
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: the body pauses while the client takes no answers") {
  BulkLimits limits;
  limits.max_unsent_bytes = 100;
  Fixture f(limits);
  f.unsent = 101;
  f.Take("{\n");
  CHECK_FALSE(f.bulk.wants_body());
  f.bulk.OnUnsent(0);
  CHECK(f.bulk.wants_body());
}

// ---- random bodies, pieces, limits and replies

struct RandomBody {
  std::string text;
  std::vector<std::string> lanes;     // of good lines, in order
  std::vector<std::string> problems;  // of each line that counts: why it is refused, empty where it is taken
};

RandomBody MakeBody(Random* random, size_t max_line_bytes) {
  RandomBody body;
  uint64_t lines = random->Below(60);
  for (uint64_t i = 0; i < lines; ++i) {
    std::string line;
    switch (random->Below(8)) {
      case 0:
        line = std::string(random->Below(4), ' ');
        break;
      case 1:
        line = "{\"url\":1}";
        break;
      case 2:
        line = "nonsense";
        break;
      case 3:
        line = std::string(max_line_bytes + 1 + random->Below(300), random->Chance(0.5) ? 'x' : ' ');
        break;
      default: {
        std::string lane = "l" + std::to_string(i) + std::string(random->Below(40), 'x');
        line = Good(lane);
        body.lanes.push_back(lane);
        body.problems.emplace_back();
      }
    }
    size_t index = body.problems.size();
    if (line.size() > max_line_bytes)
      body.problems.push_back(Error(index, Status(Code::kTooLarge, "the line is longer than " + std::to_string(max_line_bytes) + " bytes")));
    else if (line == "{\"url\":1}" || line == "nonsense") body.problems.push_back(SingleError(index, line));
    body.text += line;
    if (i + 1 < lines || random->Chance(0.5)) body.text += random->Chance(0.3) ? "\r\n" : "\n";
  }
  return body;
}

TEST_CASE("bulk: random bodies in random pieces are answered line by line, in order, within the limits") {
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    BulkLimits limits;
    limits.max_line_bytes = 120;
    limits.max_items = 1 + random.Below(8);
    limits.max_request_bytes = 50 + random.Below(500);
    limits.max_waiting_bytes = random.Below(400);
    limits.max_unsent_bytes = random.Below(600);
    RandomBody body = MakeBody(&random, limits.max_line_bytes);
    CAPTURE(body.text);
    Fixture f(limits);
    std::string_view rest = body.text;
    bool ended = false;
    for (int idle = 0; !f.bulk.done(); ++idle) {
      REQUIRE(idle < 20'000);
      switch (random.Below(4)) {
        case 0:
        case 1:
          if (!f.bulk.wants_body() || ended) break;
          if (rest.empty()) {
            f.End();
            ended = true;
          } else {
            size_t size = std::min<size_t>(rest.size(), 1 + random.Below(random.Chance(0.5) ? 5 : 200));
            f.Take(rest.substr(0, size));
            rest.remove_prefix(size);
          }
          break;
        case 2:
          if (!f.under_way) break;
          REQUIRE(f.under_way->items.size() <= limits.max_items);
          f.Reply();
          break;
        case 3:
          // The client takes what it was sent, or some of the next answers stay with it for a while.
          f.unsent = random.Chance(0.3) ? random.Below(1000) : 0;
          f.bulk.OnUnsent(0);
          f.Pump();
      }
    }
    REQUIRE(f.core.lanes == body.lanes);
    std::string expected;
    uint64_t id = 0;
    for (size_t i = 0; i < body.problems.size(); ++i) expected += body.problems[i].empty() ? Accepted(i, ++id) : body.problems[i];
    REQUIRE(f.text == expected);
  }
}

TEST_CASE("bulk: bytes of any kind in random pieces never break it") {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    BulkLimits limits;
    limits.max_line_bytes = 40;
    Fixture f(limits);
    static constexpr const char* kParts[] = {"\n", "\r", "{",    "}",        "\"", "url", ":", "http://h/",
                                             " ",  "\\", "\xff", "\xc3\xa9", "[",  ",",   "1", "null"};
    for (uint64_t pieces = random.Below(60); pieces > 0; --pieces) {
      std::string piece;
      for (uint64_t i = random.Below(12); i > 0; --i) piece += random.Chance(0.05) ? std::string(1, '\0') : kParts[random.Below(std::size(kParts))];
      f.Take(piece);
    }
    bool stops = random.Chance(0.2);
    if (stops) f.Stop(Leaving::kRestarting);
    else if (random.Chance(0.3)) f.Break();
    else f.End();
    f.ReplyAll();
    REQUIRE(f.bulk.done());
    uint64_t index = 0;
    for (size_t at = 0; at < f.text.size(); at = f.text.find('\n', at) + 1, ++index) {
      bool last = f.text.find('\n', at) + 1 == f.text.size();
      if (stops && last) REQUIRE(f.text.substr(at) == LeavingResponse(Leaving::kRestarting, index).body + "\n");
      else REQUIRE(f.text.compare(at, 10 + std::to_string(index).size(), "{\"index\":" + std::to_string(index) + ",") == 0);
    }
  }
}

TEST_CASE("bulk: of many lines that are refused so many are looked at before others have their turn") {
  Fixture f;
  std::string junk;
  for (int i = 0; i < 32'000; ++i) junk += "x\n";
  f.bulk.Take(junk);
  CHECK(f.bulk.wants_turn());
  std::string answers = f.bulk.TakeAnswers();
  CHECK(std::count(answers.begin(), answers.end(), '\n') == 512);
  // What else happens meanwhile moves nothing.
  f.bulk.OnUnsent(0);
  CHECK(f.bulk.TakeAnswers().empty());
  f.text = answers;
  f.Pump();
  CHECK(f.turns == 32'000 / 512);
  CHECK(f.text.starts_with(SingleError(0, "x")));
  CHECK(std::count(f.text.begin(), f.text.end(), '\n') == 32'000);
  CHECK(f.bulk.wants_body());
  f.End();
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a large line is parsed elsewhere, and its answer has its place") {
  BulkLimits limits;
  limits.aside_bytes = 100;
  Fixture f(limits);
  std::string large = R"({"url":"http://h/","lane":"large","body":")" + std::string(200, 'x') + "\"}";
  bool good = GENERATE(true, false);
  if (!good) large.pop_back();
  f.Take(Good("a") + "\n" + large + "\n" + Good("b") + "\n");
  std::optional<std::string> line = f.bulk.TakeAsideLine();
  REQUIRE(line);
  CHECK(*line == large);
  CHECK_FALSE(f.bulk.TakeAsideLine());
  CHECK_FALSE(f.under_way);
  f.End();
  CHECK_FALSE(f.bulk.done());
  f.bulk.OnParsed(f.parser.ParseLine(large, 0));
  f.Pump();
  f.ReplyAll();
  CHECK(f.bulk.done());
  if (good) {
    CHECK(f.core.lanes == std::vector<std::string>{"a", "large", "b"});
  } else {
    CHECK(f.core.lanes == std::vector<std::string>{"a", "b"});
    CHECK(f.text == Accepted(0, 1) + SingleError(1, large) + Accepted(2, 2));
  }
}

TEST_CASE("bulk: a body that breaks while a line of it is parsed elsewhere ends without it") {
  BulkLimits limits;
  limits.aside_bytes = 10;
  Fixture f(limits);
  f.Take(Good("large") + "\n");
  REQUIRE(f.bulk.TakeAsideLine());
  f.Break();
  CHECK_FALSE(f.bulk.done());
  f.bulk.OnParsed(f.parser.ParseLine(Good("large"), 0));
  f.Pump();
  CHECK_FALSE(f.under_way);
  CHECK(f.text.empty());
  CHECK(f.bulk.done());
}

}  // namespace
}  // namespace notifyd
