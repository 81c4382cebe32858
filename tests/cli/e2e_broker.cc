#include "cli/e2e_broker.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/json_tree.h"

namespace notifyd::test {

Broker::Broker(const std::string& directory, std::vector<std::string> arguments, const std::string& binary, std::vector<std::string> environment) {
  std::vector<std::string> all = {"--data-dir", directory + "/data"};
  if (std::find(arguments.begin(), arguments.end(), "--listen") == arguments.end()) all.insert(all.end(), {"--listen", "127.0.0.1:0"});
  all.insert(all.end(), arguments.begin(), arguments.end());
  process_ = std::make_unique<Process>(binary, Process::Input{all, std::move(environment)});
  const std::string said = "listening on ";
  if (!process_->WaitForError(said)) throw std::runtime_error("notifyd does not listen: " + process_->error());
  std::string log;
  size_t from, end;
  do {
    log = process_->error();
    from = log.find(said) + said.size();
    end = log.find_first_of("\"\n", from);
  } while (end == std::string::npos);
  // Whatever it listens on, it is reached there.
  address_ = "127.0.0.1" + log.substr(log.rfind(':', end), end - log.rfind(':', end));
  url_ = "http://" + address_;
  client_ = std::make_unique<HttpClient>(url_);
}

HttpAnswer Broker::Call(const std::string& method, const std::string& path, const std::string& body) {
  Result<HttpAnswer> answer = client_->Call(method, path, body.empty() ? nullptr : &body);
  if (!answer.ok()) throw std::runtime_error(method + " " + path + ": " + answer.status().detail() + "\n" + process_->error());
  return *std::move(answer);
}

std::string Broker::Submit(const std::string& notify) {
  HttpAnswer answer = Call("POST", "/v1/notifies", notify);
  if (answer.status != 201) throw std::runtime_error("submit: " + std::to_string(answer.status) + " " + answer.body);
  return JsonAt(answer.body, "/id");
}

std::string Broker::Settled(const std::string& id) {
  HttpAnswer answer = Call("GET", "/v1/notifies/" + id + "?wait_ms=60000");
  if (answer.status != 200) throw std::runtime_error("get: " + std::to_string(answer.status) + " " + answer.body);
  return answer.body;
}

uint64_t Broker::Stat(const std::string& pointer) {
  std::string stats = Call("GET", "/v1/stats").body, number = JsonAt(stats, pointer);
  if (number.empty()) throw std::runtime_error(pointer + " is not in " + stats);
  return std::stoull(number);
}

bool Broker::BooksBalance() {
  std::string stats = Call("GET", "/v1/stats").body;
  auto sum = [&](const std::string& where, std::vector<std::string> names) {
    uint64_t total = 0;
    for (const std::string& name : names) total += std::stoull(JsonAt(stats, where + name));
    return total;
  };
  return sum("/totals/", {"accepted", "revived"}) ==
         sum("/states/", {"held", "scheduled", "ready", "sending", "retrying"}) + sum("/totals/", {"succeeded", "failed", "cancelled", "expired"});
}

int ExitOf(const std::vector<std::string>& arguments, std::string* error, std::string* output) {
  Process process(NOTIFYD_BINARY, {arguments, {}});
  int code = process.Wait();
  if (error) *error = process.error();
  if (output) *output = process.output();
  return code;
}

std::vector<std::string> LinesOf(const std::string& log, const std::string& event) {
  std::vector<std::string> lines;
  std::istringstream all(log);
  for (std::string line; std::getline(all, line);)
    if (JsonAt(line, "/event") == event) lines.push_back(line);
  return lines;
}

std::string JsonAt(const std::string& json, const std::string& pointer) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  std::optional<JsonTree::Value> value = tree.ok() ? tree->root().At(pointer) : std::nullopt;
  if (!value) return "";
  return std::string(value->kind() == JsonTree::Kind::kString ? value->text() : value->raw());
}

}  // namespace notifyd::test
