#include "cli/import/mysql_address.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/ascii.h"

namespace notifyd {
namespace {

constexpr std::string_view kScheme = "mysql://";
constexpr std::string_view kAddressShape = "mysql://USER@HOST:PORT/DATABASE";
constexpr size_t kNameMost = 64;

Status Bad(std::string what) {
  return Status(Code::kUnacceptable, std::move(what));
}

/// Nothing where a percent sign has no two digits behind it, or where a NUL would come out.
std::optional<std::string> Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 1 < text.size() ? HexDigit(text[i + 1]) : -1, low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

Status Decode(std::string_view text, const char* what, std::string* out) {
  std::optional<std::string> decoded = Decoded(text);
  if (!decoded) return Bad(std::string("the MySQL address: its ") + what + " has a percent sign without two hexadecimal digits behind it");
  *out = *std::move(decoded);
  return Status::Ok();
}

Status ReadUser(std::string_view text, MysqlAddress* out) {
  const size_t colon = text.find(':');
  NOTIFYD_TRY(Decode(text.substr(0, colon), "user", &out->user));
  return colon == std::string_view::npos ? Status::Ok() : Decode(text.substr(colon + 1), "password", &out->password);
}

Status ReadHost(std::string_view text, MysqlAddress* out) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return Bad("the MySQL address: \"[\" of its host has no \"]\"");
    host = text.substr(1, end - 1);
    if (end + 1 < text.size()) port = text.substr(end + 1);
  } else if (const size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  NOTIFYD_TRY(Decode(host, "host", &out->host));
  if (port.empty()) return Status::Ok();
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out->port);
  if (error == std::errc() && end == port.data() + port.size() && out->port != 0) return Status::Ok();
  return Bad("the MySQL address: its port is no number of 1 to 65535");
}

Status ReadTls(const std::string& word, MysqlAddress* out) {
  std::string mode(word);
  std::transform(mode.begin(), mode.end(), mode.begin(), [](char c) { return c == '-' ? '_' : LowerAscii(c); });
  if (mode == "disabled") out->tls = MysqlAddress::Tls::kOff;
  else if (mode == "required") out->tls = MysqlAddress::Tls::kRequired;
  else if (mode == "verify_identity") out->tls = MysqlAddress::Tls::kVerified;
  else return Bad("the MySQL address: ssl-mode is disabled, required or verify_identity, not \"" + word + "\"");
  return Status::Ok();
}

Status ReadParameters(std::string_view text, MysqlAddress* out) {
  struct Row {
    const char* name;
    std::string MysqlAddress::*text;
  };
  static constexpr Row kRows[] = {{"table", &MysqlAddress::table},      {"socket", &MysqlAddress::socket},
                                  {"ssl-ca", &MysqlAddress::ca_file},   {"ssl-cert", &MysqlAddress::cert_file},
                                  {"ssl-key", &MysqlAddress::key_file}, {"time-zone", &MysqlAddress::time_zone}};
  std::optional<std::string> mode;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::string_view name = pair.substr(0, pair.find('='));
    const Row* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& each) { return name == each.name; });
    // What is no name may be of a password: it is not repeated.
    if (row == std::end(kRows) && name != "ssl-mode")
      return Bad("the MySQL address: its parameters are table, time-zone, socket, ssl-mode, ssl-ca, ssl-cert and ssl-key");
    std::string value;
    NOTIFYD_TRY(Decode(pair.size() > name.size() ? pair.substr(name.size() + 1) : std::string_view(), "parameter", &value));
    if (value.empty()) return Bad("the MySQL address: its parameter \"" + std::string(name) + "\" has no value");
    if (row != std::end(kRows)) out->*row->text = value;
    else mode = value;
  }
  if (mode) return ReadTls(*mode, out);
  if (!out->ca_file.empty()) out->tls = MysqlAddress::Tls::kVerified;
  return Status::Ok();
}

bool IsTableName(std::string_view name) {
  auto plain = [](char c) { return IsDigit(c) || (LowerAscii(c) >= 'a' && LowerAscii(c) <= 'z') || c == '_' || c == '$'; };
  return !name.empty() && name.size() <= kNameMost && std::all_of(name.begin(), name.end(), plain);
}

}  // namespace

std::string MysqlAddress::Text() const {
  std::string text = user.empty() ? "" : user + "@";
  if (!socket.empty()) text += socket;
  else text += (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
  return text + "/" + database + "." + table;
}

Result<MysqlAddress> ParseMysqlAddress(std::string_view url) {
  if (!url.starts_with(kScheme)) return Bad("the MySQL address must be " + std::string(kAddressShape));
  url.remove_prefix(kScheme.size());
  // Of a password that was not encoded what stands behind such a character would be taken for something else, and shown.
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  const std::string_view rest = url.substr(end);
  if (rest.substr(0, rest.find('?')).find('@') != std::string_view::npos || (rest.find('@') != std::string_view::npos && url.find('@') > end))
    return Bad("the MySQL address: \"/\" and \"?\" in a user or a password are written %2F and %3F, \"@\" in a database %40");
  MysqlAddress address;
  address.table = "Notify";
  const size_t query = std::min(url.find('?'), url.size());
  if (query < url.size()) NOTIFYD_TRY(ReadParameters(url.substr(query + 1), &address));
  url = url.substr(0, query);
  const size_t slash = std::min(url.find('/'), url.size());
  std::string_view authority = url.substr(0, slash);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    NOTIFYD_TRY(ReadUser(authority.substr(0, at), &address));
    authority.remove_prefix(at + 1);
  }
  NOTIFYD_TRY(ReadHost(authority, &address));
  if (address.host.empty() && address.socket.empty()) return Bad("the MySQL address names no host: " + std::string(kAddressShape));
  if (slash < url.size()) NOTIFYD_TRY(Decode(url.substr(slash + 1), "database", &address.database));
  if (address.database.empty()) return Bad("the MySQL address names no database: " + std::string(kAddressShape));
  if (!IsTableName(address.table)) return Bad("the MySQL address: a table has 1 to 64 of A-Z, a-z, 0-9, \"_\" and \"$\" in its name");
  if (address.key_file.empty() != address.cert_file.empty()) return Bad("the MySQL address: ssl-cert and ssl-key go together");
  const bool files = !address.ca_file.empty() || !address.cert_file.empty();
  if (files && address.tls == MysqlAddress::Tls::kOff) return Bad("the MySQL address: ssl-ca and ssl-cert go with an ssl-mode that has TLS");
  if (!address.socket.empty() && address.tls == MysqlAddress::Tls::kVerified)
    return Bad("the MySQL address: verify_identity checks a host's name, and a socket has none");
  return address;
}

}  // namespace notifyd
