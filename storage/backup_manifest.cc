#include "storage/backup_manifest.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>

#include "base/files.h"
#include "storage/backup_files.h"

namespace notifyd {
namespace {

constexpr std::string_view kHead = "notifyd backup\nversion ";
constexpr uint64_t kManifestVersion = 1;
constexpr size_t kNameMost = 100;
constexpr size_t kManifestMost = 1 << 30;  // of a store of some PiB

std::string StoreText(const Fingerprint& store) {
  char text[40];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(store.high), static_cast<unsigned long long>(store.low));
  return text;
}

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// A name that leads nowhere else.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMost && std::all_of(name.begin(), name.end(), IsNameByte) && name.front() != '.' &&
         name.front() != '-' && name.front() != '_';
}

std::optional<uint64_t> Number(std::string_view text, int base = 10) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// Takes words and lines from the front of a text. Once one is not what was asked for, none is any more.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  bool done() const { return text_.empty(); }
  bool Begins(std::string_view word) const { return ok_ && text_.starts_with(word); }
  /// "word rest": the rest.
  std::string_view Line(std::string_view word) {
    Expect(word);
    Expect(" ");
    return Until('\n');
  }
  void Expect(std::string_view word) {
    ok_ = ok_ && text_.starts_with(word);
    if (ok_) text_.remove_prefix(word.size());
  }
  std::string_view Until(char end) {
    const size_t at = ok_ ? text_.find(end) : std::string_view::npos;
    ok_ = at != std::string_view::npos;
    if (!ok_) return {};
    std::string_view taken = text_.substr(0, at);
    text_.remove_prefix(at + 1);
    return taken;
  }
  template <class T>
  T Need(std::optional<T> value) {
    ok_ = ok_ && value.has_value();
    return ok_ ? *std::move(value) : T();
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

std::optional<WallTime> Time(std::string_view text) {
  Result<WallTime> time = ParseRfc3339(text);
  return time.ok() ? std::optional(*time) : std::nullopt;
}

std::optional<Fingerprint> Store(std::string_view text) {
  std::optional<uint64_t> high = Number(text.substr(0, 16), 16), low = Number(text.size() == 32 ? text.substr(16) : "", 16);
  return high && low ? std::optional(Fingerprint{*high, *low}) : std::nullopt;
}

BackupFile ReadFileLine(Lines* lines) {
  BackupFile file;
  lines->Expect("file ");
  file.sha256 = lines->Until(' ');
  file.bytes = lines->Need(Number(lines->Until(' ')));
  file.identity = lines->Until(' ');
  if (file.identity == "-") file.identity.clear();
  file.name = lines->Until('\n');
  return file;
}

Status Unreadable(const std::string& what) {
  return Status(Code::kCorrupt, "the backup is damaged: " + what);
}

}  // namespace

uint64_t BackupManifest::bytes() const {
  return std::accumulate(files.begin(), files.end(), uint64_t{0}, [](uint64_t sum, const BackupFile& file) { return sum + file.bytes; });
}

std::string EncodeBackupManifest(const BackupManifest& manifest) {
  std::string out(kHead);
  out += std::to_string(kManifestVersion) + "\nname " + manifest.name + "\nstore " + StoreText(manifest.store);
  out += "\nbegan_at " + FormatRfc3339(manifest.began_at) + "\nended_at " + FormatRfc3339(manifest.ended_at);
  out += "\ncopied_bytes " + std::to_string(manifest.copied_bytes) + "\nsealed " + (manifest.sealed ? "yes" : "no") + "\n";
  for (const BackupFile& file : manifest.files)
    out += "file " + file.sha256 + " " + std::to_string(file.bytes) + " " + (file.identity.empty() ? "-" : file.identity) + " " + file.name + "\n";
  return out + "checksum " + Sha256Hex(out) + "\n";
}

Result<BackupManifest> DecodeBackupManifest(std::string_view text) {
  Lines lines(text);
  lines.Expect(kHead);
  const uint64_t version = lines.Need(Number(lines.Until('\n')));
  if (lines.ok() && version > kManifestVersion)
    return Status(Code::kUnacceptable, "the backup was made by a later notifyd: version " + std::to_string(version));
  BackupManifest manifest;
  manifest.name = lines.Line("name");
  manifest.store = lines.Need(Store(lines.Line("store")));
  manifest.began_at = lines.Need(Time(lines.Line("began_at")));
  manifest.ended_at = lines.Need(Time(lines.Line("ended_at")));
  manifest.copied_bytes = lines.Need(Number(lines.Line("copied_bytes")));
  manifest.sealed = lines.Line("sealed") == "yes";
  while (lines.Begins("file ")) manifest.files.push_back(ReadFileLine(&lines));
  lines.Line("checksum");
  // There is one way to write it, so that it is right exactly where the bytes are the same.
  if (!lines.ok() || !lines.done() || text != EncodeBackupManifest(manifest)) return Unreadable("it does not read, or its checksum is wrong");
  for (const BackupFile& file : manifest.files)
    if (!IsPlainName(file.name) || file.name == kBackupManifest) return Unreadable("it names a file that is none of a backup's");
  return manifest;
}

Result<BackupManifest> ReadBackupManifest(const std::string& directory) {
  const std::string path = (std::filesystem::path(directory) / kBackupManifest).string();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Status(Code::kNotFound, directory + " is no backup: it has no " + kBackupManifest);
  Result<std::string> text = ReadFile(path, kManifestMost);
  if (!text.ok()) return Status(text.status().code(), path + " " + text.status().detail());
  Result<BackupManifest> manifest = DecodeBackupManifest(*text);
  if (!manifest.ok()) return Status(manifest.status().code(), path + ": " + manifest.status().detail());
  return manifest;
}

Status CheckBackupName(std::string_view name) {
  if (IsPlainName(name) && !name.ends_with(kPartial)) return Status::Ok();
  return Status(
      Code::kUnacceptable,
      "the name must be 1 to 100 letters, digits, \"-\", \"_\" and \".\", begin with a letter or digit, and not end in " + std::string(kPartial),
      "/name");
}

}  // namespace notifyd
