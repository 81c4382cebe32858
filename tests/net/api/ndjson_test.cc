// Bulk submits: lines over any boundaries of pieces, answers in order, one request at a time.
#include "ndjson_fixture.h"

namespace notifyd {
namespace {

TEST_CASE("bulk: lines of one piece are one request, answered in order") {
  BulkFixture f;
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
  BulkFixture f;
  CHECK_FALSE(f.bulk.done());
  CHECK(f.End().bulk.done());
  CHECK(f.text.empty());
  CHECK(f.sizes.empty());
}

TEST_CASE("bulk: CR LF, blank lines and a last line without a line break") {
  BulkFixture f;
  f.Take("\n\r\n  \t\n" + Good("a") + "\r\n\n" + Good("b") + "\n \n" + Good("c")).End().ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a", "b", "c"});
  CHECK(f.text == Accepted(0, 1) + Accepted(1, 2) + Accepted(2, 3));
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a byte order mark before the first line is skipped, in whatever pieces it comes") {
  const std::string text = "\xef\xbb\xbf" + Good("a") + "\n" + Good("b") + "\n";
  size_t cut = GENERATE(0, 1, 2, 3, 4);
  BulkFixture f;
  f.Take(text.substr(0, cut)).Take(text.substr(cut)).End();
  f.ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a", "b"});
}

TEST_CASE("bulk: a first line of a byte order mark alone is blank, and one before a later line is malformed") {
  BulkFixture f;
  f.Take("\xef\xbb\xbf\n" + Good("a") + "\n\xef\xbb\xbf" + Good("b") + "\n").End();
  f.ReplyAll();
  CHECK(f.core.lanes == std::vector<std::string>{"a"});
  CHECK_THAT(f.text, Catch::Contains(R"({"index":1,"error":)"));
}

TEST_CASE("bulk: a line is submitted once its line break is there") {
  BulkFixture f;
  f.Take(Good("a").substr(0, 10));
  CHECK_FALSE(f.under_way);
  f.Take(Good("a").substr(10));
  CHECK_FALSE(f.under_way);
  f.Take("\n");
  CHECK(f.under_way);
}

TEST_CASE("bulk: what comes while a request is under way is gathered for the next") {
  BulkFixture f;
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
  BulkFixture f;
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
    const Status of_body = parser.Parse(body, nullptr).status();
    REQUIRE(of_line.code() == Code::kMalformed);
    REQUIRE(of_body.code() == Code::kMalformed);
    CHECK_THAT(of_line.detail(), Catch::StartsWith("the line is not valid "));
    CHECK(of_body.detail() == "the body" + of_line.detail().substr(8));
  }
}

TEST_CASE("bulk: of a body that breaks what is under way is answered, and the rest is dropped") {
  BulkFixture f;
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
  BulkFixture f(limits);
  if (!body.empty()) f.Take(body);
  f.Break();
  CHECK(f.bulk.done());
  CHECK_FALSE(f.under_way);
}

TEST_CASE("bulk: at a stop what is under way is answered, and the last line says which line was the first that is not taken") {
  Leaving why = GENERATE(Leaving::kStopping, Leaving::kRestarting);
  std::string word = why == Leaving::kStopping ? "stopping" : "restarting";
  BulkFixture f;
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
  BulkFixture f;
  f.Take(Good("a") + "\n").Reply().Take(Good("b"));
  f.Stop(Leaving::kRestarting);
  CHECK(f.text == Accepted(0, 1) + LeavingResponse(Leaving::kRestarting, 1).body + "\n");
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: a stop behind the last line of a whole body says nothing") {
  BulkFixture f;
  f.Take(Good("a") + "\n").End();
  f.Stop(Leaving::kRestarting);
  f.Reply();
  CHECK(f.text == Accepted(0, 1));
  CHECK(f.bulk.done());
  CHECK_FALSE(f.bulk.stopped());
}

TEST_CASE("bulk: lines that the core refuses because it stops already are not taken, and not answered one by one") {
  BulkFixture f;
  f.Take(Good("a") + "\n").Reply().Take(Good("b") + "\n" + Good("c") + "\n");
  f.Stop(Leaving::kStopping);
  f.Refuse(Status(Code::kUnavailable, "the broker is stopping"));
  CHECK(f.text == Accepted(0, 1) + LeavingResponse(Leaving::kStopping, 1).body + "\n");
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: the last lines of a whole body that the core refuses because it stops already are not taken either") {
  Leaving why = GENERATE(Leaving::kStopping, Leaving::kRestarting);
  BulkFixture f;
  f.Take(Good("a") + "\n").Reply().Take(Good("b") + "\n").Take("{\n" + Good("c") + "\n").Reply().End();
  f.Stop(why);
  f.Stop(Leaving::kStopping);
  f.Refuse(Status(Code::kUnavailable, "the broker is stopping"));
  CHECK(f.text == Accepted(0, 1) + Accepted(1, 2) + LeavingResponse(why, 2).body + "\n");
  CHECK(f.bulk.done());
  CHECK(f.bulk.stopped());
}

TEST_CASE("bulk: what the core refuses at a stop for another reason is an answer") {
  BulkFixture f;
  f.Take(Good("a") + "\n").End();
  f.Stop(Leaving::kStopping);
  const Status full(Code::kTooMany, "it is full");
  f.Refuse(full);
  CHECK(f.text == Error(0, full));
  CHECK(f.bulk.done());
  CHECK_FALSE(f.bulk.stopped());
}

TEST_CASE("bulk: a refused line is answered at once where nothing is before it") {
  BulkFixture f;
  f.Take("{\n");
  CHECK(f.text == SingleError(0, "{"));
  CHECK(f.sizes.empty());
  f.Take(Good("a") + "\n{\n").Reply();
  CHECK(f.text == SingleError(0, "{") + Accepted(1, 1) + SingleError(2, "{"));
}

TEST_CASE("bulk: what the core refuses line by line") {
  BulkFixture f;
  f.Take(Good("conflict") + "\n" + Good("duplicate") + "\n" + Good("kept") + "\n" + Good("a") + "\n").End().Reply();
  CHECK(f.text == Error(0, Status(Code::kConflict, "held already", "/fkey"), NotifyId{1}) + Accepted(1, 2, ",\"duplicate\":true") +
                      Accepted(2, 3, ",\"kept\":true") + Accepted(3, 4));
}

TEST_CASE("bulk: a request that is refused as a whole refuses each of its lines") {
  BulkFixture f;
  Status stopping(Code::kUnavailable, "the broker stops");
  f.Take(Good("a") + "\n{\n" + Good("b") + "\n").Take(Good("c") + "\n").End();
  f.Refuse(stopping);
  CHECK(f.text == Error(0, stopping) + SingleError(1, "{") + Error(2, stopping));
  f.Reply();
  CHECK(f.text == Error(0, stopping) + SingleError(1, "{") + Error(2, stopping) + Accepted(3, 1));
  CHECK(f.bulk.done());
}

TEST_CASE("bulk: answers are one line each, whatever the input quotes") {
  BulkFixture f;
  f.Take("{\"url\":\"http://h/\",\"a\\nb\\r\":1}\n").End();
  CHECK(std::count(f.text.begin(), f.text.end(), '\n') == 1);
  CHECK(f.text.find('\r') == std::string::npos);
}

TEST_CASE("bulk: the trace of the request goes with every line, a line's own wins") {
  BulkFixture f({}, {kParent, "a=1"});
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
  BulkFixture f;
  f.Take(R"({"url":"http://h/","idempotency_key":"k"})"
         "\n" +
         Good("a") + "\n");
  REQUIRE(f.under_way);
  CHECK(f.under_way->items[0].idempotency_key == "k");
  CHECK_FALSE(f.under_way->items[0].fields == Fingerprint());
  CHECK(f.under_way->items[1].idempotency_key.empty());
}

// ---- limits

}  // namespace
}  // namespace notifyd
