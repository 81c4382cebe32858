#include "net/sender/authorities.h"

#include "base/check.h"
#include <catch2/catch.hpp>

#include <filesystem>

#include "support/temp_dir.h"

namespace notifyd {
namespace {

// Certificates only as far as a file of them tells: a SEQUENCE in base64.
const std::string kOne = "-----BEGIN CERTIFICATE-----\nMAMC\nAQE=\n-----END CERTIFICATE-----\n";

class File {
 public:
  explicit File(const std::string& text) : path_(dir_.Write("ca.pem", text)) {}
  const std::string& path() const { return path_; }
  const std::string& directory() const { return dir_.path(); }

 private:
  test::TempDir dir_;
  std::string path_;
};

TEST_CASE("authorities: certificates in PEM form, among whatever else stands in the file") {
  auto text = GENERATE(
      values<std::string>({kOne, "a comment\n" + kOne + "\n" + kOne,
                           "-----BEGIN X509 CRL-----\nrubbish\n-----END X509 CRL-----\n" + kOne + "-----BEGIN DH PARAMETERS-----\n",
                           "-----BEGIN CERTIFICATE-----\r\nMAMC\r\nAQE=\r\n-----END CERTIFICATE-----\r\n",
                           "-----BEGIN X509 CERTIFICATE-----\nMAMCAQE=\n-----END X509 CERTIFICATE-----", "x -----BEGIN CERTIFICATE-----\n" + kOne,
                           // A trusted one carries more behind the certificate.
                           "-----BEGIN TRUSTED CERTIFICATE-----\nMAMCAQEwAA==\n-----END TRUSTED CERTIFICATE-----\n"}));
  CAPTURE(text);
  File file(text);
  CHECK(CheckAuthorities(file.path()).ok());
}

TEST_CASE("authorities: the system's own file is one") {
  const std::string file = "/etc/ssl/certs/ca-certificates.crt";
  if (std::filesystem::exists(file)) CHECK(CheckAuthorities(file).ok());
}

TEST_CASE("authorities: a file without certificates, or with one that does not read, is refused and named") {
  auto [text, why] = GENERATE_COPY(table<std::string, std::string>({
      {"", "holds no certificate"},
      {"rubbish", "holds no certificate"},
      {"-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n", "holds no certificate"},
      {"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n", "certificate 1 does not read"},
      {"-----BEGIN CERTIFICATE-----\nMAMCA!E=\n-----END CERTIFICATE-----\n", "certificate 1 does not read"},
      {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "certificate 1 does not read"},
      {kOne + "-----BEGIN CERTIFICATE-----\nMAQCAQE=\n-----END CERTIFICATE-----\n", "certificate 2 does not read"},
      {"-----BEGIN CERTIFICATE-----\nMIQ=\n-----END CERTIFICATE-----\n", "certificate 1 does not read"},
  }));
  CAPTURE(text);
  File file(text);
  Status checked = CheckAuthorities(file.path());
  CHECK(checked.code() == Code::kUnacceptable);
  CHECK_THAT(checked.detail(), Catch::StartsWith(file.path()) && Catch::Contains(why));
}

TEST_CASE("authorities: what cannot be read, or is no file, is refused and named") {
  File file(kOne);
  CHECK_THAT(CheckAuthorities(file.path() + ".not").detail(), Catch::Contains("cannot be read: No such file"));
  CHECK_THAT(CheckAuthorities(file.directory()).detail(), Catch::Contains("is not a regular file"));
  CHECK_THAT(CheckAuthorities("/dev/zero").detail(), Catch::Contains("is not a regular file"));
}

}  // namespace
}  // namespace notifyd
