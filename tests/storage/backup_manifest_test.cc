// The manifest of a backup, byte for byte, and what it refuses.
#include "storage/backup_manifest.h"

#include "storage/backup_files.h"
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

BackupManifest Example() {
  BackupManifest manifest;
  manifest.name = "nightly-2027-03-01";
  manifest.store = {0x5b0f3c1de2a94e6f, 0x8a7b6c5d4e3f2a1b};
  manifest.began_at = {1'803'866'400'000};
  manifest.ended_at = {1'803'866'600'250};
  manifest.copied_bytes = 5;
  manifest.sealed = true;
  manifest.files = {{"CURRENT", 5, Sha256Hex("hello"), ""}, {"000012.sst", 1000, std::string(64, 'a'), "ABC-12"}};
  return manifest;
}

std::string Detail(const std::string& text) {
  Result<BackupManifest> manifest = DecodeBackupManifest(text);
  return manifest.ok() ? "" : manifest.status().detail();
}

/// With the right checksum behind it.
std::string Sealed(const std::string& text) {
  return text + "checksum " + Sha256Hex(text) + "\n";
}

}  // namespace

TEST_CASE("backup manifest: its lines, which read back as they were written") {
  const std::string lines =
      "notifyd backup\nversion 1\nname nightly-2027-03-01\nstore 5b0f3c1de2a94e6f8a7b6c5d4e3f2a1b\nbegan_at 2027-03-01T02:00:00.000Z\n"
      "ended_at 2027-03-01T02:03:20.250Z\ncopied_bytes 5\nsealed yes\n"
      "file 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 5 - CURRENT\n"
      "file aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1000 ABC-12 000012.sst\n";
  CHECK(EncodeBackupManifest(Example()) == Sealed(lines));
  Result<BackupManifest> read = DecodeBackupManifest(Sealed(lines));
  REQUIRE(read.ok());
  CHECK(*read == Example());
  CHECK(read->bytes() == 1005);
}

TEST_CASE("backup manifest: each changed, missing or added byte is seen") {
  const std::string text = EncodeBackupManifest(Example());
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CAPTURE(at);
    CHECK_FALSE(DecodeBackupManifest(changed).ok());
    CHECK_FALSE(DecodeBackupManifest(text.substr(0, at)).ok());
  }
  CHECK_FALSE(DecodeBackupManifest(text + "\n").ok());
  CHECK_FALSE(DecodeBackupManifest("").ok());
}

TEST_CASE("backup manifest: a file elsewhere, and a later version, are refused though the checksum is right") {
  BackupManifest manifest = Example();
  for (const char* name : {"../FORMAT", "/etc/passwd", "..", ".hidden", "BACKUP", "a b"}) {
    manifest.files[0].name = name;
    CHECK_FALSE(DecodeBackupManifest(EncodeBackupManifest(manifest)).ok());
  }
  CHECK_THAT(Detail(Sealed("notifyd backup\nversion 2\nwhat comes then\n")), Catch::Contains("a later notifyd"));
}

TEST_CASE("backup names: what leads elsewhere, or is the name of a part, is refused") {
  for (const char* name : {"a", "nightly-2027-03-01", "A.b_c-9"}) CHECK(CheckBackupName(name).ok());
  for (const char* name : {"", ".", "..", ".lock", "-a", "_a", "a/b", "/a", "a\\b", "a b", "a\nb", "\xc3\xa4", "a.partial"}) {
    CAPTURE(name);
    CHECK(CheckBackupName(name).field() == "/name");
  }
  CHECK(CheckBackupName(std::string(100, 'a')).ok());
  CHECK_FALSE(CheckBackupName(std::string(101, 'a')).ok());
}

}  // namespace notifyd
