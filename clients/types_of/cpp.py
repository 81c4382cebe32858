"""C++: a struct for each object, and the two functions by which nlohmann's JSON reads and writes it."""

import textwrap

PATH = "clients/cpp/include/notifyd/types.h"

HEAD = """// The API's objects. Made from docs/openapi.yaml by clients/make-types; not to be edited by hand.
//
// What is null or left out is an empty text, list or map, or an optional without a value; what is empty so is not sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace notifyd {

using Json = nlohmann::json;

/// A time in a request: a text of RFC 3339 with an offset, or a point of the system's clock.
class TimeGiven {
 public:
  TimeGiven() = default;
  TimeGiven(const char* text) : json_(text) {}
  TimeGiven(std::string text) : json_(std::move(text)) {}
  template <class Duration>
  TimeGiven(std::chrono::time_point<std::chrono::system_clock, Duration> at)
      : json_(static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count())) {}
  friend void to_json(Json& to, const TimeGiven& from) { to = from.json_; }
  friend void from_json(const Json& from, TimeGiven& to) { to.json_ = from; }

 private:
  Json json_;
};

namespace detail {

template <class T>
void Put(Json& to, const char* name, const T& value) {
  to[name] = value;
}
template <class T>
void Put(Json& to, const char* name, const std::optional<T>& value) {
  if (value) to[name] = *value;
}
template <class T>
void Put(Json& to, const char* name, const std::vector<T>& value) {
  if (!value.empty()) to[name] = value;
}
template <class T>
void Put(Json& to, const char* name, const std::map<std::string, T>& value) {
  if (!value.empty()) to[name] = value;
}
inline void Put(Json& to, const char* name, const std::string& value) {
  if (!value.empty()) to[name] = value;
}
inline void Put(Json& to, const char* name, const Json& value) {
  if (!value.is_null()) to[name] = value;
}

template <class T>
void Take(const Json& from, const char* name, T& to) {
  auto found = from.find(name);
  if (found != from.end() && !found->is_null()) to = found->template get<T>();
}
template <class T>
void Take(const Json& from, const char* name, std::optional<T>& to) {
  auto found = from.find(name);
  if (found != from.end() && !found->is_null()) to = found->template get<T>();
}

}  // namespace detail
"""

KEYWORDS = {"namespace"}
NULL = "Names of fields that go back to their default."


class Writer:
    def __init__(self, schemas):
        self.structs = {schema.name: schema for schema in schemas if hasattr(schema, "fields")}
        self.aliases = {schema.name: schema for schema in schemas if hasattr(schema, "type")}

    def base(self, kind):
        """The C++ type of a value that is there."""
        if kind.kind == "ref" and kind.name in self.aliases:
            if kind.name in ("TimeGiven", "State", "Mode"):
                return kind.name
            return self.base(self.aliases[kind.name].type)
        if kind.kind == "union":
            return self.union(kind)
        return {
            "string": lambda: "std::string",
            "enum": lambda: "std::string",
            "integer": lambda: "std::int64_t",
            "number": lambda: "double",
            "boolean": lambda: "bool",
            "true": lambda: "bool",
            "false": lambda: "bool",
            "any": lambda: "Json",
            "list": lambda: f"std::vector<{self.base(kind.of[0])}>",
            "map": lambda: f"std::map<std::string, {'Json' if kind.of[0].nullable else self.base(kind.of[0])}>",
            "ref": lambda: kind.name,
        }[kind.kind]()

    def union(self, kind):
        """A list where the API also takes one of it alone; a text where all are; else anything."""
        kinds = list(dict.fromkeys(self.base(one) for one in kind.of))
        lists = [one for one in kinds if one.startswith("std::vector")]
        if lists or len(kinds) == 1:
            return (lists or kinds)[0]
        return "std::string" if set(kinds) <= {"std::string", "State"} else "Json"

    def field_type(self, struct, field):
        text = self.base(field.type)
        optional = not field.required or field.type.nullable
        if text.startswith(("std::vector", "std::map")) or text == "Json" or not optional:
            return text
        if text in ("std::string", "State", "Mode"):
            return f"std::optional<{text}>" if struct.name.endswith("Patch") else text
        # Of flags in answers one that is left out is false.
        if text == "bool" and not struct.given and not field.type.nullable:
            return text
        return f"std::optional<{text}>"

    def struct(self, struct):
        name, patch = struct.name, struct.name.endswith("Patch")
        out = comment(struct.about, "") + f"struct {name} {{\n"
        for field in struct.fields:
            text = self.field_type(struct, field)
            first = {"std::int64_t": " = 0", "double": " = 0", "bool": " = false"}.get(text, "")
            out += comment(field.about, "  ") + f"  {text} {member(field.name)}{first};\n"
        if patch:
            out += comment(NULL, "  ") + "  std::vector<std::string> null;\n"
        out += "};\n"
        out += f"inline void to_json(Json& to, const {name}& from) {{\n  to = Json::object();\n"
        out += "".join(f'  detail::Put(to, "{field.name}", from.{member(field.name)});\n' for field in struct.fields)
        out += "  for (const std::string& name : from.null) to[name] = nullptr;\n" if patch else ""
        out += "}\n"
        out += f"inline void from_json(const Json& from, {name}& to) {{\n"
        out += "".join(f'  detail::Take(from, "{field.name}", to.{member(field.name)});\n' for field in struct.fields)
        return out + "}\n"

    def ordered(self):
        """Each struct behind those that it holds."""
        done = {}

        def visit(name):
            if name in done or name not in self.structs:
                return
            done[name] = None
            for field in self.structs[name].fields:
                for inside in names_in(field.type):
                    visit(inside)
            done[name] = self.structs[name]
            order.append(name)

        order = []
        for name in self.structs:
            visit(name)
        return [self.structs[name] for name in order]


def member(name):
    return name + "_" if name in KEYWORDS else name


def names_in(kind):
    return ([kind.name] if kind.kind == "ref" else []) + [name for one in kind.of for name in names_in(one)]


def comment(text, indent):
    return "".join(f"{indent}/// {line}\n" for line in textwrap.wrap(text, 140))


def alias(schema):
    values = ", ".join(schema.type.values)
    return comment((schema.about + " " if schema.about else "") + f"One of: {values}; or one of a later broker.", "") + f"using {schema.name} = std::string;\n"


def make(schemas):
    writer = Writer(schemas)
    parts = [HEAD] + [alias(schema) for schema in schemas if schema.name in ("State", "Mode")]
    parts += [writer.struct(struct) for struct in writer.ordered()]
    return "\n".join(parts) + "\n}  // namespace notifyd\n"
