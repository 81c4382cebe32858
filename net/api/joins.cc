#include "net/api/joins.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/json_tree.h"
#include "base/time.h"
#include "net/api/metrics.h"
#include "net/api/space_fields.h"

namespace notifyd {
namespace {

/// What is summed up; all else is said of the process that was asked.
bool IsSummed(std::string_view key) {
  return key == "pending" || key == "states" || key == "totals" || key == "loaded";
}

bool Add(const JsonTree::Value& value, uint64_t* sum) {
  const std::string_view text = value.raw();
  uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  *sum += number;
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

/// The sum of what the pointer leads to in each of them.
bool WriteSum(const std::vector<JsonTree>& trees, const std::string& pointer, JsonWriter* json) {
  uint64_t sum = 0;
  for (const JsonTree& tree : trees) {
    const std::optional<JsonTree::Value> value = tree.root().At(pointer);
    if (!value || !Add(*value, &sum)) return false;
  }
  json->Uint(sum);
  return true;
}

void WriteMissing(const std::vector<std::string>& missing, JsonWriter* json) {
  if (missing.empty()) return;
  json->Key("missing");
  json->BeginArray();
  for (const std::string& name : missing) json->String(name);
  json->EndArray();
}

/// Of each answer, in their order. Nothing: one is no object, or there is none.
std::optional<std::vector<JsonTree>> ParseAll(const std::vector<Gathered::Answer>& answers) {
  std::vector<JsonTree> trees;
  for (const Gathered::Answer& each : answers) {
    Result<JsonTree> tree = JsonTree::Parse(each.body);
    if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kObject) return std::nullopt;
    trees.push_back(*std::move(tree));
  }
  return trees.empty() ? std::nullopt : std::optional(std::move(trees));
}

/// A notify of a page: its place in the list, newest first, and its text.
struct Item {
  int64_t created_ms;
  std::string_view id, text;
  bool operator<(const Item& other) const { return created_ms != other.created_ms ? created_ms > other.created_ms : id > other.id; }
};

std::optional<Item> ItemOf(const JsonTree::Value& value) {
  const std::optional<JsonTree::Value> id = value.At("/id"), created = value.At("/created_at");
  if (!id || !created) return std::nullopt;
  const Result<WallTime> at = ParseRfc3339(created->text());
  return at.ok() ? std::optional(Item{at->ms, id->text(), value.raw()}) : std::nullopt;
}

/// The last place of a page that goes on, which its cursor says (list_of_all.cc).
std::optional<Item> PlaceOf(std::string_view cursor) {
  Item place{};
  const auto read = std::from_chars(cursor.data(), cursor.data() + cursor.size(), place.created_ms);
  if (read.ec != std::errc() || read.ptr == cursor.data() + cursor.size() || *read.ptr != '-') return std::nullopt;
  place.id = cursor.substr(static_cast<size_t>(read.ptr - cursor.data()) + 1);
  return place;
}

std::string TextOf(const JsonTree::Value& object, const char* pointer) {
  const std::optional<JsonTree::Value> value = object.At(pointer);
  return value ? std::string(value->text()) : std::string();
}

/// The members of a namespace's object, those that are figures out of `owner`'s; null where nobody says them.
void WriteSpaceMembers(const JsonTree::Value& base, const JsonTree::Value* owner, JsonWriter* json) {
  base.ForEach([&](const JsonTree::Value& key, const JsonTree::Value& value) {
    const std::string name(key.text());
    json->Key(name);
    if (!IsSpaceFigure(name)) {
      // Where it moved between two answers, whoever has it by now.
      const std::optional<JsonTree::Value> whose = name == "member" && owner ? owner->At("/member") : std::nullopt;
      return json->Raw(whose ? whose->raw() : value.raw());
    }
    const std::optional<JsonTree::Value> figure = owner ? owner->At("/" + name) : std::nullopt;
    figure ? json->Raw(figure->raw()) : json->Null();
  });
}

/// A member's lines of one family of metrics.
struct Family {
  std::string_view head;  // its comments
  std::string lines;
};

/// "name{...} value" and "name value", with the label in front of others.
void AppendLabelled(std::string_view line, const std::string& label, std::string* out) {
  const size_t end = line.find_first_of("{ ");
  out->append(line.substr(0, end)).append("{").append(label);
  if (end == std::string_view::npos) return void(out->append("}"));
  if (line[end] == '{') out->append(",").append(line.substr(end + 1));
  else out->append("}").append(line.substr(end));
}

}  // namespace

std::optional<std::string> JoinStats(const Gathered& gathered) {
  const std::optional<std::vector<JsonTree>> trees = ParseAll(gathered.answers);
  if (!trees) return std::nullopt;
  std::string out;
  JsonWriter json(&out);
  bool good = true;
  const auto sum = [&](const std::string& pointer) {
    good = good && WriteSum(*trees, pointer, &json);
    if (!good) json.Null();
  };
  json.BeginObject();
  trees->front().root().ForEach([&](const JsonTree::Value& key, const JsonTree::Value& value) {
    const std::string name(key.text());
    // A member of an older release does not tell its own: the sum of the others would be none of all.
    if (name == "states" && !std::all_of(trees->begin(), trees->end(), [](const JsonTree& tree) { return tree.root().At("/states").has_value(); }))
      return;
    json.Key(name);
    if (!IsSummed(name)) return json.Raw(value.raw());
    if (value.kind() != JsonTree::Kind::kObject) return sum("/" + name);
    json.BeginObject();
    value.ForEach([&](const JsonTree::Value& inner, const JsonTree::Value&) {
      json.Key(inner.text());
      sum("/" + name + "/" + std::string(inner.text()));
    });
    json.EndObject();
  });
  if (!good) return std::nullopt;
  WriteMissing(gathered.missing, &json);
  json.EndObject();
  return out;
}

std::optional<std::string> JoinLists(const Gathered& gathered, size_t limit) {
  const std::optional<std::vector<JsonTree>> trees = ParseAll(gathered.answers);
  if (!trees) return std::nullopt;
  std::vector<Item> items;
  // Pages end early where their rows are large: behind the end of one that goes on there may be more of it.
  std::optional<Item> end;
  bool good = true;
  for (const JsonTree& tree : *trees) {
    const std::optional<JsonTree::Value> page = tree.root().At("/items"), next = tree.root().At("/next");
    if (!page || page->kind() != JsonTree::Kind::kArray) return std::nullopt;
    if (next && next->kind() == JsonTree::Kind::kString) {
      const std::optional<Item> place = PlaceOf(next->text());
      good = good && place;
      if (place && (!end || *place < *end)) end = place;
    }
    page->ForEach([&](const JsonTree::Value&, const JsonTree::Value& value) {
      std::optional<Item> item = ItemOf(value);
      good = good && item;
      if (item) items.push_back(*item);
    });
  }
  if (!good) return std::nullopt;
  std::sort(items.begin(), items.end());
  if (end) items.erase(std::upper_bound(items.begin(), items.end(), *end), items.end());
  if (items.size() > limit) {
    items.resize(limit);
    end = items.back();
  }
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("items");
  json.BeginArray();
  for (const Item& item : items) json.Raw(item.text);
  json.EndArray();
  json.Key("next");
  end ? json.String(std::to_string(end->created_ms) + "-" + std::string(end->id)) : json.Null();
  WriteMissing(gathered.missing, &json);
  json.EndObject();
  return out;
}

std::optional<std::string> JoinNamespaces(const Gathered& gathered) {
  const std::optional<std::vector<JsonTree>> trees = ParseAll(gathered.answers);
  if (!trees) return std::nullopt;
  std::map<std::string, JsonTree::Value> served;  // by name, as whoever serves it shows it
  std::vector<JsonTree::Value> pages;
  for (size_t i = 0; i < trees->size(); ++i) {
    const std::optional<JsonTree::Value> page = (*trees)[i].root().At("/items");
    if (!page || page->kind() != JsonTree::Kind::kArray) return std::nullopt;
    pages.push_back(*page);
    page->ForEach([&](const JsonTree::Value&, const JsonTree::Value& item) {
      if (TextOf(item, "/member") == gathered.answers[i].member) served.emplace(TextOf(item, "/name"), item);
    });
  }
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  trees->front().root().ForEach([&](const JsonTree::Value& key, const JsonTree::Value& value) {
    json.Key(key.text());
    if (key.text() != "items") return json.Raw(value.raw());
    json.BeginArray();
    pages.front().ForEach([&](const JsonTree::Value&, const JsonTree::Value& item) {
      const auto owner = served.find(TextOf(item, "/name"));
      json.BeginObject();
      WriteSpaceMembers(item, owner == served.end() ? nullptr : &owner->second, &json);
      json.EndObject();
    });
    json.EndArray();
  });
  WriteMissing(gathered.missing, &json);
  json.EndObject();
  return out;
}

std::optional<std::string> JoinNamespace(const Gathered& gathered) {
  const std::optional<std::vector<JsonTree>> trees = ParseAll(gathered.answers);
  if (!trees) return std::nullopt;
  std::optional<JsonTree::Value> owner;
  for (size_t i = 0; i < trees->size() && !owner; ++i)
    if (TextOf((*trees)[i].root(), "/member") == gathered.answers[i].member) owner = (*trees)[i].root();
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  WriteSpaceMembers(trees->front().root(), owner ? &*owner : nullptr, &json);
  WriteMissing(gathered.missing, &json);
  json.EndObject();
  return out;
}

std::optional<std::string> JoinCluster(const Gathered& gathered, const std::string& leader) {
  const std::optional<std::vector<JsonTree>> trees = ParseAll(gathered.answers);
  if (!trees) return std::nullopt;
  std::optional<JsonTree::Value> moves;
  for (size_t i = 0; i < trees->size(); ++i)
    if (gathered.answers[i].member == leader) moves = (*trees)[i].root().At("/moves");
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  trees->front().root().ForEach([&](const JsonTree::Value& key, const JsonTree::Value& value) {
    json.Key(key.text());
    if (key.text() != "moves") return json.Raw(value.raw());
    moves ? json.Raw(moves->raw()) : json.Null();
  });
  WriteMissing(gathered.missing, &json);
  json.EndObject();
  return out;
}

std::optional<std::string> JoinMetrics(const Gathered& gathered) {
  // All lines of a family stand together, whoever they are of (text format 0.0.4, "Grouping and sorting").
  std::vector<std::string_view> order;
  std::map<std::string_view, Family> families;
  for (const Gathered::Answer& each : gathered.answers) {
    const std::string label = "member=\"" + EscapedLabel(each.member) + "\"";
    std::string_view rest = each.body;
    Family* family = nullptr;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      if (line.starts_with("# HELP ")) {
        const std::string_view name = line.substr(7, line.find(' ', 7) - 7);
        family = &families[name];
        if (family->head.empty()) order.push_back(name);
        // With the line that says its type.
        const size_t second = rest.find('\n', std::min(end + 1, rest.size()));
        if (family->head.empty()) family->head = rest.substr(0, std::min(second, rest.size()));
      } else if (!line.starts_with('#') && !line.empty()) {
        if (!family) return std::nullopt;
        AppendLabelled(line, label, &family->lines);
        family->lines += '\n';
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  std::string out =
      "# HELP notifyd_cluster_member_answered Whether a member of the cluster gave its metrics: 1 or 0.\n"
      "# TYPE notifyd_cluster_member_answered gauge\n";
  const auto answered = [&](const std::string& member, const char* value) {
    out.append("notifyd_cluster_member_answered{member=\"").append(EscapedLabel(member)).append("\"} ").append(value).append("\n");
  };
  for (const Gathered::Answer& each : gathered.answers) answered(each.member, "1");
  for (const std::string& name : gathered.missing) answered(name, "0");
  for (std::string_view name : order) out.append(families[name].head).append("\n").append(families[name].lines);
  return out;
}

}  // namespace notifyd
