// A store whose PostgreSQL is reached over TLS, by a pooler that sends larger records than the server itself.
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "storage/postgres/pg_connection.h"
#include "storage/postgres_harness.h"
#include "support/certificates.h"
#include "support/temp_dir.h"
#include "support/threaded_server.h"

namespace notifyd {
namespace {

constexpr size_t kRecord = 16'384;  // the most that one record of TLS holds

int ConnectToOwn() {
  const std::string dsn = OwnPostgres().dsn();
  const std::string path = dsn.substr(5, dsn.find(' ') - 5) + "/.s.PGSQL.5432";  // "host=..."
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

/// Takes TLS for the server of the test, and gives on what that answers once it waits for what comes next. The end is a whole record, and a longer
/// answer has what is before it in another one.
class TlsPooler {
 public:
  std::string dsn(const std::string& tls = "sslmode=require") const {
    return "host=127.0.0.1 port=" + std::to_string(server_.port()) + " " + tls + " gssencmode=disable user=notifyd dbname=postgres";
  }
  /// Of whom the certificate is that it shows.
  const CertificateAuthority& authority() const { return authority_; }
  /// From now on it shows one of somebody else's.
  void ShowOther() { shows_other_ = true; }

 private:
  void Serve(Stream* client) const {
    std::string wants_tls;
    if (!client->ReadBytes(8, &wants_tls) || !client->Send("S") || !client->Accept((shows_other_ ? other_ : context_).get())) return;
    const int server = ConnectToOwn();
    if (server < 0) return;
    Pass(client, server);
    close(server);
  }
  static void Pass(Stream* client, int server) {
    std::string answer;
    std::array<char, 65'536> bytes;
    for (;;) {
      std::array<pollfd, 2> ends = {{{client->fd(), POLLIN, 0}, {server, POLLIN, 0}}};
      if (SSL_pending(client->ssl()) == 0) poll(ends.data(), ends.size(), -1);
      else ends[0].revents = POLLIN;
      if (ends[0].revents != 0) {
        if (!client->More()) return;
        if (send(server, client->unread.data(), client->unread.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(client->unread.size())) return;
        client->unread.clear();
      }
      if (ends[1].revents == 0) continue;
      const ssize_t count = recv(server, bytes.data(), bytes.size(), 0);
      answer.append(bytes.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
      const bool waits = answer.size() >= 6 && answer.substr(answer.size() - 6, 5) == std::string("Z\0\0\0\5", 5);
      if (count > 0 && !waits) continue;
      const size_t first = answer.size() > kRecord ? answer.size() - kRecord : 0;
      if (first > 0 && !client->Send(answer.substr(0, first))) return;
      if (!client->Send(answer.substr(first)) || count <= 0) return;
      answer.clear();
    }
  }

  const CertificateAuthority authority_;
  const PeerContext context_ = NewPeerContext(/*server=*/true, "", authority_.Issue("IP:127.0.0.1"));
  const CertificateAuthority somebody_else_;
  const PeerContext other_ = NewPeerContext(/*server=*/true, "", somebody_else_.Issue("IP:127.0.0.1"));
  std::atomic<bool> shows_other_{false};
  ThreadedServer server_{[this](Stream& client, int) { Serve(&client); }};
};

}  // namespace

TEST_CASE("postgres: the end of an answer of which TLS holds some, and the socket shows nothing, is not waited for") {
  const TlsPooler pooler;
  StoreOptions options = PostgresStoreOptions();
  options.postgres.dsn = pooler.dsn();
  PostgresHostHarness h(options);
  h.Commit(2, {Put(MakeRecord(1))});
  auto beside = PgConnection::Open(options.postgres);
  if (!beside.ok()) FAIL(beside.status().detail());
  // Of more than one record, the first of which ends within a message.
  const std::string tell = "BEGIN FOR i IN 1..5 LOOP RAISE INFO '%', repeat('x', 3500); END LOOP; ";
  REQUIRE((*beside)->RunScript("DO $$ " + tell + "END $$").ok());
  REQUIRE((*beside)
              ->RunScript("CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ " + tell +
                          "RETURN NULL; END $$; CREATE TRIGGER tell BEFORE INSERT ON kv_notifies FOR EACH STATEMENT EXECUTE FUNCTION tell()")
              .ok());
  h.Commit(2, {Put(MakeRecord(2))});
  CHECK(h.ListIds(2).size() == 2);
  CHECK(h.events().failures == 0);
}

TEST_CASE("postgres: a server answers, for a session that goes on, whatever certificate it shows by now; nobody comes to it anew") {
  TlsPooler pooler;
  const test::TempDir dir;
  PostgresOptions options = PostgresStoreOptions().postgres;
  options.dsn = pooler.dsn("sslmode=verify-ca sslrootcert=" + dir.Write("ca.pem", pooler.authority().certificate()));
  auto session = PgConnection::Open(options);
  if (!session.ok()) FAIL(session.status().detail());
  CHECK((*session)->Answers());
  pooler.ShowOther();
  CHECK((*session)->Answers());
  auto anew = PgConnection::Open(options);
  REQUIRE_FALSE(anew.ok());
  CHECK_THAT(anew.status().detail(), Catch::Contains("SSL error"));
  CHECK((*session)->RunScript("SELECT 1").ok());
}

TEST_CASE("postgres: a file of passwords that others may read is left out, and that is said where nobody is let in without it") {
  const test::TempDir dir;
  PostgresOptions options = PostgresStoreOptions().postgres;
  const std::string path = dir.Write("passwords", "*:*:*:*:secret\n");
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  options.dsn = "host=/nowhere passfile=" + path;
  CHECK_THAT(PgConnection::Open(options).status().detail(),
             Catch::EndsWith("; " + path + " is left out, as others may read it: it needs the mode 0600"));
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  CHECK(PgConnection::Open(options).status().detail().find(path) == std::string::npos);
}

}  // namespace notifyd
