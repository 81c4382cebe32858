"""Reads the schemas that clients meet from docs/openapi.yaml, in a form that every language can write down.

read(path) gives a list of Struct and Alias, by name. Every $ref, allOf and null of the document is resolved into them.
"""

import dataclasses
import typing

import yaml

# The operations that the clients have calls for; what their requests and answers are made of, and nothing else, becomes a type.
OPERATIONS = """submit listNotifies getNotify changeNotify cancelNotify retryNotify getResponse explainNotify bulkRetry bulkCancel bulkPurge
  trigger getFkey cancelFkey listLanes getLane changeLane publish publishMany makeGroup getGroup listGroups cancelGroup""".split()


@dataclasses.dataclass(frozen=True)
class Type:
    """kind: string, integer, number, boolean, any (any JSON), enum (one of the strings `values`), true or false (that constant),
    list (of `of[0]`), map (strings to `of[0]`), ref (the Struct or Alias `name`), union (one of `of`). nullable: or null."""

    kind: str
    nullable: bool = False
    name: str = ""
    values: typing.Tuple[str, ...] = ()
    of: typing.Tuple["Type", ...] = ()


@dataclasses.dataclass(frozen=True)
class Field:
    name: str
    type: Type
    required: bool
    about: str
    default: object = None  # what the document says for one that is left out
    least: object = None  # of a number


@dataclasses.dataclass(frozen=True)
class Struct:
    """An object. Where the document has several shapes for it (a line of NDJSON) it has the fields of all, and required is what all
    require. `given`: users make it, as the body of a request or a part of one; else it comes in answers alone, which may hold more than
    the document names."""

    name: str
    fields: typing.Tuple[Field, ...]
    about: str
    given: bool


@dataclasses.dataclass(frozen=True)
class Alias:
    """A name for what is no object: an id, a time, the states. Its type is never nullable: that stands where it is used."""

    name: str
    type: Type
    about: str


def about(schema):
    return " ".join(schema.get("description", "").split())


class Reader:
    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]

    def at(self, ref):
        found = self.document
        for part in ref.lstrip("#/").split("/"):
            found = found[part]
        return found

    def resolved(self, schema):
        return self.at(schema["$ref"]) if "$ref" in schema else schema

    def names_below(self, node, found):
        """Collects the names of the schemas that node reaches, by way of other references too."""
        if isinstance(node, list):
            for one in node:
                self.names_below(one, found)
        if not isinstance(node, dict):
            return
        ref = node.get("$ref")
        if isinstance(ref, str):
            name = ref.rsplit("/", 1)[1]
            if "/schemas/" not in ref:
                self.names_below(self.at(ref), found)
            elif name not in found:
                found.add(name)
                self.names_below(self.at(ref), found)
        for key, value in node.items():
            if key not in ("example", "examples"):
                self.names_below(value, found)

    def parts(self, schema):
        """Gives the properties of an object and the set of those that are required, allOf taken together."""
        schema = self.resolved(schema)
        properties, required = {}, set(schema.get("required", ()))
        for part in schema.get("allOf", ()):
            of_part, required_of_part = self.parts(part)
            properties.update(of_part)
            required |= required_of_part
        properties.update(schema.get("properties", {}))
        return properties, required

    def shapes(self, schema):
        """The shapes of an object: one, or several where all that oneOf names are objects; none where it is no object with fields."""
        several = [self.parts(one) for one in schema.get("oneOf", ())]
        if several and all(properties for properties, _ in several):
            return several
        one = self.parts(schema)
        return [one] if one[0] else []

    def type(self, schema, field=""):
        """Gives the Type of a schema; field is the name of the property that has it."""
        if "$ref" in schema:
            return self.of_ref(schema["$ref"].rsplit("/", 1)[1], field)
        if "oneOf" in schema:
            several = [self.type(one, field) for one in schema["oneOf"] if one.get("type") != "null"]
            nullable = len(several) < len(schema["oneOf"]) or any(one.nullable for one in several)
            return dataclasses.replace(several[0], nullable=nullable) if len(several) == 1 else Type("union", nullable, of=tuple(several))
        if "const" in schema:
            return self.constant(schema["const"])
        kinds = schema.get("type", "any")
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        nullable = "null" in kinds
        several = [self.of_kind(kind, schema, field) for kind in kinds if kind != "null"]
        return dataclasses.replace(several[0], nullable=nullable) if len(several) == 1 else Type("union", nullable, of=tuple(several))

    @staticmethod
    def constant(value):
        if isinstance(value, bool):
            return Type("true" if value else "false")
        return Type("enum", values=(value,)) if isinstance(value, str) else Type("integer")

    def of_ref(self, name, field):
        # Fields of an event that are said to be as those of a notify.
        if name == "AsOfNotify":
            return self.type(self.schemas["Notify"]["properties"][field], field)
        if name.endswith("OrNull"):
            return Type("ref", True, name=name[:-len("OrNull")])
        schema = self.schemas[name]
        return Type("ref", not self.shapes(schema) and self.type(schema).nullable, name=name)

    def of_kind(self, kind, schema, field):
        if kind == "string" and "enum" in schema:
            return Type("enum", values=tuple(value for value in schema["enum"] if value is not None))
        if kind == "array":
            return Type("list", of=(self.type(schema.get("items", {}), field),))
        if kind == "object":
            of = schema.get("additionalProperties")
            return Type("map", of=(self.type(of, field) if isinstance(of, dict) and of else Type("any"),))
        return Type(kind)

    def fields(self, shapes):
        required = set.intersection(*(of_shape for _, of_shape in shapes))
        merged = {}
        for properties, _ in shapes:
            for name, schema in properties.items():
                merged.setdefault(name, schema)
        return tuple(self.field(name, schema, name in required) for name, schema in merged.items())

    def field(self, name, schema, required):
        said = self.of_notify(name, schema)
        return Field(name, self.type(schema, name), required, about(said), said.get("default"), said.get("minimum"))

    def of_notify(self, name, schema):
        return self.schemas["Notify"]["properties"][name] if schema.get("$ref", "").endswith("/AsOfNotify") else schema


def inline_objects(reader, name, schema, found):
    """Gives objects that stand inside of another one, without a name, the name of both: Group, counts: GroupCounts."""
    for properties, _ in reader.shapes(schema):
        for field, of_field in properties.items():
            inside = of_field.get("items", of_field) if isinstance(of_field, dict) else {}
            if "$ref" not in inside and inside.get("properties"):
                own = name + "".join(word.capitalize() for word in field.split("_"))
                found[own] = dict(inside)
                inline_objects(reader, own, inside, found)
                for key in list(inside):
                    del inside[key]
                inside["$ref"] = "#/components/schemas/" + own


def read(path):
    with open(path, encoding="utf-8") as file:
        # Anchors of the document become the same object twice; each is to be one of its own.
        document = yaml.safe_load(yaml.dump(yaml.safe_load(file), Dumper=_NoAliases, sort_keys=False))
    reader = Reader(document)
    given, answered = set(), set()
    for methods in document["paths"].values():
        for operation in methods.values():
            if isinstance(operation, dict) and operation.get("operationId") in OPERATIONS:
                reader.names_below(operation.get("requestBody", {}), given)
                reader.names_below(operation["responses"], answered)
    # What receivers get of a callback_url.
    for name in ("Callback", "GroupCallback"):
        reader.names_below({"$ref": "#/components/schemas/" + name}, answered)
    names = {name for name in given | answered if name != "AsOfNotify" and not name.endswith("OrNull")}
    inline = {}
    for name in sorted(names):
        inline_objects(reader, name, reader.schemas[name], inline)
    reader.schemas.update(inline)
    made = []
    for name in sorted(names | set(inline)):
        schema = reader.schemas[name]
        shapes = reader.shapes(schema)
        if shapes:
            made.append(Struct(name, reader.fields(shapes), about(schema), name in given))
        else:
            made.append(Alias(name, dataclasses.replace(reader.type(schema), nullable=False), about(schema)))
    return made


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True
