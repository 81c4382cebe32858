#include "cli/daemon/settings_access.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "base/crypto.h"
#include "base/files.h"
#include "cli/daemon/settings_tables.h"
#include "net/access/token.h"

namespace notifyd {
namespace {

constexpr size_t kGrantsMost = 10'000, kTokenFileMostBytes = 4096;
constexpr char kOverflowUid[] = "/proc/sys/kernel/overflowuid";

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

uint32_t OverflowUid() {
  Result<std::string> text = ReadFile(kOverflowUid, 64);
  const std::optional<uint32_t> uid = text.ok() ? ParseNumber<uint32_t>(text->substr(0, text->find('\n'))) : std::nullopt;
  return uid.value_or(AuthSettings().overflow_uid);
}

Result<uint32_t> UidOf(const std::string& name) {
  std::optional<uint32_t> uid = ParseNumber<uint32_t>(name);
  if (!uid) {
    passwd entry{};
    passwd* found = nullptr;
    std::string buffer(16 << 10, '\0');
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
      return Unacceptable("there is no user \"" + name + "\" here");
    uid = found->pw_uid;
  }
  if (*uid == OverflowUid()) return Unacceptable("uid " + std::to_string(*uid) + " is anybody's who has none here, and so nobody's");
  return *uid;
}

/// "DNS:", "URI:", "IP:" or "email:", then a name; where case does not matter it is lower.
bool IsCertificateName(const std::string& name) {
  for (const char* kind : {"DNS:", "URI:", "IP:", "email:"})
    if (name.starts_with(kind) && name.size() > std::string_view(kind).size()) return true;
  return false;
}

Status ReadScopes(const toml::node& node, ScopeSet* scopes) {
  Result<std::vector<std::string>> words = TextsOf(node);
  if (!words.ok()) return std::move(words).status();
  for (const std::string& word : *words) {
    std::optional<Scope> scope = ParseScope(word);
    if (!scope) return Unacceptable("\"" + word + "\" is no scope, only " + ScopeSet::All().ToString(", "));
    scopes->Add(*scope);
  }
  return Status::Ok();
}

Status ReadNamespaces(const toml::node& node, NamespaceSet* namespaces) {
  if (const auto* text = node.as_string(); text && text->get() == "*") {
    *namespaces = NamespaceSet::All();
    return Status::Ok();
  }
  Result<std::vector<std::string>> names = TextsOf(node);
  if (!names.ok()) return Unacceptable("must be a list of names, or \"*\"");
  *namespaces = NamespaceSet::Of(*std::move(names));
  return Status::Ok();
}

Status ReadTexts(const toml::node& node, std::vector<std::string>* texts) {
  Result<std::vector<std::string>> read = TextsOf(node);
  if (!read.ok()) return std::move(read).status();
  *texts = *std::move(read);
  return Status::Ok();
}

Status ReadKey(const std::string& key, const toml::node& node, Grant* grant) {
  if (key == "namespaces") return ReadNamespaces(node, &grant->namespaces);
  if (key == "scopes") return ReadScopes(node, &grant->scopes);
  if (key == "lanes") return ReadTexts(node, &grant->lanes);
  if (key == "fkeys") return ReadTexts(node, &grant->fkeys);
  if (key == "services") return ReadTexts(node, &grant->services);
  if (key == "caller") {
    Result<std::string> text = TextOf(node);
    if (!text.ok()) return std::move(text).status();
    grant->caller = *std::move(text);
    return Status::Ok();
  }
  if (key == "submits_per_s") {
    if (const auto* whole = node.as_integer()) grant->submits_per_s = static_cast<double>(whole->get());
    else if (const auto* real = node.as_floating_point()) grant->submits_per_s = real->get();
    else return Unacceptable("must be a number");
    return Status::Ok();
  }
  return Unacceptable("there is no such key, only namespaces, scopes, caller, lanes, fkeys, services and submits_per_s");
}

Status CheckTokenFile(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return Status::Ok();  // reading it says why
  if ((found.st_mode & 077) != 0) return Unacceptable(path + " is open to others than its owner: chmod 600 " + path);
  if (found.st_uid != geteuid() && found.st_uid != 0) return Unacceptable(path + " belongs to another user");
  return Status::Ok();
}

/// 192 random bits have as many of letters and digits (contract section 8).
constexpr size_t kBootstrapSecretLeast = 33;

Result<Digest256> ReadBootstrap(const std::string& path) {
  if (Status closed = CheckTokenFile(path); !closed.ok()) return closed;
  Result<std::string> text = ReadFile(path, kTokenFileMostBytes);
  if (!text.ok()) return Unacceptable(path + " " + text.status().detail());
  std::string_view token = *text;
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.remove_suffix(1);
  const std::optional<TokenText> parsed = ParseToken(token);
  if (!parsed) return Unacceptable(path + " holds no token: ntf_, an id of 12 letters and digits, _ and a secret, in one line");
  if (parsed->secret.size() < kBootstrapSecretLeast)
    return Unacceptable(path + " holds a token whose secret has less than " + std::to_string(kBootstrapSecretLeast) +
                        " characters: it could be guessed");
  return Sha256(token);
}

}  // namespace

Result<std::map<std::string, AccessGrant>> ReadGrants(const toml::node& node, const std::string& name, const std::string& file) {
  auto blame = [&](const std::string& key, const toml::node& at, const std::string& what) {
    std::string field = "/" + name.substr(0, name.find('.')) + "/" + name.substr(name.find('.') + 1);
    return Status(Code::kUnacceptable, name + key + " (" + PlaceOf(file, at) + "): " + what, std::move(field));
  };
  const toml::table* tables = node.as_table();
  if (!tables) return blame("", node, "must be tables, each under a line [" + name + ".NAME]");
  if (tables->size() > kGrantsMost) return blame("", node, "more than " + std::to_string(kGrantsMost) + " tables");
  std::map<std::string, AccessGrant> out;
  std::set<uint32_t> uids;
  for (const auto& [key, inner] : *tables) {
    const std::string who(key.str());
    const toml::table* table = inner.as_table();
    if (!table) return blame("." + who, inner, "must be a table");
    AccessGrant access;
    if (name == "auth.peers") {
      Result<uint32_t> uid = UidOf(who);
      if (!uid.ok()) return blame("." + who, inner, uid.status().detail());
      if (!uids.insert(*uid).second) return blame("." + who, inner, "uid " + std::to_string(*uid) + " has a table already");
      access.uid = *uid;
    } else if (!IsCertificateName(who)) {
      return blame("." + who, inner, "must be a certificate's name with its kind: DNS:, URI:, IP: or email:");
    }
    for (const auto& [field, value] : *table)
      if (Status fault = ReadKey(std::string(field.str()), value, &access.grant); !fault.ok())
        return blame("." + who + "." + std::string(field.str()), value, fault.detail());
    if (access.grant.scopes.empty()) return blame("." + who, inner, "scopes is missing");
    if (access.grant.namespaces == NamespaceSet{}) return blame("." + who, inner, "namespaces is missing");
    if (Status fault = CheckGrant(access.grant); !fault.ok()) return blame("." + who, inner, fault.field().substr(1) + " " + fault.detail());
    out.emplace(who, std::move(access));
  }
  return out;
}

Result<std::shared_ptr<const AuthSettings>> ReadAuthSettings(const AuthOptions& options) {
  auto settings = std::make_shared<AuthSettings>();
  settings->tokens = options.tokens();
  settings->overflow_uid = OverflowUid();
  for (const auto& [who, access] : options.peers)
    settings->peers[access.uid] = std::make_shared<const NamedGrant>(NamedGrant{"peer " + who, access.grant});
  for (const auto& [name, access] : options.certificates)
    settings->certificates[name] = std::make_shared<const NamedGrant>(NamedGrant{"certificate " + name, access.grant});
  if (!options.bootstrap_token_file.empty()) {
    Result<Digest256> bootstrap = ReadBootstrap(options.bootstrap_token_file);
    if (!bootstrap.ok()) return Status(Code::kUnacceptable, bootstrap.status().detail(), "/auth/bootstrap_token_file");
    settings->bootstrap = *bootstrap;
  }
  return std::shared_ptr<const AuthSettings>(std::move(settings));
}

std::string GrantsAsToml() {
  return R"(

# What clients without a token may do, known by their uid (over a Unix socket) or by a name of their certificate (where a listener has
# tls.client_ca). In this file only. Reloadable; users' names are looked up when the file is read. A uid or a name without a table may do nothing.
#
#   namespaces     a list of names, or "*"
#   scopes         some of submit, read, read_bodies, register, operate, admin and metrics
#   caller         the caller of what it submits
#   lanes          prefixes: in no other lane; likewise fkeys and services
#   submits_per_s  at most
#
# [auth.peers.1000]
# namespaces = ["billing"]
# scopes = ["submit", "read"]
# caller = "billing"
#
# [auth.certificates."DNS:billing.example"]
# namespaces = ["billing"]
# scopes = ["submit"]
)";
}

}  // namespace notifyd
