#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
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

/// All that is in a pipe or socket now.
std::string ReadAll(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  std::string text;
  char buffer[65536];
  for (ssize_t size; (size = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(size));
  return text;
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
    close(ends[0]);
    close(ends[1]);
  }
  int ends[2];
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

TEST_CASE("log: gathered lines wait for the flush, a warning takes them along, in order") {
  std::string before, at_warning, lines = Captured([&](const std::function<std::string()>&written) {
                                    LogInit(LogFormat::kText, LogLevel::kInfo);
                                    // The thread that flushes now and then may come between: what must hold is the order, and that a warning does not
                                    // wait.
                                    LogGather();
                                    Log(LogLevel::kInfo, "one");
                                    Log(LogLevel::kWarn, "two");
                                    at_warning = written();
                                    Log(LogLevel::kInfo, "three");
                                    LogFlush();
                                    before = written();
                                  });
  CHECK_THAT(at_warning, Catch::Contains("one") && Catch::Contains("two"));
  CHECK_THAT(before, Catch::Contains("three"));
  CHECK(lines.find("one") < lines.find("two"));
  CHECK(lines.find("two") < lines.find("three"));
}

TEST_CASE("log: a gathered line that nobody flushes is written all the same") {
  bool came = false;
  Captured([&](const std::function<std::string()>& written) {
    LogInit(LogFormat::kText, LogLevel::kInfo);
    LogGather();
    for (int round = 0; round < 2; ++round) {  // the second: after the thread that sees to it has gone back to sleep, or not
      std::string name = "round " + std::to_string(round);
      Log(LogLevel::kInfo, name);
      auto until = std::chrono::steady_clock::now() + std::chrono::seconds(test::kDeadlineSeconds);
      do {
        came = written().find(name) != std::string::npos;
        if (!came) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      } while (!came && std::chrono::steady_clock::now() < until);
    }
  });
  CHECK(came);
}

TEST_CASE("log output: a pipe that nobody reads holds nobody up; what does not fit is counted where it is missing") {
  Pipe pipe;
  LogOutput output(pipe.ends[1], Lost, /*most_bytes=*/10'000);
  // The pipe itself takes 64 KiB.
  for (int i = 0; i < 200; ++i) output.Append(Line('a', 1000), /*urgent=*/false, /*flush=*/true);
  output.Append(Line('u', 1000), /*urgent=*/true, /*flush=*/true);
  output.Append(Line('b', 1000), /*urgent=*/false, /*flush=*/true);
  CHECK_FALSE(output.empty());
  std::string text = ReadAll(pipe.ends[0]);
  output.Flush();
  text += ReadAll(pipe.ends[0]);
  CHECK(output.empty());
  size_t kept = static_cast<size_t>(std::count(text.begin(), text.end(), 'a')) / 999;
  CHECK(kept < 200);
  std::string wanted;
  for (size_t i = 0; i < kept; ++i) wanted += Line('a', 1000);
  CHECK(text == wanted + Lost(200 - kept) + Line('u', 1000) + Lost(1));
  // And it goes on.
  output.Append(Line('c', 10), /*urgent=*/false, /*flush=*/true);
  CHECK(ReadAll(pipe.ends[0]) == Line('c', 10));
}

TEST_CASE("log output: turns that follow closely share a write, unless much waits") {
  Pipe pipe;
  LogOutput output(pipe.ends[1], Lost);
  auto turn = [&](char c, size_t size, int64_t now_ms) {
    output.Append(Line(c, size), /*urgent=*/false, /*flush=*/false);
    output.FlushPaced(now_ms, 5);
    return ReadAll(pipe.ends[0]);
  };
  CHECK(turn('a', 10, 1000) == Line('a', 10));  // the first one after a rest at once
  CHECK(turn('b', 10, 1001).empty());
  CHECK(turn('c', 10, 1004).empty());
  CHECK(turn('d', 10, 1005) == Line('b', 10) + Line('c', 10) + Line('d', 10));
  CHECK(turn('e', 10, 1006).empty());
  CHECK(turn('f', LogOutput::kMuchBytes, 1007) == Line('e', 10) + Line('f', LogOutput::kMuchBytes));
  output.FlushPaced(2000, 5);
  CHECK(ReadAll(pipe.ends[0]).empty());
}

TEST_CASE("log output: a socket that nobody reads holds nobody up") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  {
    LogOutput output(ends[1], Lost, /*most_bytes=*/10'000);
    for (int i = 0; i < 2000; ++i) output.Append(Line('a', 1000), /*urgent=*/false, /*flush=*/true);
    CHECK_FALSE(output.empty());
    std::string text = ReadAll(ends[0]);
    output.Flush();
    text += ReadAll(ends[0]);
    CHECK(output.empty());
    CHECK_THAT(text, Catch::Contains("lost "));
  }
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("log output: Drain waits for a reader that is slow, but not for ever") {
  Pipe pipe;
  std::string text;
  LogOutput output(pipe.ends[1], Lost);
  for (int i = 0; i < 1000; ++i) output.Append(Line('a', 1000), /*urgent=*/false, /*flush=*/true);
  output.Drain(1);
  CHECK_FALSE(output.empty());
  std::thread reader([&] {
    char buffer[4096];
    while (text.size() < 1'000'000) text.append(buffer, static_cast<size_t>(std::max<ssize_t>(0, read(pipe.ends[0], buffer, sizeof buffer))));
  });
  output.Drain(test::kDeadlineSeconds * 1000);
  reader.join();
  CHECK(output.empty());
  CHECK(text.size() == 1'000'000);
}

TEST_CASE("log output: a reader that is gone costs lines, and nothing else") {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  LogOutput output(pipe.ends[1], Lost);
  close(pipe.ends[0]);
  output.Append(Line('a', 10), /*urgent=*/false, /*flush=*/true);
  output.Append(Line('b', 10), /*urgent=*/true, /*flush=*/true);
  CHECK_FALSE(output.empty());  // it still has to say how many were lost
  pipe.ends[0] = -1;
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
