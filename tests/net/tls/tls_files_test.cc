#include "net/tls/tls_files.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "net/tls/certificates.h"

namespace notifyd {
namespace {

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tls_files_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void Put(const char* name, const std::string& text) { std::ofstream(path / name, std::ios::trunc) << text; }
  std::string At(const char* name) { return (path / name).string(); }
  std::filesystem::path path;
};

TEST_CASE("tls files: a new pair makes a new context, the same one none, and half of one leaves what was and is told once") {
  const Authority authority;
  const Pair one = authority.Issue("DNS:one.example"), two = authority.Issue("DNS:two.example");
  Folder folder;
  TlsFiles files({folder.At("cert"), folder.At("key"), ""});
  CHECK(files.Load().status().detail() == folder.At("cert") + " cannot be read: No such file or directory");
  CHECK(files.context() == nullptr);

  folder.Put("cert", one.certificate);
  folder.Put("key", one.key);
  REQUIRE(*files.Load());
  const std::shared_ptr<const TlsContext> first = files.context();
  CHECK_FALSE(*files.Load());
  CHECK(files.context() == first);

  folder.Put("cert", two.certificate);
  CHECK(files.Load().status().detail() == folder.At("key") + ": the key is not the certificate's");
  CHECK_FALSE(*files.Load());
  CHECK(files.context() == first);
  folder.Put("key", two.key);
  REQUIRE(*files.Load());
  CHECK(files.context() != first);

  std::filesystem::remove(folder.path / "key");
  const std::shared_ptr<const TlsContext> second = files.context();
  CHECK_FALSE(files.Load().ok());
  CHECK_FALSE(*files.Load());
  folder.Put("key", two.key);
  CHECK_FALSE(*files.Load());
  CHECK(files.context() == second);
  std::filesystem::remove(folder.path / "key");
  CHECK_FALSE(files.Load().ok());
}

TEST_CASE("tls files: a client_ca that is named must hold somebody") {
  const Authority authority;
  const Pair one = authority.Issue("DNS:one.example");
  Folder folder;
  folder.Put("cert", one.certificate);
  folder.Put("key", one.key);
  folder.Put("ca", "");
  TlsFiles files({folder.At("cert"), folder.At("key"), folder.At("ca")});
  CHECK(files.Load().status().detail() == folder.At("ca") + " is empty");
  folder.Put("ca", "nobody");
  CHECK(files.Load().status().detail() == folder.At("ca") + ": there is no certificate in it (PEM)");
  folder.Put("ca", authority.certificate());
  CHECK(*files.Load());
}

}  // namespace
}  // namespace notifyd
