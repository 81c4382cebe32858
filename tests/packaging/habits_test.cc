// The sources' habits, held by a test: which headers may stand where, no clock outside of the clocks' file, lengths of functions and files, nothing
// declared that nobody uses, comments that end, and no text that names a file that is not there. Each exception is named, with why.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "packaging/project.h"

namespace notifyd::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProduct[] = {"base", "broker", "storage", "net", "cli", "bench"};

struct Source {
  std::string path, text;
  std::vector<std::string> lines;
  bool header = false, product = false;
};

/// Each .h and .cc of the product and its tests.
const std::vector<Source>& Sources() {
  static const std::vector<Source> sources = [] {
    std::vector<Source> out;
    std::vector<std::string> folders(std::begin(kProduct), std::end(kProduct));
    folders.push_back("tests");
    for (const std::string& folder : folders)
      for (const auto& entry : fs::recursive_directory_iterator(fs::path(NOTIFYD_SOURCE_DIR) / folder)) {
        std::string extension = entry.path().extension().string();
        if (extension != ".h" && extension != ".cc") continue;
        Source source;
        source.path = fs::relative(entry.path(), NOTIFYD_SOURCE_DIR).string();
        source.text = ProjectFile(source.path);
        source.lines = Lines(source.text);
        source.header = extension == ".h";
        source.product = folder != "tests";
        out.push_back(std::move(source));
      }
    return out;
  }();
  return sources;
}

std::string FolderOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

std::string WithoutComments(const std::string& text) {
  static const std::regex comment("//[^\n]*");
  return std::regex_replace(text, comment, "");
}

/// The one way in which faults are told: a line each.
class Faults {
 public:
  void Add(const Source& source, size_t line, const std::string& what) { text_ += source.path + ":" + std::to_string(line + 1) + ": " + what + "\n"; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// The names that its lines include, each with its line.
std::vector<std::pair<size_t, std::string>> IncludesOf(const Source& source) {
  static const std::regex include(R"re(^#include [<"]([^>"]+)[>"])re");
  std::vector<std::pair<size_t, std::string>> out;
  for (size_t i = 0; i < source.lines.size(); ++i)
    if (std::smatch match; std::regex_search(source.lines[i], match, include)) out.emplace_back(i, match[1]);
  return out;
}

}  // namespace

TEST_CASE("habits: a layer includes those below it alone") {
  const std::map<std::string, std::set<std::string>> below = {
      {"base", {"base"}},
      {"broker", {"base", "broker"}},
      {"storage", {"base", "broker", "storage"}},
      {"storage/postgres", {"base", "broker", "storage", "storage/postgres"}},
      {"net", {"base", "net", "net/tls"}},
      {"net/access", {"base", "broker", "net", "net/access"}},
      {"net/alerts", {"base", "broker", "net/alerts"}},
      {"net/beanstalkd", {"base", "net", "net/access", "net/beanstalkd", "net/notify_agent"}},
      {"net/cluster", {"base", "broker", "net", "net/access", "net/cluster", "net/tls"}},
      {"net/console", {"base", "net/console"}},
      {"net/command", {"base", "broker", "net/command", "net/sender"}},
      {"net/notify_agent", {"base", "net/notify_agent"}},
      {"net/sender", {"base", "broker", "net", "net/sender", "net/signing", "net/tls"}},
      {"net/signing", {"base", "broker", "net/signing"}},
      {"net/telemetry", {"base", "net/telemetry"}},
      {"net/tls", {"base", "net/tls"}},
      {"net/api", {"base", "broker", "net", "net/access", "net/api", "net/cluster", "net/console", "net/signing"}},
      {"cli/daemon",
       {"base", "broker", "storage", "storage/postgres", "net", "net/access", "net/alerts", "net/beanstalkd", "net/cluster", "net/command",
        "net/notify_agent", "net/sender", "net/telemetry", "net/tls", "net/api", "cli/client", "cli/daemon"}},
      {"cli/import", {"base", "net/notify_agent", "cli/import"}},
      {"cli/bridge", {"base", "broker", "net", "cli/bridge"}},
      {"cli/client", {"base", "cli/bridge", "cli/client", "cli/import"}},
  };
  Faults faults;
  for (const Source& source : Sources()) {
    auto layer = below.find(FolderOf(source.path));
    if (!source.product || layer == below.end()) continue;
    for (const auto& [line, name] : IncludesOf(source)) {
      bool own = name.find('/') != std::string::npos && fs::exists(fs::path(NOTIFYD_SOURCE_DIR) / name);
      if (own && !layer->second.contains(FolderOf(name))) faults.Add(source, line, name);
    }
  }
  CHECK(faults.text() == "");
}

TEST_CASE("habits: each library's headers stand where its layer is") {
  struct Row {
    const char* begins;               // of the header's name
    std::vector<const char*> places;  // beginnings of paths
    bool headers;                     // may stand in headers of ours, too
  };
  const std::vector<Row> rows = {
      // What keys, records, reading and encoding need not know stands on storage/ordered_kv.h.
      {"rocksdb/",
       {"storage/checkpoint", "storage/committer", "storage/database", "storage/guarded_files", "storage/keep_files", "storage/log_check",
        "storage/reclaimer", "storage/rekeyer", "storage/rocks_", "storage/slice_view", "storage/store_options", "storage/sweeper", "storage/table_",
        "storage/upgrade"},
       true},
      {"uv.h", {"net/"}, true},
      {"curl/", {"net/alerts/", "net/sender/", "net/telemetry/", "cli/client/"}, true},
      {"nghttp2/", {"net/sender/"}, true},
      {"openssl/", {"net/", "storage/", "base/crypto.cc", "bench/stream.cc", "cli/bridge/amqp_link.cc"}, true},
      {"amqp", {"cli/bridge/amqp_link.cc"}, false},
      {"ares.h", {"net/sender/"}, true},
      {"date/", {"base/zone_database.cc"}, false},
      {"base/zone_database.h",
       {"base/zone_database.cc", "cli/daemon/", "cli/client/import_notifyagent.cc"},
       false},  // it reads files: who decides is handed what it finds
      {"llhttp.h", {"net/", "bench/"}, true},
      {"simdjson.h", {"base/", "bench/"}, false},
      {"re2/", {"broker/schema"}, true},
      {"toml++/", {"cli/daemon/"}, true},
      {"CLI/", {"cli/", "bench/"}, true},
      {"mysql.h", {"cli/import/mysql_table.cc"}, false},
  };
  Faults faults;
  for (const Source& source : Sources()) {
    if (!source.product) continue;
    for (const auto& [line, name] : IncludesOf(source))
      for (const Row& row : rows) {
        if (!name.starts_with(row.begins)) continue;
        bool place = std::any_of(row.places.begin(), row.places.end(), [&](const char* begin) { return source.path.starts_with(begin); });
        if (!place || (source.header && !row.headers)) faults.Add(source, line, name);
      }
  }
  CHECK(faults.text() == "");
}

TEST_CASE("habits: what is decided by time is told the time") {
  // base/clocks.h is where clocks are read. The core, the API and the store get theirs handed in.
  const std::map<std::string, const char*> exceptions = {
      {"base/clocks.h", "reads them"},
      {"net/loop.cc", "measures how long its own turns take"},
      {"net/sender", "times calls by the loop's clock, and waits for names and pools by it"},
      {"storage/committer", "measures syncs, and how often it looks at the disk"},
      {"storage/postgres/", "measures commits, and waits; its default where nobody hands in a clock"},
      {"storage/rekeyer.cc", "measures how long one took"},
      {"storage/rocks_store.cc", "its default where nobody hands in a clock"},
      {"cli/", "programs: they wait for people and for processes"},
      {"bench/", "measures"},
  };
  static const std::regex clock(R"re(steady_clock|system_clock|clock_gettime|gettimeofday|uv_hrtime|\bstd::time\b)re");
  Faults faults;
  for (const Source& source : Sources()) {
    if (!source.product) continue;
    bool allowed = std::any_of(exceptions.begin(), exceptions.end(), [&](const auto& row) { return source.path.starts_with(row.first); });
    if (allowed) continue;
    for (size_t i = 0; i < source.lines.size(); ++i)
      if (std::regex_search(source.lines[i].substr(0, source.lines[i].find("//")), clock)) faults.Add(source, i, source.lines[i]);
  }
  CHECK(faults.text() == "");
}

TEST_CASE("habits: a file has 600 lines at most") {
  Faults faults;
  for (const Source& source : Sources())
    if (source.lines.size() > 600) faults.Add(source, source.lines.size() - 1, "is the last line");
  CHECK(faults.text() == "");
}

TEST_CASE("habits: a function of the product has 70 lines at most") {
  const std::map<std::string, const char*> exceptions = {
      {"std::vector<Setting> MakeRows", "a table: one row a setting"},
  };
  static const std::regex no_function(R"re(^\s*(namespace|class|struct|enum|union|extern|constexpr|const|static const|inline constexpr|#|\}|//))re");
  Faults faults;
  for (const Source& source : Sources()) {
    if (!source.product) continue;
    const std::vector<std::string>& lines = source.lines;
    for (size_t i = 0; i < lines.size(); ++i) {
      size_t indent = lines[i].find_first_not_of(' ');
      if (!lines[i].ends_with("{") || indent > 2 || std::regex_search(lines[i], no_function)) continue;
      const std::string close = std::string(indent, ' ') + "}";
      size_t end = i + 1;
      while (end < lines.size() && !lines[end].starts_with(close)) ++end;
      bool known = std::any_of(exceptions.begin(), exceptions.end(), [&](const auto& row) { return lines[i].starts_with(row.first); });
      if (end - i + 1 > 70 && !known) faults.Add(source, i, std::to_string(end - i + 1) + " lines");
    }
  }
  CHECK(faults.text() == "");
}

TEST_CASE("habits: nothing is declared in a header that nobody uses") {
  const std::map<std::string, const char*> exceptions = {
      {"SignHead", "of clients, and of tests"},
      {"ContentDigestOf", "of clients, and of tests"},
      {"Chance", "of the simulator's dice"},
      {"Ed25519Verify", "of receivers, and of tests"},
      {"ParseKeyText", "of receivers, and of tests"},
      {"DestinationFields", "what docs/openapi.yaml is held to"},
      {"PrivateRangeOf", "what a policy knows of an address, for tests"},
      {"MatchPattern", "what an answer is judged by, of one pattern, for tests and fuzzing"},
      {"lent_in_flight", "of tests"},
      {"lent_loaded", "of tests"},
  };
  std::string all;
  for (const Source& source : Sources())
    if (source.product) all += WithoutComments(source.text);
  static const std::regex word(R"re(\b[A-Za-z][A-Za-z0-9_]+\b)re");
  static const std::regex definition(R"re((?:^|\n)[A-Za-z][^\n(]*\b(?:([A-Z][A-Za-z0-9]+)\(|([a-z][a-z0-9_]*)\(\) const))re");
  // Of a function, or of what returns a member.
  static const std::regex declaration(R"re(^ *[A-Za-z][\w:<>,*&\[\] ]*[\w>*&\]] [*&]?(?:([A-Z][A-Za-z0-9]+)\(|([a-z][a-z0-9_]*)\(\) const))re");
  auto name_in = [](const std::smatch& match) { return match[1].matched ? match[1].str() : match[2].str(); };
  std::map<std::string, size_t> named, defined;
  for (std::sregex_iterator it(all.begin(), all.end(), word), end; it != end; ++it) ++named[it->str()];
  for (const Source& source : Sources()) {
    if (!source.product || source.header) continue;
    std::string text = WithoutComments(source.text);
    for (std::sregex_iterator it(text.begin(), text.end(), definition), end; it != end; ++it) ++defined[name_in(*it)];
  }
  Faults faults;
  std::set<std::string> excepted;
  for (const Source& source : Sources()) {
    if (!source.product || !source.header) continue;
    for (size_t i = 0; i < source.lines.size(); ++i) {
      std::string line = WithoutComments(source.lines[i]);
      std::smatch match;
      if (!std::regex_search(line, match, declaration) || line.find("return ") < static_cast<size_t>(match.position(0) + match.length(0))) continue;
      std::string name = name_in(match);
      if (named[name] > 1 + defined[name]) continue;
      if (exceptions.contains(name)) excepted.insert(name);
      else faults.Add(source, i, name);
    }
  }
  CHECK(faults.text() == "");
  for (const auto& [name, why] : exceptions) {
    INFO(name << ": " << why);
    CHECK(excepted.contains(name));
  }
}

TEST_CASE("habits: each crash point has a place in the product, outside of the core") {
  const std::string table = ProjectFile("base/crash_point.h");
  const std::string rows =
      table.substr(table.find("enum class CrashPoint"), table.find("};", table.find("enum class CrashPoint")) - table.find("enum class CrashPoint"));
  static const std::regex point("\\bk[A-Z][A-Za-z]+\\b");
  size_t points = 0;
  for (std::sregex_iterator it(rows.begin(), rows.end(), point), end; it != end; ++it, ++points) {
    const std::string name = "CrashPoint::" + it->str();
    INFO(name);
    size_t places = 0;
    for (const Source& source : Sources()) {
      if (!source.product || source.text.find(name) == std::string::npos) continue;
      ++places;
      CHECK_FALSE(FolderOf(source.path) == "broker");
    }
    CHECK(places > 0);
  }
  CHECK(points >= 24);
}

TEST_CASE("habits: no comment ends in the middle") {
  static const std::regex comment(R"re(^\s*//+ ?(.*)$)re");
  static const std::regex unfinished(R"re((,|\b(the|a|an|of|and|or|to|that|in|for|is|with|which|at|from|but|not|because|so))$)re");
  Faults faults;
  for (const Source& source : Sources())
    for (size_t i = 0; i < source.lines.size(); ++i) {
      std::smatch match, next;
      if (!std::regex_match(source.lines[i], match, comment)) continue;
      if (i + 1 < source.lines.size() && std::regex_match(source.lines[i + 1], next, comment)) continue;
      std::string text = match[1];
      // A heading within a file is no sentence.
      if (!text.starts_with("----") && std::regex_search(text, unfinished)) faults.Add(source, i, text);
    }
  // Nor does an item of a list have a word or two of it in a line of their own, as clang-format leaves them.
  static const std::regex left(R"re(^\s*//+ \S+( \S+)?[^:]$)re"), hanging(R"re(^\s*//+  +\S.*$)re");
  for (const Source& source : Sources())
    for (size_t i = 1; i + 1 < source.lines.size(); ++i) {
      const bool behind_long = source.lines[i - 1].size() > 120 && std::regex_match(source.lines[i - 1], comment);
      if (behind_long && std::regex_match(source.lines[i], left) && std::regex_match(source.lines[i + 1], hanging))
        faults.Add(source, i, source.lines[i]);
    }
  CHECK(faults.text() == "");
}

TEST_CASE("habits: no text names a file of ours that is not there") {
  static const std::regex path(
      R"re(\b((?:base|broker|storage|net|cli|bench|tests|docs|conf|cmake|scripts)/[\w./-]*\.(?:cc|h|md|toml|yaml|cmake|service))\b)re");
  std::map<std::string, std::string> texts;
  for (const char* file : {"README.md", "CONTRIBUTING.md", "Makefile", "CMakeLists.txt"}) texts[file] = ProjectFile(file);
  for (const auto& entry : fs::directory_iterator(fs::path(NOTIFYD_SOURCE_DIR) / "docs"))
    if (entry.is_regular_file()) texts["docs/" + entry.path().filename().string()] = ProjectFile("docs/" + entry.path().filename().string());
  for (const Source& source : Sources()) texts[source.path] = source.text;
  std::string faults;
  const fs::path root = NOTIFYD_SOURCE_DIR;
  for (const auto& [file, text] : texts)
    for (std::sregex_iterator it(text.begin(), text.end(), path), end; it != end; ++it) {
      std::string name = (*it)[1];
      // The tests' own headers are included from tests/ on.
      bool there = fs::exists(root / name) || (file.starts_with("tests/") && fs::exists(root / "tests" / name));
      if (!there) faults += file + ": " + name + "\n";
    }
  CHECK(faults == "");
}

}  // namespace notifyd::test
