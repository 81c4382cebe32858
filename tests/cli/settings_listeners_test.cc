// Where the broker listens and who may do what, as its settings say.
#include <sys/stat.h>

#include "base/crypto.h"
#include "cli/daemon/descriptors.h"
#include "cli/daemon/handover.h"
#include "cli/daemon/settings.h"
#include "cli/daemon/start_check.h"
#include "net/access/token.h"
#include "net/unix_socket.h"
#include "support/certificates.h"
#include "support/process.h"
#include "support/sockets.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

Invocation Read(const TempDir& dir, const std::string& text, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.end(), {"--config", dir.Write("n.toml", text)});
  return ReadCommandLine(arguments, {});
}

constexpr char kMain[] = "[[listener]]\naddress = \"127.0.0.1:7443\"\n";

}  // namespace

TEST_CASE("listeners: that of `listen` comes first, then those of the tables") {
  TempDir dir;
  Invocation read = Read(dir, R"(
listen = "127.0.0.1:7300"
[limits]
connections = 500
[[listener]]
address = "[::1]:7443"
tls.cert = "cert.pem"
tls.key = "key.pem"
tls.client_ca = "ca.pem"
[[listener]]
address = "unix:/run/notifyd/notifyd.sock"
max_connections = 7
[[listener]]
address = "127.0.0.1:7301"
only = ["health", "metrics"]
)");
  REQUIRE(read.error == "");
  const std::vector<ListenerOptions> all = AllListeners(read.options);
  REQUIRE(all.size() == 4);
  CHECK(all[0] == ListenerOptions{"127.0.0.1:7300", {}, {}, {}, {}, 500, true});
  CHECK(all[1] == ListenerOptions{"[::1]:7443", "cert.pem", "key.pem", "ca.pem", {}, 500, true});
  CHECK(all[2] == ListenerOptions{"unix:/run/notifyd/notifyd.sock", {}, {}, {}, {}, 7, true});
  CHECK(all[3] == ListenerOptions{"127.0.0.1:7301", {}, {}, {}, {"health", "metrics"}, 64});
  CHECK(all[0].serves() == ServedParts{});
  CHECK(all[3].serves() == ServedParts{true, true, false, false, false, false});

  CHECK(AllListeners(Read(dir, kMain, {"--listen", ""}).options).size() == 1);
}

TEST_CASE("listeners: the console is served on loopback, or as the setting or a table's `only` says") {
  TempDir dir;
  auto served = [&](const std::string& text) {
    const Invocation read = Read(dir, "[auth]\nmode = \"none\"\n" + text + R"(
[[listener]]
address = "0.0.0.0:7301"
[[listener]]
address = "127.0.0.1:7302"
only = ["health"]
[[listener]]
address = "0.0.0.0:7303"
only = ["console"]
)");
    REQUIRE(read.error == "");
    std::vector<bool> out;
    for (const ListenerOptions& each : AllListeners(read.options)) out.push_back(each.serves().console);
    return out;
  };
  CHECK(served("") == std::vector<bool>{true, false, false, true});
  CHECK(served("[console]\nserve = \"everywhere\"\n") == std::vector<bool>{true, true, false, true});
  CHECK(served("[console]\nserve = \"nowhere\"\n") == std::vector<bool>{false, false, false, true});
  // Its pages ask for what admin serves.
  const ServedParts alone = ListenerOptions{"0.0.0.0:1", {}, {}, {}, {"console"}}.serves();
  CHECK(alone.admin);
  CHECK_FALSE(alone.rest);
  CHECK_FALSE(alone.metrics);
}

TEST_CASE("listeners: what is wrong with a table is said by its number, key and line") {
  TempDir dir;
  struct {
    const char* table;
    const char* field;
    const char* detail;
  } const rows[] = {
      {"", "/listener/0/address", "is missing"},
      {"address = \"7300\"", "/listener/0/address", "ADDR:PORT"},
      {"address = 7300", "/listener/0/address", "must be a string"},
      {"address = \"unix:notifyd.sock\"", "/listener/0/address", "absolute path"},
      {"address = \"unix:/a,b\"", "/listener/0/address", "commas"},
      {"address = \"127.0.0.1:1\"\nonly = []", "/listener/0/only", "at least one"},
      {"address = \"127.0.0.1:1\"\nonly = [\"all\"]", "/listener/0/only", "\"all\" must be health, metrics, admin or console"},
      {"address = \"127.0.0.1:1\"\nmax_connections = 0", "/listener/0/max_connections", "1 to 1000000"},
      {"address = \"127.0.0.1:1\"\nport = 1", "/listener/0/port", "no such key"},
      {"address = \"127.0.0.1:1\"\ntls.cert = \"a\"", "/listener/0/tls/key", "go together"},
      {"address = \"127.0.0.1:1\"\ntls.key = \"a\"", "/listener/0/tls/cert", "go together"},
      {"address = \"127.0.0.1:1\"\ntls.client_ca = \"a\"", "/listener/0/tls/client_ca", "says nothing"},
      {"address = \"127.0.0.1:1\"\ntls.ciphers = \"a\"", "/listener/0/tls/ciphers", "no such key"},
      {"address = \"unix:/a\"\ntls.cert = \"a\"\ntls.key = \"a\"", "/listener/0/tls/cert", "Unix socket"},
      {"address = \"127.0.0.1:7300\"", "/listener", "two listeners"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.table);
    Invocation read = Read(dir, std::string("[[listener]]\n") + row.table + "\n");
    CHECK(read.exit_code == 2);
    CHECK(read.field == row.field);
    CHECK_THAT(read.error, Catch::Contains(row.detail));
  }
  CHECK_THAT(Read(dir, "[[listener]]\naddress = \"127.0.0.1:1\"\nx = 1\n").error, Catch::Contains("[[listener]] 1: x (" + dir.At("n.toml") + ":3)"));
  CHECK(Read(dir, "listener = 5\n").field == "/listener");
  CHECK(Read(dir, "", {"--listen", ""}).field == "/listen");
}

TEST_CASE("listeners: where other machines can connect it must be said who may do what") {
  TempDir dir;
  for (const char* open : {"0.0.0.0:7300", "[::]:7300", "10.0.0.1:7300", "[fd00::1]:7300"}) {
    CAPTURE(open);
    Invocation read = ReadCommandLine({"--listen", open}, {});
    CHECK(read.exit_code == 2);
    CHECK(read.field == "/auth/mode");
    CHECK_THAT(read.error, Catch::Contains(open) && Catch::Contains("\"token\"") && Catch::Contains("\"none\""));
    CHECK(ReadCommandLine({"--listen", open, "--auth-mode", "none"}, {}).error == "");
    CHECK(ReadCommandLine({"--listen", open, "--auth-mode", "token"}, {}).error == "");
    CHECK(Read(dir, std::string("[[listener]]\naddress = \"") + open + "\"\n", {"--listen", ""}).field == "/auth/mode");
  }
  for (const char* closed : {"127.0.0.1:7300", "127.9.9.9:7300", "[::1]:7300", "unix:/run/a.sock"})
    CHECK(ReadCommandLine({"--listen", closed}, {}).error == "");
}

TEST_CASE("auth: uids, names and certificates are given what their tables say, and a uid has one table") {
  TempDir dir;
  Invocation read = Read(dir, R"(
[auth]
mode = "token"
[auth.peers.1000]
namespaces = ["billing"]
scopes = ["submit", "read"]
caller = "billing"
lanes = ["billing-"]
submits_per_s = 5
[auth.peers.root]
namespaces = "*"
scopes = ["admin"]
[auth.certificates."DNS:billing.example"]
namespaces = ["billing", "audit"]
scopes = ["submit"]
)");
  REQUIRE(read.error == "");
  Result<std::shared_ptr<const AuthSettings>> auth = ReadAuthSettings(read.options.auth);
  REQUIRE(auth.ok());
  CHECK((*auth)->tokens);
  REQUIRE((*auth)->peers.size() == 2);
  const NamedGrant& billing = *(*auth)->peers.at(1000);
  CHECK(billing.name == "peer 1000");
  CHECK(billing.grant.namespaces == NamespaceSet::Of({"billing"}));
  CHECK(billing.grant.scopes == ScopeSet{Scope::kSubmit, Scope::kRead});
  CHECK(billing.grant.caller == "billing");
  CHECK(billing.grant.lanes == std::vector<std::string>{"billing-"});
  CHECK(billing.grant.submits_per_s == 5);
  CHECK((*auth)->peers.at(0)->grant.IsAdminOfAll());
  CHECK((*auth)->certificates.at("DNS:billing.example")->grant.namespaces == NamespaceSet::Of({"audit", "billing"}));
  CHECK_FALSE((*auth)->bootstrap);

  struct {
    const char* text;
    const char* detail;
  } const rows[] = {
      {"[auth.peers.nosuchuser]\nnamespaces = \"*\"\nscopes = [\"read\"]", "there is no user \"nosuchuser\""},
      {"[auth.peers.65534]\nnamespaces = \"*\"\nscopes = [\"read\"]", "uid 65534"},
      {"[auth.peers.0]\nnamespaces = \"*\"\nscopes = [\"read\"]\n[auth.peers.root]\nnamespaces = \"*\"\nscopes = [\"read\"]", "has a table already"},
      {"[auth.peers.1]\nscopes = [\"read\"]", "namespaces is missing"},
      {"[auth.peers.1]\nnamespaces = \"*\"", "scopes is missing"},
      {"[auth.peers.1]\nnamespaces = \"*\"\nscopes = [\"all\"]", "\"all\" is no scope"},
      {"[auth.peers.1]\nnamespaces = [\"No Name\"]\nscopes = [\"read\"]", "namespaces/0"},
      {"[auth.peers.1]\nnamespaces = \"*\"\nscopes = [\"read\"]\ncolour = 1", "there is no such key"},
      {"[auth]\npeers = 5", "must be tables"},
      {"[auth.certificates.\"billing.example\"]\nnamespaces = \"*\"\nscopes = [\"read\"]", "DNS:, URI:, IP: or email:"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    Invocation bad = Read(dir, row.text);
    CHECK(bad.exit_code == 2);
    CHECK_THAT(bad.error, Catch::Contains(row.detail) && Catch::Contains("n.toml:"));
  }
}

TEST_CASE("auth: the bootstrap token's file is its owner's alone, and holds a token") {
  TempDir dir;
  const std::string token = MakeToken().Text(), file = dir.Write("token", token + "\n");
  AuthOptions options;
  options.bootstrap_token_file = file;
  chmod(file.c_str(), 0640);
  CHECK(ReadAuthSettings(options).status().field() == "/auth/bootstrap_token_file");
  CHECK_THAT(ReadAuthSettings(options).status().detail(), Catch::Contains("chmod 600 " + file));
  chmod(file.c_str(), 0600);
  REQUIRE(ReadAuthSettings(options).ok());
  CHECK((*ReadAuthSettings(options))->bootstrap == Sha256(token));
  dir.Write("token", "secret\n");
  CHECK_THAT(ReadAuthSettings(options).status().detail(), Catch::Contains("holds no token"));
  options.bootstrap_token_file = dir.At("none");
  CHECK_THAT(ReadAuthSettings(options).status().detail(), Catch::Contains("No such file"));
}

TEST_CASE("auth: what is changed there holds at once, what is changed of listeners after a restart") {
  TempDir dir;
  Options running = Read(dir, kMain).options;
  Options fresh =
      Read(dir, std::string(kMain) + "max_connections = 5\n[auth]\nmode = \"token\"\n[auth.peers.1]\nnamespaces = \"*\"\nscopes = [\"read\"]\n")
          .options;
  Reloaded reloaded = ApplyReloadable(fresh, &running);
  CHECK(reloaded.applied == std::vector<std::string>{"auth.mode", "auth.peers"});
  CHECK(reloaded.not_applied == std::vector<std::string>{"listener"});
  CHECK(running.auth.tokens());
  CHECK(running.auth.peers == fresh.auth.peers);
  CHECK(running.listeners[0].max_connections == 0);
}

TEST_CASE("listeners: of open files each gets an equal share at most, so that one for probes gets what it asks for") {
  TempDir dir;
  Options options = Read(dir, std::string(kMain) + "[[listener]]\naddress = \"127.0.0.1:7301\"\nonly = [\"health\"]\n").options;
  REQUIRE(FitDescriptors(131'072, &options).ok());
  CHECK(options.http.max_connections == 10'000);
  CHECK(options.listeners[0].max_connections == 10'000);
  CHECK(options.listeners[1].max_connections == 64);
  Result<DescriptorPlan> few = FitDescriptors(2048, &options);
  REQUIRE(few.ok());
  CHECK(few->lowered);
  CHECK(options.listeners[1].max_connections == 64);
  CHECK(options.http.max_connections < 1000);
  CHECK(options.listeners[0].max_connections - options.http.max_connections <= 1);
  CHECK(few->clients == options.http.max_connections + options.listeners[0].max_connections + 64 + options.http.max_probe_connections);
  CHECK(few->store + few->calls + few->clients < 2048);
}

TEST_CASE("listeners: of a member of a cluster there is one for the others, which know each other by certificates, or are said not to") {
  TempDir dir;
  const std::string head = "[cluster]\nadvertise = ";
  const std::string files = "cert_file = \"c\"\nkey_file = \"k\"\nca_file = \"a\"\n";
  const auto listeners = [&](const std::string& text) { return AllListeners(Read(dir, std::string(kMain) + text).options); };
  const std::vector<ListenerOptions> all = listeners(head + "\"10.0.0.1:7400\"\n" + files);
  REQUIRE(all.size() == listeners("").size() + 1);
  CHECK(all.back().address == "10.0.0.1:7400");
  CHECK(all.back().tls_client_ca == "a");
  CHECK(all.back().serves() == ServedParts::Members());
  CHECK(listeners(head + "\"b.example:7400\"\nlisten = \"[::1]:1\"\n" + files).back().address == "[::1]:1");
  CHECK(listeners(head + "\"10.0.0.1:7400\"\ninsecure = true\n").back().tls_key.empty());
  const auto field = [&](const std::string& text) { return Read(dir, std::string(kMain) + text).field; };
  CHECK(field(head + "\"10.0.0.1:7400\"\n" + files).empty());
  CHECK(field(head + "\"10.0.0.1:7400\"\ninsecure = true\n").empty());
  CHECK(field(head + "\"10.0.0.1:7400\"\n") == "/cluster/cert_file");
  CHECK(field(head + "\"10.0.0.1:7400\"\ncert_file = \"c\"\n") == "/cluster/key_file");
  CHECK(field(head + "\"b.example:7400\"\n" + files) == "/cluster/listen");
  CHECK(field(head + "\"b.example:7400\"\nlisten = \"0.0.0.0:7400\"\n" + files).empty());
  CHECK(field(head + "\"b.example:7400\"\nlisten = \"0.0.0.0:0\"\n" + files) == "/cluster/listen");
}

TEST_CASE("settings: what is said of a cluster and could not be is refused in words, by the name of the setting") {
  TempDir dir;
  const std::string files = "cert_file = \"c\"\nkey_file = \"k\"\nca_file = \"a\"\n", here = "advertise = \"10.0.0.1:7400\"\n";
  const auto read = [&](const std::string& text) { return Read(dir, std::string(kMain) + "[cluster]\n" + text); };
  for (const char* bad : {"b.example", "b.example:", "b example:1", "unix:/a", "[b]:1", "b:7x"})
    CHECK_THAT(read("advertise = \"" + std::string(bad) + "\"\n" + files).error,
               Catch::Contains("cluster.advertise") && Catch::Contains("HOST:PORT"));
  for (const char* bad : {"b.example:0", "b.example:99999", "b.example:123456", "[::1]:0"})
    CHECK_THAT(read("advertise = \"" + std::string(bad) + "\"\n" + files).error,
               Catch::Contains("cluster.advertise") && Catch::Contains("1 to 65535"));
  for (const char* bad : {"0.0.0.0:7400", "[::]:7400", "0:7400"})
    CHECK_THAT(read("advertise = \"" + std::string(bad) + "\"\n" + files).error, Catch::Contains("cluster.advertise") && Catch::Contains("reach"));
  CHECK_THAT(read(here + files + "insecure = true\n").error, Catch::Contains("cluster.insecure: contradicts cluster.cert_file"));
  for (const char* alone : {"listen = \"10.0.0.1:7400\"", "name = \"a\"", "cert_file = \"c\"", "ca_file = \"c\"", "insecure = true"}) {
    const Invocation refused = read(std::string(alone) + "\n");
    CHECK(refused.exit_code == 2);
    CHECK(refused.field == "/cluster/" + std::string(alone).substr(0, std::string(alone).find(' ')));
    CHECK_THAT(refused.error, Catch::Contains("without cluster.advertise"));
  }
  for (const std::string& bad : {std::string("a\\u0000b"), std::string("a\\nb"), std::string(256, 'a')})
    CHECK_THAT(read(here + files + "name = \"" + bad + "\"\n").error, Catch::Contains("cluster.name"));
  CHECK(read(here + files + "name = \"Bröker 1\"\n").exit_code == 0);
}

TEST_CASE("start check: a member's certificate is one of its cluster's authority, its key's, and for the host that it advertises") {
  TempDir dir;
  const CertificateAuthority cluster, others;
  const Pair good = cluster.Issue("DNS:broker-1.example,IP:127.0.0.1"), stranger = others.Issue("DNS:broker-1.example"),
             elsewhere = cluster.Issue("DNS:broker-2.example");
  const std::string ca = dir.Write("ca", cluster.certificate());
  const auto check = [&](const std::string& host, const std::string& certificate, const std::string& key, bool certificates = true) {
    Options options;
    options.listen = "127.0.0.1:0";
    options.data_dir = dir.At("data");
    options.store.engine = "postgres";
    options.store.postgres.dsn = "host=/nowhere";
    options.cluster = {.advertise = host + ":7400", .listen = "127.0.0.1:0"};
    options.cluster.cert_file = dir.Write("cert", certificate);
    options.cluster.key_file = dir.Write("key", key);
    options.cluster.ca_file = ca;
    return CheckStart(options, std::nullopt, certificates);
  };
  CHECK(check("broker-1.example", good.certificate, good.key).ok());
  CHECK(check("127.0.0.1", good.certificate, good.key).ok());
  const Status not_certified = check("broker-1.example", stranger.certificate, stranger.key);
  CHECK(not_certified.field() == "/cluster/cert_file");
  CHECK(ExitCodeOf(not_certified) == 2);
  CHECK_THAT(not_certified.detail(), Catch::Contains("cluster.cert_file") && Catch::Contains("not certified by cluster.ca_file"));
  const Status of_another = check("broker-1.example", elsewhere.certificate, elsewhere.key);
  CHECK_THAT(of_another.detail(), Catch::Contains("not for \"broker-1.example\"") && Catch::Contains("cluster.advertise"));
  CHECK_FALSE(check("[::1]", good.certificate, good.key).ok());
  const Status wrong_key = check("broker-1.example", good.certificate, elsewhere.key);
  CHECK(wrong_key.field() == "/cluster/cert_file");
  CHECK_THAT(wrong_key.detail(), Catch::Contains("not the certificate's"));
  CHECK(check("broker-1.example", stranger.certificate, stranger.key, /*certificates=*/false).ok());
}

TEST_CASE("start check: each listener's address and certificate is looked at, and what is held may be in use") {
  TempDir dir;
  const CertificateAuthority authority;
  const Pair pair = authority.Issue("DNS:a"), other = authority.Issue("DNS:b");
  const std::string cert = dir.Write("cert", pair.certificate), key = dir.Write("key", pair.key), foreign = dir.Write("foreign", other.key);
  const std::string socket = dir.At("a.sock");
  auto options = [&](const std::string& text) {
    Options read = Read(dir, text).options;
    read.listen = "127.0.0.1:0";
    read.data_dir = dir.At("data");
    return read;
  };
  const std::string tls = "[[listener]]\naddress = \"127.0.0.1:0\"\ntls.cert = \"" + cert + "\"\ntls.key = \"";
  CHECK(CheckStart(options(tls + key + "\"\n"), std::nullopt).ok());
  const Status bad = CheckStart(options(tls + foreign + "\"\n"), std::nullopt);
  CHECK(bad.field() == "/listener/0/tls");
  CHECK(ExitCodeOf(bad) == 2);
  CHECK_THAT(bad.detail(), Catch::Contains(foreign) && Catch::Contains("not the certificate's"));
  // A broker that runs keeps the one that it has.
  CHECK(CheckStart(options(tls + foreign + "\"\n"), std::nullopt, /*certificates=*/false).ok());

  const Options at_socket = options("[[listener]]\naddress = \"unix:" + socket + "\"\n");
  Result<int> fd = ListenUnix(socket, 0600);
  REQUIRE(fd.ok());
  CHECK(CheckStart(at_socket, std::nullopt).ok());
  CHECK(CheckStart(at_socket, Holdings{"127.0.0.1:1,unix:" + socket, at_socket.data_dir}).ok());
  const Status taken = CheckStart(at_socket, Holdings{"127.0.0.1:1", at_socket.data_dir});
  CHECK_THAT(taken.detail(), Catch::Contains("cannot listen on unix:" + socket));
  CHECK(PathOf(*fd) == socket);
  CHECK(ListensOn(*fd, *ParseListen("unix:" + socket)));
  CHECK_FALSE(ListensOn(*fd, *ParseListen("unix:" + socket + "2")));
  CHECK_FALSE(ListensOn(*fd, *ParseListen("127.0.0.1:0")));
  close(*fd);
}

TEST_CASE("start check: the keys that a store is known to need must be in the file") {
  TempDir dir;
  const std::string keys = dir.Write("keys", std::string(64, '1') + "\n");
  REQUIRE(chmod(keys.c_str(), 0600) == 0);
  const std::string listen = "listen = \"127.0.0.1:0\"\n", data = "data_dir = \"" + dir.At("data;1") + "\"\n";
  const Options plain = Read(dir, listen + data).options,
                sealed = Read(dir, listen + data + "store.encryption_key_file = \"" + keys + "\"\n").options;
  const Holdings none{"127.0.0.1:1", plain.data_dir}, other{"127.0.0.1:1", plain.data_dir, "00000001,00000002"};
  CHECK(CheckStart(plain, none).ok());
  CHECK(CheckStart(sealed, none).ok());
  CHECK(CheckStart(sealed, std::nullopt).ok());
  const Status without = CheckStart(plain, other), missing = CheckStart(sealed, other);
  CHECK_THAT(without.detail(), Catch::Contains("the store is sealed"));
  CHECK_THAT(missing.detail(), Catch::Contains("00000001,00000002"));
  for (const Status& status : {without, missing}) CHECK(status.field() == "/store/encryption_key_file");
  // Another store needs others.
  CHECK(CheckStart(plain, Holdings{other.listening_on, dir.At("elsewhere"), other.sealed_by}).ok());

  const auto pass = [](std::vector<std::string> variables) {
    for (const std::string& variable : variables) {
      const size_t end = variable.find('=');
      setenv(variable.substr(0, end).c_str(), variable.substr(end + 1).c_str(), 1);
    }
  };
  pass(EncodeHoldings(other, 7));
  CHECK_FALSE(TakeHoldings(8));
  CHECK_FALSE(TakeHoldings(7));  // taken
  pass(EncodeHoldings(other, 7));
  std::optional<Holdings> held = TakeHoldings(7);
  REQUIRE(held);
  CHECK(held->listening_on == other.listening_on);
  CHECK(held->data_dir == other.data_dir);
  CHECK(held->sealed_by == other.sealed_by);
  // Of a broker that says nothing of keys.
  pass({EncodeHoldings(other, 7).front()});
  held = TakeHoldings(7);
  REQUIRE(held);
  CHECK(held->data_dir == other.data_dir);
  CHECK(held->sealed_by == "");
}
