// notifyctl submit --file against brokers that answer early, late, wrongly or not to the end; and the filter that keeps count of lines.
#include "cli/client/submit_file.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "cli/ctl.h"
#include "cli/client/progress.h"
#include "support/terminal_process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::string Lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "{\"url\":\"http://x/" + std::to_string(i) + "\"}\n";
  return text;
}

/// The answers to lines that have come: ids n1, n2, ...; one with "bad" in it is refused.
class LineAnswers {
 public:
  std::string To(std::string_view piece) {
    rest_ += piece;
    std::string out;
    for (size_t end; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1)) out += One(rest_.substr(0, end));
    return out;
  }
  /// A last line needs no end.
  std::string Last() { return rest_.empty() ? "" : One(rest_); }
  std::string first_line;

 private:
  std::string One(const std::string& line) {
    if (index_ == 0) first_line = line;
    std::string number = std::to_string(index_++);
    if (line.find("fast") != std::string::npos) return "{\"index\":" + number + R"(,"error":{"status":429,"title":"T","detail":"too fast"}})" + "\n";
    if (line.find("bad") != std::string::npos)
      return "{\"index\":" + number + R"(,"error":{"status":422,"title":"T","detail":"bad is unknown","field":"/bad"}})" + "\n";
    return "{\"index\":" + number + ",\"id\":\"n" + std::to_string(index_) + "\"" +
           (line.find("twice") == std::string::npos ? "" : ",\"duplicate\":true") + (line.find("keep") == std::string::npos ? "" : ",\"kept\":true") +
           "}\n";
  }
  std::string rest_;
  uint64_t index_ = 0;
};

enum class When { kEachPiece, kAtTheEnd };

ScriptedServer::StreamHandler LineBroker(When when) {
  return [when](StreamedRequest* request) {
    LineAnswers answers;
    std::string all;
    if (when == When::kEachPiece) request->SendHead(200, "application/x-ndjson");
    for (std::string piece; request->Read(&piece);) {
      std::string some = answers.To(piece);
      if (when == When::kEachPiece) request->SendChunk(some);
      else all += some;
    }
    if (!request->ended()) return;
    all += answers.Last();
    if (when == When::kAtTheEnd) request->SendHead(200, "application/x-ndjson");
    request->SendChunk(all);
    request->SendEnd();
    // Until the client is done: closing with bytes unread would take the answer back.
    std::string none;
    request->Read(&none);
  };
}

/// Both ends of a pipe, for an input that comes bit by bit.
struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() {
    close(ends[0]);
    CloseWriter();
  }
  void Write(const std::string& text) { REQUIRE(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size())); }
  void CloseWriter() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
};

}  // namespace

TEST_CASE("line filter: blank lines and leading white space go, and every line keeps its number") {
  const std::string text = "\n  \r\n{a}\n\t{b} \n\n{c}\n{d}";
  for (size_t step : {text.size(), size_t{1}, size_t{3}}) {
    LineFilter filter;
    std::string out;
    for (size_t at = 0; at < text.size(); at += step) filter.Add(std::string_view(text).substr(at, step), &out);
    CHECK(out == "{a}\n{b} \n{c}\n{d}");
    REQUIRE(filter.lines() == 4);
    CHECK(filter.NumberOf(0) == 3);
    CHECK(filter.NumberOf(1) == 4);
    CHECK(filter.NumberOf(2) == 6);
    CHECK(filter.NumberOf(3) == 7);
  }
}

TEST_CASE("progress text: a bar where the size is known, counts always") {
  FileCounts counts;
  counts.bytes = 512;
  counts.sent = 3000;
  counts.accepted = 2900;
  counts.refused = 1;
  CHECK(ProgressText(counts, 1024) == "[###############...............]  50% of 1.0 KiB  3,000 sent, 2,900 accepted, 1 refused");
  CHECK(ProgressText(counts, 0) == "512 B  3,000 sent, 2,900 accepted, 1 refused");
}

TEST_CASE("notifyctl submit --file: one chunked NDJSON request, answered line by line") {
  When when = GENERATE(When::kEachPiece, When::kAtTheEnd);
  ScriptedServer broker(LineBroker(when));
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "--file", dir.Write("f", "\n" + Lines(2500) + "  \r\n")});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "submitted 2,500 notifies: n1 to n2500\n");
  CHECK(run.error.empty());  // no progress bar where standard error is no terminal
  std::vector<SeenRequest> seen = broker.seen();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method == "POST");
  CHECK(seen[0].target == "/v1/notifies");
  CHECK(seen[0].Header("content-type") == "application/x-ndjson");
  CHECK(seen[0].Header("transfer-encoding") == "chunked");
}

TEST_CASE("notifyctl submit --file: many megabytes go through, whether the broker answers early or at the end") {
  When when = GENERATE(When::kEachPiece, When::kAtTheEnd);
  ScriptedServer broker(LineBroker(when));
  TempDir dir;
  std::string line = "{\"url\":\"http://x/\",\"body\":\"" + std::string(200, 'x') + "\"}\n", text;
  const int kCount = 60'000;
  for (int i = 0; i < kCount; ++i) text += line;
  CtlRun run = CtlAt(broker, {"--json", "submit", "--file", dir.Write("f", text)});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(std::count(run.output.begin(), run.output.end(), '\n') == kCount);
  CHECK_THAT(run.output, Catch::EndsWith("{\"index\":59999,\"id\":\"n60000\"}\n"));
}

TEST_CASE("notifyctl submit --file: on a terminal a bar, out of the way of what else is said, and gone at the end") {
  SKIP_WITHOUT_TERMINAL();
  ScriptedServer broker(LineBroker(When::kEachPiece));
  TempDir dir;
  TerminalProcess process(NOTIFYCTL_BINARY, {"--server", broker.url(), "submit", "-f", dir.Write("f", Lines(3) + "{\"bad\":1}\n")}, 100);
  CHECK(process.Wait() == 1);
  CHECK(process.WaitFor("\r["));
  CHECK(process.WaitFor("sent, "));
  CHECK(process.WaitFor("\r\x1b[Knotifyctl: line 4: bad is unknown (/bad)\r\n"));
  CHECK(process.WaitFor("submitted 3 notifies: n1 to n3\r\n"));
}

TEST_CASE("notifyctl submit --file -, or - alone: reads standard input, a last line without its end too; --json prints each answer") {
  ScriptedServer broker(LineBroker(When::kEachPiece));
  TempDir dir;
  const std::vector<std::string> from = GENERATE(std::vector<std::string>{"-f", "-"}, std::vector<std::string>{"-"});
  std::vector<std::string> arguments = {"--server", broker.url(), "--json", "submit"};
  arguments.insert(arguments.end(), from.begin(), from.end());
  CtlRun run = Ctl(arguments, {}, dir.Write("f", Lines(1) + "{\"url\":\"http://x/\"}"));
  CHECK(run.code == 0);
  CHECK(run.output == "{\"index\":0,\"id\":\"n1\"}\n{\"index\":1,\"id\":\"n2\"}\n");
}

TEST_CASE("notifyctl submit --file: how many lines a rate refused is said, which may be sent again") {
  ScriptedServer broker(LineBroker(When::kEachPiece));
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", Lines(1) + "{\"fast\":1}\n{\"bad\":1}\n{\"fast\":2}\n")});
  CHECK(run.code == 1);
  CHECK(run.output == "submitted 1 notify: n1\n");
  CHECK_THAT(run.error, Catch::Contains("3 lines were refused; 2 of them by a rate or a limit (429): send these again later"));
}

TEST_CASE("notifyctl submit --file: an empty file submits nothing") {
  ScriptedServer broker(LineBroker(When::kEachPiece));
  CtlRun run = CtlAt(broker, {"submit", "-f", "-"});
  CHECK(run.code == 0);
  CHECK(run.output == "submitted 0 notifies\n");
}

TEST_CASE("notifyctl submit --file: refused lines are named by their number in the file, the others are submitted") {
  ScriptedServer broker(LineBroker(When::kEachPiece));
  TempDir dir;
  std::string file = dir.Write("f", Lines(1) + "\n{\"bad\":1}\n" + Lines(2) + "{\"twice\":1}\n{\"keep\":1}\n{\"bad\":2}\n");
  CtlRun run = CtlAt(broker, {"submit", "-f", file});
  CHECK(run.code == 1);
  CHECK(run.output == "submitted 5 notifies: n1 to n6 (of them 1 duplicate, 1 kept)\n");
  CHECK_THAT(run.error, Catch::Contains("line 3: bad is unknown (/bad)\n") && Catch::Contains("line 8: bad is unknown (/bad)\n") &&
                            Catch::Contains("2 lines were refused"));
  CHECK_THAT(run.error, !Catch::Contains("429"));
  run = CtlAt(broker, {"submit", "--json", "-f", file});
  CHECK(run.code == 1);
  CHECK_THAT(run.output, Catch::Contains("{\"index\":1,\"error\":{\"status\":422"));
  CHECK_THAT(run.error, Catch::Contains("line 3: "));
}

TEST_CASE("notifyctl submit --file: a request that is refused whole exits with 1 and the broker's reason") {
  int status = GENERATE(415, 503);
  ScriptedServer broker([status](StreamedRequest* request) {
    std::string body = R"({"status":)" + std::to_string(status) + R"(,"detail":"not now"})";
    request->Send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    for (std::string piece; request->Read(&piece);) continue;
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", Lines(10'000))});
  CHECK(run.code == 1);
  CHECK(run.output.empty());
  CHECK(run.error == "notifyctl: not now\n");
}

/// Takes `lines` lines of the body, answers them, and says that the line behind is not taken, though more has come.
void AnswerAndStop(StreamedRequest* request, size_t lines, const std::string& word) {
  request->SendHead(200, "application/x-ndjson");
  LineAnswers answers;
  std::string body;
  for (std::string piece; static_cast<size_t>(std::count(body.begin(), body.end(), '\n')) <= lines && request->Read(&piece);) body += piece;
  size_t end = 0;
  for (size_t i = 0; i < lines; ++i) end = body.find('\n', end) + 1;
  request->SendChunk(answers.To(body.substr(0, end)) + R"({"type":"urn:notifyd:problem:)" + word + R"(","title":"T","status":503,"detail":"it is )" +
                     word + R"(","next_index":)" + std::to_string(lines) + "}\n");
  request->SendEnd();
  // Until the client goes.
  for (std::string piece; request->Read(&piece);) continue;
}

TEST_CASE("notifyctl submit --file: goes on where a broker that restarts took no more, each line once and in order") {
  std::mutex mutex;
  std::vector<std::string> bodies;
  ScriptedServer broker([&](StreamedRequest* request) {
    size_t number;
    {
      std::lock_guard<std::mutex> lock(mutex);
      bodies.emplace_back();
      number = bodies.size();
    }
    if (number == 1) return AnswerAndStop(request, 3, "restarting");
    if (number == 2 || number == 4) {
      std::string body = R"({"type":"urn:notifyd:problem:restarting","status":503,"detail":"not yet"})";
      request->Send("HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
      return;
    }
    if (number == 3) return AnswerAndStop(request, 0, "restarting");
    request->SendHead(200, "application/x-ndjson");
    LineAnswers answers;
    for (std::string piece; request->Read(&piece);) {
      request->SendChunk(answers.To(piece));
      std::lock_guard<std::mutex> lock(mutex);
      bodies.back() += piece;
    }
    request->SendChunk(answers.Last());
    request->SendEnd();
    std::string none;
    request->Read(&none);
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"--json", "submit", "-f", dir.Write("f", Lines(4) + "\n{\"bad\":1}\n" + Lines(1) + "{\"last\":1}")});
  INFO(run.error);
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("line 6: bad is unknown") && Catch::Contains("1 line was refused"));
  std::lock_guard<std::mutex> lock(mutex);
  REQUIRE(bodies.size() == 5);
  CHECK(bodies[4] == "{\"url\":\"http://x/3\"}\n{\"bad\":1}\n{\"url\":\"http://x/0\"}\n{\"last\":1}");
  // One sequence for whoever reads the answers.
  for (int i = 0; i < 7; ++i) CHECK_THAT(run.output, Catch::Contains("{\"index\":" + std::to_string(i) + ","));
  CHECK(std::count(run.output.begin(), run.output.end(), '\n') == 7);
}

TEST_CASE("notifyctl submit --file: a broker that stops is not looked for, and how far it came is said") {
  std::atomic<int> requests{0};
  ScriptedServer broker([&](StreamedRequest* request) {
    ++requests;
    AnswerAndStop(request, 3, "stopping");
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", "\n" + Lines(5))});
  CHECK(run.code == 1);
  CHECK(requests == 1);
  CHECK(run.output == "submitted 3 notifies: n1 to n3\n");
  CHECK(run.error == "notifyctl: it is stopping\nnotifyctl: answered up to line 4: 3 accepted, 0 refused; the lines behind it were not taken\n");
}

TEST_CASE("notifyctl submit --file: a broker that does not come back from its restart is given up after a while") {
  std::atomic<int> requests{0};
  ScriptedServer broker([&](StreamedRequest* request) {
    if (++requests == 1) return AnswerAndStop(request, 2, "restarting");
    request->Send("HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "--reconnect-ms", "200", "-f", dir.Write("f", Lines(5))});
  CHECK(run.code == 1);
  CHECK(requests >= 3);
  CHECK_THAT(run.error, Catch::Contains("answered up to line 2: 2 accepted, 0 refused; the lines behind it were not taken"));
}

/// Answers one line, and ends with `last`.
void AnswerOneAndEnd(StreamedRequest* request, const std::string& last) {
  std::string piece;
  request->Read(&piece);
  request->SendHead(200, "application/x-ndjson");
  request->SendChunk(R"({"index":0,"id":"n1"})"
                     "\n" +
                     last + "\n");
  request->SendEnd();
  while (request->Read(&piece)) continue;
}

TEST_CASE("notifyctl submit --file: a last line that counts other lines than were answered is no answer") {
  ScriptedServer broker(
      [](StreamedRequest* request) { AnswerOneAndEnd(request, R"({"type":"urn:notifyd:problem:restarting","status":503,"next_index":2})"); });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", Lines(5))});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("the last line of the answer is not the next one"));
}

TEST_CASE("submit -f: where the broker does not know what became of the rest, that is said in its words") {
  ScriptedServer broker([](StreamedRequest* request) {
    AnswerOneAndEnd(request,
                    R"({"type":"urn:notifyd:problem:outcome-unknown","title":"Outcome unknown","status":504,"detail":"they may have been taken"})");
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", Lines(5))});
  CHECK(run.code == 3);
  CHECK_THAT(run.error, Catch::Contains("they may have been taken") && Catch::Contains("whether the lines behind it were accepted is not known"));
}

TEST_CASE("unanswered lines: what was answered is gone, what was not is sent again, from the beginning of its line") {
  UnansweredLines lines;
  lines.Add("a\nbb\ncc");
  lines.Sent(6);
  CHECK(lines.to_send() == "c");
  lines.Answered();
  lines.Rewind();
  CHECK(lines.to_send() == "bb\ncc");
  lines.Sent(3);
  lines.Answered();
  lines.Add("c\nd\n");
  CHECK(lines.to_send() == "ccc\nd\n");
  lines.Sent(lines.to_send().size());
  CHECK(lines.to_send().empty());
  lines.Answered();
  lines.Rewind();
  CHECK(lines.to_send() == "d\n");
}

TEST_CASE("unanswered lines: of a line that was refused before its end nothing is sent in a later request") {
  UnansweredLines lines;
  lines.Add("a\nlong");
  lines.Sent(4);
  lines.Answered();
  lines.Answered();
  SECTION("the rest goes with the same request") {
    lines.Add("er\nb\n");
    CHECK(lines.to_send() == "nger\nb\n");
    lines.Sent(7);
    lines.Rewind();
    CHECK(lines.to_send() == "b\n");
  }
  SECTION("a later request begins behind it") {
    lines.Rewind();
    CHECK(lines.to_send().empty());
    lines.Add("er and ");
    lines.Add("longer\nb\n");
    CHECK(lines.to_send() == "b\n");
  }
}

TEST_CASE("unanswered lines: more than can be kept is sent once only") {
  UnansweredLines lines;
  std::string line(1 << 20, 'x');
  line.back() = '\n';
  size_t most = UnansweredLines::kMostBytes / line.size();
  for (size_t i = 0; i < most; ++i) {
    lines.Add(line);
    lines.Sent(line.size());
  }
  CHECK(lines.complete());
  lines.Add(line);
  CHECK_FALSE(lines.complete());
  CHECK(lines.to_send() == line);
  lines.Sent(line.size());
  CHECK(lines.to_send().empty());
}

TEST_CASE("notifyctl submit --file: a broken connection says up to which line was answered, and exits with 3") {
  ScriptedServer broker([](StreamedRequest* request) {
    request->SendHead(200, "application/x-ndjson");
    LineAnswers answers;
    std::string piece;
    request->Read(&piece);
    request->SendChunk(answers.To(piece.substr(0, piece.find("http://x/3"))));
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", "\n" + Lines(5))});
  CHECK(run.code == 3);
  CHECK(run.output == "submitted 3 notifies: n1 to n3\n");
  CHECK_THAT(run.error, Catch::Contains("answered up to line 4: 3 accepted, 0 refused") && Catch::Contains("is not known"));
  // Who has answered is no listener with TLS.
  CHECK_THAT(run.error, !Catch::Contains("https://"));
}

TEST_CASE("notifyctl submit --file: where every line is answered it is done, however the connection ends") {
  const char* end = GENERATE("", "5\r\n{\"in");
  ScriptedServer broker([end](StreamedRequest* request) {
    LineAnswers answers;
    std::string all;
    for (std::string piece; request->Read(&piece);) all += answers.To(piece);
    request->SendHead(200, "application/x-ndjson");
    request->SendChunk(all + answers.Last());
    request->Send(end);
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", Lines(2) + "{\"url\":\"http://x/\"}")});
  CHECK(run.code == 0);
  CHECK(run.output == "submitted 3 notifies: n1 to n3\n");
  CHECK(run.error.empty());
  CHECK(broker.seen().size() == 1);
}

TEST_CASE("notifyctl submit --file: a file without lines that is refused is refused, and so is one whose answer does not come") {
  ScriptedServer broker([](StreamedRequest* request) {
    for (std::string piece; request->Read(&piece);) continue;
    request->Send("HTTP/1.1 401 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  CHECK(CtlAt(broker, {"submit", "-f", "-"}).code == 1);
  ScriptedServer silent([](StreamedRequest* request) {
    for (std::string piece; request->Read(&piece);) continue;
  });
  CHECK(CtlAt(silent, {"submit", "-f", "-"}).code == 3);
}

TEST_CASE("notifyctl submit --file: an answer that ends too early is no success") {
  ScriptedServer broker([](StreamedRequest* request) {
    for (std::string piece; request->Read(&piece);) continue;
    request->SendHead(200, "application/x-ndjson");
    request->SendChunk("{\"index\":0,\"id\":\"n1\"}\n");
    request->SendEnd();
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", Lines(2))});
  CHECK(run.code == 3);
  CHECK_THAT(run.error, Catch::Contains("ended before the last line's") && Catch::Contains("answered up to line 1"));
}

TEST_CASE("notifyctl submit --file: an answer that is none is named, and exits with 1") {
  const char* answer = GENERATE("{\"index\":1,\"id\":\"n1\"}\n", "{\"index\":0}\n", "nonsense\n", "[]\n",
                                "{\"index\":0,\"id\":\"n1\"}\n{\"index\":1,\"id\":\"n2\"}\n");
  ScriptedServer broker([answer](StreamedRequest* request) {
    for (std::string piece; request->Read(&piece);) continue;
    request->SendHead(200, "application/x-ndjson");
    request->SendChunk(answer);
    request->SendEnd();
    std::string none;
    request->Read(&none);
  });
  TempDir dir;
  CtlRun run = CtlAt(broker, {"submit", "-f", dir.Write("f", Lines(1))});
  INFO(answer << run.error);
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("a line of the answer"));
}

TEST_CASE("notifyctl submit --file: a broker that cannot be reached is all that is said, and exits with 3") {
  TempDir dir;
  CtlRun run = Ctl({"--server", "http://127.0.0.1:" + std::to_string(ClosedPort()), "submit", "-f", dir.Write("f", Lines(1))});
  CHECK(run.code == 3);
  CHECK(run.output.empty());
  CHECK_THAT(run.error, Catch::Contains("127.0.0.1") && !Catch::Contains("line"));
  CHECK(std::count(run.error.begin(), run.error.end(), '\n') == 1);
}

TEST_CASE("submit file: what a pipe has brought is sent at once, and its answer taken before more comes") {
  ScriptedServer broker(LineBroker(When::kEachPiece));
  Pipe pipe;
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t answered = 0;
  FileHooks hooks;
  hooks.answered = [&](std::string_view) {
    std::lock_guard<std::mutex> lock(mutex);
    ++answered;
    changed.notify_all();
    return true;
  };
  auto done = std::async(std::launch::async, [&] {
    HttpClient client(broker.url());
    return SubmitFile(pipe.ends[0], &client, hooks);
  });
  for (uint64_t i = 1; i <= 3; ++i) {
    pipe.Write(Lines(1));
    std::unique_lock<std::mutex> lock(mutex);
    CHECK(changed.wait_for(lock, std::chrono::seconds(kDeadlineSeconds), [&] { return answered == i; }));
  }
  pipe.CloseWriter();
  FileOutcome outcome = done.get();
  CHECK(outcome.fault.ok());
  CHECK(outcome.counts.accepted == 3);
}

TEST_CASE("notifyctl submit --file: stopped by a signal it ends by it, and says how far it came") {
  ScriptedServer broker(LineBroker(When::kEachPiece));
  TempDir dir;
  const std::string fifo = dir.path() + "/lines";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const int writer = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  Process submit(NOTIFYCTL_BINARY, {{"--server", broker.url(), "--json", "submit", "--file", fifo}, {}});
  const std::string lines = Lines(3);
  REQUIRE(write(writer, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size()));
  CHECK(submit.WaitForOutput("\"index\":2"));
  submit.Signal(SIGINT);
  CHECK(submit.Wait() == 1000 + SIGINT);
  CHECK(submit.error() ==
        "notifyctl: interrupted\n"
        "notifyctl: answered up to line 3: 3 accepted, 0 refused; the lines behind it were not taken\n");
  close(writer);
}

TEST_CASE("submit file: a broker that goes while the input is silent is noticed") {
  ScriptedServer broker([](StreamedRequest* request) {
    request->SendHead(200, "application/x-ndjson");
    std::string piece;
    request->Read(&piece);
    request->SendChunk(LineAnswers().To(piece));
    request->SendEnd();
  });
  Pipe pipe;
  pipe.Write(Lines(1));
  HttpClient client(broker.url());
  FileOutcome outcome = SubmitFile(pipe.ends[0], &client, {});
  CHECK(outcome.unreachable);
  CHECK(outcome.counts.accepted == 1);
}

TEST_CASE("submit file: it reads no further than a slow broker takes, so memory stays small") {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  ScriptedServer broker([gone](StreamedRequest* request) {
    gone.wait();
    LineBroker(When::kEachPiece)(request);
  });
  Pipe pipe;
  REQUIRE(fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK) == 0);
  auto done = std::async(std::launch::async, [&] {
    HttpClient client(broker.url());
    return SubmitFile(pipe.ends[0], &client, {});
  });
  broker.WaitFor(1);
  // What the kernel's buffers hold is a few megabytes; a client that read on would take all of it.
  const size_t kMost = 64 << 20;
  const std::string line = "{\"body\":\"" + std::string(4000, 'x') + "\"}\n";
  size_t taken = 0, lines = 0;
  for (; taken < kMost; taken += line.size(), ++lines) {
    pollfd entry{pipe.ends[1], POLLOUT, 0};
    if (poll(&entry, 1, 1000) == 0) break;  // a pipe whose reader has stopped
    // Below PIPE_BUF: the whole line or nothing.
    while (write(pipe.ends[1], line.data(), line.size()) < 0) REQUIRE(errno == EAGAIN);
  }
  CHECK(taken < kMost);
  go.set_value();
  pipe.CloseWriter();
  FileOutcome outcome = done.get();
  INFO(outcome.fault.detail());
  CHECK(outcome.fault.ok());
  CHECK(outcome.counts.accepted == lines);
}
