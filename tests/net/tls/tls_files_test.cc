#include "net/tls/tls_files.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/certificates.h"
#include "support/temp_dir.h"

namespace notifyd {
namespace {

TEST_CASE("tls files: a new pair makes a new context, the same one none, and half of one leaves what was and is told once") {
  const CertificateAuthority authority;
  const Pair one = authority.Issue("DNS:one.example"), two = authority.Issue("DNS:two.example");
  test::TempDir folder;
  TlsFiles files({folder.At("cert"), folder.At("key"), ""});
  CHECK(files.Load().status().detail() == folder.At("cert") + " cannot be read: No such file or directory");
  CHECK(files.context() == nullptr);

  folder.Write("cert", one.certificate);
  folder.Write("key", one.key);
  REQUIRE(*files.Load());
  const std::shared_ptr<const TlsContext> first = files.context();
  CHECK_FALSE(*files.Load());
  CHECK(files.context() == first);

  folder.Write("cert", two.certificate);
  CHECK(files.Load().status().detail() == folder.At("key") + ": the key is not the certificate's");
  CHECK_FALSE(*files.Load());
  CHECK(files.context() == first);
  folder.Write("key", two.key);
  REQUIRE(*files.Load());
  CHECK(files.context() != first);

  std::filesystem::remove(folder.At("key"));
  const std::shared_ptr<const TlsContext> second = files.context();
  CHECK_FALSE(files.Load().ok());
  CHECK_FALSE(*files.Load());
  folder.Write("key", two.key);
  CHECK_FALSE(*files.Load());
  CHECK(files.context() == second);
  std::filesystem::remove(folder.At("key"));
  CHECK_FALSE(files.Load().ok());
}

TEST_CASE("tls files: one that those who trust its authority would not take is not taken where they must, and the one before is kept") {
  const CertificateAuthority authority, others;
  const Pair good = authority.Issue("DNS:one.example"), elsewhere = authority.Issue("DNS:two.example"), stranger = others.Issue("DNS:one.example");
  test::TempDir folder;
  const auto write = [&](const Pair& pair) {
    folder.Write("cert", pair.certificate);
    folder.Write("key", pair.key);
  };
  folder.Write("ca", authority.certificate());
  write(good);
  for (TlsFiles::Side side : {TlsFiles::Side::kServer, TlsFiles::Side::kClient}) {
    TlsFiles files({folder.At("cert"), folder.At("key"), folder.At("ca"), "one.example"}, side);
    REQUIRE(*files.Load());
    const std::shared_ptr<const TlsContext> first = files.context();
    write(elsewhere);
    CHECK(files.Load().status().detail() == folder.At("cert") + " is not for \"one.example\"");
    write(stranger);
    CHECK_THAT(files.Load().status().detail(), Catch::StartsWith(folder.At("cert") + " is not certified: "));
    CHECK_FALSE(*files.Load());
    CHECK(files.context() == first);
    // Another authority alone, before the certificate is one of its.
    write(good);
    folder.Write("ca", others.certificate());
    CHECK_FALSE(files.Load().ok());
    CHECK(files.context() == first);
    write(stranger);
    CHECK(*files.Load());
    CHECK(files.context() != first);
    folder.Write("ca", authority.certificate());
    write(good);
  }
  CHECK(*TlsFiles({folder.At("cert"), folder.At("key"), folder.At("ca")}).Load());
}

TEST_CASE("tls files: a client_ca that is named must hold somebody") {
  const CertificateAuthority authority;
  const Pair one = authority.Issue("DNS:one.example");
  test::TempDir folder;
  folder.Write("cert", one.certificate);
  folder.Write("key", one.key);
  folder.Write("ca", "");
  TlsFiles files({folder.At("cert"), folder.At("key"), folder.At("ca")});
  CHECK(files.Load().status().detail() == folder.At("ca") + " is empty");
  folder.Write("ca", "nobody");
  CHECK(files.Load().status().detail() == folder.At("ca") + ": there is no certificate in it (PEM)");
  folder.Write("ca", authority.certificate());
  CHECK(*files.Load());
}

}  // namespace
}  // namespace notifyd
