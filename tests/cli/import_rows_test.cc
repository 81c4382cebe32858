// notifyctl import notifyagent over a real MariaDB: what becomes of rows of every kind.
#include <catch2/catch.hpp>

#include <filesystem>
#include <set>

#include "cli/ctl.h"
#include "cli/e2e_broker.h"
#include "cli/old_servers.h"
#include "support/certificates.h"
#include "support/scripted_server.h"

namespace notifyd::test {
namespace {

constexpr const char* kPast = "timeDelayedSend = '2020-01-01 00:00:00'";
constexpr const char* kFuture = "timeDelayedSend = '2033-05-01 08:00:00'";

/// A broker and a receiver that answers "Success!".
struct RowsWorld {
  explicit RowsWorld(std::vector<std::string> settings = {}) : broker(dir.path(), std::move(settings)) {}

  TempDir dir;
  ScriptedServer receiver{[](const SeenRequest&) { return ScriptedAnswer{200, "Success!", "text/plain"}; }};
  Broker broker;
  NotifyTable table;

  std::string Url(const std::string& path) const { return "url = '" + receiver.url() + path + "'"; }
  CtlRun Import(std::vector<std::string> more, std::vector<std::string> environment = {}) {
    std::vector<std::string> arguments = {"--server", broker.url(), "import", "notifyagent", "--time-zone", "Asia/Shanghai", "--daemon-stopped"};
    if (std::find(more.begin(), more.end(), "--mysql-file") == more.end() && environment.empty())
      arguments.insert(arguments.end(), {"--mysql", table.url()});
    arguments.insert(arguments.end(), more.begin(), more.end());
    CtlRun run = Ctl(arguments, environment);
    INFO(run.error << run.output);
    return run;
  }
  /// The notify of a lane or the like, as JSON; the first that the filter finds.
  std::string Find(const std::string& filter) {
    const std::string list = broker.Call("GET", "/v1/notifies?" + filter).body;
    const std::string id = JsonAt(list, "/items/0/id");
    return id.empty() ? list : broker.Call("GET", "/v1/notifies/" + id).body;
  }
};

std::set<std::string> TargetsOf(ScriptedServer& receiver, size_t count) {
  receiver.WaitFor(count);
  std::set<std::string> targets;
  for (const SeenRequest& request : receiver.seen()) targets.insert(request.method + " " + request.target + " " + request.body);
  return targets;
}

}  // namespace

TEST_CASE("import notifyagent: rows whose time is over are sent, each removed, and the receiver sees what the old daemon sent") {
  RowsWorld w;
  w.table.Add(w.Url("/json") + ", data = '{\"name\":\"\\\\u00e9\xF0\x9F\x98\x80\"}', " + kPast);
  w.table.Add(w.Url("/form") + ", contentType = 'application/x-www-form-urlencoded', data = 'a%5Bb%5D=1&c=', " + kPast);
  w.table.Add(w.Url("/get") + ", method = 'GET', contentType = 'application/x-www-form-urlencoded', data = 'id=3&name=zq3', " + kPast);
  w.table.Add(w.Url("/none") + ", needResponse = 2, " + kPast);
  const CtlRun run = w.Import({});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "rows: 4 read, 4 accepted, 4 removed, 0 stay\n");
  CHECK(w.table.count() == 0);
  CHECK(TargetsOf(w.receiver, 4) == std::set<std::string>{"POST /json {\"name\":\"\\u00e9\xF0\x9F\x98\x80\"}",
                                                          "POST /form a%5Bb%5D=1&c=", "GET /get?id=3&name=zq3 ", "POST /none {}"});
  for (const SeenRequest& request : w.receiver.seen())
    if (request.target == "/form") CHECK(request.Header("Content-Type") == "application/x-www-form-urlencoded");
}

TEST_CASE("import notifyagent: a row with a time to come waits for it, and its queue goes on while it is retried") {
  RowsWorld w;
  w.table.Add(w.Url("/later") + ", runOnce = 2, fKey = 'f1', " + kFuture);
  const CtlRun run = w.Import({});
  INFO(run.error);
  CHECK(run.code == 0);
  const std::string notify = w.Find("fkey=f1");
  INFO(notify);
  CHECK(JsonAt(notify, "/due_at") == "2033-05-01T00:00:00.000Z");
  CHECK(JsonAt(notify, "/caller") == "shop");
  CHECK(JsonAt(notify, "/mode") == "fifo");
  CHECK(JsonAt(notify, "/lane") == "Q_0123456789ABCDEF0123456789ABCDEF");
  CHECK(JsonAt(notify, "/retry/max_attempts") == "10");
  CHECK(JsonAt(w.broker.Call("GET", "/v1/lanes/fifo/Q_0123456789ABCDEF0123456789ABCDEF").body, "/settings/on_retry") == "skip");
  CHECK(w.table.count() == 0);
  CHECK(w.broker.Call("POST", "/v1/fkeys/f1/trigger").status == 202);
  w.receiver.WaitFor(1);
  CHECK(w.receiver.seen().size() == 1);
}

TEST_CASE("import notifyagent: held rows stay unless --held is given") {
  RowsWorld w;
  w.table.Add(w.Url("/held") + ", fKey = 'f2'");
  CtlRun run = w.Import({});
  CHECK(run.code == 0);
  CHECK(run.output == "rows: 0 read, 0 accepted, 0 removed, 0 stay\n");
  CHECK(run.error.find("1 row has no time") != std::string::npos);
  CHECK(w.table.count() == 1);
  run = w.Import({"--held"});
  CHECK(run.code == 0);
  CHECK(w.table.count() == 0);
  CHECK(JsonAt(w.Find("fkey=f2"), "/state") == "held");
}

TEST_CASE("import notifyagent: a row that cannot be taken stays, with why, and the others go") {
  RowsWorld w;
  const uint64_t url = w.table.Add(std::string("url = 'nowhere', ") + kPast);
  const uint64_t queue = w.table.Add(w.Url("/") + ", queueName = '', " + kPast);
  const uint64_t lost = w.table.Add(w.Url("/"));
  w.table.Add(w.Url("/good") + ", " + kPast);
  const CtlRun run = w.Import({"--held"});
  INFO(run.error);
  CHECK(run.code == 1);
  CHECK(run.output == "rows: 4 read, 1 accepted, 1 removed, 3 stay\n");
  CHECK(run.error.find("row " + std::to_string(url) + " stays: the URL must be absolute") != std::string::npos);
  CHECK(run.error.find("row " + std::to_string(queue) + " stays: queueName is missing") != std::string::npos);
  CHECK(run.error.find("row " + std::to_string(lost) + " stays: it has neither a time nor an fKey") != std::string::npos);
  CHECK(w.table.count() == 3);
}

TEST_CASE("import notifyagent: rows with a zero date and one of long ago are sent now") {
  RowsWorld w;
  w.table.sql().Run("SET SESSION sql_mode = ''");
  w.table.Add(w.Url("/zero") + ", timeDelayedSend = '0000-00-00 00:00:00'");
  w.table.Add(w.Url("/old") + ", timeDelayedSend = '1900-01-01 00:00:00'");
  const CtlRun run = w.Import({});
  INFO(run.error);
  CHECK(run.output == "rows: 2 read, 2 accepted, 2 removed, 0 stay\n");
  CHECK(TargetsOf(w.receiver, 2).size() == 2);
}

TEST_CASE("import notifyagent: who may not remove rows submits none of them, and may look") {
  RowsWorld w;
  const std::string user = "reader@'127.0.0.1'";
  w.table.sql().Run("CREATE OR REPLACE USER " + user + " IDENTIFIED BY 'p@:/?#% w'");
  w.table.sql().Run("GRANT SELECT ON " + w.table.database() + ".Notify TO " + user);
  w.table.Add(w.Url("/a") + ", " + kPast);
  std::string url = w.table.url();
  url.replace(url.find("root@"), 5, "reader:p%40%3A%2F%3F%23%25%20w@");
  const CtlRun run = w.Import({}, {"NOTIFYD_MYSQL=" + url});
  CHECK(run.code == 1);
  CHECK(run.error.find("DELETE command denied") != std::string::npos);
  CHECK(w.broker.Stat("/totals/accepted") == 0);
  CHECK(w.Import({"--keep"}, {"NOTIFYD_MYSQL=" + url}).output == "rows: 1 read, 1 accepted, 0 removed, 0 stay\n");
}

TEST_CASE("import notifyagent: a row is known again long after the broker forgets what others submit") {
  RowsWorld w({"--idempotency-window-ms", "1"});
  w.table.Add(w.Url("/a") + ", " + kPast);
  for (const char* before : {"0", "1", "1"}) {
    const CtlRun run = w.Import({"--keep", "--json"});
    INFO(run.error);
    CHECK(JsonAt(run.output, "/rows/before") == before);
  }
  CHECK(w.broker.Stat("/totals/accepted") == 1);
}

TEST_CASE("import notifyagent: --dry-run and --keep leave the table as it is, and what was kept is not submitted twice") {
  RowsWorld w;
  w.table.Add(w.Url("/a") + ", " + kPast);
  w.table.Add(w.Url("/b") + ", " + kFuture);
  CtlRun run = w.Import({"--dry-run"});
  CHECK(run.code == 0);
  CHECK(run.output == "rows: 2 read, 2 acceptable, 0 removed, 0 stay\n");
  run = w.Import({"--dry-run", "--json"});
  CHECK(JsonAt(run.output.substr(0, run.output.find('\n')), "/url") == w.receiver.url() + "/a");
  CHECK(w.broker.Stat("/totals/accepted") == 0);

  CHECK(w.broker.Call("PUT", "/v1/namespaces/rehearsal", R"({"destinations":{"allow":["127.0.0.0/8"]}})").status == 201);
  run = w.Import({"--namespace", "rehearsal", "--keep"});
  INFO(run.error);
  CHECK(run.output == "rows: 2 read, 2 accepted, 0 removed, 0 stay\n");
  CHECK(w.table.count() == 2);
  CHECK(w.broker.Stat("/totals/accepted") == 0);

  run = w.Import({"--keep"});
  CHECK(run.output == "rows: 2 read, 2 accepted, 0 removed, 0 stay\n");
  run = w.Import({"--json"});
  CHECK(JsonAt(run.output, "/rows/before") == "2");
  CHECK(JsonAt(run.output, "/rows/removed") == "2");
  CHECK(w.table.count() == 0);
  CHECK(w.broker.Stat("/totals/accepted") == 2);
}

TEST_CASE("import notifyagent: it wants to know that no daemon runs, what zone the times are in, and where the table is") {
  NotifyTable table;
  BeanstalkServer beanstalkd;
  const std::vector<std::string> base = {"--server", "http://127.0.0.1:9", "import", "notifyagent"};
  auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return Ctl(more);
  };
  CHECK(run({}).code == 2);
  CHECK(run({"--mysql", table.url(), "--time-zone", "UTC"}).error.find("--daemon-stopped") != std::string::npos);
  CHECK(run({"--mysql", table.url(), "--daemon-stopped"}).error.find("--time-zone is needed") != std::string::npos);
  CHECK(run({"--mysql", table.url(), "--daemon-stopped", "--time-zone", "Mars/Base"}).code == 2);
  CHECK(run({"--mysql", table.url(), "--time-zone", "UTC", "--follow", "--keep"}).code == 2);
  CHECK(run({"--beanstalkd", "127.0.0.1:9", "--reconnect-ms", "0"}).code == 3);
  CHECK(run({"--mysql", "mysql://root@127.0.0.1:9/x", "--daemon-stopped", "--time-zone", "UTC", "--reconnect-ms", "0"}).code == 3);
  CHECK(run({"--mysql", table.server().Url("nothing"), "--daemon-stopped", "--time-zone", "UTC"}).code == 1);
  table.sql().Run("CREATE TABLE Other (id INT)");
  const CtlRun other = run({"--mysql", table.url() + "?table=Other&time-zone=UTC", "--daemon-stopped"});
  CHECK(other.code == 1);
  CHECK(other.error.find("it has no column fKey") != std::string::npos);

  BeanstalkPeer daemon(beanstalkd);
  daemon.Ask("watch notify");
  const CtlRun consumed = run({"--mysql", table.url(), "--time-zone", "UTC", "--beanstalkd", beanstalkd.address()});
  CHECK(consumed.code == 1);
  CHECK(consumed.error.find("somebody consumes the tube notify") != std::string::npos);
}

TEST_CASE("import notifyagent: a password comes from a file or the environment, never from the command line") {
  RowsWorld w;
  w.table.sql().Run("CREATE OR REPLACE USER 'agent'@'%' IDENTIFIED BY 'p:w'");
  w.table.sql().Run("GRANT SELECT, DELETE ON " + w.table.database() + ".* TO 'agent'@'%'");
  w.table.Add(w.Url("/a") + ", " + kPast);
  const std::string where = "@127.0.0.1:" + std::to_string(w.table.server().port()) + "/" + w.table.database();
  CtlRun run = w.Import({}, {"NOTIFYD_MYSQL=mysql://agent:wrong" + where});
  CHECK(run.code == 1);
  CHECK(run.error.find("Access denied") != std::string::npos);
  CHECK(run.error.find("wrong") == std::string::npos);
  CHECK_THAT(run.error, !Catch::Contains("no password was said"));
  CHECK_THAT(w.Import({"--mysql", "mysql://agent" + where}, {"LC_ALL=C"}).error,
             Catch::Contains("Access denied") && Catch::Contains("NOTIFYD_MYSQL_PASSWORD holds it"));
  run = w.Import({"--mysql", "mysql://agent:p%3Aw" + where}, {"NOTIFYD_MYSQL_PASSWORD=x"});
  CHECK(run.code == 2);
  CHECK(run.error.find("p%3Aw") == std::string::npos);

  const std::string file = w.dir.Write("dsn", "mysql://agent:p%3Aw" + where + "\n");
  CHECK(w.Import({"--mysql-file", file}).error.find("chmod 600") != std::string::npos);
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  CHECK(w.Import({"--mysql-file", file, "--dry-run"}).code == 0);
  CHECK(w.Import({"--dry-run"}, {"NOTIFYD_MYSQL=mysql://agent:p%3Aw" + where}).code == 0);
  CHECK(w.Import({"--mysql", "mysql://agent" + where}, {"NOTIFYD_MYSQL_PASSWORD=p:w"}).code == 0);
  CHECK(w.table.count() == 0);
}

TEST_CASE("import notifyagent: over TLS the server's certificate and name are checked when that is asked for") {
  TempDir dir;
  const CertificateAuthority authority, other;
  const Pair pair = authority.Issue("IP:127.0.0.1");
  MariadbServer server({"--ssl-cert=" + dir.Write("cert.pem", pair.certificate), "--ssl-key=" + dir.Write("key.pem", pair.key),
                        "--ssl-ca=" + dir.Write("ca.pem", authority.certificate()), "--require-secure-transport=ON"});
  NotifyTable table(server);
  dir.Write("other.pem", other.certificate());
  auto run = [&](const std::string& host, const std::string& parameters) {
    return Ctl({"import", "notifyagent", "--dry-run", "--time-zone", "UTC", "--reconnect-ms", "0", "--mysql",
                "mysql://root@" + host + ":" + std::to_string(server.port()) + "/" + table.database() + parameters});
  };
  CHECK(run("127.0.0.1", "").code == 1);
  CHECK(run("127.0.0.1", "?ssl-mode=required").code == 0);
  const CtlRun verified = run("127.0.0.1", "?ssl-ca=" + dir.At("ca.pem"));
  INFO(verified.error);
  CHECK(verified.code == 0);
  CHECK(run("127.0.0.1", "?ssl-ca=" + dir.At("other.pem")).code == 1);
  CHECK(run("127.0.0.1", "?ssl-mode=verify_identity").code == 1);  // no authority of the system's signed it
  CHECK(run("localhost", "?ssl-ca=" + dir.At("ca.pem")).code == 1);
}

}  // namespace notifyd::test
