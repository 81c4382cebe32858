"""Go: a struct for each object. What is null or left out is the zero value, and a pointer where the zero value says something else."""

import textwrap

PATH = "clients/go/types.go"

HEAD = """// The API's objects. Made from docs/openapi.yaml by clients/make-types; DO NOT EDIT.

package notifyd

import (
	"encoding/json"
	"time"
)
"""

INITIALISMS = {"id": "ID", "url": "URL", "json": "JSON", "ttl": "TTL"}
TIMES = {"Time", "TimeOrNull", "TimeGiven"}


def name_of(words):
    return "".join(INITIALISMS.get(word, word[:1].upper() + word[1:]) for word in words.split("_"))


def type_name(name):
    return name.replace("Id", "ID", 1) if name.startswith("Id") else name


def set_of(kind):
    return frozenset(kind.values)


class Writer:
    def __init__(self, schemas):
        self.structs = {schema.name: schema for schema in schemas if hasattr(schema, "fields")}
        self.aliases = {schema.name: schema for schema in schemas if hasattr(schema, "type")}
        self.enums = {set_of(alias.type): name for name, alias in self.aliases.items() if alias.type.kind == "enum"}

    def base(self, kind, given):
        """The Go type of a value that is there."""
        if kind.kind == "ref" and kind.name in self.aliases:
            if kind.name in TIMES:
                return "time.Time"
            alias = self.aliases[kind.name].type
            return type_name(kind.name) if alias.kind == "enum" else self.base(alias, given)
        if kind.kind == "union":
            return self.union(kind, given)
        if kind.kind == "map":
            of = self.base(kind.of[0], given)
            return "map[string]" + ("*" + of if kind.of[0].nullable else of)
        return {
            "string": lambda: "string",
            "enum": lambda: self.enums.get(set_of(kind), "string"),
            "integer": lambda: "int64",
            "number": lambda: "float64",
            "boolean": lambda: "bool",
            "true": lambda: "bool",
            "false": lambda: "bool",
            "any": lambda: "interface{}" if given else "json.RawMessage",
            "list": lambda: "[]" + self.base(kind.of[0], given),
            "ref": lambda: type_name(kind.name),
        }[kind.kind]()

    def union(self, kind, given):
        """A list where the API also takes one of it alone; the named one where the others are more of its values; else anything."""
        kinds = list(dict.fromkeys(self.base(one, given) for one in kind.of))
        lists = [one for one in kinds if one.startswith("[]")]
        if lists or len(kinds) == 1:
            return (lists or kinds)[0]
        named = [one for one in kinds if one in self.aliases]
        return named[0] if named and all(one in named or one == "string" for one in kinds) else "interface{}"

    def field(self, struct, field):
        given = struct.given
        text = "[]byte" if field.name == "body_base64" else self.base(field.type, given)
        patch = struct.name.endswith("Patch")
        optional = not field.required or field.type.nullable
        holds_nothing = text.startswith(("[]", "map[", "interface", "json.")) or text == "*"
        pointer = False
        if optional and not holds_nothing:
            number = text in ("int64", "float64", "bool")
            # In a patch zero is a value of its own. In what is given it is one where the default is another and it is within the bounds; in answers
            # where null says something else.
            if text == "time.Time" or text in self.structs_in_go():
                pointer = True
            elif patch:
                pointer = True
            elif given:
                pointer = number and bool(field.default) and (field.least is None or field.least <= 0)
            else:
                pointer = number and field.type.nullable
        tag = field.name + (",omitempty" if given else "")
        return f"\t{name_of(field.name)} {'*' if pointer else ''}{text} `json:\"{tag}\"`\n"

    def structs_in_go(self):
        return {type_name(name) for name in self.structs}

    def struct(self, struct):
        out = comment(struct.about or "As the API says.", "", type_name(struct.name) + ": ")
        out += f"type {type_name(struct.name)} struct {{\n"
        fields = [comment(field.about, "\t") + self.field(struct, field) for field in struct.fields]
        patch = struct.name.endswith("Patch")
        if patch:
            fields.append(comment("Names of the API's fields that go back to their default.", "\t") + '\tNull []string `json:"-"`\n')
        out += "\n".join(fields) + "}\n"
        if patch:
            out += f"\n// MarshalJSON writes null for what Null names.\nfunc (p {struct.name}) MarshalJSON() ([]byte, error) {{\n"
            out += f"\ttype plain {struct.name}\n\treturn withNull(plain(p), p.Null)\n}}\n"
        return out


def enum(alias):
    name = type_name(alias.name)
    out = comment(alias.about or "One of the values below, or one of a later broker.", "", name + ": ") + f"type {name} string\n\n"
    out += f"// The values of {name} that are known.\nconst (\n"
    rows = [(name + name_of(value), value) for value in alias.type.values]
    width = max(len(row) for row, _ in rows)
    return out + "".join(f'\t{row.ljust(width)} {name} = "{value}"\n' for row, value in rows) + ")\n"


def comment(text, indent, begin=""):
    return "".join(f"{indent}// {line}\n" for line in textwrap.wrap(begin + text, 140)) if text else ""


def make(schemas):
    writer = Writer(schemas)
    parts = [HEAD]
    for schema in schemas:
        if hasattr(schema, "fields"):
            parts.append(writer.struct(schema))
        elif schema.type.kind == "enum":
            parts.append(enum(schema))
    return "\n".join(parts)
