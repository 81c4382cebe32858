// Bulk submits: bounds on lines, bytes and what waits; random bodies in random pieces.
#include "base/random.h"
#include "ndjson_fixture.h"

namespace notifyd {
namespace {

TEST_CASE("bulk: a request has at most so many lines, refused ones counted") {
  BulkLimits limits;
  limits.max_items = 3;
  BulkFixture f(limits);
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
  BulkFixture f(limits);
  f.Take(Good("a") + "\n" + Good("b") + "\n" + Good("c") + "\n" + Good(std::string(100, 'x')) + "\n" + Good("d") + "\n").End().ReplyAll();
  CHECK(f.sizes == std::vector<size_t>{2, 1, 1, 1});
}

TEST_CASE("bulk: a line over the limit is refused, and skipped to its end") {
  BulkLimits limits;
  limits.max_line_bytes = Good("a").size();
  BulkFixture f(limits);
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
  BulkFixture f(limits);
  f.Take(Good("a") + "\r").Take("\n" + Good("b") + "\r\n" + Good("c") + "\n" + Good("d")).End().ReplyAll();
  CHECK(f.core.lanes.size() == 4);
}

TEST_CASE("bulk: the body pauses while too much waits behind a request, and goes on after it") {
  BulkLimits limits;
  limits.max_items = 2;
  limits.max_waiting_bytes = 3 * (Good("a").size() + 1);
  BulkFixture f(limits);
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
  BulkFixture f(limits);
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
  BulkFixture f(limits);
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
  BulkFixture f(limits);
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
    BulkFixture f(limits);
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
    BulkFixture f(limits);
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
  BulkFixture f;
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
  BulkFixture f(limits);
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
  f.bulk.OnParsed(f.parser.ParseLine(large, large.size()));
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
  BulkFixture f(limits);
  f.Take(Good("large") + "\n");
  REQUIRE(f.bulk.TakeAsideLine());
  f.Break();
  CHECK_FALSE(f.bulk.done());
  const std::string large = Good("large");
  f.bulk.OnParsed(f.parser.ParseLine(large, large.size()));
  f.Pump();
  CHECK_FALSE(f.under_way);
  CHECK(f.text.empty());
  CHECK(f.bulk.done());
}

}  // namespace
}  // namespace notifyd
