#include "cli/client/credential.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace notifyd {
namespace {

constexpr size_t kFileMost = 4096;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Status UnacceptableToken(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

/// Is it of a token's form? What is none is not sent: it may be another secret, and a line break would end the header.
bool IsToken(std::string_view text) {
  return text.starts_with("ntf_") &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_' || c == '-'); });
}

std::string_view Trimmed(std::string_view text) {
  size_t from = text.find_first_not_of(" \t\r\n"), to = text.find_last_not_of(" \t\r\n");
  return from == std::string_view::npos ? std::string_view() : text.substr(from, to - from + 1);
}

Result<Credential> CredentialOf(std::string_view text, std::string source) {
  text = Trimmed(text);
  if (!IsToken(text)) return UnacceptableToken(source + " holds no token: one begins with ntf_");
  return Credential{std::string(text), std::move(source)};
}

/// Nothing where there is no such file.
Result<std::optional<std::string>> ReadPrivate(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
  if (fd < 0) return UnacceptableToken("cannot read " + path + ": " + std::strerror(errno));
  struct stat status {};
  std::string text(kFileMost, '\0');
  ssize_t got = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? read(fd, text.data(), text.size()) : -1;
  close(fd);
  if (got < 0) return UnacceptableToken("cannot read " + path + ": it is no regular file");
  if (status.st_mode & (S_IRWXG | S_IRWXO)) return UnacceptableToken(path + " is open to others than its owner: chmod 600 " + path);
  text.resize(static_cast<size_t>(got));
  return std::optional<std::string>(std::move(text));
}

}  // namespace

Result<Credential> FindCredential() {
  if (std::string token = Variable("NOTIFYD_TOKEN"); !token.empty()) return CredentialOf(token, "NOTIFYD_TOKEN");
  std::string path = Variable("NOTIFYD_TOKEN_FILE"), home = Variable("HOME");
  bool named = !path.empty();
  if (!named && home.empty()) return Credential{};
  if (!named) path = home + "/.config/notifyd/token";
  Result<std::optional<std::string>> text = ReadPrivate(path);
  if (!text.ok()) return text.status();
  if (*text) return CredentialOf(**text, path);
  if (named) return UnacceptableToken("cannot read " + path + ", which NOTIFYD_TOKEN_FILE names: there is no such file");
  return Credential{};
}

Result<std::string> ReadPrivateFile(const std::string& path) {
  Result<std::optional<std::string>> text = ReadPrivate(path);
  if (!text.ok()) return text.status();
  if (!*text) return UnacceptableToken("cannot read " + path + ": there is no such file");
  return std::string(Trimmed(**text));
}

}  // namespace notifyd
