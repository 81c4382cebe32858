#include "cli/daemon/settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "support/certificates.h"
#include "support/process.h"

using namespace notifyd;
using notifyd::test::TempDir;
using Action = Invocation::Action;

namespace {

/// A command line that must be refused with exit code 2: what it says.
std::string RefusalOf(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
  Invocation read = ReadCommandLine(arguments, environment);
  CHECK(read.action == Action::kExit);
  CHECK(read.exit_code == 2);
  CHECK(read.output.empty());
  return read.error;
}

}  // namespace

TEST_CASE("settings: without arguments the defaults hold") {
  Invocation read = ReadCommandLine({}, {});
  REQUIRE(read.action == Action::kRun);
  CHECK(read.options.listen == "127.0.0.1:7300");
  CHECK(read.options.store.directory == "./data");
  CHECK(read.options.core.max_pending == 50'000'000);
  CHECK(read.options.http.max_connections == 10'000);
  CHECK(read.options.sender.deny.empty());
}

TEST_CASE("settings: a flag with nothing behind its = takes no other flag for its value") {
  Invocation read = ReadCommandLine({"--http-hosts=", "--check-config"}, {});
  CHECK(read.action == Action::kCheckConfig);
  CHECK(read.options.api.hosts.empty());
}

TEST_CASE("settings: a flag goes before a variable, that before the file, that before the default") {
  TempDir dir;
  std::string file = dir.Write("n.toml", "io_threads = 2\n[limits]\npending = 20\nheaders = 30\nin_flight = 40\n");
  Invocation read = ReadCommandLine({"--config", file, "--limits-pending", "22"}, {"NOTIFYD_LIMITS_PENDING=21", "NOTIFYD_LIMITS_HEADERS=31"});
  INFO(read.error);
  REQUIRE(read.action == Action::kRun);
  CHECK(read.options.core.max_pending == 22);
  CHECK(read.options.http.max_headers == 31);
  CHECK(read.options.core.max_in_flight == 40);
  CHECK(read.options.io_threads == 2);
  CHECK(read.options.core.max_in_flight_per_lane == CoreLimits{}.max_in_flight_per_lane);
}

TEST_CASE("settings: the file may be named by a variable, and a flag names another") {
  TempDir dir;
  std::string one = dir.Write("one.toml", "io_threads = 3\n"), two = dir.Write("two.toml", "io_threads = 4\n");
  CHECK(ReadCommandLine({}, {"NOTIFYD_CONFIG=" + one}).options.io_threads == 3);
  CHECK(ReadCommandLine({"--config", two}, {"NOTIFYD_CONFIG=" + one}).options.io_threads == 4);
}

TEST_CASE("settings: one that two parts need reaches both") {
  Invocation read = ReadCommandLine({"--limits-body-bytes", "4096", "--retention-succeeded-ms=5", "--retention-settled-ms=6"}, {});
  CHECK(read.options.core.max_body_bytes == 4096);
  CHECK(read.options.api.max_body_bytes == 4096);
  CHECK(read.options.core.retention_succeeded_ms == 5);
  CHECK(read.options.store.retention_succeeded_ms == 5);
  CHECK(read.options.core.retention_settled_ms == 6);
  CHECK(read.options.store.retention_settled_ms == 6);
  read = ReadCommandLine({"--secrets-headers", "X-A,X-B"}, {});
  CHECK(read.options.api.secret_headers == std::vector<std::string>{"X-A", "X-B"});
  CHECK(read.options.sender.secret_headers == read.options.api.secret_headers);
}

TEST_CASE("settings: lists take commas in flags and variables, and arrays in the file") {
  TempDir dir;
  std::string file = dir.Write("n.toml", "[destinations]\nallow = [\"10.0.0.0/8\", \"fd00::/8\"]\n");
  std::vector<std::string> wanted = {"10.0.0.0/8", "fd00::/8"};
  CHECK(ReadCommandLine({"--config", file}, {}).options.sender.allow == wanted);
  CHECK(ReadCommandLine({"--destinations-allow", "10.0.0.0/8, fd00::/8"}, {}).options.sender.allow == wanted);
  CHECK(ReadCommandLine({"--destinations-allow", "10.0.0.0/8", "--destinations-allow", "fd00::/8"}, {}).options.sender.allow == wanted);
  CHECK(ReadCommandLine({}, {"NOTIFYD_DESTINATIONS_ALLOW=10.0.0.0/8,fd00::/8"}).options.sender.allow == wanted);
  CHECK(ReadCommandLine({"--config", file}, {"NOTIFYD_DESTINATIONS_ALLOW="}).options.sender.allow.empty());
}

TEST_CASE("settings: every number is taken at its ends and refused by name beyond them") {
  for (const Setting& setting : AllSettings()) {
    if (!std::holds_alternative<int64_t>(setting.fallback)) continue;
    INFO(setting.name);
    CHECK(ReadCommandLine({setting.Flag() + "=" + std::to_string(setting.least)}, {}).action == Action::kRun);
    CHECK(ReadCommandLine({setting.Flag() + "=" + std::to_string(setting.most)}, {}).action == Action::kRun);
    CHECK_THAT(RefusalOf({setting.Flag() + "=" + std::to_string(setting.least - 1)}),
               Catch::Contains(setting.name) && Catch::Contains("out of range"));
    CHECK_THAT(RefusalOf({}, {setting.Variable() + "=" + std::to_string(setting.most + 1)}),
               Catch::Contains(setting.name) && Catch::Contains(setting.Variable()));
  }
}

TEST_CASE("settings: every number that is set reaches its option") {
  // Two different values give different options, or the row writes nowhere. The defaults as TOML show what was set only through apply().
  for (const Setting& setting : AllSettings()) {
    if (!std::holds_alternative<int64_t>(setting.fallback)) continue;
    INFO(setting.name);
    auto image = [&](int64_t value) {
      Options options;
      setting.apply(SettingValue(value), &options);
      std::ostringstream text;
      const CoreLimits& c = options.core;
      const HttpLimits& h = options.http;
      const SenderOptions& s = options.sender;
      const StoreOptions& t = options.store;
      for (uint64_t v : {uint64_t(options.io_threads),
                         uint64_t(options.shards),
                         uint64_t(options.shutdown_grace_ms),
                         uint64_t(c.max_pending),
                         uint64_t(c.max_in_flight),
                         uint64_t(c.max_in_flight_per_lane),
                         uint64_t(c.max_in_flight_per_host),
                         uint64_t(c.breaker.failures),
                         uint64_t(c.breaker.ratio_percent),
                         uint64_t(c.breaker.window),
                         uint64_t(c.breaker.open_ms),
                         uint64_t(c.breaker.max_wait_ms),
                         uint64_t(c.breaker.disable_after_ms),
                         uint64_t(c.max_body_bytes),
                         uint64_t(c.idempotency_window_ms),
                         uint64_t(c.retention_succeeded_ms),
                         uint64_t(c.retention_settled_ms),
                         uint64_t(c.sync_delay_ms),
                         uint64_t(c.lookahead_ms),
                         uint64_t(c.max_loaded),
                         uint64_t(c.max_loaded_per_lane),
                         uint64_t(c.max_waiting_lanes_per_host),
                         uint64_t(c.max_spec_bytes),
                         uint64_t(c.page_items),
                         uint64_t(h.max_connections),
                         uint64_t(h.max_head_bytes),
                         uint64_t(h.max_headers),
                         uint64_t(h.max_target_bytes),
                         uint64_t(h.max_body_bytes),
                         uint64_t(h.max_buffered_bytes),
                         uint64_t(h.least_bytes_per_s),
                         uint64_t(options.api.max_waiters),
                         uint64_t(options.api.max_listeners),
                         uint64_t(h.head_timeout_ms),
                         uint64_t(h.request_timeout_ms),
                         uint64_t(h.idle_timeout_ms),
                         uint64_t(options.api.max_batch_items),
                         uint64_t(options.api.max_line_bytes),
                         uint64_t(options.api.max_timeout_ms),
                         uint64_t(options.api.max_kept_bytes),
                         uint64_t(s.max_captured_bytes),
                         uint64_t(s.max_response_bytes),
                         uint64_t(s.recorded_failure_bytes),
                         uint64_t(s.recorded_success_bytes),
                         uint64_t(s.max_idle_connections),
                         uint64_t(s.max_connection_age_ms),
                         uint64_t(t.block_cache_bytes),
                         uint64_t(t.memtable_bytes),
                         uint64_t(t.max_wal_bytes),
                         uint64_t(t.reader_threads),
                         uint64_t(t.postgres.connections),
                         uint64_t(t.min_free_bytes)})
        text << v << " ";
      return text.str();
    };
    CHECK(image(setting.least) != image(setting.most));
  }
}

TEST_CASE("settings: what is no number, word, flag or address is refused by name") {
  CHECK_THAT(RefusalOf({"--limits-pending", "many"}), Catch::Contains("limits.pending") && Catch::Contains("whole number"));
  CHECK_THAT(RefusalOf({"--limits-pending", "1.5"}), Catch::Contains("limits.pending"));
  CHECK_THAT(RefusalOf({"--limits-pending", ""}), Catch::Contains("limits.pending") || Catch::Contains("--limits-pending"));
  CHECK_THAT(RefusalOf({"--limits-pending", "99999999999999999999"}), Catch::Contains("limits.pending") && Catch::Contains("out of range"));
  CHECK_THAT(RefusalOf({"--log-level", "loud"}), Catch::Contains("log.level") && Catch::Contains("debug"));
  CHECK_THAT(RefusalOf({"--redirects-follow", "perhaps"}), Catch::Contains("redirects.follow"));
  CHECK_THAT(RefusalOf({"--destinations-deny", "10.0.0.0/33"}), Catch::Contains("destinations.deny") && Catch::Contains("10.0.0.0/33"));
  // What the sender's own parser refuses is refused here, for there is no other.
  CHECK_THAT(RefusalOf({"--destinations-deny", "::ffff:10.0.0.0/8"}), Catch::Contains("destinations.deny") && Catch::Contains("write 10.0.0.0/8"));
  CHECK_THAT(RefusalOf({"--destinations-allow", "private"}), Catch::Contains("destinations.allow"));
  CHECK_THAT(RefusalOf({"--secrets-headers", "X Token"}), Catch::Contains("secrets.headers"));
  CHECK_THAT(RefusalOf({"--data-dir", ""}), Catch::Contains("data_dir") || Catch::Contains("--data-dir"));
}

TEST_CASE("settings: listen takes an IP address and a port") {
  CHECK(ParseListen("0.0.0.0:0")->ToString(81) == "0.0.0.0:81");
  CHECK(ParseListen("[::1]:7300")->address == "::1");
  CHECK(ParseListen("[::1]:7300")->ToString(7300) == "[::1]:7300");
  CHECK(ParseListen("localhost:7300")->address == "127.0.0.1");
  for (const char* bad : {"", "7300", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:7x", "::1:7300", "[127.0.0.1]:1",
                          "example.org:80", "[::1]", "300.0.0.1:1", ":7300"}) {
    INFO(bad);
    CHECK_FALSE(ParseListen(bad).ok());
  }
  CHECK_THAT(RefusalOf({"--listen", "nowhere"}), Catch::Contains("listen") && Catch::Contains("ADDR:PORT"));
}

TEST_CASE("settings: a key of the file that names no setting is refused by name, with its line") {
  TempDir dir;
  std::string file = dir.Write("n.toml", "io_threads = 1\n[limits]\npendign = 5\n");
  CHECK_THAT(RefusalOf({"--config", file}), Catch::Contains("limits.pendign") && Catch::Contains(file + ":3"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("t.toml", "[nosuch]\n")}), Catch::Contains("nosuch ("));
  CHECK_THAT(RefusalOf({"--config", dir.Write("d.toml", "[limits.pending]\nx = 1\n")}), Catch::Contains("limits.pending"));
}

TEST_CASE("settings: a value of the file of the wrong type is refused by name") {
  TempDir dir;
  CHECK_THAT(RefusalOf({"--config", dir.Write("1.toml", "io_threads = \"2\"\n")}), Catch::Contains("io_threads") && Catch::Contains("whole number"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("2.toml", "io_threads = 2.0\n")}), Catch::Contains("io_threads"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("3.toml", "listen = 7300\n")}), Catch::Contains("listen"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("4.toml", "[destinations]\ndeny = [1]\n")}), Catch::Contains("destinations.deny"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("5.toml", "[redirects]\nfollow = \"yes\"\n")}), Catch::Contains("redirects.follow"));
}

TEST_CASE("settings: a file that is missing or no TOML is refused by name") {
  TempDir dir;
  CHECK_THAT(RefusalOf({"--config", dir.path() + "/none.toml"}), Catch::Contains("none.toml"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("bad.toml", "io_threads = \n")}), Catch::Contains("bad.toml:1"));
  // At these the parser asserts what does not hold.
  CHECK_THAT(RefusalOf({"--config", dir.Write("odd.toml", "io_threads = 2\n[[[service]_]\nname = 1\n")}), Catch::Contains("odd.toml:2"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("one.toml", "[[[a")}), Catch::Contains("one.toml:1"));
}

TEST_CASE("settings: a refusal names the setting at fault as a field, where it is a single one") {
  TempDir dir;
  auto field_of = [&](const std::string& file) {
    Invocation read = ReadCommandLine({"--config", dir.Write("n.toml", file)}, {});
    CHECK_FALSE(read.error.empty());
    return read.field;
  };
  CHECK(field_of("[limits]\npending = 0\n") == "/limits/pending");
  CHECK(field_of("[limits]\nnope = 1\n") == "/limits/nope");
  CHECK(field_of("io_threads = \"many\"\n") == "/io_threads");
  CHECK(field_of("lane = 1\n") == "/lane");
  CHECK(field_of("[[lane]]\nmatch = \"a\"\n[[lane]]\nmatch = \"b\"\nburst = 1\n") == "/lane/1/burst");
  CHECK(field_of("rubbish").empty());
  CHECK(ReadCommandLine({"--limits-pending", "0"}, {}).field == "/limits/pending");
  CHECK(ReadCommandLine({}, {"NOTIFYD_LISTEN=here"}).field == "/listen");
  CHECK(ReadCommandLine({"--config", dir.path()}, {}).field.empty());
  CHECK(ReadCommandLine({"--nope"}, {}).field.empty());
}

TEST_CASE("settings: what is no regular file is refused, and not taken for an empty one") {
  TempDir dir;
  CHECK(RefusalOf({"--config", dir.path()}) == dir.path() + " is not a regular file");
  CHECK(RefusalOf({}, {"NOTIFYD_CONFIG=" + dir.path()}) == dir.path() + " is not a regular file");
  // Nobody writes to it: nobody waits for that.
  std::string pipe = dir.path() + "/pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(RefusalOf({"--config", pipe}) == pipe + " is not a regular file");
  // A regular file whose reading fails: this one is that of no address.
  CHECK_THAT(RefusalOf({"--config", "/proc/self/mem"}), Catch::StartsWith("/proc/self/mem cannot be read: "));
  CHECK_THAT(RefusalOf({"--config", dir.path() + "/none.toml"}), Catch::Contains("none.toml cannot be read: No such file"));
}

TEST_CASE("settings: a file named \"\" is refused, by a flag and by a variable") {
  TempDir dir;
  std::string file = dir.Write("n.toml", "io_threads = 3\n");
  CHECK_THAT(RefusalOf({"--config", ""}), Catch::Contains("--config") && Catch::Contains("must name a file"));
  CHECK_THAT(RefusalOf({"--config", ""}, {"NOTIFYD_CONFIG=" + file}), Catch::Contains("must name a file"));
  CHECK_THAT(RefusalOf({"--config="}), Catch::Contains("--config"));
  CHECK_THAT(RefusalOf({}, {"NOTIFYD_CONFIG="}), Catch::Contains("NOTIFYD_CONFIG") && Catch::Contains("must name a file"));
  CHECK(ReadCommandLine({"--config", file}, {"NOTIFYD_CONFIG="}).options.io_threads == 3);
}

TEST_CASE("settings: an unknown flag or argument is refused") {
  CHECK_THAT(RefusalOf({"--no-such-flag"}), Catch::Contains("--no-such-flag"));
  CHECK_THAT(RefusalOf({"serve"}), Catch::Contains("serve"));
}

TEST_CASE("settings: a variable that names no setting is reported, not refused") {
  Invocation read = ReadCommandLine({}, {"NOTIFYD_LIMITS_PENDIGN=5", "NOTIFYD_URL=http://x", "PATH=/bin", "NOTIFYD_PORT=tcp://10.0.0.1:80"});
  CHECK(read.action == Action::kRun);
  CHECK(read.unknown_variables == std::vector<std::string>{"NOTIFYD_LIMITS_PENDIGN", "NOTIFYD_PORT"});
}

TEST_CASE("settings: --check-config reads all that a start would read") {
  CHECK(ReadCommandLine({"--check-config"}, {}).action == Action::kCheckConfig);
  CHECK_THAT(RefusalOf({"--check-config", "--io-threads=0"}), Catch::Contains("io_threads"));
}

TEST_CASE("settings: --help names every flag once, and its default") {
  Invocation read = ReadCommandLine({"--help"}, {});
  REQUIRE(read.exit_code == 0);
  for (const Setting& setting : AllSettings()) {
    INFO(setting.name);
    CHECK_THAT(read.output, Catch::Contains("  " + setting.Flag() + " "));
    CHECK_THAT(read.output, Catch::Contains(setting.help));
  }
  CHECK_THAT(read.output, Catch::Contains("=50000000"));
  CHECK_THAT(read.output, !Catch::Contains("--print-config"));
}

TEST_CASE("settings: names are unique, also as flags and variables") {
  std::set<std::string> seen;
  for (const Setting& setting : AllSettings())
    for (const std::string& name : {setting.name, setting.Flag(), setting.Variable()}) CHECK(seen.insert(name).second);
}

TEST_CASE("settings: conf/notifyd.toml is what the code says") {
  std::ifstream file(NOTIFYD_SOURCE_DIR "/conf/notifyd.toml", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  CHECK(text.str() == DefaultsAsToml());
}

TEST_CASE("settings: conf/notifyd.toml is a file that loads and changes nothing") {
  Invocation read = ReadCommandLine({"--config", NOTIFYD_SOURCE_DIR "/conf/notifyd.toml"}, {});
  INFO(read.error);
  REQUIRE(read.action == Action::kRun);
  CHECK(read.options.core.max_pending == CoreLimits{}.max_pending);
  CHECK(read.options.listen == Options{}.listen);
}

TEST_CASE("settings: what a row writes is what it reads") {
  for (const Setting& setting : AllSettings()) {
    INFO(setting.name);
    Options options;
    CHECK(setting.read(options) == setting.fallback);
    if (!std::holds_alternative<int64_t>(setting.fallback)) continue;
    setting.apply(SettingValue(setting.most), &options);
    CHECK(setting.read(options) == SettingValue(setting.most));
  }
}

TEST_CASE("settings: --help and conf/notifyd.toml say which ones are reloadable") {
  std::string help = ReadCommandLine({"--help"}, {}).output, toml = DefaultsAsToml();
  std::set<std::string> reloadable;
  for (const Setting& setting : AllSettings()) {
    INFO(setting.name);
    if (setting.reloadable) reloadable.insert(setting.name);
    CHECK((help.find(setting.help + " Reloadable.") != std::string::npos) == setting.reloadable);
  }
  CHECK(reloadable == std::set<std::string>{"shutdown_grace_ms",
                                            "log.level",
                                            "auth.mode",
                                            "auth.bootstrap_token_file",
                                            "limits.pending",
                                            "limits.response_bytes",
                                            "limits.in_flight",
                                            "limits.connection_age_ms",
                                            "lanes.concurrency",
                                            "hosts.concurrency",
                                            "breaker.enabled",
                                            "breaker.failures",
                                            "breaker.ratio_percent",
                                            "breaker.window",
                                            "breaker.open_ms",
                                            "breaker.max_wait_ms",
                                            "breaker.disable_after_ms",
                                            "breaker.on_open",
                                            "idempotency.window_ms",
                                            "record.failure_bytes",
                                            "record.success_bytes",
                                            "results.headers",
                                            "http.hosts",
                                            "destinations.allow",
                                            "destinations.deny",
                                            "mail.server",
                                            "mail.from",
                                            "mail.user",
                                            "mail.password_file",
                                            "mail.ca_file",
                                            "mail.tls",
                                            "redirects.follow",
                                            "secrets.headers"});
  CHECK_THAT(toml, Catch::Contains("# Most calls in flight in all. Reloadable.\n"));
}

TEST_CASE("settings: read anew, what can change is taken over, and what cannot is named") {
  TempDir dir;
  Options running = ReadCommandLine({"--limits-pending=10", "--io-threads=1"}, {}).options;
  std::string file = dir.Write("n.toml", "io_threads = 2\n[limits]\nheaders = 50\n[log]\nlevel = \"debug\"\n[[lane]]\nmatch = \"*\"\n");
  Options fresh = ReadCommandLine({"--limits-pending=20", "--config", file}, {}).options;
  Reloaded reloaded = ApplyReloadable(fresh, &running);
  CHECK(reloaded.applied == std::vector<std::string>{"log.level", "limits.pending", "lane"});
  CHECK(reloaded.not_applied == std::vector<std::string>{"io_threads", "limits.headers"});
  CHECK(running.log_level == "debug");
  CHECK(running.core.max_pending == 20);
  CHECK(running.core.lane_rules == fresh.core.lane_rules);
  CHECK(running.io_threads == 1);
  CHECK(running.http.max_headers == HttpLimits{}.max_headers);
  // What was applied is not applied again; what was not is named again.
  reloaded = ApplyReloadable(fresh, &running);
  CHECK(reloaded.applied.empty());
  CHECK(reloaded.not_applied.size() == 2);
}

TEST_CASE("settings: the tables that conf/notifyd.toml shows are tables that load") {
  TempDir dir;
  const std::string text = DefaultsAsToml();
  std::string shown;
  for (const char* first : {"# [[lane]]", "# [[command]]", "# [[alert]]", "# [[listener]]", "# [auth.peers", "# [store.postgres.cells]"}) {
    size_t from = text.find(first);
    REQUIRE(from != std::string::npos);
    std::istringstream lines(text.substr(from));
    for (std::string line; std::getline(lines, line) && !line.empty();) shown += (line.rfind("# ", 0) == 0 ? line.substr(2) : "") + "\n";
  }
  Invocation read = ReadCommandLine({"--auth-mode", "token", "--config", dir.Write("n.toml", shown)}, {});
  INFO(read.error);
  REQUIRE(read.action == Action::kRun);
  CHECK(read.options.core.lane_rules.size() == 3);
  CHECK(read.options.commands.all().size() == 1);
  CHECK(read.options.alerts.rules.size() == 1);
  CHECK(read.options.listeners.size() == 3);
  CHECK(read.options.auth.peers.size() == 1);
  CHECK(read.options.auth.certificates.size() == 1);
  CHECK(read.options.store.postgres.cells.count("east") == 1);
}

TEST_CASE("settings: the destination rules that conf/notifyd.toml shows are rules that load") {
  TempDir dir;
  std::string text = DefaultsAsToml(), shown;
  size_t from = text.find("# [[destination]]");
  REQUIRE(from != std::string::npos);
  std::istringstream lines(text.substr(from));
  for (std::string line; std::getline(lines, line) && !line.empty();) shown += (line.rfind("# ", 0) == 0 ? line.substr(2) : "") + "\n";
  Invocation read = ReadCommandLine({"--config", dir.Write("n.toml", shown)}, {});
  INFO(read.error);
  REQUIRE(read.action == Action::kRun);
  const DestinationRules& rules = *read.options.sender.rules;
  const DestinationRule* first = rules.Find("default", "shop", {true, "billing.internal", 443, "/v1/x"});
  REQUIRE(first != nullptr);
  CHECK(first->connections == 8);
  CHECK_FALSE(first->http2);
  CHECK(first->sign == "billing");
  const DestinationRule* second = rules.Find("sales", "x", {false, "a.partner.example", 81, "/"});
  REQUIRE(second != nullptr);
  CHECK(second->proxy->host == "proxy.internal");
  CHECK(second->follow_redirects == true);
  // One with a path says nothing of hosts.
  REQUIRE(read.options.flow.hosts.size() == 1);
  CHECK(read.options.flow.hosts[0].place == 2);
  CHECK(read.options.flow.hosts[0].concurrency == 16);
  CHECK(read.options.flow.hosts[0].rate_per_s == 50);
  CHECK(read.options.flow.hosts[0].namespaces == std::vector<std::string>{"sales"});
}

TEST_CASE("settings: a destination rule's secrets come from files, and are read again with the settings") {
  TempDir dir;
  const CertificateAuthority authority;
  const Pair ours = authority.Issue("DNS:us.test");
  const std::string secret = dir.Write("secret", "Bearer 0123456789\r\n"), certificate = dir.Write("c.pem", ours.certificate),
                    key = dir.Write("k.pem", ours.key), ca = dir.Write("ca.pem", authority.certificate());
  const std::string file = dir.Write("n.toml", "[[destination]]\nmatch = \"https://a.test\"\nheaders = { Authorization = \"file:" + secret +
                                                   "\", X-Team = \"blue\" }\nclient_cert = \"" + certificate + "\"\nclient_key = \"" + key +
                                                   "\"\nca_file = \"" + ca + "\"\nsign = false\n");
  const auto read = [&] {
    Invocation invocation = ReadCommandLine({"--config", file}, {});
    INFO(invocation.error);
    REQUIRE(invocation.action == Action::kRun);
    return invocation.options;
  };
  Options running = read();
  const DestinationRule* rule = running.sender.rules->Find("default", "", {true, "a.test", 443, "/"});
  REQUIRE(rule != nullptr);
  std::vector<std::pair<std::string, std::string>> headers = rule->headers;
  std::sort(headers.begin(), headers.end());
  CHECK(headers == std::vector<std::pair<std::string, std::string>>{{"Authorization", "Bearer 0123456789"}, {"X-Team", "blue"}});
  CHECK(rule->has_certificate);
  CHECK(rule->tls != nullptr);
  CHECK(rule->tls_without != rule->tls);
  CHECK(rule->shown == nullptr);
  CHECK_FALSE(rule->signs);
  CHECK(ApplyReloadable(read(), &running).applied.empty());
  dir.Write("secret", "Bearer 9876543210");
  CHECK(ApplyReloadable(read(), &running).applied == std::vector<std::string>{"destination"});
  CHECK(ApplyReloadable(read(), &running).applied.empty());
  // Without authorities of its own those of the settings hold, wherever they are said.
  const std::string bare =
      dir.Write("bare.toml", "[[destination]]\nmatch = \"https://a.test\"\nclient_cert = \"" + certificate + "\"\nclient_key = \"" + key + "\"\n");
  const Options of_bare = ReadCommandLine({"--config", bare}, {}).options;
  REQUIRE((rule = of_bare.sender.rules->Find("default", "", {true, "a.test", 443, "/"})) != nullptr);
  CHECK((rule->has_certificate && rule->shown && rule->shown->key == ours.key && !rule->tls && !rule->tls_without));
  // A file that cannot be used is refused, and nothing of it is told.
  dir.Write("secret", "two\nsecret-lines");
  CHECK_THAT(RefusalOf({"--config", file}), Catch::StartsWith("[[destination]] 1: headers (" + file + ":3): Authorization: ") && !Catch::Contains("secret-l"));
  dir.Write("secret", "x");
  dir.Write("k.pem", authority.Issue("DNS:other.test").key);
  CHECK_THAT(RefusalOf({"--config", file}), Catch::Contains("client_key (" + file + ":5)"));
  dir.Write("c.pem", "nonsense");
  CHECK_THAT(RefusalOf({"--config", file}), Catch::Contains("client_cert (" + file + ":4)"));
  dir.Write("ca.pem", "nonsense");
  CHECK_THAT(RefusalOf({"--config", file}), Catch::Contains("ca_file (" + file + ":6)"));
}

TEST_CASE("settings: a bad value of a destination rule is refused, with file, line, table and key") {
  struct Bad {
    const char *text, *key;
  };
  for (const Bad& bad : std::vector<Bad>{
           {"match = \"\"", "match"},
           {"match = 5", "match"},
           {"match = \"ftp://a\"", "match"},
           {"match = \"http://a/../b\"", "match"},
           {"namespaces = []", "namespaces"},
           {"namespaces = \"sales\"", "namespaces"},
           {"namespaces = [\"*\"]", "namespaces"},
           {"namespaces = [\"sales\", \"Sales \"]", "namespaces"},
           {"callers = [1]", "callers"},
           {"headers = {}", "headers"},
           {"headers = { Host = \"x\" }", "headers"},
           {"headers = { Notify-Id = \"x\" }", "headers"},
           {"headers = { webhook-id = \"x\" }", "headers"},
           {"headers = { \"a b\" = \"x\" }", "headers"},
           {"headers = { A = \"\" }", "headers"},
           {"headers = { A = 5 }", "headers"},
           {"headers = { A = \"x\", a = \"y\" }", "headers"},
           {"headers = { A = \"file:/nonexistent\" }", "headers"},
           {"client_cert = \"/nonexistent\"", "client_cert"},
           {"ca_file = \"/nonexistent\"", "ca_file"},
           {"proxy = \"https://p\"", "proxy"},
           {"proxy = \"http://u:p@p\"", "proxy"},
           {"proxy_credentials = \"user:password\"", "proxy_credentials"},
           {"proxy_credentials = \"file:/nonexistent\"", "proxy_credentials"},
           {"proxy_credentials = \"file:/dev/null\"", "proxy_credentials"},
           {"unchecked = 1", "unchecked"},
           {"unchecked = true", "unchecked"},
           {"http2 = \"no\"", "http2"},
           {"connections = 0", "connections"},
           {"connections = 100001", "connections"},
           {"follow_redirects = 1", "follow_redirects"},
           {"sign = true", "sign"},
           {"sign = \"\"", "sign"},
           {"concurency = 1", "concurency"},
           {"concurrency = 0", "concurrency"},
           {"concurrency = 100001", "concurrency"},
           {"concurrency = 1.5", "concurrency"},
           {"rate_per_s = 0", "rate_per_s"},
           {"rate_per_s = nan", "rate_per_s"},
           {"rate_per_s = \"5\"", "rate_per_s"},
           {"breaker = true", "breaker"},
           {"breaker = { failures = 0 }", "breaker"},
           {"breaker = { disable = 1 }", "breaker"},
           {"concurrency = 1\ncallers = [\"c\"]", "concurrency"},
           {"shared = 1", "shared"},
           {"shared = true", "shared"},
       }) {
    TempDir dir;
    bool match = std::string_view(bad.key) == "match";
    std::string file =
        dir.Write("n.toml", std::string("[[destination]]\nmatch = \"a\"\n[[destination]]\n") + (match ? "\n" : "match = \"b\"\n") + bad.text + "\n");
    INFO(bad.text);
    CHECK_THAT(RefusalOf({"--config", file}), Catch::StartsWith("[[destination]] 2: " + std::string(bad.key) + " (" + file + ":5): "));
  }
  TempDir dir;
  CHECK_THAT(RefusalOf({"--config", dir.Write("1.toml", "[[destination]]\nhttp2 = true\n")}), Catch::Contains("1.toml:1): is missing"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("2.toml", "[[destination]]\nmatch = \"*\"\nproxy = \"http://p\"\n")}),
             Catch::Contains("proxy (") && Catch::Contains("2.toml:3") && Catch::Contains("unchecked"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("3.toml", "destination = 5\n")}), Catch::Contains("[[destination]]"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("4.toml", "[[destination]]\nmatch = \"a/v1\"\nbreaker = false\n")}),
             Catch::Contains("4.toml:3): counts all calls to a host and port: match must have no path"));
}

TEST_CASE("settings: credentials of a proxy come from a file, and are read again with the settings") {
  TempDir dir;
  const std::string secret = dir.Write("secret", "person:pass word\n"), of = "proxy_credentials = \"file:" + secret + "\"\n";
  const std::string file = dir.Write("n.toml", "[[destination]]\nmatch = \"a.test\"\nproxy = \"http://p\"\n" + of);
  Options running = ReadCommandLine({"--config", file}, {}).options;
  const RuleTarget target{false, "a.test", 80, "/"};
  REQUIRE(running.sender.rules->Find("default", "", target) != nullptr);
  CHECK(running.sender.rules->Find("default", "", target)->proxy_credentials == "person:pass word");
  dir.Write("secret", "person:other");
  CHECK(ApplyReloadable(ReadCommandLine({"--config", file}, {}).options, &running).applied == std::vector<std::string>{"destination"});
  dir.Write("secret", "nobody-s-secret");
  CHECK_THAT(RefusalOf({"--config", file}), Catch::Contains("proxy_credentials (" + file + ":4): ") && !Catch::Contains("nobody"));
  CHECK_THAT(RefusalOf({"--config", dir.Write("1.toml", "[[destination]]\nmatch = \"a\"\n" + (dir.Write("secret", "a:b"), of))}),
             Catch::Contains("says nothing without proxy"));
}

TEST_CASE("settings: what a destination rule says of hosts is read again with the settings") {
  TempDir dir;
  const auto read = [&](const std::string& more) {
    Invocation invocation = ReadCommandLine({"--config", dir.Write("n.toml", "[[destination]]\nmatch = \"*\"\n" + more)}, {});
    INFO(invocation.error);
    REQUIRE(invocation.action == Action::kRun);
    return invocation.options;
  };
  Options running = read("rate_per_s = 5\nbreaker = { failures = 2, ratio = 0.25, on_open = \"fail\" }\n");
  REQUIRE(running.flow.hosts.size() == 1);
  CHECK(running.flow.hosts[0].rate_per_s == 5);
  CHECK_FALSE(running.flow.hosts[0].concurrency);
  CHECK(running.flow.hosts[0].breaker == BreakerSettings{.failures = 2, .ratio_percent = 25, .fail_on_open = true});
  CHECK(running.flow.hosts[0].namespaces == std::vector<std::string>{"default"});
  CHECK(ApplyReloadable(read("breaker = false\n"), &running).applied == std::vector<std::string>{"destination"});
  CHECK_FALSE(running.flow.hosts[0].rate_per_s);
  CHECK_FALSE(running.flow.hosts[0].breaker->enabled);
}
