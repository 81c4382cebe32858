// Signatures of robots, the text of mail, and what becomes of an attempt to a target.
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "broker/spec.h"
#include "net/alerts/alert_sender.h"
#include "net/alerts/mail.h"
#include "net/alerts/robot_signature.h"
#include "support/slowness.h"
#include "support/sockets.h"
#include "support/threaded_server.h"

using namespace notifyd;

namespace {

struct Ends : EventSink {
  void Post(Event event) override {
    std::lock_guard lock(mutex);
    ended.push_back(std::get<AttemptEnded>(std::move(event)));
    came.notify_all();
  }
  AttemptEnded Wait() {
    std::unique_lock lock(mutex);
    came.wait_for(lock, test::AtMostSeconds(30), [&] { return !ended.empty(); });
    return ended.at(0);
  }
  std::mutex mutex;
  std::condition_variable came;
  std::vector<AttemptEnded> ended;
};

AlertTarget Target(AlertTarget::Kind kind, const std::string& address, const std::string& secret = {}) {
  AlertTarget target{kind, address, secret, {}};
  target.id = AlertTargetId(kind, address, "h");
  return target;
}

std::shared_ptr<const AlertSettings> SettingsOf(const AlertTarget& target) {
  AlertSettings settings;
  settings.rules.emplace_back().to = {std::make_shared<const AlertTarget>(target)};
  return std::make_shared<const AlertSettings>(std::move(settings));
}

StartAttempt AttemptTo(const AlertTarget& target, const std::string& payload) {
  auto envelope = std::make_shared<Envelope>();
  envelope->host = target.id;
  NotifySpec spec;
  spec.url = target.id;
  spec.payload_kind = PayloadKind::kBody;
  spec.payload = payload;
  spec.expect = ExpectationOf(target.kind);
  StartAttempt attempt;
  attempt.id = NotifyId::Of(kSystemNumber, 7);
  attempt.number = 3;
  attempt.envelope = envelope;
  attempt.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  return attempt;
}

/// A server of mail that takes all commands, answers to the message what a test says, and to a QUIT nothing.
class DeafToQuit {
 public:
  explicit DeafToQuit(std::string data_answer) : data_answer_(std::move(data_answer)) {}
  std::string url() const { return "smtp://127.0.0.1:" + std::to_string(server_.port()); }
  bool WaitForQuit() {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, test::AtMostSeconds(30), [&] { return quit_; });
  }

 private:
  void Serve(Stream& stream) {
    stream.Send("220 here\r\n");
    for (std::string line; stream.ReadTo("\r\n", &line);) {
      if (line == "QUIT") {
        std::lock_guard lock(mutex_);
        quit_ = true;
        came_.notify_all();
      } else if (line == "DATA") {
        stream.Send("354 go on\r\n");
        while (line != "." && stream.ReadTo("\r\n", &line)) continue;
        stream.Send(data_answer_ + "\r\n");
      } else {
        stream.Send("250 well\r\n");
      }
    }
  }

  const std::string data_answer_;
  std::mutex mutex_;
  std::condition_variable came_;
  bool quit_ = false;
  ThreadedServer server_{[this](Stream& stream, int) { Serve(stream); }};
};

const auto kClock = [] { return WallTime{1'700'000'000'000}; };

}  // namespace

TEST_CASE("robot signatures: as DingTalk and Feishu say") {
  // Computed by Python's hmac.
  const WallTime now{1'700'000'000'000};
  CHECK(SignDingtalk("https://oapi.dingtalk.com/robot/send?access_token=t", "SEC0f", now) ==
        "https://oapi.dingtalk.com/robot/send?access_token=t&timestamp=1700000000000&sign=vHa1i3RlHhgdAly01RkbisthLP3WfkqTVIRefGcYSHQ%3D");
  CHECK(SignDingtalk("https://h/send#part", "SEC0f", now).starts_with("https://h/send?timestamp=1700000000000&sign="));
  CHECK(SignFeishu(R"({"msg_type":"text"})", "SEC0f", now) ==
        R"({"timestamp":"1700000000","sign":"dDMznxMyhSASdytoaqwPa7ZAn8CREi1WzoLQMh2zgPo=","msg_type":"text"})");
}

TEST_CASE("alert sender: a robot's attempt becomes a call to what the file says of it by now") {
  Ends ends;
  AlertSender sender(&ends, kClock);
  const AlertTarget target = Target(AlertTarget::Kind::kDingtalk, "https://Robots.example:8443/send?access_token=t", "SEC0f");
  sender.SetSettings(SettingsOf(target), {});
  const std::optional<StartAttempt> call = sender.Take(AttemptTo(target, "{}"));
  REQUIRE(call);
  CHECK(call->envelope->host == "robots.example:8443");
  CHECK(call->number == 3);
  const NotifySpec spec = *DecodeSpec(*call->spec);
  CHECK(spec.url.starts_with("https://Robots.example:8443/send?access_token=t&timestamp=1700000000000&sign="));
  CHECK(spec.expect.json == ExpectationOf(target.kind).json);
  // What leads elsewhere is no robot that took it, whatever redirects.follow says.
  CHECK(spec.follow_redirects == false);
  CHECK(ends.ended.empty());
}

TEST_CASE("alert sender: what the store does not take goes the way of what it took, as an attempt that the core did not begin") {
  Ends ends;
  AlertSender sender(&ends, kClock);
  const AlertTarget robot = Target(AlertTarget::Kind::kDingtalk, "https://Robots.example:8443/send?access_token=t", "SEC0f");
  sender.SetSettings(SettingsOf(robot), {});
  const StartAttempt stored = AttemptTo(robot, "{}");
  const std::optional<StartAttempt> call = sender.SendUnstored({stored.id, stored.envelope, stored.spec});
  REQUIRE(call);
  const std::optional<StartAttempt> usual = sender.Take(stored);
  REQUIRE(usual);
  CHECK(call->id == usual->id);
  CHECK(call->number == AlertSender::kUnstored);
  CHECK(call->envelope->host == usual->envelope->host);
  CHECK(*call->spec == *usual->spec);
  AttemptEnded ended{call->id, {}};
  ended.result.record.number = call->number;
  CHECK(sender.TakeUnstoredEnd(ended));
  ended.result.record.number = usual->number;
  CHECK_FALSE(sender.TakeUnstoredEnd(ended));
  // No namespace of others has alerts.
  CHECK_FALSE(sender.TakeUnstoredEnd({NotifyId::Of(kDefaultNumber, 7), {}}));
  // Mail is sent from here.
  const AlertTarget mail = Target(AlertTarget::Kind::kMail, "ops@example.com");
  sender.SetSettings(SettingsOf(mail), {});
  const StartAttempt message = AttemptTo(mail, "subject\ntext");
  CHECK_FALSE(sender.SendUnstored({message.id, message.envelope, message.spec}));
  const AttemptEnded posted = ends.Wait();
  CHECK(posted.result.record.detail == "mail.server is not set");
  CHECK(sender.TakeUnstoredEnd(posted));
  // One whose target the file has no more is not sent.
  CHECK_FALSE(sender.SendUnstored({stored.id, stored.envelope, stored.spec}));
}

TEST_CASE("alert sender: one whose target the file has no more fails for good, and says so") {
  Ends ends;
  AlertSender sender(&ends, kClock);
  sender.SetSettings(std::make_shared<const AlertSettings>(), {});
  CHECK_FALSE(sender.Take(AttemptTo(Target(AlertTarget::Kind::kSlack, "https://h/x"), "{}")));
  const AttemptEnded ended = ends.Wait();
  CHECK(ended.id == NotifyId::Of(kSystemNumber, 7));
  CHECK(ended.result.record.number == 3);
  CHECK(ended.result.verdict == Verdict::kFatal);
  CHECK(ended.result.record.error == "destination_refused");
}

TEST_CASE("alert sender: mail without a server fails, and is tried again") {
  Ends ends;
  AlertSender sender(&ends, kClock);
  const AlertTarget target = Target(AlertTarget::Kind::kMail, "ops@example.com");
  sender.SetSettings(SettingsOf(target), {});
  CHECK_FALSE(sender.Take(AttemptTo(target, "subject\ntext")));
  const AttemptEnded ended = ends.Wait();
  CHECK(ended.result.verdict == Verdict::kFailure);
  CHECK(ended.result.record.detail == "mail.server is not set");
}

TEST_CASE("mail: its text, whatever is in subject and body, is headers of one line and base64") {
  std::string subject = "[FIRING] a\r\nBcc: everybody@example.com";
  for (int i = 0; i < 60; ++i) subject += "\xe6\xa0\x88";
  const std::string text = MailText("notifyd@example.com", "ops@example.com", subject, "line\n.\nline\n", "n0001", {1'700'000'000'000});
  const std::string head = text.substr(0, text.find("\r\n\r\n"));
  CHECK(head.starts_with("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"));
  CHECK(head.find("\r\nBcc:") == std::string::npos);
  CHECK(head.find("Message-ID: <n0001@example.com>") != std::string::npos);
  for (size_t from = 0; from < text.size();) {
    const size_t to = text.find("\r\n", from);
    REQUIRE(to != std::string::npos);
    CHECK(to - from <= 78);
    from = to + 2;
  }
  CHECK(text.find("\r\n.\r\n") == std::string::npos);
}

TEST_CASE("mail: a server that answers no QUIT holds nobody up, and its answer to the message counts") {
  for (const char* answer : {"250 queued", "550 spam"}) {
    INFO(answer);
    DeafToQuit server(answer);
    MailOptions options;
    options.server = server.url();
    options.from = "notifyd@example.com";
    options.tls = "none";
    std::atomic<bool> stop{false};
    std::future<MailOutcome> sent =
        std::async(std::launch::async, [&] { return SendMail(options, "ops@example.com", "Subject: x\r\n\r\nx\r\n", 3'600'000, stop); });
    REQUIRE(server.WaitForQuit());
    stop = true;
    // libcurl by itself waits for two minutes.
    CHECK(sent.wait_for(test::AtMostSeconds(30)) == std::future_status::ready);
    const MailOutcome outcome = sent.get();
    CHECK(outcome.taken == (answer[0] == '2'));
    CHECK(outcome.status == (outcome.taken ? 250 : 550));
    CHECK(outcome.error == (outcome.taken ? "" : "unexpected_answer"));
    CHECK(outcome.detail.find("aborted") == std::string::npos);
  }
}

TEST_CASE("mail: one whose server answers no QUIT is over by its own time") {
  DeafToQuit server("250 queued");
  MailOptions options;
  options.server = server.url();
  options.from = "notifyd@example.com";
  options.tls = "none";
  const std::atomic<bool> stop{false};
  std::future<MailOutcome> sent =
      std::async(std::launch::async, [&] { return SendMail(options, "ops@example.com", "Subject: x\r\n\r\nx\r\n", 5'000, stop); });
  CHECK(sent.wait_for(test::AtMostSeconds(60)) == std::future_status::ready);
}

TEST_CASE("mail: what became of one that was not taken has the word that a call's attempt has for it") {
  const std::atomic<bool> stop{false};
  auto error = [&](const std::string& server, const std::string& tls, int64_t timeout_ms = 30'000) {
    MailOptions options;
    options.server = server;
    options.from = "notifyd@example.com";
    options.tls = tls;
    const MailOutcome outcome = SendMail(options, "ops@example.com", "Subject: x\r\n\r\nx\r\n", timeout_ms, stop);
    INFO(outcome.detail);
    CHECK_FALSE(outcome.taken);
    CHECK_FALSE(outcome.detail.empty());
    return outcome.error;
  };
  // Says `greeting`, and to each command `answer`; then it waits, or closes where that is empty.
  auto saying = [&](const std::string& greeting, const std::string& answer, const std::string& tls, int64_t timeout_ms = 30'000) {
    ThreadedServer server([&](Stream& stream, int) {
      stream.Send(greeting);
      for (std::string line; !answer.empty() && stream.ReadTo("\r\n", &line);) stream.Send(answer);
    });
    return error("smtp://127.0.0.1:" + std::to_string(server.port()), tls, timeout_ms);
  };
  const DeafPort deaf;
  CHECK(error("smtp://127.0.0.1:" + std::to_string(deaf.port()), "none") == "connect_failed");
  // No part of a name is that long: nobody is asked for it.
  CHECK(error("smtp://" + std::string(64, 'a') + ".test:25", "none") == "dns");
  const SilentPort silent;
  CHECK(error("smtp://127.0.0.1:" + std::to_string(silent.port()), "none", 200) == "timeout");
  const std::string here = "220 here\r\n", well = "250 well\r\n";
  CHECK(saying("220-and", well, "none", 200) == "timeout");
  CHECK(saying(here, well, "required") == "tls");
  CHECK(saying(here, "250 STARTTLS\r\n", "required") == "tls");
  CHECK(saying(here, "", "none") == "connection_lost");
  CHECK(saying("554 not to you\r\n", well, "none") == "unexpected_answer");
  CHECK(saying(here, "502 what?\r\n", "none") == "unexpected_answer");
  ThreadedServer plain([](Stream& stream, int) { stream.Send("220 here\r\n"); });
  CHECK(error("smtps://127.0.0.1:" + std::to_string(plain.port()), "required") == "tls");
}

TEST_CASE("mail: settings that could not work are refused by name") {
  MailOptions good;
  good.server = "smtp://mail.example:587";
  good.from = "notifyd@example.com";
  CHECK(CheckMail({}).ok());
  CHECK(CheckMail(good).ok());
  const auto field = [&](auto change) {
    MailOptions options = good;
    change(&options);
    return CheckMail(options).field();
  };
  CHECK(field([](MailOptions* o) { o->server = "mail.example"; }) == "/mail/server");
  CHECK(field([](MailOptions* o) { o->server = "smtp://u:p@mail.example"; }) == "/mail/server");
  CHECK(field([](MailOptions* o) { o->from = "nobody"; }) == "/mail/from");
  CHECK(field([](MailOptions* o) { o->user = "me"; }) == "/mail/password_file");
  CHECK(field([](MailOptions* o) { o->password_file = "/x"; }) == "/mail/user");
  CHECK(field([](MailOptions* o) { o->user = "me", o->password_file = "/does/not/exist"; }) == "/mail/password_file");
  CHECK(field([](MailOptions* o) { o->user = "me", o->password_file = "/etc/hostname", o->tls = "none"; }) == "/mail/tls");
  CHECK_FALSE(IsMailAddress("a b@c"));
  CHECK_FALSE(IsMailAddress("a@b>\r\nRCPT TO:<x@y"));
  CHECK(IsMailAddress("ops+night@example.com"));
}
