// What `cmake --install` of this build puts where, and what the Debian package says about it.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/process.h"
#include "packaging/project.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

namespace fs = std::filesystem;

/// Installs under `root`.
void Install(const std::string& root) {
  OutputOf(CMAKE_BINARY, {"--install", NOTIFYD_BUILD_DIR}, {"DESTDIR=" + root});
}

std::string TextOf(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("install: binaries, unit, configuration and documents are where they belong") {
  TempDir root;
  Install(root.path());
  for (std::string file : {INSTALLED_BINDIR "/notifyd", INSTALLED_BINDIR "/notifyctl", INSTALLED_UNITS "/notifyd.service",
                           INSTALLED_ETC "/notifyd.toml", INSTALLED_DOCS "/README.md", INSTALLED_DOCS "/docs/operating.md"}) {
    INFO(file);
    CHECK(fs::is_regular_file(root.path() + file));
  }
  CHECK_FALSE(fs::exists(root.path() + INSTALLED_BINDIR "/notify-bench"));
  CHECK(OutputOf(root.path() + INSTALLED_BINDIR "/notifyd", {"--version"}) == "notifyd " PROJECT_VERSION_TEXT "\n");
}

TEST_CASE("install: what the installed documents link to is installed") {
  TempDir root;
  Install(root.path());
  const fs::path docs = root.path() + INSTALLED_DOCS;
  std::string missing;
  size_t links = 0;
  for (const auto& entry : fs::recursive_directory_iterator(docs)) {
    if (entry.path().extension() != ".md") continue;
    for (const std::string& link : AllMatches(TextOf(entry.path()), R"(\]\(([^)#: ]+)(?:#[^)]*)?\))")) {
      // The clients are used from the sources, and described there.
      if (link.starts_with("../clients/")) continue;
      ++links;
      if (!fs::exists(entry.path().parent_path() / link)) missing += entry.path().filename().string() + ": " + link + "\n";
    }
  }
  CHECK(missing == "");
  CHECK(links > 50);
}

TEST_CASE("install: manual pages and completions are there, and not empty") {
  TempDir root;
  Install(root.path());
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root.path()))
    if (entry.is_regular_file() && entry.file_size() > 0) files.insert(entry.path().filename());
  CHECK(Missing({"notifyctl.1", "notifyd.8", "_notifyctl"}, files) == "");
  CHECK(fs::file_size(root.path() + INSTALLED_DATA "/bash-completion/completions/notifyctl") > 0);
}

TEST_CASE("install: the installed configuration is valid, and says nothing but where the data goes") {
  TempDir root;
  Install(root.path());
  std::string file = root.path() + INSTALLED_ETC "/notifyd.toml";
  CHECK(OutputOf(NOTIFYD_BINARY, {"--config", file, "--data-dir", root.path() + "/data", "--check-config"}) == "ok\n");
  std::set<std::string> said = AllMatches("\n" + TextOf(file), "\n([a-z_]+ = [^\n]*)");
  CHECK(said == std::set<std::string>{"data_dir = \"/var/lib/notifyd\""});
}

TEST_CASE("install: with every commented setting taken in, the configuration is still valid") {
  TempDir root;
  Install(root.path());
  std::string text;
  for (const std::string& line : Lines(TextOf(root.path() + INSTALLED_ETC "/notifyd.toml")))
    text += (line.size() > 1 && line[0] == '#' && islower(static_cast<unsigned char>(line[1])) ? line.substr(1) : line) + "\n";
  CHECK(AllMatches("\n" + text, "\n([a-z_]+) = ") == AllMatches("\n" + ProjectFile("conf/notifyd.toml"), "\n([a-z_]+) = "));
  CHECK(OutputOf(NOTIFYD_BINARY, {"--config", root.Write("all.toml", text), "--data-dir", root.path() + "/data", "--check-config"}) == "ok\n");
}

TEST_CASE("install: a configuration that is there stays as it is") {
  TempDir root;
  Install(root.path());
  std::string file = root.path() + INSTALLED_ETC "/notifyd.toml";
  std::ofstream(file) << "io_threads = 2\n";
  Install(root.path());
  CHECK(TextOf(file) == "io_threads = 2\n");
}

TEST_CASE("install: the unit starts the installed binary with the installed configuration") {
  TempDir root;
  Install(root.path());
  std::string unit = TextOf(root.path() + INSTALLED_UNITS "/notifyd.service");
  CHECK(OneMatch(unit, "\nExecStart=([^\n]*)\n") == INSTALLED_BINDIR "/notifyd --config " INSTALLED_ETC "/notifyd.toml");
}

TEST_CASE("package: its changelog begins with the version of the project") {
  CHECK(OneMatch(ProjectFile("conf/debian/changelog"), "^notifyd \\(([^)-]*)-[0-9]+\\)") == PROJECT_VERSION_TEXT);
}

TEST_CASE("package: its scripts are shell, and may be run") {
  for (std::string script : {"postinst", "prerm", "postrm"}) {
    INFO(script);
    std::string file = std::string(NOTIFYD_SOURCE_DIR "/conf/debian/") + script;
    Process check("/bin/sh", {{"-n", file}, {}});
    CHECK(check.Wait() == 0);
    struct stat status {};
    REQUIRE(stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0111) == 0111);
  }
}

}  // namespace notifyd::test
