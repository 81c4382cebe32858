// What the real broker does about files of its store that are gone, empty, shorter or older: exit code 1 and the file's name, or all is there.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>
#include <vector>

#include "cli/e2e_broker.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;
namespace fs = std::filesystem;

namespace {

/// A broker's directory after its end, with held notifies, and what its log had been some notifies before.
struct EndedStore {
  TempDir dir;
  std::vector<std::string> ids;
  fs::path older;

  explicit EndedStore(int signal) {
    Broker broker(dir.path());
    auto submit = [&] { ids.push_back(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"k)" + std::to_string(ids.size()) + "\"}")); };
    while (ids.size() < 10) submit();
    older = dir.path() + "/older";
    fs::copy_file(NewestLog(data()), older);
    while (ids.size() < 20) submit();
    broker.process().Signal(signal);
    REQUIRE(broker.process().Wait() == (signal == SIGTERM ? 0 : 1000 + signal));
  }
  fs::path data() const { return dir.path() + "/data"; }

  static fs::path NewestLog(const fs::path& directory) {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(directory))
      if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    REQUIRE(!newest.empty());
    return newest;
  }
  /// Made anew for each damage.
  fs::path Copy(const TempDir& to) const {
    fs::remove_all(to.path() + "/data");
    fs::create_directory(to.path() + "/data");
    fs::permissions(to.path() + "/data", fs::perms::owner_all);
    // A broker that was killed leaves its control socket, which is no file to copy.
    for (const auto& entry : fs::directory_iterator(data()))
      if (!entry.is_socket()) fs::copy(entry.path(), fs::path(to.path()) / "data" / entry.path().filename());
    return to.path() + "/data";
  }
};

void CheckRefused(const TempDir& dir, const std::string& file) {
  Process broker(NOTIFYD_BINARY, {{"--listen", "127.0.0.1:0", "--data-dir", dir.path() + "/data"}, {}});
  CHECK(broker.Wait() == 1);
  CHECK_THAT(broker.error(), Catch::Contains("cannot start: the store is damaged: " + dir.path() + "/data/" + file));
  CHECK_THAT(broker.error(), !Catch::Contains("listening on"));
}

/// Where the records of a log end: kill -9 leaves zeros behind them, which were written ahead, and may be cut off without a loss.
uint64_t EndOfRecords(const fs::path& log) {
  std::ifstream stream(log, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  return bytes.find_last_not_of('\0') + 1;
}

void Cut(const fs::path& log, uint64_t bytes) {
  fs::resize_file(log, EndOfRecords(log) - bytes);
}

void FlipMiddle(const fs::path& file) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  auto middle = static_cast<std::streamoff>(EndOfRecords(file) / 2);
  char byte = 0;
  REQUIRE(stream.seekg(middle).get(byte));
  REQUIRE(stream.seekp(middle).put(static_cast<char>(byte ^ 1)).flush());
}

}  // namespace

TEST_CASE("start: a log that is gone, empty, shorter, damaged or older is refused by name, after a clean stop and after kill -9") {
  for (int signal : {SIGTERM, SIGKILL}) {
    EndedStore store(signal);
    TempDir copy;
    const std::vector<std::pair<const char*, std::function<void(const fs::path&)>>> damages = {
        {"deleted", [](const fs::path& log) { fs::remove(log); }},
        {"emptied", [](const fs::path& log) { fs::resize_file(log, 0); }},
        {"cut by 100", [](const fs::path& log) { Cut(log, 100); }},
        {"cut by half", [](const fs::path& log) { Cut(log, EndOfRecords(log) / 2); }},
        {"flipped", FlipMiddle},
        {"older", [&](const fs::path& log) { fs::copy_file(store.older, log, fs::copy_options::overwrite_existing); }},
    };
    for (const auto& [name, damage] : damages) {
      INFO((signal == SIGTERM ? "clean stop, " : "kill -9, ") << name);
      fs::path log = EndedStore::NewestLog(store.Copy(copy));
      damage(log);
      CheckRefused(copy, log.filename().string());
    }
    // One byte: after a clean stop it is missed. After kill -9 it is of a record that says what was synced, or of one that it speaks of.
    fs::path log = EndedStore::NewestLog(store.Copy(copy));
    Cut(log, 1);
    if (signal == SIGTERM) CheckRefused(copy, log.filename().string());
    store.Copy(copy);
    Broker broker(copy.path());
    CHECK(broker.Stat("/states/held") == store.ids.size());
    CHECK(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"new"})") > store.ids.back());
    CHECK(broker.BooksBalance());
  }
}

TEST_CASE("start: CURRENT, MANIFEST and tables that are gone are damage, and named") {
  EndedStore first(SIGTERM);
  // A start makes a table of the log.
  { Broker broker(first.dir.path()); }
  TempDir copy;
  size_t refused = 0;
  for (const auto& entry : fs::directory_iterator(first.data())) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with("MANIFEST-") && name != "CURRENT" && entry.path().extension() != ".sst") continue;
    INFO(name);
    fs::remove(first.Copy(copy) / name);
    CheckRefused(copy, name);
    fs::resize_file(first.Copy(copy) / name, 0);
    CheckRefused(copy, name);
    ++refused;
  }
  CHECK(refused >= 3);
}

TEST_CASE("stop: a log that is removed while the broker runs stops it, by itself or where it ends or restarts, and is missed by the next start") {
  for (int signal : {0, SIGTERM, SIGUSR1}) {
    INFO("signal " << signal);
    TempDir dir;
    fs::path log;
    {
      Broker broker(dir.path());
      broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"k"})");
      log = EndedStore::NewestLog(dir.path() + "/data");
      fs::remove(log);
      if (signal != 0) broker.process().Signal(signal);
      CHECK(broker.process().Wait() == 1);
      CHECK_THAT(broker.process().error(), Catch::Contains(log.string()));
    }
    CheckRefused(dir, log.filename().string());
  }
}
