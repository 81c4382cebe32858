// Where the log goes besides standard error: files that are moved away, daemons that come and go, a search engine that says no.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "base/json_tree.h"
#include "base/log_sink.h"
#include "base/log_sockets.h"
#include "net/telemetry/elastic_sink.h"
#include "net/telemetry/http_post.h"
#include "support/process.h"
#include "support/scripted_server.h"
#include "support/sockets.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr int64_t kSinkLongMs = kDeadlineSeconds * 1000;

std::string SinkContent(const std::string& file) {
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

void Say(LogSink* sink, LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {}) {
  sink->Take({WallTime{1'764'275'696'789}, level, event, fields.begin(), fields.size()});
}

/// A daemon's socket.
class Socket {
 public:
  explicit Socket(const std::string& path) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    timeval most{kDeadlineSeconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  }
  ~Socket() { close(fd_); }
  /// The next datagram, or what the file holds that came in its place.
  std::string Next() {
    std::string bytes(1 << 20, '\0');
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec place{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(fd_, &message, 0);
    if (size < 0) return "";
    bytes.resize(static_cast<size_t>(size));
    const cmsghdr* head = CMSG_FIRSTHDR(&message);
    if (!head) return bytes;
    int file = -1;
    memcpy(&file, CMSG_DATA(head), sizeof file);
    bytes.resize(static_cast<size_t>(lseek(file, 0, SEEK_END)));
    REQUIRE(pread(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    close(file);
    return bytes;
  }

 private:
  int fd_;
};

/// Fields of the journal's native protocol.
std::map<std::string, std::string> FieldsOf(const std::string& entry) {
  std::map<std::string, std::string> fields;
  for (size_t at = 0; at < entry.size();) {
    const size_t end = entry.find_first_of("=\n", at);
    const std::string name = entry.substr(at, end - at);
    if (entry[end] == '=') {
      const size_t line = entry.find('\n', end);
      fields[name] = entry.substr(end + 1, line - end - 1);
      at = line + 1;
      continue;
    }
    uint64_t size = 0;
    for (size_t i = 0; i < 8; ++i) size |= static_cast<uint64_t>(static_cast<uint8_t>(entry[end + 1 + i])) << (8 * i);
    fields[name] = entry.substr(end + 9, size);
    at = end + 9 + size + 1;
  }
  return fields;
}

}  // namespace

TEST_CASE("log file: lines are JSON, appended, and go to a new file once it was moved away and is opened anew") {
  TempDir dir;
  const std::string file = dir.Write("n.log", "before\n");
  Result<std::unique_ptr<LogSink>> sink = OpenFileSink(file, LogFormat::kAuto);
  REQUIRE(sink.ok());
  Say(sink->get(), LogLevel::kInfo, "one", {{"n", 1}});
  REQUIRE((*sink)->Finish(kSinkLongMs));
  REQUIRE(std::rename(file.c_str(), dir.At("n.log.1").c_str()) == 0);
  Say(sink->get(), LogLevel::kInfo, "two");
  REQUIRE((*sink)->Finish(kSinkLongMs));
  REQUIRE((*sink)->Reopen().ok());
  Say(sink->get(), LogLevel::kInfo, "three");
  REQUIRE((*sink)->Finish(kSinkLongMs));
  CHECK_THAT(SinkContent(dir.At("n.log.1")),
             Catch::StartsWith("before\n{\"time\":\"2025-11-27T20:34:56.789Z\",\"level\":\"info\",\"event\":\"one\",\"n\":1}\n") &&
                 Catch::Contains("two") && !Catch::Contains("three"));
  CHECK_THAT(SinkContent(file), Catch::Contains("three") && !Catch::Contains("two"));
}

TEST_CASE("log file: where it cannot be opened anew, it goes on with the one that it has") {
  TempDir dir;
  REQUIRE(mkdir(dir.At("sub").c_str(), 0700) == 0);
  Result<std::unique_ptr<LogSink>> sink = OpenFileSink(dir.At("sub/n.log"), LogFormat::kJson);
  REQUIRE(sink.ok());
  REQUIRE(std::rename(dir.At("sub").c_str(), dir.At("moved").c_str()) == 0);
  CHECK_FALSE((*sink)->Reopen().ok());
  Say(sink->get(), LogLevel::kInfo, "one");
  REQUIRE((*sink)->Finish(kSinkLongMs));
  CHECK_THAT(SinkContent(dir.At("moved/n.log")), Catch::Contains("one"));
  CHECK_FALSE(OpenFileSink(dir.At("none/n.log"), LogFormat::kJson).ok());
}

TEST_CASE("log file: a pipe is written to while somebody reads from it, and nobody is waited for") {
  TempDir dir;
  const std::string pipe = dir.At("n.log");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(OpenFileSink(pipe, LogFormat::kJson).status().detail() == pipe + ": nobody reads from this pipe");
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  Result<std::unique_ptr<LogSink>> sink = OpenFileSink(pipe, LogFormat::kJson);
  REQUIRE(sink.ok());
  Say(sink->get(), LogLevel::kInfo, "one");
  REQUIRE((*sink)->Finish(kSinkLongMs));
  char said[200] = {};
  REQUIRE(read(reader, said, sizeof said - 1) > 0);
  CHECK_THAT(said, Catch::Contains("one"));
  close(reader);
  CHECK_FALSE((*sink)->Reopen().ok());
}

TEST_CASE("journal: an event is a message with a priority, and each field one of its own, whatever is in it") {
  TempDir dir;
  Socket daemon(dir.At("journal"));
  Result<std::unique_ptr<LogSink>> sink = OpenJournalSink(dir.At("journal"));
  REQUIRE(sink.ok());
  Say(sink->get(), LogLevel::kWarn, "lane paused", {{"lane", "a\nPRIORITY=0"}, {"id", "7"}, {"count", 3}, {"empty", ""}});
  auto fields = FieldsOf(daemon.Next());
  CHECK(fields["MESSAGE"] == R"(lane paused lane="a\nPRIORITY=0" id=7 count=3)");
  CHECK(fields["PRIORITY"] == "4");
  CHECK(fields["SYSLOG_IDENTIFIER"] == "notifyd");
  CHECK(fields["NOTIFYD_EVENT"] == "lane paused");
  CHECK(fields["NOTIFYD_LANE"] == "a\nPRIORITY=0");
  CHECK(fields["NOTIFYD_ID"] == "7");
  CHECK(fields["NOTIFYD_COUNT"] == "3");
  CHECK(fields.size() == 7);
}

TEST_CASE("journal: what a datagram does not take goes as a file") {
  TempDir dir;
  Socket daemon(dir.At("journal"));
  Result<std::unique_ptr<LogSink>> sink = OpenJournalSink(dir.At("journal"));
  REQUIRE(sink.ok());
  const std::string large(400'000, 'x');
  Say(sink->get(), LogLevel::kInfo, "large", {{"detail", large}});
  CHECK(FieldsOf(daemon.Next())["NOTIFYD_DETAIL"] == large);
}

TEST_CASE("journal: a daemon that is started again costs no line; one that does not come back costs what does not fit") {
  TempDir dir;
  auto daemon = std::make_unique<Socket>(dir.At("journal"));
  Result<std::unique_ptr<LogSink>> sink = OpenJournalSink(dir.At("journal"));
  REQUIRE(sink.ok());
  Say(sink->get(), LogLevel::kInfo, "one");
  CHECK(FieldsOf(daemon->Next())["MESSAGE"] == "one");
  daemon.reset();
  unlink(dir.At("journal").c_str());
  Say(sink->get(), LogLevel::kInfo, "two");
  CHECK_FALSE((*sink)->Finish(1));
  daemon = std::make_unique<Socket>(dir.At("journal"));
  CHECK(FieldsOf(daemon->Next())["MESSAGE"] == "two");
  CHECK((*sink)->dropped() == 0);
  daemon.reset();
  unlink(dir.At("journal").c_str());
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 6; ++i) Say(sink->get(), LogLevel::kInfo, "large", {{"detail", large}});
  CHECK((*sink)->dropped() > 0);
  CHECK_FALSE(OpenJournalSink(dir.At("journal")).ok());
}

TEST_CASE("syslog: a line as syslog(3) sends it") {
  TempDir dir;
  Socket daemon(dir.At("log"));
  Result<std::unique_ptr<LogSink>> sink = OpenSyslogSink(dir.At("log"));
  REQUIRE(sink.ok());
  Say(sink->get(), LogLevel::kError, "store failed", {{"detail", "a\nb"}});
  const std::string line = daemon.Next();
  INFO(line);
  CHECK(std::regex_match(line, std::regex(R"(<27>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d notifyd\[\d+\]: store failed detail="a\\nb")")));
}

namespace {

struct Document {
  std::string id, body;
};

/// The documents of a bulk request.
std::vector<Document> DocumentsOf(const SeenRequest& request) {
  std::vector<Document> documents;
  std::istringstream lines(request.body);
  for (std::string action, body; std::getline(lines, action) && std::getline(lines, body);) {
    Result<JsonTree> tree = JsonTree::Parse(action);
    REQUIRE(tree.ok());
    documents.push_back({std::string(tree->root().At("/create/_id")->text()), body});
  }
  return documents;
}

std::string TextAt(const std::string& json, const std::string& pointer) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  REQUIRE(tree.ok());
  auto value = tree->root().At(pointer);
  return !value ? "" : value->kind() == JsonTree::Kind::kString ? std::string(value->text()) : std::string(value->raw());
}

/// What a cluster answers that took all, but for the first of them.
std::string TakenLines(size_t count, const std::string& first) {
  std::string items = R"({"create":{"status":)" + first + "}}";
  for (size_t i = 1; i < count; ++i) items += R"(,{"create":{"status":201}})";
  return R"({"errors":)" + std::string(first == "201" ? "false" : "true") + R"(,"items":[)" + items + "]}";
}

}  // namespace

TEST_CASE("elasticsearch: events go in bulk, with time, level, message, trace and fields, to the index that the URL names") {
  ScriptedServer cluster([](const SeenRequest& request) { return ScriptedAnswer{200, TakenLines(DocumentsOf(request).size(), "201")}; });
  std::unique_ptr<LogSink> sink = MakeElasticSink({cluster.url() + "/logs-notifyd", {"Authorization: ApiKey k"}, ""});
  Say(sink.get(), LogLevel::kInfo, "notify succeeded", {{"id", "7"}, {"trace_id", "4bf9"}, {"attempts", 2}, {"reason", ""}});
  Say(sink.get(), LogLevel::kWarn, "lane \"paused\"\n");
  REQUIRE(sink->Finish(kSinkLongMs));
  std::vector<SeenRequest> seen = cluster.seen();
  std::vector<Document> documents;
  for (const SeenRequest& request : seen) {
    CHECK(request.method == "POST");
    CHECK_THAT(request.target, Catch::StartsWith("/logs-notifyd/_bulk?"));
    CHECK(request.Header("Content-Type") == "application/x-ndjson");
    CHECK(request.Header("Authorization") == "ApiKey k");
    for (Document& each : DocumentsOf(request)) documents.push_back(std::move(each));
  }
  REQUIRE(documents.size() == 2);
  CHECK(documents[0].id != documents[1].id);
  const std::string& one = documents[0].body;
  CHECK(TextAt(one, "/@timestamp") == "2025-11-27T20:34:56.789Z");
  CHECK(TextAt(one, "/log.level") == "info");
  CHECK(TextAt(one, "/message") == "notify succeeded");
  CHECK(TextAt(one, "/service.name") == "notifyd");
  CHECK(TextAt(one, "/trace.id") == "4bf9");
  CHECK(TextAt(one, "/notifyd/id") == "7");
  CHECK(TextAt(one, "/notifyd/attempts") == "2");
  CHECK(TextAt(one, "/notifyd/reason") == "");
  CHECK(TextAt(documents[1].body, "/message") == "lane \"paused\"\n");
  CHECK(sink->dropped() == 0);
}

TEST_CASE("elasticsearch: the query of a URL stays behind its path") {
  ScriptedServer cluster([](const SeenRequest& request) { return ScriptedAnswer{200, TakenLines(DocumentsOf(request).size(), "201")}; });
  for (const char* written : {"/logs?pipeline=p", "/logs/?pipeline=p#part"}) {
    std::unique_ptr<LogSink> sink = MakeElasticSink({cluster.url() + written, {}, ""});
    Say(sink.get(), LogLevel::kInfo, "one");
    REQUIRE(sink->Finish(kSinkLongMs));
  }
  std::unique_ptr<LogSink> bare = MakeElasticSink({cluster.url() + "?pipeline=p", {}, ""});
  Say(bare.get(), LogLevel::kInfo, "one");
  REQUIRE(bare->Finish(kSinkLongMs));
  const std::vector<SeenRequest> seen = cluster.WaitFor(3);
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].target == "/logs/_bulk?filter_path=errors,items.*.status&pipeline=p");
  CHECK(seen[1].target == seen[0].target);
  CHECK(seen[2].target == "/notifyd-logs/_bulk?filter_path=errors,items.*.status&pipeline=p");
}

TEST_CASE("elasticsearch: a URL without a path means the index notifyd-logs") {
  ScriptedServer cluster([](const SeenRequest& request) { return ScriptedAnswer{200, TakenLines(DocumentsOf(request).size(), "201")}; });
  std::unique_ptr<LogSink> sink = MakeElasticSink({cluster.url() + "/", {}, ""});
  Say(sink.get(), LogLevel::kInfo, "one");
  REQUIRE(sink->Finish(kSinkLongMs));
  CHECK_THAT(cluster.WaitFor(1)[0].target, Catch::StartsWith("/notifyd-logs/_bulk?"));
}

TEST_CASE("elasticsearch: what it could not take is sent again under the same id; what it refuses is counted; what it has already is fine") {
  std::atomic<int> round{0};
  ScriptedServer cluster([&](const SeenRequest& request) {
    const size_t count = DocumentsOf(request).size();
    switch (round++) {
      case 0:
        return ScriptedAnswer{503, "busy"};
      case 1:
        return ScriptedAnswer{200, TakenLines(count, "429")};
      case 2:
        return ScriptedAnswer{200, TakenLines(count, "409")};
      default:
        return ScriptedAnswer{200, TakenLines(count, "400")};
    }
  });
  std::unique_ptr<LogSink> sink = MakeElasticSink({cluster.url(), {}, ""});
  Say(sink.get(), LogLevel::kInfo, "one");
  Say(sink.get(), LogLevel::kInfo, "two");
  REQUIRE(sink->Finish(kSinkLongMs));
  CHECK(sink->dropped() == 0);
  std::vector<SeenRequest> seen = cluster.WaitFor(3);
  REQUIRE(seen.size() >= 3);
  CHECK(DocumentsOf(seen[0])[0].id == DocumentsOf(seen[1])[0].id);
  CHECK(DocumentsOf(seen[2])[0].id == DocumentsOf(seen[1])[0].id);
  while (round <= 3) {
    Say(sink.get(), LogLevel::kInfo, "three");
    REQUIRE(sink->Finish(kSinkLongMs));
  }
  CHECK(sink->dropped() == 1);
}

TEST_CASE("elasticsearch: a document that it never takes is given up after a while, and holds up none behind it") {
  ScriptedServer cluster([](const SeenRequest& request) {
    std::string items;
    for (const auto& document : DocumentsOf(request))
      items += std::string(items.empty() ? "" : ",") + R"({"create":{"status":)" +
               (document.body.find("poison") == std::string::npos ? "201" : "500") + "}}";
    return ScriptedAnswer{200, R"({"errors":true,"items":[)" + items + "]}"};
  });
  std::unique_ptr<LogSink> sink = MakeElasticSink({cluster.url(), {}, ""});
  Say(sink.get(), LogLevel::kInfo, "good");
  Say(sink.get(), LogLevel::kInfo, "poison");
  REQUIRE(sink->Finish(kSinkLongMs));
  Say(sink.get(), LogLevel::kInfo, "behind");
  REQUIRE(sink->Finish(kSinkLongMs));
  CHECK(sink->dropped() == 1);
  const std::vector<SeenRequest> seen = cluster.seen();
  CHECK(DocumentsOf(seen.back())[0].body.find("behind") != std::string::npos);
}

TEST_CASE("elasticsearch: one that is away holds nobody up; beyond what may wait lines are dropped and counted") {
  std::unique_ptr<LogSink> sink = MakeElasticSink({"http://127.0.0.1:" + std::to_string(ClosedPort()), {}, ""});
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) Say(sink.get(), LogLevel::kInfo, "large", {{"detail", large}});
  CHECK_FALSE(sink->Finish(1));
  CHECK(sink->dropped() >= 12);
  CHECK(sink->dropped() < 20);
}

TEST_CASE("elasticsearch: one that knows no such client loses what was sent, and is not asked for ever") {
  ScriptedServer cluster([](const SeenRequest&) { return ScriptedAnswer{401, "{}"}; });
  std::unique_ptr<LogSink> sink = MakeElasticSink({cluster.url(), {}, ""});
  Say(sink.get(), LogLevel::kInfo, "one");
  REQUIRE(sink->Finish(kSinkLongMs));
  CHECK(sink->dropped() == 1);
}

TEST_CASE("telemetry: URLs and headers are checked, and shown without secrets") {
  for (const char* good : {"http://es:9200", "https://user:secret@es.example/logs"}) CHECK(CheckPostUrl(good).ok());
  for (const char* bad : {"", "es:9200", "ftp://es/", "http://", "http://a b/"}) CHECK_FALSE(CheckPostUrl(bad).ok());
  for (const char* good : {"Authorization: ApiKey k", "x-a:b"}) CHECK(CheckPostHeader(good).ok());
  for (const char* bad : {"", "Authorization", "a b: c", "a:", "a: b\r\nc: d"}) CHECK_FALSE(CheckPostHeader(bad).ok());
  CHECK(ShownUrl("https://user:secret@es.example/logs?api_key=k") == "https://es.example/logs");
}
