// Backups of the real broker while it is used, and brokers that go on from them: nothing that was acknowledged before is missing, nothing is
// invented, what was pending then becomes what was asked for, and no id comes twice.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/clocks.h"
#include "base/time.h"
#include "cli/await.h"
#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> With(const TempDir& dir, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"--backup-directory", dir.At("backups")});
  return more;
}

/// A file system whose server takes requests and answers none, as that of a machine that is away. Whoever asks it for anything waits, and can be
/// killed. It ends with the object, and so does the waiting.
class SilentFileSystem {
 public:
  explicit SilentFileSystem(std::string at) : at_(std::move(at)), server_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    if (server_ < 0) return;
    const std::string how = "fd=" + std::to_string(server_) + ",rootmode=40000,user_id=0,group_id=0";
    mounted_ = mount("silent", at_.c_str(), "fuse", MS_NOSUID | MS_NODEV, how.c_str()) == 0;
  }
  ~SilentFileSystem() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
    if (server_ >= 0) close(server_);
  }
  SilentFileSystem(const SilentFileSystem&) = delete;
  SilentFileSystem& operator=(const SilentFileSystem&) = delete;
  bool mounted() const { return mounted_; }

 private:
  const std::string at_;
  const int server_;
  bool mounted_ = false;
};

void Kill(Broker* broker) {
  broker->process().Signal(SIGKILL);
  REQUIRE(broker->process().Wait() == 1000 + SIGKILL);
}

CtlRun Backup(const Broker& broker, const std::string& name, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"--server", broker.url(), "--json", "backups", "make", name});
  return Ctl(more);
}

int Restore(const TempDir& from, const std::string& name, const TempDir& to, std::vector<std::string> more = {}, std::string* output = nullptr,
            std::string* error = nullptr) {
  more.insert(more.begin(), {"restore", "--data-dir", to.At("data"), from.At("backups/" + name)});
  std::string said;
  const int code = ExitOf(more, error ? error : &said, output);
  UNSCOPED_INFO(said);
  return code;
}

/// All ids that the broker has, by body.
std::map<std::string, std::string> AllOf(Broker* broker) {
  std::map<std::string, std::string> all;
  std::string cursor;
  do {
    const std::string page = broker->Call("GET", "/v1/notifies?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor)).body;
    for (size_t i = 0;; ++i) {
      const std::string item = "/items/" + std::to_string(i);
      const std::string id = JsonAt(page, item + "/id");
      if (id.empty()) break;
      all.emplace(JsonAt(page, item + "/lane"), id);
    }
    cursor = JsonAt(page, "/next");
  } while (cursor != "null");
  return all;
}

/// Submits one after the other, each with a lane of its own for its name, until it is told to stop or the broker is gone.
class Submitter {
 public:
  Submitter(const std::string& broker, const std::string& receiver, int number)
      : thread_([this, broker, receiver, number] {
          HttpClient http(broker);
          for (int i = 0; !stop_; ++i) {
            const std::string lane = "s" + std::to_string(number) + "-" + std::to_string(i);
            {
              std::lock_guard lock(mutex_);
              sent_.insert(lane);
            }
            const std::string notify = R"({"url":")" + receiver + R"(","lane":")" + lane + "\"}";
            Result<HttpAnswer> answer = http.Call("POST", "/v1/notifies", &notify);
            if (!answer.ok() || answer->status != 201) return;
            std::lock_guard lock(mutex_);
            acknowledged_[lane] = JsonAt(answer->body, "/id");
          }
        }) {}
  ~Submitter() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::map<std::string, std::string> acknowledged() const {
    std::lock_guard lock(mutex_);
    return acknowledged_;
  }
  std::set<std::string> sent() const {
    std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> acknowledged_;
  std::set<std::string> sent_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

using Submitters = std::vector<std::unique_ptr<Submitter>>;

std::map<std::string, std::string> Acknowledged(const Submitters& submitters) {
  std::map<std::string, std::string> all;
  for (const auto& each : submitters) all.merge(each->acknowledged());
  return all;
}

void AwaitMore(const Submitters& submitters, size_t more) {
  const size_t enough = Acknowledged(submitters).size() + more;
  while (Acknowledged(submitters).size() < enough) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

TEST_CASE("backup: under load, with kill -9 in the middle of another one: all of before is there, nothing is invented, and no id comes twice") {
  TempDir dir, target;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{204, ""}; });
  std::map<std::string, std::string> before, all;
  std::set<std::string> sent;
  {
    Broker broker(dir.path(), With(dir, {"--storage-memtable-bytes", "1048576"}));
    Submitters submitters;
    for (int i = 0; i < 4; ++i) submitters.push_back(std::make_unique<Submitter>(broker.url(), receiver.url() + "/x", i));
    AwaitMore(submitters, 300);
    before = Acknowledged(submitters);
    const CtlRun made = Backup(broker, "first");
    INFO(made.error);
    REQUIRE(made.code == 0);
    CHECK(JsonAt(made.output, "/state") == "done");
    AwaitMore(submitters, 300);
    CHECK(Backup(broker, "killed", {"--no-wait"}).code == 0);
    Kill(&broker);
    for (auto& each : submitters) each->Stop();
    all = Acknowledged(submitters);
    for (auto& each : submitters) sent.merge(each->sent());
  }
  {
    // It goes on, has all, and what the kill left is no backup, or a whole one.
    Broker broker(dir.path(), With(dir));
    for (const auto& [lane, id] : all) REQUIRE(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/lane") == lane);
    CHECK(broker.Stat("/store/backup_bytes") > 0);
    CHECK(Backup(broker, "after").code == 0);
    CHECK_FALSE(fs::exists(dir.At("backups/killed.partial")));
    CHECK_FALSE(fs::exists(dir.At("data/CHECKPOINT")));
    if (fs::exists(dir.At("backups/killed"))) CHECK(ExitOf({"restore", "--check", dir.At("backups/killed")}) == 0);
  }
  std::string output;
  REQUIRE(Restore(dir, "first", target, {}, &output) == 0);
  CHECK_THAT(output, Catch::Contains("as of "));
  Broker broker(target.path());
  const std::map<std::string, std::string> there = AllOf(&broker);
  for (const auto& [lane, id] : before) {
    CAPTURE(lane);
    REQUIRE(there.count(lane) == 1);
    REQUIRE(there.at(lane) == id);
  }
  std::string highest;
  for (const auto& [lane, id] : all) highest = std::max(highest, id);
  for (const auto& [lane, id] : there) {
    REQUIRE(sent.count(lane) == 1);
    if (all.count(lane)) REQUIRE(all.at(lane) == id);
  }
  CHECK(broker.BooksBalance());
  CHECK(broker.Submit(R"({"url":")" + receiver.url() + R"(/x"})") > highest);
}

namespace {

/// A broker that had this pending when it was backed up, and then was lost: in the fifo lane f one that failed and waits for an hour, and one behind
/// it that is due a moment after `time`; one held under the fkey k, without a due time; one in the lane u, which is paused for an hour; a schedule
/// that runs every second.
struct Lost {
  Lost() : receiver([this](const SeenRequest& request) { return ScriptedAnswer{fine || request.target == "/tick" ? 204 : 500, ""}; }) {
    Broker broker(dir.path(), With(dir));
    const std::string url = R"("url":")" + receiver.url();
    first = broker.Submit("{" + url + R"(/first","lane":"f","mode":"fifo","retry":{"schedule_ms":[3600000],"jitter":0}})");
    second = broker.Submit("{" + url + R"(/second","lane":"f","mode":"fifo","delay_ms":1})");
    time = JsonAt(broker.Call("GET", "/v1/notifies/" + second).body, "/due_at");
    held = broker.Submit("{" + url + R"(/held","fkey":"k"})");
    later = broker.Submit("{" + url + R"(/later","lane":"l","delay_ms":3600000})");
    const std::string in_an_hour = FormatRfc3339({ReadWall().ms + 3'600'000});
    CHECK(broker.Call("PATCH", "/v1/lanes/concurrent/u", R"({"paused_until":")" + in_an_hour + "\"}").status == 200);
    broker.Submit("{" + url + R"(/u","lane":"u"})");
    CHECK(broker.Call("PUT", "/v1/schedules/s", R"({"every_ms":1000,"missed":"all","notify":{)" + url + R"(/tick","lane":"tick"}})").status == 201);
    receiver.WaitFor(1);
    REQUIRE(Await([&] { return JsonAt(broker.Call("GET", "/v1/notifies/" + first).body, "/state") == "retrying"; }));
    REQUIRE(Backup(broker, "b").code == 0);
    Kill(&broker);
    fine = true;
  }
  size_t Seen(const std::string& target) const {
    const std::vector<SeenRequest> seen = receiver.seen();
    return static_cast<size_t>(std::count_if(seen.begin(), seen.end(), [&](const SeenRequest& request) { return request.target == target; }));
  }
  std::string StateOf(Broker* broker, const std::string& id) { return JsonAt(broker->Call("GET", "/v1/notifies/" + id).body, "/state"); }

  TempDir dir, target;
  std::atomic<bool> fine{false};
  ScriptedServer receiver;
  std::string first, second, held, later, time;
};

}  // namespace

TEST_CASE("restore --pending keep: all goes on as it was, attempts with their numbers") {
  Lost lost;
  REQUIRE(Restore(lost.dir, "b", lost.target) == 0);
  Broker broker(lost.target.path());
  CHECK(lost.StateOf(&broker, lost.first) == "retrying");
  CHECK(broker.Call("POST", "/v1/notifies/" + lost.first + "/retry").status == 202);
  CHECK(JsonAt(broker.Settled(lost.first), "/attempts_made") == "2");
  CHECK(JsonAt(broker.Settled(lost.second), "/state") == "succeeded");
  CHECK(broker.Call("POST", "/v1/fkeys/k/trigger").status == 202);
  CHECK(JsonAt(broker.Settled(lost.held), "/state") == "succeeded");
  CHECK(JsonAt(broker.Call("GET", "/v1/schedules/s").body, "/paused") == "false");
  const std::vector<SeenRequest> seen = lost.receiver.seen();
  auto again = std::find_if(seen.rbegin(), seen.rend(), [](const SeenRequest& request) { return request.target == "/first"; });
  REQUIRE(again != seen.rend());
  CHECK(again->Header("notify-attempt") == "2");
  CHECK(again->Header("notify-id") == lost.first);
}

TEST_CASE("restore --pending pause: nothing is sent of what was pending, by schedules neither, until somebody resumes it") {
  Lost lost;
  std::string output;
  const std::string began = FormatRfc3339(ReadWall());
  REQUIRE(Restore(lost.dir, "b", lost.target, {"--pending", "pause"}, &output) == 0);
  CHECK_THAT(output, Catch::Contains("1 schedules are paused"));
  const size_t ticks = lost.Seen("/tick");
  Broker broker(lost.target.path());
  const std::string lane = broker.Call("GET", "/v1/lanes/fifo/f").body;
  CHECK(JsonAt(lane, "/paused") == "true");
  CHECK(JsonAt(lane, "/own/paused_since") >= began);
  // Nor does what would have gone on by itself.
  const std::string until = broker.Call("GET", "/v1/lanes/concurrent/u").body;
  CHECK(JsonAt(until, "/paused") == "true");
  CHECK(JsonAt(until, "/own/paused_until") == "");
  CHECK(JsonAt(broker.Call("GET", "/v1/lanes/concurrent/l").body, "/paused") == "true");
  CHECK(JsonAt(broker.Call("GET", "/v1/schedules/s").body, "/paused") == "true");
  CHECK(broker.Call("POST", "/v1/notifies/" + lost.first + "/retry").status == 202);
  CHECK(broker.Call("POST", "/v1/fkeys/k/trigger").status == 202);
  // What comes new is sent, so whatever was to be sent before would have been.
  CHECK(JsonAt(broker.Settled(broker.Submit(R"({"url":")" + lost.receiver.url() + R"(/new"})")), "/state") == "succeeded");
  CHECK(lost.Seen("/first") == 1);
  CHECK(lost.Seen("/second") == 0);
  CHECK(lost.Seen("/held") == 0);
  CHECK(lost.Seen("/tick") == ticks);
  CHECK(broker.BooksBalance());
  CHECK(Ctl({"--server", broker.url(), "resume", "f"}).code == 0);
  CHECK(JsonAt(broker.Settled(lost.second), "/state") == "succeeded");
  CHECK(lost.Seen("/first") == 2);
  CHECK(Ctl({"--server", broker.url(), "schedule", "resume", "s"}).code == 0);
}

TEST_CASE("restore --pending pause: alerts that nobody took yet, and those that come, are told all the same") {
  TempDir dir, target;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "ok"}; });
  const std::string alert = "[[alert]]\nname = \"a\"\nwhen = \"lane_paused\"\ngroup = 0\nto = \"webhook:";
  const std::string dead = alert + "http://127.0.0.1:1/\"\n[backup]\ndirectory = \"" + dir.At("backups") + "\"\n";
  {
    Broker broker(dir.path(), {"--config", dir.Write("n.toml", dead)});
    CHECK(broker.Call("PATCH", "/v1/lanes/concurrent/l", R"({"paused":true})").status == 200);
    for (int i = 0; i < 300 && JsonAt(broker.Call("GET", "/v1/alerts").body, "/undelivered") == "0"; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    REQUIRE(Backup(broker, "b").code == 0);
  }
  REQUIRE(Restore(dir, "b", target, {"--pending", "pause"}) == 0);
  Broker broker(target.path(), {"--config", target.Write("n.toml", alert + receiver.url() + "/\"\n")});
  const std::string lanes = broker.Call("GET", "/v1/namespaces/system/lanes").body;
  CHECK(lanes.find("\"paused\":true") == std::string::npos);
  CHECK(broker.Call("POST", "/v1/alerts/a/test").status / 100 == 2);
  // That it fires goes to the target that the file names now, too.
  CHECK(receiver.WaitFor(2).size() == 2);
}

TEST_CASE("restore --pending drop-due-before: what was due before is cancelled, and its fifo lane goes on") {
  Lost lost;
  std::string output;
  REQUIRE(Restore(lost.dir, "b", lost.target, {"--pending", "drop-due-before", lost.time}, &output) == 0);
  Broker broker(lost.target.path());
  const std::string first = broker.Call("GET", "/v1/notifies/" + lost.first).body;
  CHECK(JsonAt(first, "/state") == "cancelled");
  CHECK(JsonAt(first, "/attempts_made") == "1");
  CHECK(JsonAt(broker.Settled(lost.second), "/state") == "succeeded");
  CHECK(lost.StateOf(&broker, lost.held) == "held");
  CHECK(lost.StateOf(&broker, lost.later) == "scheduled");
  CHECK(lost.Seen("/first") == 1);
  CHECK(broker.BooksBalance());
}

TEST_CASE("restore --pending drop-due-before: schedules make nothing again for times before, and what they missed since as they say") {
  TempDir dir, target;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{204, ""}; });
  {
    Broker broker(dir.path(), With(dir));
    const std::string url = R"("url":")" + receiver.url() + R"(/x")", every = R"({"every_ms":1000,"missed":"all",)";
    const std::string data = R"("data":{"at":"{{scheduled_at}}"}}})";
    CHECK(broker.Call("PUT", "/v1/subscriptions/w", R"({"topic":"tick",)" + url + "}").status == 201);
    CHECK(broker.Call("PUT", "/v1/schedules/notify", every + R"("notify":{)" + url + "," + data).status == 201);
    CHECK(broker.Call("PUT", "/v1/schedules/event", every + R"("publish":{"topic":"tick",)" + data).status == 201);
    REQUIRE(Backup(broker, "b").code == 0);
    receiver.WaitFor(4);  // which the backup does not know of
    Kill(&broker);
  }
  const std::string loss = FormatRfc3339(ReadWall());
  std::string output;
  REQUIRE(Restore(dir, "b", target, {"--pending", "drop-due-before", loss}, &output) == 0);
  CHECK_THAT(output, Catch::Contains("times of schedules before that are skipped") && !Catch::Contains(" 0 times"));
  const size_t before = receiver.seen().size();
  Broker broker(target.path());
  const std::vector<SeenRequest> seen = receiver.WaitFor(before + 4);
  for (size_t i = before; i < seen.size(); ++i) CHECK(JsonAt(seen[i].body, "/at") >= loss);
  for (const char* name : {"notify", "event"}) {
    const std::string shown = broker.Call("GET", std::string("/v1/schedules/") + name).body;
    CAPTURE(shown);
    size_t dropped = 0;
    for (int i = 0; i < 20; ++i) {
      const std::string run = "/runs/" + std::to_string(i);
      if (JsonAt(shown, run + "/reason") != "dropped") continue;
      ++dropped;
      CHECK(JsonAt(shown, run + "/outcome") == "skipped");
    }
    CHECK(dropped == 1);
    CHECK(JsonAt(shown, "/missed_total") == "0");
  }
  CHECK(broker.BooksBalance());
}

TEST_CASE("restore --pending drop-due-before: in a group of which one goes after another, what would have had its turn by then is cancelled, too") {
  TempDir dir, target;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{500, ""}; });
  std::string id;
  {
    Broker broker(dir.path(), With(dir));
    const std::string url = R"({"url":")" + receiver.url();
    const HttpAnswer made = broker.Call("POST", "/v1/groups",
                                        R"({"sequential":true,"notifies":[)" + url + R"(/1","retry":{"schedule_ms":[3600000],"jitter":0}},)" + url +
                                            R"(/2"},)" + url + R"(/3","delay_ms":3600000},)" + url + R"(/4"}]})");
    REQUIRE(made.status == 201);
    id = JsonAt(made.body, "/id");
    REQUIRE(Await([&] { return JsonAt(broker.Call("GET", "/v1/groups/" + id).body, "/counts/retrying") == "1"; }));
    REQUIRE(Backup(broker, "b").code == 0);
    Kill(&broker);
  }
  std::string output;
  REQUIRE(Restore(dir, "b", target, {"--pending", "drop-due-before", FormatRfc3339(ReadWall())}, &output) == 0);
  CHECK_THAT(output, Catch::Contains("2 notifies that were due before"));
  Broker broker(target.path());
  const std::string group = broker.Call("GET", "/v1/groups/" + id).body;
  CAPTURE(group);
  CHECK(JsonAt(group, "/counts/cancelled") == "2");
  CHECK(JsonAt(group, "/counts/scheduled") == "1");
  CHECK(JsonAt(group, "/counts/held") == "1");
  CHECK(receiver.seen().size() == 1);
  CHECK(broker.BooksBalance());
}

TEST_CASE("restore: a wrong --pending, gap or time is refused, and nothing is made") {
  Lost lost;
  std::string error;
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{{"--pending", "some"},
                                                                                     {"--pending", "drop-due-before"},
                                                                                     {"--pending", "drop-due-before", "yesterday"},
                                                                                     {"--id-gap", "-1"},
                                                                                     {"--id-gap", "100000000000001"},
                                                                                     {"--no-such-flag", "1"}}) {
    CAPTURE(wrong[0], wrong.back());
    CHECK(Restore(lost.dir, "b", lost.target, wrong, nullptr, &error) == 2);
    CHECK_FALSE(fs::exists(lost.target.At("data")));
    CHECK_FALSE(fs::exists(lost.target.At("data.restoring")));
  }
  CHECK(Restore(lost.dir, "none", lost.target, {}, nullptr, &error) == 2);
  fs::rename(lost.dir.At("backups/b"), lost.dir.At("backups/b.partial"));
  CHECK(Restore(lost.dir, "b.partial", lost.target, {}, nullptr, &error) == 2);
  CHECK_THAT(error, Catch::Contains("did not come to its end"));
}

TEST_CASE("restore: one flipped bit in any file is found, the file named, and nothing started") {
  Lost lost;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(lost.dir.At("backups/b"))) files.push_back(entry.path());
  CHECK(files.size() >= 6);
  for (const fs::path& file : files) {
    auto flip = [&] {
      std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
      const auto at = static_cast<std::streamoff>(fs::file_size(file) / 2);
      bytes.seekg(at);
      const int byte = bytes.get();
      bytes.seekp(at);
      bytes.put(static_cast<char>(byte ^ 8));
    };
    flip();
    CAPTURE(file);
    std::string error;
    CHECK(Restore(lost.dir, "b", lost.target, {}, nullptr, &error) == 1);
    CHECK_THAT(error, Catch::Contains(file.filename().string()));
    CHECK(ExitOf({"restore", "--check", lost.dir.At("backups/b")}, &error) == 1);
    CHECK_THAT(error, Catch::Contains(file.filename().string()));
    CHECK_FALSE(fs::exists(lost.target.At("data")));
    CHECK_FALSE(fs::exists(lost.target.At("data.restoring")));
    flip();
  }
  std::string output;
  CHECK(ExitOf({"restore", "--check", lost.dir.At("backups/b")}, nullptr, &output) == 0);
  CHECK_THAT(output, Catch::Contains("whole: b of "));
}

TEST_CASE("backup: a directory that does not answer keeps nobody from starting, stopping and restarting in place") {
  TempDir dir;
  fs::create_directories(dir.At("away"));
  SilentFileSystem away(dir.At("away"));
  if (!away.mounted()) {
    WARN("only root can mount a file system that does not answer");
    return;
  }
  Broker broker(dir.path(), {"--backup-directory", dir.At("away/backups")});
  CHECK(broker.Call("GET", "/readyz").status == 200);
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("listening", 2));
  CHECK(broker.Call("GET", "/readyz").status == 200);
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
  CHECK(broker.process().CountsError("backup directory does not answer", 4));  // at both starts, and at both ends
}

TEST_CASE("notifyctl backup: made, listed, shown, refused and removed") {
  TempDir dir;
  {
    Broker broker(dir.path());
    const CtlRun run = Backup(broker, "b");
    CHECK(run.code == 1);
    CHECK_THAT(run.error, Catch::Contains("backup.directory"));
    CHECK(broker.Stat("/store/backup_age_seconds") == 0);
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  {
    Broker broker(dir.path(), With(dir));
    auto ctl = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), {"--server", broker.url()});
      return Ctl(arguments);
    };
    // Behind the start: the directory may be one that answers late.
    CHECK(Await([&] { return broker.Stat("/store/backup_age_seconds") > 1'700'000'000; }));
    broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"f"})");
    CHECK(ctl({"backup", "b"}).code == 0);
    CHECK(broker.Stat("/store/backup_age_seconds") < 3600);
    CHECK_THAT(ctl({"backup", "b"}).error, Catch::Contains("is there already"));
    CHECK(ctl({"backup", "../b"}).code == 1);
    CHECK(ctl({"backup", "c", "--full"}).code == 0);
    const std::string list = ctl({"--json", "backups", "list"}).output;
    CHECK(JsonAt(list, "/items/0/name") == "b");
    CHECK(JsonAt(list, "/items/1/name") == "c");
    CHECK(JsonAt(list, "/items/1/copied_bytes") == JsonAt(list, "/items/1/bytes"));
    CHECK(JsonAt(ctl({"--json", "backups", "show", "b"}).output, "/state") == "done");
    CHECK(ctl({"backups", "delete", "b"}).code == 0);
    CHECK(ctl({"backups", "show", "b"}).code == 1);
    CHECK_FALSE(fs::exists(dir.At("backups/b")));
    CHECK(LinesOf(broker.process().error(), "backup done").size() == 2);
  }
  // Its age holds over a restart.
  Broker broker(dir.path(), With(dir));
  CHECK(broker.Stat("/store/backup_age_seconds") < 3600);
  CHECK(broker.Stat("/store/backups") == 0);
  // By the socket of whoever owns it, no token is asked for.
  CHECK(Ctl({"--server", "unix:" + dir.At("data/control.sock"), "backup", "d"}).code == 0);
}

TEST_CASE("backup: of a sealed store it is sealed, without the keys, which a restore needs") {
  TempDir dir, target;
  const std::string keys = dir.Write("keys", std::string(64, 'a') + "\n");
  fs::permissions(keys, fs::perms::owner_read | fs::perms::owner_write);
  const std::vector<std::string> sealed = {"--store-encryption-key-file", keys};
  std::string id;
  {
    Broker broker(dir.path(), With(dir, sealed));
    id = broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"f","body":"secret-words"})");
    REQUIRE(Backup(broker, "b").code == 0);
  }
  for (const auto& entry : fs::directory_iterator(dir.At("backups/b"))) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    CHECK(bytes.find("secret-words") == std::string::npos);
    CHECK(bytes.find(std::string(64, 'a')) == std::string::npos);
  }
  std::string error;
  CHECK(Restore(dir, "b", target, {}, nullptr, &error) == 2);
  CHECK_THAT(error, Catch::Contains("store.encryption_key_file"));
  REQUIRE(Restore(dir, "b", target, sealed) == 0);
  Broker broker(target.path(), sealed);
  CHECK_THAT(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/body"), Catch::Contains("secret-words"));
}
