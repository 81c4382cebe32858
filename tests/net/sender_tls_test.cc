// TLS: a receiver of the openssl command, with a certificate made for the test.
#include "net/fake_dns.h"
#include "net/identity.h"
#include "net/receivers/frames.h"
#include "net/receivers/stage.h"
#include "net/sender_fixture.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

using namespace notifyd;

namespace {

extern "C" char** environ;

/// Runs it with `output` (a descriptor, or -1) as its standard output; standard input and error are /dev/null.
pid_t Spawn(std::vector<std::string> arguments, int output) {
  posix_spawn_file_actions_t actions;
  Must(posix_spawn_file_actions_init(&actions) == 0, "file actions");
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, 1);
  else posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  Must(posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) == 0, "spawn");
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

/// A certificate for 127.0.0.1 that nobody but itself vouches for, in a directory of its own.
class Certificate {
 public:
  explicit Certificate(const std::string& days = "2") {
    std::string pattern = (std::filesystem::temp_directory_path() / "notifyd-test-XXXXXX").string();
    Must(mkdtemp(pattern.data()) != nullptr, "mkdtemp");
    directory_ = pattern;
    const pid_t pid = Spawn({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key(), "-out",
                             certificate(), "-days", days, "-subj", "/CN=notifyd test", "-addext", "subjectAltName=IP:127.0.0.1"},
                            -1);
    int status = -1;
    Must(waitpid(pid, &status, 0) == pid && status == 0, "openssl req");
  }
  ~Certificate() { std::filesystem::remove_all(directory_); }
  std::string certificate() const { return directory_ + "/certificate.pem"; }
  std::string key() const { return directory_ + "/key.pem"; }

 private:
  std::string directory_;
};

/// Answers any GET with 200 and a page.
class TlsReceiver {
 public:
  explicit TlsReceiver(const Certificate& certificate) {
    int ends[2];
    Must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    pid_ = Spawn({"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate.certificate(), "-key", certificate.key(), "-www"}, ends[1]);
    close(ends[1]);
    output_ = ends[0];
    const std::string said = "ACCEPT 127.0.0.1:";
    std::string text;
    for (char c; text.find(said) == text.npos || text.back() != '\n'; text.push_back(c)) Must(read(output_, &c, 1) == 1, "openssl s_server");
    port_ = text.substr(text.find(said) + said.size());
    port_.pop_back();
  }
  ~TlsReceiver() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(output_);
  }
  NotifySpec Get(const std::string& host) const {
    NotifySpec spec = SpecFor("https://" + host + ":" + port_ + "/");
    spec.method = Method::kGet;
    return spec;
  }

 private:
  pid_t pid_;
  int output_;
  std::string port_;
};

SenderOptions Trusting(const Certificate& certificate) {
  SenderOptions options;
  options.ca_file = certificate.certificate();
  return options;
}

}  // namespace

TEST_CASE("tls: a receiver whose certificate comes from the CA of the settings is called") {
  Certificate certificate;
  TlsReceiver receiver(certificate);
  SenderFixture sender(Trusting(certificate));
  for (int i = 0; i < 3; ++i) {
    const AttemptResult result = sender.Send(receiver.Get("127.0.0.1"));
    CAPTURE(result.record.error, result.record.detail);
    CHECK(result.verdict == Verdict::kSuccess);
    CHECK(result.record.status == 200);
    CHECK(result.record.response_body.find("<HTML>") != std::string::npos);
  }
}

TEST_CASE("tls: one that no CA vouches for is not") {
  Certificate certificate, other;
  TlsReceiver receiver(certificate);
  SenderFixture by_system, by_other(Trusting(other));
  for (SenderFixture* sender : {&by_system, &by_other}) {
    const AttemptResult result = sender->Send(receiver.Get("127.0.0.1"));
    CHECK(result.verdict == Verdict::kFailure);
    CHECK(result.record.error == "tls");
    CHECK_FALSE(result.record.detail.empty());
    CHECK(result.record.status == 0);
  }
}

TEST_CASE("tls: one whose certificate is for another name is not") {
  Certificate certificate;
  TlsReceiver receiver(certificate);
  SenderFixture sender(Trusting(certificate));
  CHECK(sender.Send(receiver.Get("localhost")).record.error == "tls");
  CHECK(sender.Send(receiver.Get("127.0.0.1")).verdict == Verdict::kSuccess);
}

TEST_CASE("tls: a file of CAs that cannot be read is refused when the sender is made") {
  Loop loop;
  struct : EventSink {
    void Post(Event) override {}
  } sink;
  SenderOptions options;
  options.ca_file = "/nonexistent/ca.pem";
  Result<std::unique_ptr<PlainSender>> sender = PlainSender::Create(&loop, &sink, options);
  REQUIRE_FALSE(sender.ok());
  CHECK(sender.status().field() == "/destinations/ca_file");
}

TEST_CASE("tls: a further connection to a receiver goes on with the session of the one before") {
  SSL_CTX* tls = Identity::Get().server();
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, tls);
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  SenderFixture sender(options);
  REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
  const long before = SSL_CTX_sess_hits(tls);
  REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x"), {}, StartAttempt::Over::kNew).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 2);
  CHECK(SSL_CTX_sess_hits(tls) == before + 1);
}

TEST_CASE("tls: redirects lead from http to https and back, and over HTTP/2") {
  TinyReceiver last(200, "end");
  Stage http2({Send(h2::Settings()), Read(), Send(h2::Head(1, "307", {{"location", last.Url("/end")}}, true))}, Identity::Get().http2());
  const auto to = [](std::string url) {
    return [url](TinyReceiver::Peer& peer) {
      while (peer.ReadRequest()) peer.Answer(308, "over there", "Location: " + url + "\r\n");
    };
  };
  TinyReceiver secure(to(http2.Url("/c")), INADDR_LOOPBACK, 0, Identity::Get().server());
  TinyReceiver plain(to(secure.Url("/b#there")));
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  options.follow_redirects = true;
  SenderFixture sender(options);
  NotifySpec spec = PostOf(plain.Url("/a"), "text");
  spec.headers = {{"Authorization", "secret"}, {"Accept", "a/b"}};
  const AttemptResult result = sender.Send(spec);
  CHECK(result.record.error == "");
  CHECK(result.record.response_body == "end");
  CHECK(secure.requests().at(0).starts_with("POST /b HTTP/1.1\r\n"));
  CHECK(last.requests().at(0).starts_with("POST /end HTTP/1.1\r\n"));
  CHECK(last.requests().at(0).ends_with("\r\n\r\ntext"));
  CHECK(last.requests().at(0).find("secret") == std::string::npos);
  CHECK(last.requests().at(0).find("Accept: a/b") != std::string::npos);
}

TEST_CASE("tls: a wildcard stands for one label, and a dot at a name's end is no part of it") {
  FakeDns dns;
  for (const char* name : {"x.wild.test", "x.y.wild.test", "a.test.", "a.test"}) dns.Set(name, {{"127.0.0.1"}, 60});
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, Identity::Get().server());
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  options.resolver.servers = dns.server();
  SenderFixture sender(options);
  const auto error = [&](const std::string& name) {
    return sender.Send(PostOf("https://" + name + ":" + std::to_string(receiver.port()) + "/", "x")).record.error;
  };
  CHECK(error("x.wild.test") == "");
  CHECK(error("x.y.wild.test") == "tls");
  CHECK(error("a.test.") == "");
}
