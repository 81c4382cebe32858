#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>
#include <thread>
#include <utility>

#include "base/log_output.h"
#include "base/json_tree.h"
#include "support/process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

std::string ContentOf(const std::string& file) {
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// What `log` writes to standard error; it is handed a look at what is written so far.
std::string Captured(const std::function<void(const std::function<std::string()>& written)>& log) {
  test::TempDir dir;
  std::string file = dir.path() + "/err";
  // What others logged before, which waits to be written, goes where it belongs.
  LogFinish();
  std::fflush(stderr);
  int saved = dup(STDERR_FILENO), fd = open(file.c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(fd, STDERR_FILENO);
  log([&] { return ContentOf(file); });
  LogFinish();
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(fd);
  LogInit(LogFormat::kAuto, LogLevel::kInfo);
  return ContentOf(file);
}
std::string Captured(const std::function<void()>& log) {
  return Captured([&](const std::function<std::string()>&) { log(); });
}

constexpr int64_t kLongMs = test::kDeadlineSeconds * 1000;

/// What `text` says once it ends with `end`, or at the deadline.
std::string Until(const std::function<std::string()>& text, const std::string& end) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLongMs);
  std::string now;
  do now = text();
  while (!now.ends_with(end) && std::chrono::steady_clock::now() < deadline);
  return now;
}

std::string Lost(uint64_t count) {
  return "lost " + std::to_string(count) + "\n";
}

/// A line of so many bytes, its end included.
std::string Line(char c, size_t size) {
  return std::string(size - 1, c) + "\n";
}

struct Pipe {
  Pipe() { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() {
    for (int end : ends)
      if (end >= 0) close(end);
  }
  int ends[2];
};

/// Reads all that comes, on a thread of its own.
class Reader {
 public:
  explicit Reader(int fd)
      : thread_([this, fd] {
          char buffer[4096];
          for (ssize_t size; (size = read(fd, buffer, sizeof buffer)) > 0;) text_.append(buffer, static_cast<size_t>(size));
        }) {}
  ~Reader() {
    if (thread_.joinable()) thread_.join();
  }
  /// What came until the writer's end, which is closed here where there is a pipe.
  std::string Finish(Pipe* pipe = nullptr) {
    if (pipe != nullptr) close(std::exchange(pipe->ends[1], -1));
    thread_.join();
    return text_;
  }

 private:
  std::string text_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("log: text is one line with time, level, event and fields") {
  std::string line = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kInfo);
    Log(LogLevel::kInfo, "store opened", {{"directory", "./data"}, {"bytes", uint64_t{4096}}, {"clean", true}, {"ratio", 0.5}, {"note", "a b"}});
  });
  std::regex wanted(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  store opened directory=\./data bytes=4096 clean=true ratio=0\.5 note="a b"\n)");
  INFO(line);
  CHECK(std::regex_match(line, wanted));
}

TEST_CASE("log: JSON is one object a line, whatever a peer sent") {
  std::string nasty = "a\"b\\c\nd\x01\xff{}%v";
  std::string line = Captured([&] {
    LogInit(LogFormat::kJson, LogLevel::kInfo);
    Log(LogLevel::kError, nasty, {{"detail", nasty}, {"n", -5}});
  });
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  Result<JsonTree> tree = JsonTree::Parse(line);
  REQUIRE(tree.ok());
  CHECK(tree->root().At("/event")->text() == "a\"b\\c\nd\x01\xef\xbf\xbd{}%v");
  CHECK(tree->root().At("/detail")->text() == tree->root().At("/event")->text());
  CHECK(tree->root().At("/n")->raw() == "-5");
  CHECK(tree->root().At("/level")->text() == "error");
  CHECK(tree->root().At("/time")->text().size() == 24);
}

TEST_CASE("log: text stays one line, whatever a peer sent") {
  std::string line = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kInfo);
    Log(LogLevel::kWarn, "event\nforged", {{"detail", "x\ny"}});
  });
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
}

TEST_CASE("log: a field without a text is left out, in both formats") {
  std::string lines = Captured([] {
    for (LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
      LogInit(format, LogLevel::kInfo);
      Log(LogLevel::kInfo, "one", {{"field", ""}, {"count", 0}});
    }
  });
  CHECK_THAT(lines, !Catch::Contains("field"));
  CHECK_THAT(lines, Catch::Contains("one count=0\n") && Catch::Contains(R"("event":"one","count":0})"));
}

TEST_CASE("log: what stands above every level is an info that is always written") {
  std::string line = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kError);
    Log(LogLevel::kWarn, "one");
    Log(LogLevel::kAlways, "two");
  });
  CHECK_THAT(line, Catch::EndsWith("Z info  two\n") && !Catch::Contains("one"));
}

TEST_CASE("log: what is below the level is not written") {
  std::string lines = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kWarn);
    Log(LogLevel::kDebug, "one");
    Log(LogLevel::kInfo, "two");
    Log(LogLevel::kWarn, "three");
  });
  CHECK_THAT(lines, Catch::Contains("three") && !Catch::Contains("one") && !Catch::Contains("two"));
}

TEST_CASE("log: the level can change while running") {
  std::string lines = Captured([] {
    LogInit(LogFormat::kText, LogLevel::kInfo);
    Log(LogLevel::kDebug, "one");
    LogSetLevel(LogLevel::kDebug);
    Log(LogLevel::kDebug, "two");
  });
  CHECK_THAT(lines, Catch::Contains("two") && !Catch::Contains("one"));
}

TEST_CASE("log: lines are written without anybody asking for it, in order") {
  std::string lines;
  Captured([&](const std::function<std::string()>& written) {
    LogInit(LogFormat::kText, LogLevel::kInfo);
    for (int round = 0; round < 3; ++round) {  // each after the thread that writes has gone to sleep, or not
      Log(LogLevel::kInfo, "one");
      Log(LogLevel::kWarn, "two");
      Log(LogLevel::kInfo, "round " + std::to_string(round));
      lines = Until([&] { return written(); }, "round " + std::to_string(round) + "\n");
    }
  });
  std::string names;
  static const std::regex name(R"(Z (?:info|warn)  (.*)\n)");
  for (std::sregex_iterator it(lines.begin(), lines.end(), name), end; it != end; ++it) names += (*it)[1].str() + ",";
  CHECK(names == "one,two,round 0,one,two,round 1,one,two,round 2,");
}

TEST_CASE("log output: a pipe that nobody reads holds nobody up; what does not fit is counted where it is missing") {
  Pipe pipe;
  // The pipe itself takes 64 KiB: it is full before, so that nothing depends on how far the writer has come.
  REQUIRE(fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK) == 0);
  while (write(pipe.ends[1], Line('z', 4096).data(), 4096) > 0) continue;
  REQUIRE(fcntl(pipe.ends[1], F_SETFL, 0) == 0);
  LogOutput output(pipe.ends[1], Lost, /*most_bytes=*/10'000);
  for (int i = 0; i < 200; ++i) output.Append(Line('a', 1000), /*urgent=*/false);
  CHECK_FALSE(output.WaitWritten(1));
  output.Append(Line('u', 1000), /*urgent=*/true);
  output.Append(Line('b', 1000), /*urgent=*/false);
  Reader reader(pipe.ends[0]);
  REQUIRE(output.WaitWritten(kLongMs));
  std::string text = reader.Finish(&pipe);
  // What is missing stands where it is: lines and counts make 200, and the last gap is in front of what was urgent, but for the one behind it.
  size_t kept = static_cast<size_t>(std::count(text.begin(), text.end(), 'a')) / 999, lost = 0;
  CHECK(kept < 200);
  for (size_t at = text.find("lost "); at != std::string::npos; at = text.find("lost ", at + 1)) lost += std::stoul(text.substr(at + 5));
  CHECK(kept + lost == 201);
  CHECK(text.ends_with("\n" + Line('u', 1000) + Lost(1)));
  CHECK(text.substr(0, text.size() - 1000 - Lost(1).size()).ends_with('\n'));
}

TEST_CASE("log output: a socket that nobody reads holds nobody up") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  // Full before, as the pipe above.
  while (send(ends[1], Line('z', 4096).data(), 4096, MSG_DONTWAIT) > 0) continue;
  {
    LogOutput output(ends[1], Lost, /*most_bytes=*/10'000);
    for (int i = 0; i < 200; ++i) output.Append(Line('a', 1000), /*urgent=*/false);
    CHECK_FALSE(output.WaitWritten(1));
    Reader reader(ends[0]);
    REQUIRE(output.WaitWritten(kLongMs));
    shutdown(ends[1], SHUT_WR);
    CHECK_THAT(reader.Finish(), Catch::Contains("lost "));
  }
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("log output: what waits is waited for where a reader is slow, but not for ever") {
  Pipe pipe;
  LogOutput output(pipe.ends[1], Lost);
  for (int i = 0; i < 1000; ++i) output.Append(Line('a', 1000), /*urgent=*/false);
  CHECK_FALSE(output.WaitWritten(1));
  Reader reader(pipe.ends[0]);
  CHECK(output.WaitWritten(kLongMs));
  CHECK(reader.Finish(&pipe).size() == 1'000'000);
}

TEST_CASE("log output: it can go while nobody reads") {
  Pipe pipe;
  LogOutput output(pipe.ends[1], Lost);
  for (int i = 0; i < 100; ++i) output.Append(Line('a', 1000), /*urgent=*/false);
  CHECK_FALSE(output.WaitWritten(1));
}

TEST_CASE("log output: a reader that is gone costs lines, and nothing else") {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  LogOutput output(pipe.ends[1], Lost);
  close(std::exchange(pipe.ends[0], -1));
  output.Append(Line('a', 10), /*urgent=*/false);
  output.Append(Line('b', 10), /*urgent=*/true);
  CHECK(output.WaitWritten(kLongMs));
}

TEST_CASE("log output: what comes once lines were lost says first how many, on a line of its own") {
  test::TempDir dir;
  // A file that may not grow beyond 25 bytes.
  int fd = open(dir.At("log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  {
    LogOutput output(fd, Lost);
    rlimit small{25, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    for (char c : {'a', 'b', 'c'}) output.Append(Line(c, 10), /*urgent=*/false);
    bool done = output.WaitWritten(kLongMs);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(done);
    output.Append(Line('d', 10), /*urgent=*/true);
    CHECK(output.WaitWritten(kLongMs));
  }
  close(fd);
  CHECK(ContentOf(dir.At("log")) == Line('a', 10) + Line('b', 10) + "ccccc\n" + Lost(1) + Line('d', 10));
}

TEST_CASE("log: what steers a terminal or hides text is escaped, in both formats") {
  const std::string nasty =
      "\xc2\x9b"
      "2J\x7f\xe2\x80\xae\xe2\x80\x8b";
  std::string lines = Captured([&] {
    for (LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
      LogInit(format, LogLevel::kInfo);
      Log(LogLevel::kWarn, nasty, {{"detail", nasty}});
    }
  });
  INFO(lines);
  const std::string escaped = "\\u009b2J\\u007f\\u202e\\u200b";
  CHECK_THAT(lines, Catch::Contains(" warn  " + escaped + " detail=\"" + escaped + "\"\n"));
  CHECK_THAT(lines, Catch::Contains("\"event\":\"" + escaped + "\",\"detail\":\"" + escaped + "\"}\n"));
  Result<JsonTree> tree = JsonTree::Parse(lines.substr(lines.find('{')));
  REQUIRE(tree.ok());
  CHECK(tree->root().At("/event")->text() == nasty);
}
