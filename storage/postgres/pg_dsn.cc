#include "storage/postgres/pg_dsn.h"

#include <libpq-fe.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "base/free_with.h"

namespace notifyd {
namespace {

constexpr std::string_view kHidden = "...";

struct FreeWords {
  void operator()(char* words) const { PQfreemem(words); }
};

std::string OneLine(std::string_view text) {
  std::string line;
  for (char c : text) {
    const bool space = c == '\n' || c == '\t' || c == ' ';
    if (!space) line += c;
    else if (!line.empty() && line.back() != ' ') line += ' ';
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

/// What stands between quotes and is not to be shown is left out. Whether anything was.
bool Hide(std::string* line, const std::function<bool(std::string_view quoted)>& may_show) {
  bool hidden = false;
  for (size_t from = line->find('"'); from != std::string::npos;) {
    const size_t to = line->find('"', from + 1);
    const size_t end = to == std::string::npos ? line->size() : to;
    size_t length = end - from - 1;
    if (!may_show(std::string_view(*line).substr(from + 1, length))) {
      line->replace(from + 1, length, kHidden);
      length = kHidden.size();
      hidden = true;
    }
    from = to == std::string::npos ? to : line->find('"', from + length + 2);
  }
  return hidden;
}

/// What libpq quotes of a DSN is of its password where that has a space, or a character that a URI wants encoded: then it stands behind it, or, in a
/// URI, before the last "@".
bool MayShow(std::string_view dsn, std::string_view quoted) {
  const size_t at = dsn.find(quoted);
  if (quoted.size() < 2 || at > dsn.find("password")) return quoted.size() < 2;
  const size_t host = IsPgUri(dsn) ? dsn.rfind('@') : dsn.npos;
  return at != dsn.npos && (host == dsn.npos || at > host);
}

Status Unreadable(const std::string& why) {
  return Status(Code::kUnacceptable, "libpq cannot read it: " + why);
}

/// Those that libpq looks at once it connects, and what they may be.
struct Choice {
  std::string_view keyword;
  std::vector<std::string_view> values;
};
const Choice kChoices[] = {
    {"sslmode", {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
    {"channel_binding", {"disable", "prefer", "require"}},
    {"gssencmode", {"disable", "prefer", "require"}},
};

Status CheckChoice(std::string_view keyword, std::string_view value) {
  for (const Choice& each : kChoices) {
    if (each.keyword != keyword || value.empty() || std::find(each.values.begin(), each.values.end(), value) != each.values.end()) continue;
    std::string all;
    for (std::string_view one : each.values) all.append(all.empty() ? "" : ", ").append(one);
    return Unreadable(std::string(keyword) + " is one of " + all);
  }
  return Status::Ok();
}

bool IsPorts(std::string_view ports) {
  return std::all_of(ports.begin(), ports.end(), [](char c) { return (c >= '0' && c <= '9') || c == ',' || c == ' '; });
}

}  // namespace

bool IsPgUri(std::string_view dsn) {
  return dsn.starts_with("postgresql://") || dsn.starts_with("postgres://");
}

Status CheckPgDsn(const std::string& dsn) {
  // As libpq tells it from a database's name.
  if (!IsPgUri(dsn) && dsn.find('=') == dsn.npos) return Status::Ok();
  char* fault = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeWith<PQconninfoFree>> options(PQconninfoParse(dsn.c_str(), &fault));
  const std::unique_ptr<char, FreeWords> words(fault);
  if (!options) {
    std::string why = OneLine(words ? words.get() : "no memory");
    // Of what is quoted, nobody can tell where it ends.
    if (dsn.find('"') != dsn.npos) why = why.substr(0, why.find('"'));
    if (Hide(&why, [&](std::string_view quoted) { return MayShow(dsn, quoted); }))
      why += " (not shown, as it may be of a password: one with spaces stands in '', in a URI what is not a letter or a digit is percent-encoded)";
    return Unreadable(why);
  }
  for (const PQconninfoOption* each = options.get(); each->keyword; ++each) {
    const std::string_view keyword = each->keyword, value = each->val ? each->val : "";
    if (keyword == "port" && !IsPorts(value)) return Unreadable("the port is no number");
    NOTIFYD_TRY(CheckChoice(keyword, value));
    // One that begins with it is a socket of the abstract kind, which a URI cannot say so.
    if (keyword == "host" && value.find('@') != value.npos && (IsPgUri(dsn) || !value.starts_with('@')))
      return Unreadable("there is an \"@\" in the host: in a URI's user and password it is written %40");
  }
  return Status::Ok();
}

Status CheckPgPlaces(const PostgresOptions& options) {
  if (options.dsn.empty()) return Status(Code::kUnacceptable, "store.engine is postgres: where it is must be said, too", "/store/postgres/dsn");
  if (Status read = CheckPgDsn(options.dsn); !read.ok()) return Status(read.code(), "store.postgres.dsn: " + read.detail(), "/store/postgres/dsn");
  for (const auto& [name, dsn] : options.cells)
    if (Status read = CheckPgDsn(dsn); !read.ok())
      return Status(read.code(), "store.postgres.cells." + name + ": " + read.detail(), "/store/postgres/cells/" + name);
  return Status::Ok();
}

std::string PgWords(std::string_view message) {
  std::string line = OneLine(message);
  Hide(&line, [](std::string_view quoted) { return quoted.find('@') == quoted.npos; });
  return line;
}

}  // namespace notifyd
