// --check-config, start, reload and restart in place ask the same of the settings: what one of them refuses none of them takes.
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "cli/e2e_broker.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr char kNotReloaded[] = "settings not reloaded, all stay as they were", kNoRestart[] = "no restart, going on as before",
               kRestarted[] = "restarted in place";

/// Settings that read well one by one, and what is said of them.
struct Fault {
  std::string settings, said;
};

std::vector<Fault> Faults(const TempDir& dir) {
  std::filesystem::create_directory(dir.path() + "/newer");
  dir.Write("newer/FORMAT", "notifyd store\nformat 999\nid 00000000000000000000000000000001\n");
  std::filesystem::create_directory(dir.path() + "/foreign");
  std::string file = dir.Write("foreign/file", "");
  std::string nowhere = dir.path() + "/nowhere";
  std::filesystem::create_symlink(dir.path() + "/not-mounted", nowhere);
  std::vector<Fault> faults = {
      {"destinations.ca_file = \"/nonexistent.pem\"", "/nonexistent.pem cannot be read"},
      {"destinations.ca_file = \"" + file + "\"", file + " holds no certificate"},
      {"[[destination]]\nmatch = \"h\"\nclient_cert = \"/nonexistent.pem\"\nclient_key = \"/nonexistent.pem\"", "/nonexistent.pem cannot be read"},
      {"[[destination]]\nmatch = \"h\"\nca_file = \"" + dir.Write("no.pem", "no certificate\n") + "\"", "there is no certificate in it"},
      {"destinations.deny = [\"::ffff:10.0.0.0/8\"]", "::ffff:10.0.0.0/8"},
      // TEST-NET-1 (RFC 5737): nobody's address.
      {"listen = \"192.0.2.1:0\"", "192.0.2.1"},
      {"data_dir = \"" + file + "/data\"", file + "/data"},
      {"data_dir = \"" + file + "\"", file},
      {"data_dir = \"" + dir.path() + "/foreign\"", "is not a notifyd store"},
      {"data_dir = \"" + dir.path() + "/newer\"", "format 999"},
      {"data_dir = \"" + nowhere + "\"", nowhere + ": it is a symbolic link to " + dir.path() + "/not-mounted, which cannot be reached"},
      {"data_dir = \"" + nowhere + "/data/\"", nowhere + ": it is a symbolic link to " + dir.path() + "/not-mounted, which cannot be reached"},
      {"data_dir = \"/proc/data\"", "cannot make the directory /proc/data"},
      {"data_dir = \"" + dir.path() + "/d\"\n[backup]\ndirectory = \"" + dir.path() + "/d/backups\"", "leads into the data directory"},
      {"[[alert]]\nname = \"a\"\nwhen = \"backup_age\"\nto = \"log:/a\"", "backup.directory, which is not set"},
      {"[store]\nengine = \"postgres\"", "store.engine is postgres: where it is must be said, too"},
      {"[store]\nengine = \"postgres\"\npostgres.dsn = \"host=/nope nonsense=1\"",
       "store.postgres.dsn: libpq cannot read it: invalid connection option"},
      {"[store]\nengine = \"postgres\"\npostgres.dsn = \"host=/nope\"\n[store.postgres.cells]\neast = \"postgres://h:port/db\"",
       "store.postgres.cells.east: libpq cannot read it: the port is no number"},
  };
  // One of another user that others may read cannot be closed to them. Making it takes root; root is another user to it then.
  if (geteuid() == 0) {
    std::string others = dir.path() + "/others";
    std::filesystem::create_directory(others);
    std::filesystem::permissions(others, std::filesystem::perms(0755));
    if (chown(others.c_str(), 65534, 65534) == 0) faults.push_back({"data_dir = \"" + others + "\"", "is open to other users"});
  }
  return faults;
}

}  // namespace

TEST_CASE("notifyd: what a start refuses is refused by --check-config, at a reload and before a restart in place, with the same words") {
  TempDir dir;
  std::string good = "listen = \"127.0.0.1:0\"\ndata_dir = \"" + dir.path() + "/data\"\n", file = dir.Write("n.toml", good);
  Process running(NOTIFYD_BINARY, {{"--config", file}, {}});
  REQUIRE(running.WaitForError("listening on"));
  size_t refused = 0;
  for (const Fault& fault : Faults(dir)) {
    INFO(fault.settings);
    // The last table of the file wins nothing: each key stands once.
    std::string settings = fault.settings.rfind("destinations", 0) == 0 || fault.settings.starts_with("[[") ? good + fault.settings
                           : fault.settings.rfind("listen", 0) == 0 ? fault.settings + "\ndata_dir = \"" + dir.path() + "/data\""
                                                                    : "listen = \"127.0.0.1:0\"\n" + fault.settings;
    dir.Write("n.toml", settings + "\n");
    std::string checked, started;
    CHECK(ExitOf({"--config", file, "--check-config"}, &checked) != 0);
    CHECK_THAT(checked, Catch::Contains(fault.said));
    CHECK(ExitOf({"--config", file}, &started) != 0);
    CHECK_THAT(started, Catch::Contains(fault.said));
    ++refused;
    running.Signal(SIGHUP);
    REQUIRE(running.WaitForError(kNotReloaded, refused));
    CHECK_THAT(LinesOf(running.error(), kNotReloaded).back(), Catch::Contains(fault.said));
    running.Signal(SIGUSR1);
    REQUIRE(running.WaitForError(kNoRestart, refused));
    CHECK_THAT(LinesOf(running.error(), kNoRestart).back(), Catch::Contains(fault.said));
  }
  dir.Write("n.toml", good);
  running.Signal(SIGHUP);
  CHECK(running.WaitForError("\"settings reloaded\""));
  running.Signal(SIGUSR1);
  CHECK(running.WaitForError(kRestarted));
}

TEST_CASE("notifyd: an address or a directory that another holds is found before a restart in place, its own ones are no hindrance") {
  TempDir dir, other_dir;
  Broker other(other_dir.path());
  std::string data = "data_dir = \"" + dir.path() + "/data\"\n", file = dir.Write("n.toml", "listen = \"127.0.0.1:0\"\n" + data);
  Process running(NOTIFYD_BINARY, {{"--config", file}, {}});
  const std::string said = "listening on 127.0.0.1:";
  REQUIRE(running.WaitForError(said));
  std::string log = running.error();
  size_t from = log.find(said) + said.size();
  std::string port = log.substr(from, log.find_first_not_of("0123456789", from) - from), own = "listen = \"127.0.0.1:" + port + "\"\n";
  // Whoever only looks at a file cannot know whose the address is that is in use.
  dir.Write("n.toml", "listen = \"" + other.address() + "\"\n" + data);
  CHECK(ExitOf({"--config", file, "--check-config"}) == 0);
  running.Signal(SIGUSR1);
  REQUIRE(running.WaitForError(kNoRestart, 1));
  CHECK_THAT(LinesOf(running.error(), kNoRestart).back(), Catch::Contains("cannot listen on " + other.address()));
  dir.Write("n.toml", own + "data_dir = \"" + other_dir.path() + "/data\"\n");
  running.Signal(SIGUSR1);
  REQUIRE(running.WaitForError(kNoRestart, 2));
  CHECK_THAT(LinesOf(running.error(), kNoRestart).back(), Catch::Contains("in use by another process"));
  // Its own address, as a part of all addresses too, and back.
  size_t restarts = 0;
  for (const std::string& listen : {own, "listen = \"0.0.0.0:" + port + "\"\n", own}) {
    dir.Write("n.toml", listen + "auth.mode = \"none\"\n" + data);
    running.Signal(SIGUSR1);
    REQUIRE(running.WaitForError("\"restart: starting\"", ++restarts));
    REQUIRE(running.WaitForError("listening on ", restarts + 1));
  }
  CHECK(running.running());
  CHECK(ExitOf({"--config", file, "--check-config"}) == 0);
}

TEST_CASE("notifyd: open files that are too few for a start are too few for --check-config, with the same words") {
  TempDir dir;
  for (const char* more : {"", " --check-config"}) {
    std::string script = std::string("ulimit -n 100; exec \"$1\" --listen 127.0.0.1:0 --data-dir \"$2\"") + more;
    Process process("/bin/sh", {{"-c", script, "sh", NOTIFYD_BINARY, dir.path() + "/data"}, {}});
    CHECK(process.Wait() == 1);
    CHECK_THAT(process.error(), Catch::Contains("only 100 open files are allowed"));
  }
  CHECK_FALSE(std::filesystem::exists(dir.path() + "/data"));
}
