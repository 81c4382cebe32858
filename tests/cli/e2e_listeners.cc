// Several listeners: TLS for the clients that people have, Unix sockets, one that gets through while another is full; over reload, restart and stop.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/e2e_broker.h"
#include "support/certificates.h"
#include "support/raw_client.h"
#include "support/sockets.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// A directory with a configuration and certificates, and a port for a listener with TLS.
struct Place {
  Place() { Swap(authority); }
  /// Puts a certificate of `by` in place of the one that is there.
  void Swap(const CertificateAuthority& by) {
    const Pair pair = by.Issue("DNS:localhost,IP:127.0.0.1");
    dir.Write("cert.pem", pair.certificate);
    dir.Write("key.pem", pair.key);
    dir.Write("ca.pem", by.certificate());
  }
  std::string Config(const std::string& more = {}) const {
    return dir.Write("n.toml", "[[listener]]\naddress = \"127.0.0.1:" + std::to_string(port) + "\"\ntls.cert = \"" + dir.At("cert.pem") +
                                   "\"\ntls.key = \"" + dir.At("key.pem") + "\"\n" + more);
  }
  std::string url(const std::string& path) const { return "https://localhost:" + std::to_string(port) + path; }
  std::string at() const { return "localhost:" + std::to_string(port); }

  TempDir dir;
  CertificateAuthority authority;
  uint16_t port = ClosedPort();
};

/// Runs it to its end: its exit code, and what it printed to both its outputs.
std::pair<int, std::string> Run(const std::string& program, const std::vector<std::string>& arguments) {
  Process process(program, {arguments, {}});
  const int code = process.Wait();
  return {code, process.output() + process.error()};
}

std::pair<int, std::string> Curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--silent", "--show-error", "--max-time", "60", "--noproxy", "*"});
  return Run("curl", arguments);
}

std::pair<int, std::string> SClient(const Place& place, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"s_client", "-connect", place.at(), "-CAfile", place.dir.At("ca.pem"), "-verify_return_error"});
  return Run("openssl", arguments);
}

bool IsSocket(const std::string& path, mode_t mode) {
  struct stat found {};
  return lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode) && (found.st_mode & 07777) == mode;
}

}  // namespace

TEST_CASE("notifyd: a listener with TLS serves curl, Python and Node") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config()});
  const std::string ca = place.dir.At("ca.pem");
  REQUIRE(broker.process().WaitForError("listening on 127.0.0.1:" + std::to_string(place.port)));
  for (const char* version : {"1.2", "1.3"}) {
    auto [code, text] = Curl({"--cacert", ca, std::string("--tlsv") + version, "--tls-max", version, "--write-out",
                              " %{http_version} %{num_connects}", place.url("/healthz"), place.url("/readyz")});
    CAPTURE(version, text);
    CHECK(code == 0);
    // Both over one connection.
    CHECK_THAT(text, Catch::Contains(" 1.1 1") && Catch::Contains(" 1.1 0"));
  }
  CHECK(Curl({place.url("/healthz")}).first != 0);
  CHECK(Curl({"http://" + place.at() + "/healthz"}).first != 0);

  auto [python, said] = Run("python3", {"-c", R"(
import http.client, ssl, sys
port, ca = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=ca)
connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=60)
for i in range(3):
    connection.request("POST", "/v1/notifies", '{"url":"http://127.0.0.1:1/","delay_ms":3600000}', {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 201, answer.status
    answer.read()
print(connection.sock.version(), connection.sock.cipher()[0])
# It says that it is through; the server says the same.
connection.sock.unwrap()
print("unwrapped")
)",
                                        std::to_string(place.port), ca});
  CAPTURE(said);
  CHECK(python == 0);
  CHECK_THAT(said, Catch::Contains("TLSv1.3") && Catch::Contains("unwrapped"));

  auto [node, printed] = Run("node", {"-e", R"(
const https = require("https"), fs = require("fs");
const [port, file] = process.argv.slice(1);
const agent = new https.Agent({ca: fs.readFileSync(file), keepAlive: true, maxSockets: 1});
const get = then => {
  const request = https.get({host: "localhost", port, path: "/healthz", agent}, response => {
    response.resume().on("end", () => { console.log(response.statusCode, request.reusedSocket); then(); });
  });
};
get(() => setImmediate(() => get(() => agent.destroy())));
)",
                                      std::to_string(place.port), ca});
  CAPTURE(printed);
  CHECK(node == 0);
  CHECK(printed == "200 false\n200 true\n");
  CHECK(broker.Stat("/totals/accepted") == 3);
}

TEST_CASE("notifyd: a listener with TLS offers 1.2 and 1.3, suites with forward secrecy and authenticated encryption, and HTTP/1.1 alone") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config()});
  auto offers = [&](std::vector<std::string> arguments) { return SClient(place, std::move(arguments)).first == 0; };
  CHECK(offers({"-tls1_2"}));
  CHECK(offers({"-tls1_3"}));
  for (const char* old : {"-tls1", "-tls1_1"}) {
    CAPTURE(old);
    CHECK_FALSE(offers({old, "-cipher", "ALL:@SECLEVEL=0"}));
  }
  for (const char* suite : {"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
                            "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"}) {
    CAPTURE(suite);
    CHECK(offers({"-tls1_2", "-cipher", suite}));
  }
  // What is left of OpenSSL's list, whatever it holds, by kind.
  for (const char* weak : {"kRSA", "SHA1", "SHA256:!AESGCM:!CHACHA20", "AESCCM", "ARIA", "CAMELLIA", "DHE", "PSK", "eNULL", "aNULL", "3DES"}) {
    CAPTURE(weak);
    const std::string suites = std::string(weak) + ":!AESGCM+ECDHE:!CHACHA20+ECDHE:@SECLEVEL=0";
    if (Run("openssl", {"ciphers", "-tls1_2", suites}).first == 0) CHECK_FALSE(offers({"-tls1_2", "-cipher", suites}));
  }
  CHECK_THAT(SClient(place, {"-alpn", "h2,http/1.1"}).second, Catch::Contains("ALPN protocol: http/1.1"));
  CHECK_FALSE(offers({"-alpn", "h2"}));
  CHECK_THAT(SClient(place, {"-tls1_2", "-reconnect"}).second, Catch::Contains("Reused, TLSv1.2"));
  CHECK_THAT(SClient(place, {"-tls1_2"}).second, Catch::Contains("Compression: NONE"));
}

TEST_CASE("notifyd: certificates are read again on SIGHUP and when they change, and a pair that does not match changes nothing") {
  Place place;
  Broker broker(place.dir.path(), {"--config", place.Config()});
  Process& process = broker.process();
  const std::string first_ca = place.dir.Write("first.pem", place.authority.certificate());
  CHECK(Curl({"--cacert", first_ca, place.url("/healthz")}).first == 0);
  const CertificateAuthority other;
  place.Swap(other);
  process.Signal(SIGHUP);
  REQUIRE(process.WaitForError("certificate read again"));
  REQUIRE(process.WaitForError("settings reloaded"));
  CHECK(Curl({"--cacert", place.dir.At("ca.pem"), place.url("/healthz")}).first == 0);
  CHECK(Curl({"--cacert", first_ca, place.url("/healthz")}).first != 0);

  place.dir.Write("key.pem", other.Issue("DNS:half").key);
  process.Signal(SIGHUP);
  REQUIRE(process.WaitForError("certificate not read again, the one before is kept"));
  REQUIRE(process.WaitForError("settings reloaded", 2));
  CHECK_THAT(process.error(), Catch::Contains(place.dir.At("key.pem") + ": the key is not the certificate's"));
  CHECK(Curl({"--cacert", place.dir.At("ca.pem"), place.url("/healthz")}).first == 0);
  // A start would be refused, and so is a restart in place.
  std::string error;
  CHECK(ExitOf({"--config", place.dir.At("n.toml"), "--data-dir", place.dir.At("other"), "--listen", "127.0.0.1:0", "--check-config"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("the key is not the certificate's"));

  // By itself.
  const CertificateAuthority third;
  place.Swap(third);
  REQUIRE(process.WaitForError("certificate read again\"", 2));
  CHECK(Curl({"--cacert", place.dir.At("ca.pem"), place.url("/healthz")}).first == 0);
}

TEST_CASE("notifyd: all listeners go on over a restart in place; plain connections are kept, TLS ones end") {
  Place place;
  const std::string socket = place.dir.At("n.sock");
  for (const char* threads : {"1", "2"}) {
    CAPTURE(threads);
    Broker broker(place.dir.path(), {"--config", place.Config("[[listener]]\naddress = \"unix:" + socket + "\"\n"), "--io-threads", threads});
    const std::string ca = place.dir.At("ca.pem"), control = place.dir.At("data/control.sock");
    auto all_serve = [&] {
      CHECK(broker.Call("GET", "/healthz").status == 200);
      CHECK(Curl({"--cacert", ca, place.url("/healthz")}).first == 0);
      CHECK(Curl({"--unix-socket", socket, "http://localhost/healthz"}).first == 0);
    };
    all_serve();
    CHECK(IsSocket(socket, 0660));
    CHECK(IsSocket(control, 0600));
    RawConnection kept(broker.address());
    CHECK(kept.Call("GET", "/healthz").status == 200);
    PeerContext context = NewPeerContext(false, place.authority.certificate());
    const int fd = Connect(place.port);
    Stream secured(fd);
    REQUIRE(secured.Connect(context.get()));
    std::string head;
    secured.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(secured.ReadHead(&head));
    for (size_t round = 1; round <= 2; ++round) {
      broker.process().Signal(SIGUSR1);
      REQUIRE(broker.process().WaitForError("restarted in place", round));
      REQUIRE(broker.process().WaitForError("listening on unix:" + socket, round + 1));
      secured.Drain();
      CHECK((SSL_get_shutdown(secured.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0);
      CHECK(kept.Call("GET", "/healthz").status == 200);
      all_serve();
    }
    CHECK(broker.process().error().find("listened elsewhere") == std::string::npos);
    close(fd);
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
    CHECK_FALSE(std::filesystem::exists(socket));
    CHECK_FALSE(std::filesystem::exists(control));
  }
}

TEST_CASE("notifyd: a Unix socket that a killed broker left is replaced; one in use, or no socket, is left alone") {
  Place place;
  const std::string socket = place.dir.At("n.sock"), config = place.dir.Write("u.toml", "[[listener]]\naddress = \"unix:" + socket + "\"\n");
  {
    Broker broker(place.dir.path(), {"--config", config});
    std::string error;
    CHECK(ExitOf({"--config", config, "--data-dir", place.dir.At("other"), "--listen", "127.0.0.1:0"}, &error) == 1);
    CHECK_THAT(error, Catch::Contains("cannot listen on unix:" + socket) && Catch::Contains("in use"));
    CHECK(Curl({"--unix-socket", socket, "http://localhost/healthz"}).first == 0);
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  CHECK(IsSocket(socket, 0660));
  CHECK(IsSocket(place.dir.At("data/control.sock"), 0600));
  {
    Broker broker(place.dir.path(), {"--config", config});
    CHECK(Curl({"--unix-socket", socket, "http://localhost/healthz"}).first == 0);
    CHECK(IsSocket(place.dir.At("data/control.sock"), 0600));
    broker.process().Signal(SIGTERM);
    broker.process().Wait();
  }
  place.dir.Write("n.sock", "text");
  std::string error;
  CHECK(ExitOf({"--config", config, "--data-dir", place.dir.At("data"), "--listen", "127.0.0.1:0"}, &error) != 0);
  CHECK_THAT(error, Catch::Contains(socket + " is there, and is no socket"));
}

TEST_CASE("notifyd: a listener of its own gets through while the main one's connections are used up") {
  TempDir dir;
  const uint16_t port = ClosedPort();
  const std::string config = dir.Write("n.toml", "[[listener]]\naddress = \"127.0.0.1:" + std::to_string(port) +
                                                     "\"\nonly = [\"health\", \"metrics\", \"admin\"]\nmax_connections = 2\n");
  Broker broker(dir.path(), {"--config", config, "--limits-connections", "3"});
  std::vector<std::unique_ptr<RawConnection>> crowd;
  for (int i = 0; i < 3; ++i) {
    crowd.push_back(std::make_unique<RawConnection>(broker.address()));
    // It is accepted.
    crowd.back()->Call("GET", "/healthz");
  }
  RawConnection late(broker.address());
  CHECK(late.Call("GET", "/v1/stats").status == 503);
  RawConnection admin("127.0.0.1:" + std::to_string(port));
  CHECK(admin.Call("GET", "/v1/stats").status == 200);
  CHECK(admin.Call("GET", "/metrics").status == 200);
  // What is not served there is not there.
  CHECK(admin.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:1/"})").status == 404);
  CHECK(crowd[0]->Call("GET", "/v1/stats").status == 200);
}

TEST_CASE("notifyd: a Unix socket's clients may do what their uid's table says; the control socket serves tokens alone") {
  Place place;
  const std::string socket = place.dir.At("n.sock"), control = place.dir.At("data/control.sock"), uid = std::to_string(geteuid());
  auto config = [&](const std::string& scope) {
    return place.dir.Write("u.toml", "[auth]\nmode = \"token\"\n[auth.peers." + uid + "]\nnamespaces = \"*\"\nscopes = [\"" + scope +
                                         "\"]\n[[listener]]\naddress = \"unix:" + socket + "\"\n");
  };
  Broker broker(place.dir.path(), {"--config", config("read")});
  auto status = [](const std::string& at, const std::string& path, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--unix-socket", at, "--output", "/dev/null", "--write-out", "%{http_code}", "http://localhost" + path});
    return Curl(more).second;
  };
  CHECK(broker.Call("GET", "/v1/stats").status == 401);
  CHECK(status(socket, "/v1/stats") == "200");
  CHECK(status(socket, "/v1/tokens") == "403");
  config("admin");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  CHECK(status(socket, "/v1/tokens") == "200");
  CHECK(status(socket, "/v1/stats") == "403");

  CHECK(status(control, "/v1/tokens") == "200");
  CHECK(status(control, "/v1/tokens",
               {"--header", "Content-Type: application/json", "--data",
                R"({"name":"first","namespaces":["*"],"scopes":["submit","read","read_bodies","register","operate","admin","metrics"]})"}) == "201");
  for (const char* path : {"/v1/stats", "/v1/notifies", "/healthz", "/metrics", "/v1/namespaces"}) {
    CAPTURE(path);
    CHECK(status(control, path) == "404");
  }
}

TEST_CASE("notifyd: it refuses to listen where other machines can connect, unless it is said who may do what") {
  TempDir dir;
  std::string error;
  CHECK(ExitOf({"--data-dir", dir.At("data"), "--listen", "0.0.0.0:0"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("auth.mode") && Catch::Contains("0.0.0.0:0") && Catch::Contains("\"token\""));
  CHECK_FALSE(std::filesystem::exists(dir.At("data")));
  CHECK(ExitOf({"--data-dir", dir.At("data"), "--listen", "0.0.0.0:0", "--auth-mode", "none", "--check-config"}, &error) == 0);
}
