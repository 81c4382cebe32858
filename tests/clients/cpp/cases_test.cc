// The common cases (clients/cases.md) by the C++ client, against the server that plays them.
#include <notifyd/client.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <httplib.h>
#include <map>

namespace {

using notifyd::Client;
using notifyd::Json;
using notifyd::Millis;

/// tests/clients/scripted_server.py, which serves until its standard input ends.
class Player {
 public:
  Player() {
    int input[2], output[2];
    if (pipe(input) != 0 || pipe(output) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(input[0], STDIN_FILENO);
      dup2(output[1], STDOUT_FILENO);
      for (int fd : {input[0], input[1], output[0], output[1]}) close(fd);
      setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
      execlp("python3", "python3", SCRIPTED_SERVER, CLIENTS "/cases.json", static_cast<char*>(nullptr));
      _exit(127);
    }
    close(input[0]);
    close(output[1]);
    input_ = input[1];
    std::string line;
    for (char c; read(output[0], &c, 1) == 1 && c != '\n';) line += c;
    close(output[0]);
    const Json ports = Json::parse(line);
    port_ = ports.at("port");
    closed_port_ = ports.at("closed_port");
  }
  ~Player() {
    close(input_);
    waitpid(pid_, nullptr, 0);
  }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  std::string Url(const Json& one) const {
    const std::string host = "http://127.0.0.1:";
    if (one.value("server", "") == "closed") return host + std::to_string(closed_port_);
    return host + std::to_string(port_) + "/case/" + one.at("name").get<std::string>();
  }
  std::string Verdict(const Json& one) const {
    httplib::Client client("127.0.0.1", port_);
    auto answer = client.Get("/verdict/" + one.at("name").get<std::string>());
    return answer ? answer->body : "no verdict";
  }

 private:
  pid_t pid_ = -1;
  int input_ = -1, port_ = 0, closed_port_ = 0;
};

bool IsNothing(const Json& json) {
  if (json.is_object()) return std::all_of(json.begin(), json.end(), [](const Json& field) { return IsNothing(field); });
  return json.is_null() || json == "" || json == 0 || json == false || (json.is_array() && json.empty());
}

/// Where what a struct says is not what the answer held; "" where it is. What is null or missing in JSON is empty in the struct.
std::string Difference(const Json& wanted, const Json& seen, const std::string& at = "") {
  if (wanted.is_object() && seen.is_object()) {
    for (const auto& [name, field] : wanted.items())
      if (std::string text = Difference(field, seen.value(name, Json()), at + "/" + name); !text.empty()) return text;
    for (const auto& [name, field] : seen.items())
      if (!wanted.contains(name) && !IsNothing(field)) return at + "/" + name + ": " + field.dump() + " where nothing was said";
    return "";
  }
  if (wanted.is_array() && seen.is_array() && wanted.size() == seen.size()) {
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (std::string text = Difference(wanted[i], seen[i], at + "/" + std::to_string(i)); !text.empty()) return text;
    return "";
  }
  return wanted == seen || (IsNothing(wanted) && IsNothing(seen)) ? "" : at + ": " + seen.dump() + " instead of " + wanted.dump();
}

struct Outcome {
  Json result;
  std::string etag;
};

Outcome Seen(const notifyd::View& view) {
  return {static_cast<const notifyd::NotifyView&>(view), view.etag};
}

Json ToJson(const notifyd::Line& line) {
  Json json = {{"index", line.index}, {"id", line.id}, {"state", line.state}, {"duplicate", line.duplicate}, {"kept", line.kept}};
  if (line.error) json["error"] = *line.error;
  return json;
}

template <class T>
Json ToJson(const T& item) {
  return item;
}

/// What an iteration yields, as far as the case wants.
template <class Source>
Outcome Taken(Source source, const Json& one) {
  Json items = Json::array();
  const std::size_t most = one.value("take", SIZE_MAX);
  while (items.size() < most) {
    auto item = source.Next();
    if (!item) break;
    items.push_back(ToJson(*item));
  }
  return {items, ""};
}

/// A patch: what is null in it goes to `null`.
template <class T>
T PatchOf(const Json& json) {
  T patch = json.get<T>();
  for (const auto& [name, value] : json.items())
    if (value.is_null()) patch.null.push_back(name);
  return patch;
}

notifyd::Filters FiltersOf(Json json) {
  for (const char* name : {"state", "label"})
    if (json.contains(name) && json[name].is_string()) json[name] = Json::array({json[name]});
  notifyd::Filters filters;
  static_cast<notifyd::Filter&>(filters) = json.get<notifyd::Filter>();
  filters.limit = json.value("limit", 0);
  return filters;
}

notifyd::Bulk BulkOf(const Json& arguments) {
  notifyd::Bulk bulk;
  bulk.filter = arguments.at("filter").get<notifyd::Filter>();
  if (arguments.contains("dry_run")) bulk.dry_run = arguments["dry_run"].get<bool>();
  return bulk;
}

Millis WaitOf(const Json& arguments) {
  return Millis(arguments.value("wait_ms", 0));
}

Outcome Trigger(Client& client, const Json& a) {
  std::optional<notifyd::Trigger> with;
  if (a.contains("data") || a.contains("delay_ms")) with = a.get<notifyd::Trigger>();
  const notifyd::Triggered done = client.Trigger(a.at("fkey"), with, Millis(a.value("remember_ms", 0)));
  return {{{"id", done.id}, {"state", done.state}, {"remembered", done.remembered}}, ""};
}

Outcome SubmitStream(Client& client, const Json& a, const Json& one) {
  std::size_t next = 0;
  return Taken(client.SubmitStream([&]() -> std::optional<notifyd::Notify> {
    if (next == a.at("notifies").size()) return std::nullopt;
    return a["notifies"][next++].get<notifyd::Notify>();
  }),
               one);
}

Outcome Request(Client& client, const Json& a) {
  std::vector<std::pair<std::string, std::string>> query;
  const Json given = a.value("query", Json::object());
  for (const auto& [name, value] : given.items()) query.emplace_back(name, value);
  return {client.Request(a.at("method"), a.at("path"), query, a.contains("json") ? std::optional<Json>(a["json"]) : std::nullopt), ""};
}

/// The calls of clients/cases.md: a case's arguments, and the case itself.
const std::map<std::string, std::function<Outcome(Client&, const Json&, const Json&)>> kCalls = {
    {"submit",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.Submit(a.at("notify")), ""};
     }},
    {"submit_and_wait",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.SubmitAndWait(a.at("notify"), WaitOf(a)), ""};
     }},
    {"submit_batch",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.SubmitBatch(a.at("notifies")), ""};
     }},
    {"submit_stream", SubmitStream},
    {"trigger", [](Client& c, const Json& a, const Json&) { return Trigger(c, a); }},
    {"get", [](Client& c, const Json& a, const Json&) { return Seen(c.Get(a.at("id"))); }},
    {"get_fkey", [](Client& c, const Json& a, const Json&) { return Seen(c.GetFkey(a.at("fkey"))); }},
    {"wait", [](Client& c, const Json& a, const Json&) { return Seen(c.Wait(a.at("id"), WaitOf(a))); }},
    {"response",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.Response(a.at("id")), ""};
     }},
    {"explain",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.Explain(a.at("id")), ""};
     }},
    {"list", [](Client& c, const Json& a, const Json& one) { return Taken(c.List(FiltersOf(a.at("filters"))), one); }},
    {"change", [](Client& c, const Json& a,
                  const Json&) { return Seen(c.Change(a.at("id"), PatchOf<notifyd::NotifyPatch>(a.at("patch")), a.value("if_match", ""))); }},
    {"cancel", [](Client& c, const Json& a, const Json&) { return Seen(c.Cancel(a.at("id"), a.value("if_match", ""))); }},
    {"cancel_fkey", [](Client& c, const Json& a, const Json&) { return Seen(c.CancelFkey(a.at("fkey"))); }},
    {"retry",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.Retry(a.at("id"), a.value("paused", false), a.value("if_match", "")), ""};
     }},
    {"retry_matching",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{{{"count", c.RetryMatching(BulkOf(a))}}, ""};
     }},
    {"cancel_matching",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{{{"count", c.CancelMatching(BulkOf(a))}}, ""};
     }},
    {"purge_matching",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{{{"count", c.PurgeMatching(BulkOf(a))}}, ""};
     }},
    {"lanes", [](Client& c, const Json& a, const Json& one) { return Taken(c.Lanes(a.value("prefix", ""), a.value("limit", 0)), one); }},
    {"lane",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.Lane(a.at("mode"), a.at("name")), ""};
     }},
    {"change_lane",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.ChangeLane(a.at("mode"), a.at("name"), PatchOf<notifyd::LanePatch>(a.at("patch"))), ""};
     }},
    {"pause_lane",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.PauseLane(a.at("mode"), a.at("name")), ""};
     }},
    {"resume_lane",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.ResumeLane(a.at("mode"), a.at("name")), ""};
     }},
    {"publish",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.Publish(a.at("topic"), a.at("event")), ""};
     }},
    {"publish_batch",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.PublishBatch(a.at("events")), ""};
     }},
    {"make_group",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.MakeGroup(a.at("group"), WaitOf(a)), ""};
     }},
    {"group",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.Group(a.at("id"), WaitOf(a)), ""};
     }},
    {"groups", [](Client& c, const Json& a, const Json& one) { return Taken(c.Groups(a.value("limit", 0)), one); }},
    {"cancel_group",
     [](Client& c, const Json& a, const Json&) {
       return Outcome{c.CancelGroup(a.at("id")), ""};
     }},
    {"request", [](Client& c, const Json& a, const Json&) { return Request(c, a); }},
};

notifyd::Options OptionsOf(const Json& one, const std::string& url, std::vector<Millis>* waits) {
  const Json given = one.value("options", Json::object());
  notifyd::Options options;
  options.url = url;
  options.token = given.value("token", "");
  options.namespace_name = given.value("namespace", "");
  options.timeout = Millis(given.value("timeout_ms", 10000));
  options.attempts = given.value("attempts", options.attempts);
  options.initial_wait = Millis(given.value("initial_wait_ms", options.initial_wait.count()));
  options.max_wait = Millis(given.value("max_wait_ms", options.max_wait.count()));
  options.lines_per_request = given.value("lines_per_request", options.lines_per_request);
  options.idempotency_keys = given.value("idempotency_keys", true);
  options.sleep = [waits](Millis wait) { waits->push_back(wait); };
  return options;
}

void CheckError(const Json& wanted, const notifyd::Error& error) {
  CHECK(notifyd::NameOf(error.kind) == wanted.at("kind").get<std::string>());
  if (wanted.contains("status")) CHECK(error.status == wanted["status"].get<long>());
  if (wanted.contains("retry_after_ms")) CHECK(error.retry_after == Millis(wanted["retry_after_ms"].get<std::int64_t>()));
  if (!wanted.contains("problem")) return;
  CHECK(error.document == wanted["problem"]);
  CHECK(error.problem.has_value() == wanted["problem"].is_object());
  if (error.problem) CHECK(error.problem->detail == wanted["problem"]["detail"]);
}

/// Makes the call of a case, or of one of its steps, and looks at what comes back.
void Run(Client& client, const Json& one) {
  const Json wanted = one.value("error", Json());
  try {
    const Outcome outcome = kCalls.at(one.at("call"))(client, one.at("arguments"), one);
    CHECK(wanted.is_null());
    CHECK(Difference(one.value("result", Json()), outcome.result) == "");
    if (one.contains("etag")) CHECK(outcome.etag == one["etag"]);
  } catch (const notifyd::Error& error) {
    INFO(error.what());
    REQUIRE(wanted.is_object());
    CheckError(wanted, error);
  } catch (const std::invalid_argument& error) {
    INFO(error.what());
    REQUIRE(wanted.is_object());
    CHECK(wanted.at("kind") == "argument");
  }
}

/// The broker of the environment is not meant for a case's client.
class WithoutBroker {
 public:
  WithoutBroker() {
    for (auto& [name, value] : values_) {
      const char* now = std::getenv(name);
      if (now != nullptr) value = now;
      unsetenv(name);
    }
  }
  ~WithoutBroker() {
    for (const auto& [name, value] : values_)
      if (!value.empty()) setenv(name, value.c_str(), 1);
  }
  WithoutBroker(const WithoutBroker&) = delete;
  WithoutBroker& operator=(const WithoutBroker&) = delete;

 private:
  std::map<const char*, std::string> values_ = {{"NOTIFYD_URL", ""}, {"NOTIFYD_TOKEN", ""}, {"NOTIFYD_NAMESPACE", ""}};
};

void CheckWaits(const Json& wanted, const std::vector<Millis>& waits) {
  REQUIRE(waits.size() == wanted.size());
  for (std::size_t i = 0; i < waits.size(); ++i) {
    CHECK(waits[i].count() >= wanted[i][0].get<int>());
    CHECK(waits[i].count() <= wanted[i][1].get<int>());
  }
}

}  // namespace

TEST_CASE("client: the common cases") {
  const WithoutBroker environment;
  const Player player;
  std::ifstream file(CLIENTS "/cases.json");
  const Json all = Json::parse(file);
  for (const Json& one : all.at("cases")) {
    if (one.value("optional", false)) continue;  // what a struct does not have cannot be said with it
    INFO(one.at("name"));
    std::vector<Millis> waits;
    Client client(OptionsOf(one, player.Url(one), &waits));
    if (one.contains("steps")) {
      for (const Json& step : one["steps"]) Run(client, step);
    } else {
      Run(client, one);
    }
    if (one.contains("waits_ms")) CheckWaits(one["waits_ms"], waits);
    CHECK(player.Verdict(one) == R"({"ok": true})");
  }
}

TEST_CASE("client: what a source gave before it failed is sent") {
  const WithoutBroker environment;
  const Player player;
  const Json one = {{"name", "stream/one-request"}};  // its two lines are the first two
  std::vector<Millis> waits;
  Client client(OptionsOf(one, player.Url(one), &waits));
  int n = 0;
  notifyd::Stream stream = client.SubmitStream([&]() -> std::optional<notifyd::Notify> {
    if (++n == 3) throw std::range_error("the source failed");
    notifyd::Notify notify;
    notify.url = "https://example.com/hook";
    notify.data = Json{{"n", n}};
    return notify;
  });
  CHECK(stream.Next()->id == "n000000000000001f");
  CHECK(stream.Next()->id == "n0000000000000020");
  CHECK_THROWS_AS(stream.Next(), std::range_error);
  CHECK(player.Verdict(one) == R"({"ok": true})");
}

TEST_CASE("client: what has no host, or no path of a socket, is no address") {
  const WithoutBroker environment;
  for (const char* url : {"http://", "https://", "http:///", "http:///v1", "http://:7300", "unix:", "unix:socket"}) {
    CAPTURE(url);
    notifyd::Options options;
    options.url = url;
    CHECK_THROWS_AS(Client(options), std::invalid_argument);
  }
  for (const char* url :
       {"http://127.0.0.1", "HTTP://127.0.0.1:7300", "https://localhost:7300/behind/", "http://[::1]:7300", "unix:/run/notifyd.sock"}) {
    CAPTURE(url);
    notifyd::Options options;
    options.url = url;
    CHECK_NOTHROW(Client(options));
  }
}

TEST_CASE("client: what a header or an address cannot hold is refused, and not told") {
  const WithoutBroker environment;
  const auto refused = [](notifyd::Options options) {
    try {
      Client client(std::move(options));
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("secret: it is taken");
  };
  for (const char* token : {"secret\r\nX-Other: 1", "secret\n",
                            "s\xC3\xA9"
                            "cret",
                            "a secret"}) {
    notifyd::Options options;
    options.token = token;
    CHECK(refused(options).find("cret") == std::string::npos);
  }
  for (const char* url : {"http://user:secret@127.0.0.1:1", "ftp://user:secret@x"}) {
    notifyd::Options options;
    options.url = url;
    CHECK(refused(options).find("secret") == std::string::npos);
  }
}

TEST_CASE("client: a number that JSON has not is refused, not sent as null") {
  const WithoutBroker environment;
  notifyd::Options options;
  options.url = "http://127.0.0.1:1";
  Client client(std::move(options));
  notifyd::Notify notify;
  notify.url = "http://a";
  for (const notifyd::Json& data : {notifyd::Json(std::nan("")), notifyd::Json{{"a", {1, INFINITY}}}}) {
    notify.data = data;
    CHECK_THROWS_AS(client.Submit(notify), std::invalid_argument);
  }
}

TEST_CASE("client: a text that is not UTF-8 is refused, wherever it stands") {
  const WithoutBroker environment;
  notifyd::Options options;
  options.url = "http://127.0.0.1:1";
  options.attempts = 1;
  Client client(std::move(options));
  const std::string bad = "a\xff z";
  std::vector<notifyd::Notify> wrong(5);
  wrong[0].idempotency_key = bad;
  wrong[1].body = bad;
  wrong[2].headers = {{"X", bad}};
  wrong[3].labels = {{bad, "x"}};
  wrong[4].data = notifyd::Json{{"x", {bad}}};
  for (notifyd::Notify& notify : wrong) {
    notify.url = "http://a";
    CHECK_THROWS_AS(client.Submit(notify), std::invalid_argument);
  }
  CHECK_THROWS_AS(client.Trigger(bad), std::invalid_argument);
  CHECK_THROWS_AS(client.Request("GET", "/v1/stats", {{"name", bad}}), std::invalid_argument);
  CHECK_THROWS_AS(client.Request("GET", "/v1/stats", {{bad, "x"}}), std::invalid_argument);
}

TEST_CASE("client: a proxy of the environment is not asked") {
  const WithoutBroker environment;
  httplib::Server broker;
  broker.Get(".*", [](const httplib::Request&, httplib::Response& response) { response.set_content(R"({"id":"n1"})", "application/json"); });
  const int port = broker.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { broker.listen_after_bind(); });
  // Nobody is there.
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  notifyd::Options options;
  options.url = "http://127.0.0.1:" + std::to_string(port);
  options.attempts = 1;
  std::string id;
  try {
    id = Client(options).Get("n1").id;
  } catch (const notifyd::Error& error) {
    id = error.what();
  }
  unsetenv("http_proxy");
  broker.stop();
  thread.join();
  CHECK(id == "n1");
}
