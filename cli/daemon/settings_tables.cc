#include "cli/daemon/settings_tables.h"

#include <algorithm>
#include <utility>

#include "broker/grant.h"

namespace notifyd {

Status Unacceptable(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

std::string PlaceOf(const std::string& file, const toml::node& node) {
  return file + ":" + std::to_string(node.source().begin.line);
}

Status TablePlace::Blame(const std::string& key, const toml::node& node, const std::string& what) const {
  std::string field = "/" + name + "/" + std::to_string(number - 1) + "/" + key;
  std::replace(field.begin(), field.end(), '.', '/');
  return Status(Code::kUnacceptable, "[[" + name + "]] " + std::to_string(number) + ": " + key + " (" + PlaceOf(file, node) + "): " + what,
                std::move(field));
}

Result<std::vector<const toml::table*>> TablesOf(const toml::node& node, const std::string& name, size_t most, const std::string& file) {
  auto blame = [&](const std::string& what) { return Status(Code::kUnacceptable, name + " (" + PlaceOf(file, node) + "): " + what, "/" + name); };
  const toml::array* tables = node.as_array();
  if (!tables || (!tables->empty() && !tables->is_array_of_tables())) return blame("must be tables, each under a line [[" + name + "]]");
  if (tables->size() > most) return blame("more than " + std::to_string(most) + " tables");
  std::vector<const toml::table*> out;
  for (const toml::node& table : *tables) out.push_back(table.as_table());
  return out;
}

Result<std::string> TextOf(const toml::node& node) {
  const auto* text = node.as_string();
  if (!text) return Unacceptable("must be a string");
  return text->get();
}

Result<std::vector<std::string>> TextsOf(const toml::node& node) {
  const toml::array* array = node.as_array();
  if (!array) return Unacceptable("must be a list of strings");
  std::vector<std::string> out;
  for (const toml::node& item : *array) {
    Result<std::string> text = TextOf(item);
    if (!text.ok()) return Unacceptable("must be a list of strings");
    out.push_back(*std::move(text));
  }
  return out;
}

Status CheckNamespaceName(const std::string& name) {
  if (IsNamespaceName(name)) return Status::Ok();
  return Unacceptable("\"" + name + "\" is no name of a namespace: 1 to 63 of a-z, 0-9 and '-', and a letter or digit first");
}

Status CheckNamespaceNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == "*") return Unacceptable("there is no \"*\" here: each namespace must be named");
    if (Status fault = CheckNamespaceName(name); !fault.ok()) return fault;
  }
  return Status::Ok();
}

}  // namespace notifyd
