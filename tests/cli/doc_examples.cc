#include "cli/doc_examples.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <thread>

#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

namespace notifyd::test {
namespace {

constexpr const char* kBroker = "localhost:7300";
constexpr int kFirstReceiver = 8080, kReceivers = 4, kNobody = 8089;
constexpr auto kBetweenTries = std::chrono::milliseconds(100);

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

/// Blanks in a row as one, none at the ends.
std::string Squeezed(const std::string& line) {
  std::istringstream words(line);
  std::string text;
  for (std::string word; words >> word;) text += (text.empty() ? "" : " ") + word;
  return text;
}

bool Shows(const std::string& line, const std::string& expected) {
  size_t from = 0, at = 0;
  while (true) {
    const size_t dots = expected.find("...", at);
    const std::string part = expected.substr(at, dots - at);
    const size_t found = line.find(part, from);
    if (found == std::string::npos) return false;
    if (dots == std::string::npos) return true;
    from = found + part.size();
    at = dots + 3;
  }
}

/// The world that a page speaks of: a broker at localhost:7300, receivers at localhost:8080 to 8083, and nobody at localhost:8089.
class DocWorld {
 public:
  DocWorld(const std::string& settings, DocSurroundings surroundings) : surroundings_(std::move(surroundings)) {
    for (int i = 0; i < kReceivers; ++i) receivers_.push_back(std::make_unique<ScriptedServer>(Answer));
    std::vector<std::string> arguments;
    if (!settings.empty()) arguments = {"--config", dir_.Write("notifyd.toml", InWorld(settings))};
    broker_ = std::make_unique<Broker>(dir_.path(), arguments);
    std::filesystem::create_directory(dir_.At("work"));
  }

  std::string InWorld(std::string text) const {
    for (const auto& [place, real] : surroundings_.places) text = Replaced(std::move(text), place, real);
    for (int i = 0; i < kReceivers; ++i) {
      const std::string url = receivers_[static_cast<size_t>(i)]->url();
      text = Replaced(std::move(text), "localhost:" + std::to_string(kFirstReceiver + i), url.substr(url.find("//") + 2));
    }
    // A port below those that are given out.
    text = Replaced(std::move(text), "localhost:" + std::to_string(kNobody), "127.0.0.1:9");
    return broker_ ? Replaced(std::move(text), kBroker, broker_->address()) : text;
  }

  /// Variables that a command sets are there for the next ones, and in ID the first id of the last output that had one.
  int Run(const std::string& command, std::string* output) const {
    const std::string programs = std::filesystem::path(NOTIFYCTL_BINARY).parent_path().string();
    std::string variables;
    for (const auto& [name, value] : surroundings_.variables) variables += "export " + name + "='" + value + "'\n";
    const std::string script = variables + "cd '" + dir_.At("work") + "' && export PATH='" + programs +
                               "':$PATH && set -a && { [ ! -e ../state ] || . ../state; }\n{ " + InWorld(command) +
                               "\n} 2>&1\ncode=$?\nexport -p > ../state\nexit $code\n";
    Process process("/bin/bash", {{"-c", script}, {"NOTIFYD_URL=" + broker_->url()}});
    const int code = process.Wait();
    *output = process.output();
    static const std::regex id("\\bn[0-9a-f]{16}\\b");
    if (std::smatch match; std::regex_search(*output, match, id))
      std::ofstream(dir_.At("state"), std::ios::app) << "export ID=" << match.str() << "\n";
    return code;
  }

 private:
  /// 500 at a path with /fails in it, else 200.
  static ScriptedAnswer Answer(const SeenRequest& request) {
    return request.target.find("/fails") != std::string::npos ? ScriptedAnswer{500, R"({"error":"as asked for"})"} : ScriptedAnswer{200, "{}"};
  }

  const DocSurroundings surroundings_;
  TempDir dir_;
  std::vector<std::unique_ptr<ScriptedServer>> receivers_;
  std::unique_ptr<Broker> broker_;
};

}  // namespace

DocPage ParseDocPage(const std::string& text) {
  DocPage page;
  std::istringstream lines(text);
  std::string block;  // the word behind the fence that is open; empty: none is
  bool eventually = false, goes_on = false;
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("```")) {
      const std::string info = Squeezed(line.substr(3));
      block = block.empty() ? (info.empty() ? "text" : info.substr(0, info.find(' '))) : "";
      eventually = info.ends_with(" eventually");
      goes_on = false;
    } else if (block == "toml") {
      page.settings += line + "\n";
    } else if (block == "console") {
      if (goes_on) {
        page.examples.back().command += "\n" + line;
      } else if (line.starts_with("$ ")) {
        page.examples.push_back({.line = number, .command = line.substr(2), .expected = {}, .eventually = eventually});
      } else if (!page.examples.empty() && line.starts_with("(exit ")) {
        page.examples.back().exit_code = std::atoi(line.c_str() + 6);
      } else if (!page.examples.empty() && !Squeezed(line).empty()) {
        page.examples.back().expected.push_back(Squeezed(line));
      }
      goes_on = (goes_on || line.starts_with("$ ")) && line.ends_with('\\');
    }
  }
  return page;
}

std::string FirstNotShown(const std::string& output, const std::vector<std::string>& expected) {
  std::istringstream lines(output);
  std::string line;
  for (const std::string& wanted : expected) {
    bool shown = false;
    while (!shown && std::getline(lines, line)) shown = Shows(Squeezed(line), wanted);
    if (!shown) return wanted;
  }
  return "";
}

std::string RunDocPage(const DocPage& page, const DocSurroundings& surroundings) {
  DocWorld world(page.settings, surroundings);
  for (const DocExample& example : page.examples) {
    std::vector<std::string> expected;
    for (const std::string& line : example.expected) expected.push_back(world.InWorld(line));
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
    while (true) {
      std::string output;
      const int code = world.Run(example.command, &output);
      const std::string missing = FirstNotShown(output, expected);
      if (code == example.exit_code && missing.empty()) break;
      if (example.eventually && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(kBetweenTries);
        continue;
      }
      return "line " + std::to_string(example.line) + ": $ " + example.command + "\nexit " + std::to_string(code) + ", expected " +
             std::to_string(example.exit_code) + (missing.empty() ? "" : "\nnot shown: " + missing) + "\nprinted:\n" + output;
    }
  }
  return "";
}

}  // namespace notifyd::test
