// The door beside a real beanstalkd: the same exchanges with both, answer by answer. tests/data/beanstalkd_exchanges.txt says what they are, what
// their answers have to do with each other, and where they differ, why.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "base/ascii.h"
#include "cli/e2e_broker.h"
#include "support/beanstalkd_client.h"
#include "support/sockets.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// One side of the comparison: its connection, and its numbers for the jobs that the script names.
struct Side {
  explicit Side(uint16_t at) : port(at), client(std::make_unique<BeanstalkdClient>(at)) { REQUIRE(client->connected()); }
  const uint16_t port;
  std::unique_ptr<BeanstalkdClient> client;
  std::map<std::string, std::string> jobs;  // by name
  std::string last;                         // of the last INSERTED

  /// With its own numbers in place of names.
  std::string Filled(std::string text) const {
    for (const auto& [name, number] : jobs)
      for (size_t at; (at = text.find("{" + name + "}")) != std::string::npos;) text.replace(at, name.size() + 2, number);
    return text;
  }
  /// An answer with names in place of its own numbers; of a job that has no name yet "#".
  std::string Named(const std::string& answer) const {
    for (const std::string_view before : {"INSERTED ", "FOUND ", "OK "}) {
      if (!answer.starts_with(before)) continue;
      std::string out = answer;
      const size_t from = before == "OK " ? answer.find("\nid: ") + 5 : before.size();
      if (before == "OK " && from == std::string::npos + 5) return answer;
      const size_t end = answer.find_first_of(" \r\n", from);
      std::string name = "#";
      for (const auto& [each, number] : jobs)
        if (number == answer.substr(from, end - from)) name = "{" + each + "}";
      return out.replace(from, end - from, name);
    }
    return answer;
  }
  std::vector<std::string> Exchange(const std::string& bytes, size_t answers) {
    std::vector<std::string> out;
    REQUIRE(client->Send(Filled(bytes)));
    for (size_t i = 0; i < answers; ++i) {
      const std::string answer = client->ReadAnswer();
      if (const std::string job = JobIn(answer); !job.empty()) last = job;
      out.push_back(Named(answer));
    }
    return out;
  }
};

std::map<std::string, std::string> RowsOf(const std::string& yaml, std::string* keys) {
  std::map<std::string, std::string> rows;
  for (size_t at = yaml.find("---\n") + 4; at < yaml.size();) {
    const size_t end = std::min(yaml.find('\n', at), yaml.size());
    const std::string line = yaml.substr(at, end - at);
    at = end + 1;
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    rows[line.substr(0, colon)] = line.substr(colon + 2);
    *keys += line.substr(0, colon) + " ";
  }
  return rows;
}

std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '@') {  // so many bytes
      const std::string digits(text.substr(i + 1, text.find_first_not_of("0123456789", i + 1) - i - 1));
      out.append(std::stoul(digits), 'x');
      i += digits.size();
    } else if (text[i] != '\\') {
      out.push_back(text[i]);
    } else if (const char kind = text[++i]; kind == 'x') {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) << 4 | HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(kind == 'r' ? '\r' : kind == 'n' ? '\n' : kind == '0' ? '\0' : kind);
    }
  }
  return out;
}

std::string Shown(const std::vector<std::string>& answers) {
  std::string out;
  for (const std::string& answer : answers) out += answer;
  return out;
}

/// A real beanstalkd, and a broker with a door, until the test's end.
struct Both {
  static constexpr const char* kSpace = "/v1/namespaces/old";

  Both() : port(ClosedPort()), real("beanstalkd", {{"-l", "127.0.0.1", "-p", std::to_string(port)}, {}}), broker(dir.path(), {"--config", Config()}) {
    REQUIRE(broker.Call("PUT", kSpace, R"({"retry":{"max_attempts":1},"destinations":{"allow":["127.0.0.0/8"]}})").Done());
    for (const char* lane : {"concurrent/default", "concurrent/jobs", "concurrent/other"})
      REQUIRE(broker.Call("PATCH", std::string(kSpace) + "/lanes/" + lane, R"({"paused":true})").Done());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
    while (!BeanstalkdClient(port).connected()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  std::string Config() {
    door = ClosedPort();
    std::string text = "[[listener]]\naddress = \"127.0.0.1:" + std::to_string(door) + "\"\nprotocol = \"beanstalkd\"\nnamespace = \"old\"\n";
    for (const char* tube : {"default", "jobs", "other", "broken"})
      text +=
          std::string("[[tube]]\nnamespace = \"old\"\nname = \"") + tube + "\"\nurl = \"http://127.0.0.1:" + std::to_string(ClosedPort()) + "/\"\n";
    return dir.Write("n.toml", text);
  }

  /// A consumer buries it, and the door's call fails.
  void Bury(const std::string& tube, const std::string& job, Side* beanstalkd, Side* ours) {
    BeanstalkdClient consumer(port);
    consumer.Do("watch " + tube);
    consumer.Do("ignore default");
    REQUIRE(consumer.Do("reserve-with-timeout 60").starts_with("RESERVED " + beanstalkd->jobs.at(job) + " "));
    REQUIRE(consumer.Do("bury " + beanstalkd->jobs.at(job) + " 1024") == "BURIED\r\n");
    REQUIRE(JsonAt(broker.Settled(ours->jobs.at(job)), "/state") == "failed");
  }

  TempDir dir;
  uint16_t port, door = 0;
  Process real;
  Broker broker;
};

/// The script, line by line.
class Script {
 public:
  explicit Script(Both* both) : both_(both), beanstalkd_(std::make_unique<Side>(both->port)), door_(std::make_unique<Side>(both->door)) {}

  void Run(const std::string& path) {
    std::ifstream file(path);
    REQUIRE(file);
    for (std::string line; std::getline(file, line);) {
      ++number_;
      if (line.empty() || line[0] == '#') continue;
      INFO("line " << number_ << ": " << sent_);
      Take(line);
    }
  }
  size_t exchanges() const { return exchanges_; }

 private:
  void Take(const std::string& line) {
    if (line[0] == '>') return Send(line);
    if (line == "=") {
      CHECK(Shown(ours_) == Shown(theirs_));
    } else if (line[0] == '~') {
      Compare(line.substr(2));
    } else if (line[0] == '!') {
      Differ(line.substr(2));
    } else if (line[0] == ':') {
      for (Side* side : {beanstalkd_.get(), door_.get()}) side->jobs[line.substr(2)] = side->last;
    } else if (line == "@ new") {
      beanstalkd_ = std::make_unique<Side>(both_->port);
      door_ = std::make_unique<Side>(both_->door);
    } else {
      REQUIRE(line.starts_with("@ bury "));
      const size_t blank = line.rfind(' ');
      both_->Bury(line.substr(7, blank - 7), line.substr(blank + 1), beanstalkd_.get(), door_.get());
    }
  }

  void Send(const std::string& line) {
    const bool exact = line.starts_with(">>");
    size_t at = exact ? 2 : 1, answers = 1;
    if (line[at] == '*') {
      answers = static_cast<size_t>(line[at + 1] - '0');
      at += 2;
    }
    sent_ = line;
    const std::string bytes = Unescaped(line.size() > at ? line.substr(at + 1) : "") + (exact ? "" : "\r\n");
    theirs_ = beanstalkd_->Exchange(bytes, answers);
    ours_ = door_->Exchange(bytes, answers);
    ++exchanges_;
  }

  void Compare(const std::string& keys) {
    std::string our_keys, their_keys;
    REQUIRE(theirs_.size() == 1);
    INFO(ours_[0]);
    auto ours = RowsOf(ours_[0], &our_keys), theirs = RowsOf(theirs_[0], &their_keys);
    CHECK(our_keys == their_keys);
    for (size_t at = 0; at < keys.size();) {
      const size_t end = std::min(keys.find(' ', at), keys.size());
      const std::string key = keys.substr(at, end - at);
      at = end + 1;
      INFO(key);
      CHECK(theirs.contains(key));
      CHECK(ours[key] == theirs[key]);
    }
  }

  void Differ(const std::string& text) {
    const size_t first = text.find(" | "), second = text.find(" | ", first + 3);
    REQUIRE(second != std::string::npos);
    const auto is = [](const std::string& answer, const std::string& said) {
      if (!said.ends_with('#')) return answer == Unescaped(said);
      return answer.starts_with(said.substr(0, said.size() - 1)) && answer.size() > said.size();
    };
    INFO(Shown(theirs_) << Shown(ours_));
    CHECK(is(Shown(theirs_), text.substr(0, first)));
    CHECK(is(Shown(ours_), text.substr(first + 3, second - first - 3)));
    CHECK(text.size() > second + 3);
  }

  Both* const both_;
  std::unique_ptr<Side> beanstalkd_, door_;
  std::vector<std::string> theirs_, ours_;
  std::string sent_;
  size_t number_ = 0, exchanges_ = 0;
};

}  // namespace

TEST_CASE("beanstalkd door: answers as a real beanstalkd does, command by command") {
  Both both;
  Script script(&both);
  script.Run(std::string(NOTIFYD_SOURCE_DIR) + "/tests/data/beanstalkd_exchanges.txt");
  CHECK(script.exchanges() >= 150);
}
