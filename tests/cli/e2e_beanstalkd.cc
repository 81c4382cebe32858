// The beanstalkd door of the real broker: what producers put becomes calls, what they look at is the broker's, over limits, restarts and kill -9.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "support/beanstalkd_client.h"
#include "support/certificates.h"
#include "support/scripted_server.h"
#include "support/sockets.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// A directory, a receiver that says "success", and a configuration with a door.
struct Place {
  std::string Config(const std::string& more = {}, const std::string& listener = {}) const {
    return dir.Write("n.toml", more + "\n[[listener]]\naddress = \"127.0.0.1:" + std::to_string(port) + "\"\nprotocol = \"beanstalkd\"\n" + listener);
  }
  std::string Tube(const std::string& name, const std::string& more = {}) const {
    return "[[tube]]\nname = \"" + name + "\"\nurl = \"" + receiver.url() + "/" + name + "\"\n" + more;
  }
  /// As NotifyAgent writes it.
  std::string Call(const std::string& data, const std::string& more = {}, const std::string& method = "POST") const {
    return R"({"caller":"shop","url":")" + receiver.url() + R"(\/hook","method":")" + method + R"(","contentType":"application\/json","data":")" +
           data + R"(","timeDelayedSend":null,"needResponse":1,"expectResponse":"success","runOnce":1,"queueName":"Q_1","fKey":"")" + more + "}";
  }
  BeanstalkdClient Connect() const { return BeanstalkdClient(port); }

  TempDir dir;
  uint16_t port = ClosedPort();
  mutable ScriptedServer receiver{[](const SeenRequest&) { return ScriptedAnswer{200, " Success\n"}; }};
};

std::string Got(Broker* broker, const std::string& job, const std::string& pointer) {
  return JsonAt(broker->Call("GET", "/v1/notifies/" + job).body, pointer);
}

}  // namespace

TEST_CASE("beanstalkd door: what NotifyAgent puts is called as its daemon did, in the lane of its queue") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config()});
  BeanstalkdClient client = place.Connect();
  CHECK(client.Do("use notify") == "USING notify\r\n");
  const std::string job = JobIn(client.Put(place.Call(R"({\"id\":1.00})", R"(,"fKey":"f1")"), "2 0 60"));
  REQUIRE_FALSE(job.empty());
  const std::vector<SeenRequest> seen = place.receiver.WaitFor(1);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method + seen[0].target == "POST/hook");
  CHECK(seen[0].body == R"({"id":1.00})");
  CHECK(seen[0].Header("content-type") == "application/json");
  // The number and the id name the same, wherever an id is said.
  const std::string settled = broker.Settled(job), id = JsonAt(settled, "/id");
  CHECK(JsonAt(settled, "/state") == "succeeded");
  CHECK(id.size() == 17);
  CHECK(std::stoull(id.substr(1), nullptr, 16) == std::stoull(job));
  CHECK(broker.Call("GET", "/v1/notifies/" + id).body == broker.Call("GET", "/v1/notifies/" + job).body);
  CHECK(broker.Call("GET", "/v1/notifies/" + job + "/explain").status == 200);
  CHECK(broker.Call("GET", "/v1/notifies/0" + job).status == 404);
  for (const auto& [pointer, value] :
       {std::pair("/lane", "Q_1"), std::pair("/mode", "fifo"), std::pair("/caller", "shop"), std::pair("/timeout_ms", "3600000"),
        std::pair("/retry/max_attempts", "1"), std::pair("/labels/fKey", "f1"), std::pair("/fkey", "null")})
    CHECK(JsonAt(settled, pointer) == value);
  // One that is over is no job any more.
  CHECK(client.Do("peek " + job) == "NOT_FOUND\r\n");
  // Its queue is a tube of its own while it has jobs.
  CHECK(client.Do("list-tubes").find("- Q_1\n") == std::string::npos);
  REQUIRE_FALSE(JobIn(client.Put(place.Call("{}"), "2 3600 60")).empty());
  CHECK(client.Do("list-tubes").find("- Q_1\n") != std::string::npos);

  REQUIRE_FALSE(JobIn(client.Put(place.Call("a=1&b=%20x", "", "GET"))).empty());
  CHECK(place.receiver.WaitFor(2)[1].target == "/hook?a=1&b=%20x");
  CHECK(broker.BooksBalance());
}

TEST_CASE("beanstalkd door: a lane lets others pass where something may be tried again in it, and nobody has said what it does") {
  Place place;
  const std::string rule = "[[lane]]\nmatch = \"R_*\"\nmode = \"fifo\"\non_retry = \"skip\"\n";
  Broker broker(place.dir.path(), {"--config", place.Config(rule)});
  REQUIRE(broker.Call("PATCH", "/v1/lanes/fifo/said", R"({"on_retry":"block"})").status == 200);
  BeanstalkdClient client = place.Connect();
  client.Do("use notify");
  auto put = [&](const std::string& queue, const std::string& more) {
    return JobIn(client.Put(place.Call("{}", R"(,"queueName":")" + queue + "\"," + more), "2 3600 60"));
  };
  auto own = [&](const std::string& queue) { return JsonAt(broker.Call("GET", "/v1/lanes/fifo/" + queue).body, "/own"); };
  for (const char* queue : {"said", "retried", "R_1"}) REQUIRE_FALSE(put(queue, R"("runOnce":2)").empty());
  CHECK(own("said") == R"({"on_retry":"block"})");
  CHECK(own("retried") == R"({"on_retry":"skip"})");
  CHECK(own("R_1") == "{}");
  // By default a call is made once, in a queue of its URL: none of them leaves anything behind.
  const std::string once = put("once", R"("runOnce":1)"), unanswered = put("unanswered", R"("runOnce":2,"needResponse":2)");
  CHECK(own("once") == "{}");
  CHECK(own("unanswered") == "{}");
  CHECK(client.Do("delete " + once) == "DELETED\r\n");
  CHECK(broker.Call("GET", "/v1/lanes/fifo/once").status == 404);
}

TEST_CASE("beanstalkd door: a lane that is made again, or of which nobody says it any more, lets others pass again") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config({}, "namespace = \"old\"\n")});
  REQUIRE(broker.Call("PUT", "/v1/namespaces/old", "{}").Done());
  BeanstalkdClient client = place.Connect();
  client.Do("use notify");
  const std::string lane = "/v1/namespaces/old/lanes/fifo/Q_1", job = place.Call("{}", R"(,"runOnce":2)");
  auto put_skips = [&] {
    REQUIRE_FALSE(JobIn(client.Put(job, "2 3600 60")).empty());
    return JsonAt(broker.Call("GET", lane).body, "/settings/on_retry") == "skip";
  };
  CHECK(put_skips());
  REQUIRE(broker.Call("PATCH", lane, R"({"on_retry":null})").Done());
  CHECK(put_skips());
  REQUIRE(broker.Call("DELETE", "/v1/namespaces/old?discard_pending=true").Done());
  REQUIRE(Await([&] { return broker.Call("PUT", "/v1/namespaces/old", "{}").status == 201; }));
  CHECK(put_skips());
}

TEST_CASE("beanstalkd door: a rule that says that a lane blocks is one that has said it") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config("[[lane]]\nmatch = \"Q_*\"\nmode = \"fifo\"\non_retry = \"block\"\n")});
  BeanstalkdClient client = place.Connect();
  client.Do("use notify");
  REQUIRE_FALSE(JobIn(client.Put(place.Call("{}", R"(,"runOnce":2)"), "2 3600 60")).empty());
  const std::string lane = broker.Call("GET", "/v1/lanes/fifo/Q_1").body;
  CHECK(JsonAt(lane, "/own") == "{}");
  CHECK(JsonAt(lane, "/settings/on_retry") == "block");
}

TEST_CASE("beanstalkd door: what waits in a tube is found behind thousands of other notifies") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail") + place.Tube("in-order", "mode = \"fifo\"\n"))});
  BeanstalkdClient client = place.Connect();
  auto others = [&](int batches) {
    std::string batch;
    for (int i = 0; i < 2'500; ++i)
      batch += std::string(batch.empty() ? "[" : ",") + R"({"url":"http://127.0.0.1:9/","lane":"other","delay_ms":7200000})";
    for (int i = 0; i < batches; ++i) REQUIRE(broker.Call("POST", "/v1/notifies", batch + "]").status == 201);
  };
  client.Do("use mail");
  CHECK(client.Do("pause-tube mail 3600") == "PAUSED\r\n");
  others(2);
  std::vector<std::string> delayed, ready;
  for (const char* delay : {"3000", "1000", "2000"}) delayed.push_back(JobIn(client.Put("later", std::string("1 ") + delay + " 60")));
  for (int i = 0; i < 2; ++i) ready.push_back(JobIn(client.Put("now")));
  others(2);
  CHECK(client.Do("peek-delayed") == "FOUND " + delayed[1] + " 5\r\nlater\r\n");
  CHECK(client.Do("peek-ready") == "FOUND " + ready[0] + " 3\r\nnow\r\n");
  CHECK(client.Do("delete " + delayed[1]) == "DELETED\r\n");
  CHECK(client.Do("peek-delayed") == "FOUND " + delayed[2] + " 5\r\nlater\r\n");
  client.Do("use in-order");
  for (const char* command : {"peek-delayed", "peek-ready", "peek-buried"}) CHECK(client.Do(command) == "NOT_FOUND\r\n");
}

TEST_CASE("beanstalkd door: the jobs of a tube go out byte for byte, by its template") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail", "content_type = \"text/plain\"\n") +
                                                            place.Tube("in-order", "mode = \"fifo\"\nlane = \"l\"\n"))});
  BeanstalkdClient client = place.Connect();
  client.Do("use mail");
  const std::string bytes("\0\r\n\xFF{\"", 6);
  std::vector<std::string> jobs;
  for (const char* pri : {"0", "1", "1023", "1024", "1025", "4294967295"}) jobs.push_back(JobIn(client.Put(bytes, std::string(pri) + " 0 60")));
  std::string priorities;
  for (const std::string& job : jobs) priorities += Got(&broker, job, "/priority") + " ";
  CHECK(priorities == "9 6 6 4 2 2 ");
  for (const SeenRequest& request : place.receiver.WaitFor(jobs.size())) {
    CHECK(request.body == bytes);
    CHECK(request.Header("content-type") == "text/plain");
    CHECK(request.target == "/mail");
  }
  CHECK(Got(&broker, jobs[0], "/lane") == "mail");
  client.Do("use in-order");
  const std::string job = JobIn(client.Put("x", "5 3600 60"));
  CHECK(Got(&broker, job, "/lane") == "l");
  CHECK(Got(&broker, job, "/mode") == "fifo");
  CHECK(Got(&broker, job, "/delay_ms") == "3600000");
  CHECK(client.Do("stats-job " + job).find("\ntube: in-order\nstate: delayed\n") != std::string::npos);
  CHECK(client.Do("peek " + job) == "FOUND " + job + " 1\r\nx\r\n");
}

TEST_CASE("beanstalkd door: what is no call is refused by name in the log, and the connection goes on") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail"))});
  BeanstalkdClient client = place.Connect();
  CHECK(client.Put("x") == "BAD_FORMAT\r\n");
  client.Do("use notify");
  for (const std::string& bad : {std::string("no json"), std::string("[]"), std::string(R"({"queueName":""})"),
                                 std::string(R"({"queueName":"q","method":"POST","url":"ftp://h"})"), std::string(R"({"queueName":"a b"})"),
                                 std::string(R"({"queueName":"q","method":"POST","url":"http://h","contentType":"no type"})")})
    CHECK(client.Put(bad) == "BAD_FORMAT\r\n");
  CHECK(client.Do("list-tube-used") == "USING notify\r\n");
  REQUIRE(broker.process().WaitForError("job refused", 7));
  const std::vector<std::string> lines = LinesOf(broker.process().error(), "job refused");
  REQUIRE(lines.size() == 7);
  CHECK(JsonAt(lines[0], "/tube") == "default");
  CHECK(JsonAt(lines[0], "/detail") == "there is no [[tube]] of this name in the listener's namespace");
  CHECK(JsonAt(lines[3], "/detail") == "queueName is missing");
  CHECK(JsonAt(lines[4], "/detail").find("(/url)") != std::string::npos);
  CHECK(broker.Stat("/totals/accepted") == 0);
  const std::string metrics = broker.Call("GET", "/metrics").body;
  CHECK(metrics.find("notifyd_beanstalkd_jobs_total{outcome=\"refused\"} 7\n") != std::string::npos);
  CHECK(metrics.find("notifyd_beanstalkd_connections 1\n") != std::string::npos);
}

TEST_CASE("beanstalkd door: a broker that takes no more says OUT_OF_MEMORY") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail")), "--limits-pending", "2"});
  REQUIRE(broker.Call("PATCH", "/v1/lanes/concurrent/mail", R"({"paused":true})").status == 200);
  BeanstalkdClient client = place.Connect();
  client.Do("use mail");
  for (int i = 0; i < 2; ++i) REQUIRE_FALSE(JobIn(client.Put("x")).empty());
  CHECK(client.Put("x") == "OUT_OF_MEMORY\r\n");
  CHECK(client.Do("list-tube-used") == "USING mail\r\n");
}

TEST_CASE("beanstalkd door: large jobs take no more room than they have, whatever they hold, and are counted as one notify each") {
  // 24 of 1 MiB: of 64 MiB three quarters are for bodies that are so large. As a JSON string each would have 6 MiB, and as a batch's 3 MiB of answer.
  constexpr size_t kJobs = 24;
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail")), "--limits-buffered-bytes", "67108864"});
  REQUIRE(broker.Call("PATCH", "/v1/lanes/concurrent/mail", R"({"paused":true})").status == 200);
  const std::string controls(1 << 20, '\x01');
  std::vector<std::thread> producers;
  std::mutex mutex;
  std::vector<std::string> answers, jobs;
  for (size_t i = 0; i < kJobs; ++i)
    producers.emplace_back([&] {
      BeanstalkdClient client = place.Connect();
      client.Do("use mail");
      const std::string answer = client.Put(controls);
      std::lock_guard<std::mutex> lock(mutex);
      answers.push_back(answer);
      jobs.push_back(JobIn(answer));
    });
  for (std::thread& producer : producers) producer.join();
  for (size_t i = 0; i < kJobs; ++i) REQUIRE(answers[i] == "INSERTED " + jobs[i] + "\r\n");
  BeanstalkdClient client = place.Connect();
  CHECK(client.Do("peek " + jobs[0]) == "FOUND " + jobs[0] + " 1048576\r\n" + controls + "\r\n");
}

TEST_CASE("beanstalkd door: a tube is paused in both its lanes, and not paused where there is no room for one more") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config()});
  for (const char* mode : {"fifo", "concurrent"})
    REQUIRE(broker.Call("PATCH", std::string("/v1/lanes/") + mode + "/two", R"({"rate_per_s":5})").status == 200);
  BeanstalkdClient client = place.Connect();
  CHECK(client.Do("pause-tube two 3600") == "PAUSED\r\n");
  for (const char* mode : {"fifo", "concurrent"})
    CHECK_FALSE(JsonAt(broker.Call("GET", std::string("/v1/lanes/") + mode + "/two").body, "/own/paused_until").empty());
  CHECK(client.Do("pause-tube two 0") == "PAUSED\r\n");
  for (const char* mode : {"fifo", "concurrent"})
    CHECK(JsonAt(broker.Call("GET", std::string("/v1/lanes/") + mode + "/two").body, "/settings/paused") == "false");
  for (int i = 0; i < 1'000; ++i)
    REQUIRE(broker.Call("PATCH", "/v1/lanes/fifo/" + std::to_string(i), R"({"paused_until":"2100-01-01T00:00:00Z"})").status == 200);
  CHECK(client.Do("pause-tube two 3600") == "OUT_OF_MEMORY\r\n");
}

TEST_CASE("beanstalkd door: where the listener's namespace is not there, nothing is, and what cannot say so is to come again") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail", "namespace = \"later\"\n"), "namespace = \"later\"\n")});
  BeanstalkdClient client = place.Connect();
  client.Do("use mail");
  for (const char* command : {"peek-ready", "peek 1", "delete 1", "stats-job 1", "stats-tube mail", "pause-tube mail 5"})
    CHECK(client.Do(command) == "NOT_FOUND\r\n");
  for (const char* command : {"stats", "list-tubes", "kick 1"}) CHECK(client.Do(command) == "DRAINING\r\n");
  REQUIRE(broker.process().WaitForError("command failed"));
  CHECK(JsonAt(LinesOf(broker.process().error(), "command failed")[0], "/command") == "stats");
  CHECK(client.Put("x") == "DRAINING\r\n");
  CHECK(LinesOf(broker.process().error(), "job refused").empty());
  CHECK(LinesOf(broker.process().error(), "command failed").size() == 1);
  REQUIRE(broker.Call("PUT", "/v1/namespaces/later", "{}").Done());
  CHECK_FALSE(JobIn(client.Put("x")).empty());
  CHECK(client.Do("stats").starts_with("OK "));
}

TEST_CASE("beanstalkd door: it speaks TLS where its listener has a certificate, and shows each client the end at a restart in place") {
  Place place;
  const CertificateAuthority authority;
  const Pair pair = authority.Issue("IP:127.0.0.1");
  place.dir.Write("cert.pem", pair.certificate);
  place.dir.Write("key.pem", pair.key);
  const std::string tls = "tls.cert = \"" + place.dir.At("cert.pem") + "\"\ntls.key = \"" + place.dir.At("key.pem") + "\"\n";
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail"), tls)});
  const PeerContext context = NewPeerContext(/*server=*/false, authority.certificate());
  BeanstalkdClient client(place.port, context.get());
  CHECK(client.Do("use mail") == "USING mail\r\n");
  const std::string large(300'000, 'x');
  CHECK(JobIn(client.Put(large, "1 3600 60")) == "1");
  CHECK(client.Do("peek 1") == "FOUND 1 300000\r\n" + large + "\r\n");
  CHECK(place.Connect().Do("list-tube-used").empty());
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("restarted in place"));
  CHECK(client.ReadAnswer().empty());
  BeanstalkdClient again(place.port, context.get());
  CHECK(again.Do("peek 1") == "FOUND 1 300000\r\n" + large + "\r\n");
}

TEST_CASE("beanstalkd door: buried ones are kicked, kept ones deleted, and a tube paused for a time") {
  Place place;
  std::atomic<bool> well{false};
  ScriptedServer receiver([&](const SeenRequest&) { return ScriptedAnswer{200, well ? "success" : "no"}; });
  Broker broker(place.dir.path(), {"--config", place.Config()});
  BeanstalkdClient client = place.Connect();
  client.Do("use notify");
  std::string call = place.Call("{}");
  call.replace(call.find(place.receiver.url()), place.receiver.url().size(), receiver.url());
  std::vector<std::string> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(JobIn(client.Put(call)));
  for (const std::string& job : jobs) REQUIRE(JsonAt(broker.Settled(job), "/state") == "failed");
  client.Do("use Q_1");
  CHECK(client.Do("stats-tube Q_1").find("\ncurrent-jobs-buried: 3\n") != std::string::npos);
  CHECK(client.Do("list-tubes").find("- Q_1\n") != std::string::npos);
  CHECK(client.Do("peek-buried") == "FOUND " + jobs[0] + " 2\r\n{}\r\n");
  CHECK(client.Do("delete " + jobs[1]) == "DELETED\r\n");
  CHECK(broker.Call("GET", "/v1/notifies/" + jobs[1]).status == 404);
  CHECK(Got(&broker, jobs[0], "/state") == "failed");

  CHECK(client.Do("pause-tube Q_1 3600") == "PAUSED\r\n");
  CHECK_FALSE(JsonAt(broker.Call("GET", "/v1/lanes/fifo/Q_1").body, "/own/paused_until").empty());
  CHECK(client.Do("kick 10") == "KICKED 2\r\n");
  const std::string tube = client.Do("stats-tube Q_1");
  CHECK(tube.find("\ncurrent-jobs-ready: 2\n") != std::string::npos);
  CHECK(tube.find("\npause: 3") != std::string::npos);
  CHECK(client.Do("delete " + jobs[2]) == "DELETED\r\n");
  CHECK(Got(&broker, jobs[2], "/state") == "cancelled");
  well = true;
  CHECK(client.Do("pause-tube Q_1 0") == "PAUSED\r\n");
  CHECK(JsonAt(broker.Settled(jobs[0]), "/state") == "succeeded");
  // A delay is a due time; kick makes it due.
  client.Do("use notify");
  const std::string later = JobIn(client.Put(call, "2 3600 60"));
  client.Do("use Q_1");
  CHECK(client.Do("stats-job " + later).find("\nstate: delayed\n") != std::string::npos);
  CHECK(client.Do("kick 1") == "KICKED 1\r\n");
  CHECK(JsonAt(broker.Settled(later), "/state") == "succeeded");
  CHECK(broker.BooksBalance());
}

TEST_CASE("beanstalkd door: commands that are sent ahead are answered in order") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail"))});
  BeanstalkdClient client = place.Connect();
  std::string commands = "use mail\r\n";
  for (int i = 0; i < 200; ++i) commands += "put 1 0 1 3\r\nabc\r\nlist-tube-used\r\n";
  REQUIRE(client.Send(commands + "quit\r\n"));
  CHECK(client.ReadAnswer() == "USING mail\r\n");
  uint64_t before = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string job = JobIn(client.ReadAnswer());
    REQUIRE_FALSE(job.empty());
    CHECK(std::stoull(job) > before);
    before = std::stoull(job);
    REQUIRE(client.ReadAnswer() == "USING mail\r\n");
  }
  CHECK(client.ReadEnd());
  CHECK(broker.Stat("/totals/accepted") == 200);
}

TEST_CASE("beanstalkd door: every job that was INSERTED survives kill -9") {
  Place place;
  const std::string config = place.Config(place.Tube("mail"));
  std::set<std::string> inserted;
  for (int round = 0; round < 3; ++round) {
    Broker broker(place.dir.path(), {"--config", config});
    for (const std::string& job : inserted) REQUIRE(broker.Call("GET", "/v1/notifies/" + job).status == 200);
    broker.Call("PATCH", "/v1/lanes/concurrent/mail", R"({"paused":true})");
    std::mutex mutex;
    std::vector<std::thread> producers;
    std::atomic<size_t> count{0};
    for (int i = 0; i < 4; ++i)
      producers.emplace_back([&] {
        BeanstalkdClient client = place.Connect();
        client.Do("use mail");
        for (std::string job; !(job = JobIn(client.Put("x"))).empty(); ++count) {
          std::lock_guard<std::mutex> lock(mutex);
          inserted.insert(job);
        }
      });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
    while (count < 100 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    broker.process().Signal(SIGKILL);
    for (std::thread& producer : producers) producer.join();
    REQUIRE(count >= 100);
  }
  Broker broker(place.dir.path(), {"--config", config});
  for (const std::string& job : inserted) CHECK(broker.Call("GET", "/v1/notifies/" + job).status == 200);
  CHECK(broker.Stat("/totals/accepted") >= inserted.size());
  CHECK(broker.BooksBalance());
}

TEST_CASE("beanstalkd door: a restart in place refuses nobody, and ends connections that know what another process would not") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config(place.Tube("mail"))});
  BeanstalkdClient plain = place.Connect(), using_mail = place.Connect();
  CHECK(plain.Do("list-tube-used") == "USING default\r\n");
  CHECK(using_mail.Do("use mail") == "USING mail\r\n");
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("restarted in place"));
  CHECK(using_mail.ReadEnd());
  CHECK(plain.Do("use mail") == "USING mail\r\n");
  CHECK_FALSE(JobIn(plain.Put("x")).empty());
  BeanstalkdClient again = place.Connect();
  CHECK(again.Do("use mail") == "USING mail\r\n");
}

TEST_CASE("beanstalkd door: tubes come and go with a SIGHUP") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config()});
  BeanstalkdClient client = place.Connect();
  client.Do("use mail");
  CHECK(client.Put("x") == "BAD_FORMAT\r\n");
  place.Config(place.Tube("mail"));
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK_FALSE(JobIn(client.Put("x")).empty());
  CHECK(client.Do("list-tubes") == "OK 30\r\n---\n- default\n- notify\n- mail\n\r\n");
}

TEST_CASE("beanstalkd door: its clients may what producers need, in one namespace, whoever else is asked for a token") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config("auth.mode = \"token\"\n" + place.Tube("mail"), "caller = \"old\"\n")});
  CHECK(broker.Call("GET", "/v1/stats").status == 401);
  BeanstalkdClient client = place.Connect();
  client.Do("use mail");
  const std::string job = JobIn(client.Put("x", "1 3600 60"));
  REQUIRE_FALSE(job.empty());
  CHECK(client.Do("stats-job " + job).find("\nstate: delayed\n") != std::string::npos);
  client.Do("use notify");
  CHECK_FALSE(JobIn(client.Put(place.Call("{}"))).empty());
  // An id of another namespace is none here.
  CHECK(client.Do("peek 281474976710657") == "NOT_FOUND\r\n");
  CHECK(client.Do("delete 9223372036854775807") == "NOT_FOUND\r\n");
  CHECK(client.Do("delete " + job) == "DELETED\r\n");
}

TEST_CASE("beanstalkd door: who may connect, and how many") {
  TempDir dir;
  std::string error;
  auto refused = [&](const std::string& listener) {
    return ExitOf({"--config", dir.Write("c.toml", "auth.mode = \"none\"\n[[listener]]\n" + listener), "--check-config"}, &error) == 2;
  };
  CHECK(refused("address = \"0.0.0.0:11300\"\nprotocol = \"beanstalkd\"\n"));
  CHECK_THAT(error, Catch::Contains("[[listener]] 1: cidrs") && Catch::Contains("is missing"));
  CHECK(refused("address = \"127.0.0.1:11300\"\ncidrs = [\"127.0.0.0/8\"]\n"));
  CHECK(refused("address = \"127.0.0.1:11300\"\nprotocol = \"amqp\"\n"));
  CHECK(refused("address = \"127.0.0.1:11300\"\nprotocol = \"beanstalkd\"\nonly = [\"health\"]\n"));
  CHECK(refused("address = \"127.0.0.1:11300\"\nprotocol = \"beanstalkd\"\ncidrs = [\"here\"]\n"));
  CHECK(refused("address = \"127.0.0.1:11300\"\nprotocol = \"beanstalkd\"\nnamespace = \"system\"\n"));
  CHECK(refused("address = \"127.0.0.1:11300\"\nprotocol = \"beanstalkd\"\n[[tube]]\nname = \"notify\"\nurl = \"http://h/\"\n"));
  CHECK(refused("address = \"127.0.0.1:11300\"\nprotocol = \"beanstalkd\"\n[[tube]]\nname = \"a\"\nurl = \"h\"\n"));
  CHECK(refused("address = \"127.0.0.1:11300\"\nprotocol = \"beanstalkd\"\n[[tube]]\nurl = \"http://h/\"\n"));

  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config({}, "max_connections = 1\n")});
  BeanstalkdClient first = place.Connect();
  CHECK(first.Do("list-tube-used") == "USING default\r\n");
  BeanstalkdClient second = place.Connect();
  CHECK(second.Do("list-tube-used").empty());
  CHECK(first.Do("list-tube-used") == "USING default\r\n");

  Place other;
  Broker narrow(other.dir.path(), {"--config", other.Config({}, "cidrs = [\"127.0.0.2/32\"]\n")});
  BeanstalkdClient stranger = other.Connect();
  CHECK(stranger.Do("list-tube-used").empty());
}

TEST_CASE("beanstalkd door: a producer of Pheanstalk 4 puts, looks, pauses, kicks and deletes as ever") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config()});
  const std::string script = R"php(
require 'Pheanstalk/autoload.php';
$queue = Pheanstalk\Pheanstalk::create('127.0.0.1', (int) $argv[1]);
$job = $queue->useTube('notify')->put($argv[2], 2, 3600, 60);
$say = function (...$words) { echo implode(' ', $words), "\n"; };
$say('state', $queue->statsJob($job)['state'], $queue->statsJob($job)['tube']);
$queue->useTube('Q_1');
$say('delayed', $queue->statsTube('Q_1')['current-jobs-delayed'], $queue->peekDelayed()->getData());
$say('tubes', ...$queue->listTubes());
$queue->pauseTube('Q_1', 600);
$say('kicked', $queue->kick(1));
$say('ready', $queue->statsTube('Q_1')['current-jobs-ready'], $queue->peekReady()->getId() === $job->getId() ? 'same' : 'other');
$queue->resumeTube('Q_1');
$sent = $queue->useTube('notify')->put($argv[2], 2, 0, 60);
$late = $queue->put($argv[2], 2, 3600, 60);
$queue->delete($late);
try { $queue->peek($late); $say('there'); } catch (Pheanstalk\Exception\ServerException $e) { $say('gone'); }
try { $queue->put('no json'); $say('taken'); } catch (Pheanstalk\Exception $e) { $say('refused'); }
$say('puts', $queue->stats()['cmd-put'], $queue->stats()['current-connections']);
)php";
  Process php("php", {{"-r", script, "--", std::to_string(place.port), place.Call("{}")}, {}});
  CHECK(php.Wait() == 0);
  CHECK(php.error() == "");
  CHECK(php.output() == "state delayed Q_1\ndelayed 1 {}\ntubes default notify Q_1\nkicked 1\nready 1 same\ngone\nrefused\nputs 4 1\n");
  CHECK(place.receiver.WaitFor(2).size() == 2);
}
