// What the file says of alerts, and of mail.
#include "cli/daemon/settings.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

Invocation Read(const TempDir& dir, const std::string& text) {
  return ReadCommandLine({"--config", dir.Write("n.toml", text)}, {});
}

}  // namespace

TEST_CASE("alerts: the file says all, the rest is at its default") {
  TempDir dir;
  const std::string secret = dir.Write("secret", "SEC\n");
  Invocation read = Read(dir, R"(
[[alert]]
name = "whole-1"
when = "slow"
threshold = "1500ms"
for = "2m"
repeat = 0
group = "10s"
namespace = ["orders", "shop-*"]
lane = "bills*"
host = "api.example:443"
caller = "shop"
label = ["team:pay", "a:b:c"]
to = ["dingtalk:https://oapi.dingtalk.com/robot/send?access_token=t", "webhook:http://h:81/x"]
secret = "file:)" + secret + R"("
[[alert]]
name = "plain"
when = "disk_free"
to = "log:/disk"
[[alert]]
name = "busy"
when = "rate"
threshold = 2.5
to = "log:/busy"
)");
  REQUIRE(read.error == "");
  REQUIRE(read.options.alerts.rules.size() == 3);
  const AlertRule& whole = read.options.alerts.rules[0];
  CHECK(whole.name == "whole-1");
  CHECK(whole.when == AlertWhen::kSlow);
  CHECK(whole.threshold == 1500);
  CHECK(whole.for_ms == 120'000);
  CHECK(whole.repeat_ms == 0);
  CHECK(whole.group_ms == 10'000);
  CHECK(whole.namespaces == std::vector<std::string>{"orders", "shop-*"});
  CHECK(whole.lanes == std::vector<std::string>{"bills*"});
  CHECK(whole.hosts == std::vector<std::string>{"api.example:443"});
  CHECK(whole.callers == std::vector<std::string>{"shop"});
  CHECK(whole.labels == Labels{{"a", "b:c"}, {"team", "pay"}});
  REQUIRE(whole.to.size() == 2);
  CHECK(whole.to[0]->secret == "SEC");
  CHECK(whole.to[0]->id.starts_with("dingtalk:oapi.dingtalk.com:443#"));
  CHECK(whole.to[1]->secret.empty());
  CHECK(whole.to[1]->address == "http://h:81/x");
  const AlertRule& plain = read.options.alerts.rules[1];
  CHECK(plain.threshold == 5e9);
  CHECK(plain.for_ms == 0);
  CHECK(plain.repeat_ms == 3'600'000);
  CHECK(plain.group_ms == 5'000);
  CHECK(plain.to[0]->address == "/disk");
  CHECK(read.options.alerts.rules[2].threshold == 2.5);
}

TEST_CASE("alerts: those that changed hold after a reload, and so do those of which a secret's file says something else") {
  TempDir dir;
  const std::string secret = dir.Write("secret", "SEC\n");
  const std::string text = "[[alert]]\nname = \"a\"\nwhen = \"cpu\"\nto = \"feishu:https://h/x\"\nsecret = \"file:" + secret + "\"\n";
  Options running = Read(dir, text).options;
  CHECK(ApplyReloadable(Read(dir, text).options, &running).applied.empty());
  dir.Write("secret", "other\n");
  CHECK(ApplyReloadable(Read(dir, text).options, &running).applied == std::vector<std::string>{"alert"});
  CHECK(running.alerts.rules[0].to[0]->secret == "other");
  CHECK(ApplyReloadable(Read(dir, "[mail]\nserver = \"smtp://h:25\"\nfrom = \"a@b\"\n").options, &running).applied ==
        std::vector<std::string>{"mail.server", "mail.from", "alert"});
  CHECK(running.alerts.rules.empty());
}

TEST_CASE("alerts: faults are told by table, key and place, and never with a secret") {
  TempDir dir;
  const auto fault = [&](const std::string& more) {
    return Read(dir, "[[alert]]\nname = \"a\"\nwhen = \"failing\"\nto = \"feishu:https://h/x\"\n" + more);
  };
  CHECK(fault("").error == "");
  for (auto [line, field] : {std::pair("threshold = -1", "threshold"),
                             {"threshold = \"1s\"", "threshold"},
                             {"for = \"1x\"", "for"},
                             {"for = -1", "for"},
                             {"repeat = \"500ms\"", "repeat"},
                             {"group = \"1h\"", "group"},
                             {"namespace = []", "namespace"},
                             {"lane = 3", "lane"},
                             {"label = \"team\"", "label"},
                             {"secret = \"\"", "secret"},
                             {"secret = \"file:/does/not/exist\"", "secret"},
                             {"too = 1", "too"}}) {
    INFO(line);
    const Invocation read = fault(std::string(line) + "\n");
    CHECK(read.exit_code == 2);
    CHECK(read.field == std::string("/alert/0/") + field);
    CHECK_THAT(read.error, Catch::Contains("[[alert]] 1: ") && Catch::Contains("n.toml:5"));
  }
  CHECK(Read(dir, "[[alert]]\nname = \"a\"\nwhen = \"breaker_open\"\nto = \"log:/x\\ny\"\n").field == "/alert/0/to");
  CHECK(Read(dir, "[[alert]]\nname = \"a\"\nwhen = \"breaker_open\"\nthreshold = 1\nto = \"log:/x\"\n").field == "/alert/0/threshold");
}
