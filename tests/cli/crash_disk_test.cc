// What the real broker does about a disk that damaged its store, tore the end of its log, or is full.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "support/counting_receiver.h"
#include "cli/await.h"
#include "cli/e2e_broker.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;
namespace fs = std::filesystem;

namespace {

/// A data directory as kill -9 left it, with held notifies in its log.
struct KilledStore {
  TempDir dir;
  std::vector<std::string> ids;

  KilledStore() {
    Broker broker(dir.path());
    const std::string filler(500, 'x');
    for (int i = 0; i < 200; ++i)
      ids.push_back(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"k)" + std::to_string(i) + R"(","body":")" + filler + "\"}"));
    broker.process().Signal(SIGKILL);
    REQUIRE(broker.process().Wait() == 1000 + SIGKILL);
  }
  fs::path NewestLog() const {
    fs::path newest;
    for (const auto& entry : fs::recursive_directory_iterator(dir.path()))
      if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    REQUIRE(!newest.empty());
    REQUIRE(fs::file_size(newest) > 100'000);
    return newest;
  }
  /// How many of the ids the broker does not know as held.
  size_t Missing(Broker* broker) const {
    return static_cast<size_t>(std::count_if(
        ids.begin(), ids.end(), [&](const std::string& id) { return JsonAt(broker->Call("GET", "/v1/notifies/" + id).body, "/state") != "held"; }));
  }
};

/// A small file system of its own, seen by this thread and the processes that it starts. Not made where that is not permitted.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", path.c_str(), "tmpfs", 0, "size=192m") != 0)
      fault_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (fault_.empty()) umount2(path_.c_str(), MNT_DETACH);
  }
  const std::string& fault() const { return fault_; }
  uint64_t FreeBytes() const {
    struct statvfs disk {};
    REQUIRE(statvfs(path_.c_str(), &disk) == 0);
    return disk.f_bavail * disk.f_frsize;
  }
  /// Until about so many bytes are free.
  void FillTo(uint64_t free_bytes) {
    std::ofstream file(path_ + "/filler", std::ios::binary | std::ios::app);
    const std::string chunk(64 << 10, 'x');
    while (FreeBytes() > free_bytes + chunk.size()) REQUIRE(file.write(chunk.data(), static_cast<std::streamsize>(chunk.size())).flush());
  }
  /// To the last byte, and then so many bytes less.
  void FillAllBut(uint64_t free_bytes) {
    const std::string name = path_ + "/filler";
    {
      std::ofstream file(name, std::ios::binary | std::ios::app);
      const std::string chunk(4096, 'x');
      while (file.write(chunk.data(), static_cast<std::streamsize>(chunk.size())).flush()) {}
    }
    fs::resize_file(name, fs::file_size(name) / 4096 * 4096 - free_bytes);
  }
  void Empty() { fs::remove(path_ + "/filler"); }

 private:
  std::string path_, fault_;
};

/// Submits until the answer is `status`; what it was at last.
int SubmitUntil(Broker* broker, const std::string& notify, int status) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  for (;;) {
    int came = broker->Call("POST", "/v1/notifies", notify).status;
    if (came == status || std::chrono::steady_clock::now() > deadline) return came;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

TEST_CASE("start: a log that is damaged in the middle is refused with exit code 1 and its name") {
  KilledStore store;
  fs::path log = store.NewestLog();
  {
    std::fstream file(log, std::ios::binary | std::ios::in | std::ios::out);
    auto middle = static_cast<std::streamoff>(fs::file_size(log) / 2);
    char byte = 0;
    REQUIRE(file.seekg(middle).get(byte));
    REQUIRE(file.seekp(middle).put(static_cast<char>(byte ^ 1)).flush());
  }
  for (int start = 0; start < 2; ++start) {  // refusing it changes nothing
    Process broker(NOTIFYD_BINARY, {{"--listen", "127.0.0.1:0", "--data-dir", store.dir.path() + "/data"}, {}});
    CHECK(broker.Wait() == 1);
    CHECK_THAT(broker.error(), Catch::Contains(log.filename().string()));
    CHECK_THAT(broker.error(), !Catch::Contains("listening on"));
  }
}

TEST_CASE("start: garbage behind the end of the log is dropped, and nothing else") {
  KilledStore store;
  std::ofstream(store.NewestLog(), std::ios::binary | std::ios::app) << std::string(777, 'Z');
  Broker broker(store.dir.path());
  CHECK(store.Missing(&broker) == 0);
  CHECK(broker.Stat("/states/held") == store.ids.size());
  CHECK(broker.BooksBalance());
}

TEST_CASE("start: a log whose last bytes are cut off opens by itself where they had not been synced, and goes on from there") {
  KilledStore store;
  fs::path log = store.NewestLog();
  {
    // The beginning of one more record, which is what a write leaves that was cut short.
    std::string record(100, '\0');
    REQUIRE(std::ifstream(log, std::ios::binary).read(record.data(), static_cast<std::streamsize>(record.size())));
    record[4] = '\x7f';  // its length
    std::ofstream(log, std::ios::binary | std::ios::app) << record;
  }
  {
    Broker broker(store.dir.path());
    CHECK_THAT(broker.process().error(), Catch::Contains("a log does not read to its end"));
    CHECK(store.Missing(&broker) == 0);
    CHECK(broker.BooksBalance());
    store.ids.push_back(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"new"})"));
    broker.process().Signal(SIGKILL);
    REQUIRE(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(store.dir.path());
  CHECK(store.Missing(&broker) == 0);
  CHECK(broker.BooksBalance());
}

TEST_CASE("disk full: submits answer 507 while calls go on, and 201 once space is free again") {
  TempDir dir;
  SmallDisk disk(dir.path());
  if (!disk.fault().empty()) {
    WARN("skipped: no file system may be mounted here: " << disk.fault());
    return;
  }
  CountingReceiver receiver;
  Broker broker(dir.path());
  const std::string now = R"({"url":")" + receiver.url() + "\"}";
  std::vector<std::string> held;
  for (int i = 0; i < 50; ++i) held.push_back(broker.Submit(R"({"url":")" + receiver.url() + R"(","fkey":"k)" + std::to_string(i) + "\"}"));
  disk.FillTo(4 << 20);
  CHECK(SubmitUntil(&broker, now, 507) == 507);
  CHECK(JsonAt(broker.Call("POST", "/v1/notifies", now).body, "/status") == "507");
  CHECK(broker.Call("GET", "/healthz").status == 200);
  CHECK(broker.Call("GET", "/readyz").status == 503);
  uint64_t accepted = broker.Stat("/totals/accepted");
  for (size_t i = 0; i < held.size(); ++i) {
    CHECK(broker.Call("POST", "/v1/fkeys/k" + std::to_string(i) + "/trigger").status == 202);
    CHECK(JsonAt(broker.Settled(held[i]), "/state") == "succeeded");
  }
  CHECK(broker.Stat("/totals/accepted") == accepted);
  disk.Empty();
  CHECK(SubmitUntil(&broker, now, 201) == 201);
  CHECK(broker.Call("GET", "/readyz").status == 200);
  CHECK(broker.BooksBalance());
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
}

TEST_CASE("disk full: submits that fill it fast are refused in time, and the broker lives") {
  TempDir dir;
  SmallDisk disk(dir.path());
  if (!disk.fault().empty()) {
    WARN("skipped: no file system may be mounted here: " << disk.fault());
    return;
  }
  Broker broker(dir.path());
  std::atomic<uint64_t> accepted{0}, refused{0}, other{0};
  std::vector<std::thread> threads;
  for (uint32_t client = 0; client < 4; ++client)
    threads.emplace_back([&, client] {
      std::mt19937 random(client);
      std::string body(1'000'000, ' ');  // of letters that nothing compresses by much
      for (char& c : body) c = static_cast<char>('0' + random() % 64);
      std::replace(body.begin(), body.end(), '\\', '~');
      HttpClient http(broker.url());
      const std::string notify = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000,"body":")" + body + "\"}";
      // Twice as much as there is room for.
      for (int i = 0; i < 100; ++i) {
        Result<HttpAnswer> answer = http.Call("POST", "/v1/notifies", &notify);
        if (answer.ok() && answer->status == 201) ++accepted;
        else if (answer.ok() && answer->status == 507) ++refused;
        else ++other;
      }
    });
  for (std::thread& thread : threads) thread.join();
  INFO(broker.process().error());
  CHECK(other == 0);
  CHECK(accepted > 0);
  CHECK(refused > 0);
  CHECK(broker.Stat("/states/scheduled") == accepted);
  CHECK(broker.BooksBalance());
}

TEST_CASE("disk full: filled to the last byte, all that was acknowledged is there once space is free again") {
  TempDir dir;
  SmallDisk disk(dir.path());
  if (!disk.fault().empty()) {
    WARN("skipped: no file system may be mounted here: " << disk.fault());
    return;
  }
  std::vector<std::string> ids;
  const std::string big(200'000, 'x');
  {
    // Without a reserve the disk does get full.
    Broker broker(dir.path(), {"--storage-min-free-bytes", "0"});
    disk.FillTo(6 << 20);
    HttpClient client(broker.url());
    for (;;) {
      std::string notify = R"({"url":"http://127.0.0.1:9/","fkey":"k)" + std::to_string(ids.size()) + R"(","body":")" + big + "\"}";
      Result<HttpAnswer> answer = client.Call("POST", "/v1/notifies", &notify);
      if (!answer.ok() || answer->status != 201) break;
      ids.push_back(JsonAt(answer->body, "/id"));
    }
    broker.process().Signal(SIGKILL);
    int code = broker.process().Wait();
    CHECK((code == 1 || code == 1000 + SIGKILL));  // stopped by itself, and said so, or still there
  }
  CHECK(!ids.empty());
  disk.Empty();
  Broker broker(dir.path());
  for (const std::string& id : ids) CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/state") == "held");
  CHECK(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"new"})") > ids.back());
  CHECK(broker.BooksBalance());
}

TEST_CASE("disk full: a start says that it cannot, or starts, and all is there once space is free again") {
  TempDir dir;
  SmallDisk disk(dir.path());
  if (!disk.fault().empty()) {
    WARN("skipped: no file system may be mounted here: " << disk.fault());
    return;
  }
  std::vector<std::string> ids;
  for (int signal : {SIGKILL, SIGTERM}) {
    for (uint64_t free_bytes : {0, 4 << 10, 64 << 10}) {
      INFO((signal == SIGKILL ? "kill -9, " : "clean stop, ") << free_bytes << " bytes free");
      {
        Broker broker(dir.path());
        for (const std::string& id : ids) CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/state") == "held");
        ids.push_back(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"k)" + std::to_string(ids.size()) + "\"}"));
        broker.process().Signal(signal);
        REQUIRE(broker.process().Wait() == (signal == SIGKILL ? 1000 + SIGKILL : 0));
      }
      disk.FillAllBut(free_bytes);
      REQUIRE(disk.FreeBytes() <= free_bytes + 4096);
      {
        Process broker(NOTIFYD_BINARY, {{"--listen", "127.0.0.1:0", "--data-dir", dir.path() + "/data"}, {}});
        if (broker.WaitForError("listening on")) {
          broker.Signal(SIGKILL);
          CHECK(broker.Wait() == 1000 + SIGKILL);
        } else {
          CHECK(broker.Wait() == 1);
          CHECK_THAT(broker.error(), Catch::Contains("cannot start: ") && Catch::Contains("No space left on device"));
        }
      }
      disk.Empty();
    }
  }
  Broker broker(dir.path());
  for (const std::string& id : ids) CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/state") == "held");
  CHECK(broker.BooksBalance());
}

TEST_CASE("disk full: no backup is made there, nothing of it stays, and submits go on; with room again one is") {
  TempDir dir, target;
  SmallDisk disk(target.path());
  if (!disk.fault().empty()) {
    WARN("skipped: no file system may be mounted here: " << disk.fault());
    return;
  }
  const std::string directory = target.path() + "/backups";
  Broker broker(dir.path(), {"--backup-directory", directory});
  auto ended = [&](const std::string& name) {
    std::string state;
    CHECK(Await([&] { return JsonAt(state = broker.Call("GET", "/v1/backups/" + name).body, "/state") != "running"; }));
    return state;
  };
  broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"f"})");
  for (uint64_t free_bytes : {0, 60 << 20}) {
    CAPTURE(free_bytes);
    free_bytes == 0 ? disk.FillAllBut(0) : disk.FillTo(free_bytes);
    const HttpAnswer begun = broker.Call("POST", "/v1/backups", R"({"name":"a"})");
    if (begun.status == 202) {
      const std::string state = ended("a");
      CHECK(JsonAt(state, "/state") == "failed");
      CHECK_THAT(JsonAt(state, "/detail"), Catch::Contains("storage.min_free_bytes"));
      for (const auto& entry : fs::directory_iterator(directory)) CHECK(entry.path().filename() == ".lock");
    } else {
      CHECK(begun.status == 422);  // the directory itself cannot be made
    }
    CHECK_FALSE(fs::exists(dir.path() + "/data/CHECKPOINT"));
    broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"f)" + std::to_string(free_bytes) + "\"}");
    disk.Empty();
  }
  CHECK(broker.Call("POST", "/v1/backups", R"({"name":"b"})").status == 202);
  CHECK(JsonAt(ended("b"), "/state") == "done");
  CHECK(broker.BooksBalance());
}
