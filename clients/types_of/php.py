"""PHP: an array shape for each object, as PHPStan and Psalm read them, and a constant for each set of words. PHP itself has no types for such arrays."""

import re
import textwrap

from types_of import model, statement

PATH = "clients/php/src/Types.php"

HEAD = """<?php

// Made from docs/openapi.yaml by clients/make-types; not to be edited by hand.

namespace Notifyd;

/**
 * The API's objects, as arrays with these shapes, and its words. To have a program checked by PHPStan or Psalm, name in the comment of a class what it
 * uses: `@phpstan-import-type Notify from \\Notifyd\\Types`, then `@var Notify`.
"""


def key(name):
    return name if re.match(r"^[A-Za-z_][A-Za-z0-9_]*$", name) else f"'{name}'"


def written(kind):
    text = {
        "string": lambda: "string",
        "integer": lambda: "int",
        "number": lambda: "int|float",
        "boolean": lambda: "bool",
        "any": lambda: "mixed",
        "true": lambda: "true",
        "false": lambda: "false",
        "enum": lambda: "|".join(f"'{value}'" for value in kind.values),
        "list": lambda: f"list<{written(kind.of[0])}>",
        "map": lambda: f"array<string, {written(kind.of[0])}>|\\stdClass",
        "ref": lambda: kind.name,
        "union": lambda: "|".join(dict.fromkeys(written(one) for one in kind.of)),
    }[kind.kind]()
    return text + "|null" if kind.nullable and kind.kind != "any" else text


def shape(schema):
    if hasattr(schema, "type"):
        return written(schema.type)
    members = ", ".join(f"{key(field.name)}{'' if field.required else '?'}: {written(field.type)}" for field in schema.fields)
    return f"array{{{members}}}" if schema.given else f"array{{{members}, ...}}"


def names(schemas):
    """The fields that are objects wherever they are given, whatever is in them, and those with JSON of the user's own."""
    structs = {schema.name for schema in schemas if isinstance(schema, model.Struct)}
    objects, others, free = set(), set(), set()
    for schema in schemas:
        for field in schema.fields if isinstance(schema, model.Struct) else ():
            kind = field.type
            if kind.kind == "any" or any(of.kind == "any" for of in kind.of):
                free.add(field.name)
            if schema.given:
                is_object = kind.kind == "map" or kind.kind == "ref" and kind.name in structs
                (objects if is_object else others).add(field.name)
    return sorted(objects - others), sorted(free)


def make(schemas):
    out = [HEAD]
    for schema in schemas:
        about = textwrap.wrap(schema.about.replace("*/", "* /").replace("@", "(at)"), 146)
        out.append(" *\n" + "".join(f" * {line}\n" for line in about) + statement(f"@phpstan-type {schema.name} {shape(schema)}", " * ", "    "))
    out.append(" */\nfinal class Types\n{\n")
    for schema in schemas:
        if hasattr(schema, "type") and schema.type.kind == "enum":
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", schema.name).upper()
            out.append(statement(f"public const {name} = [{', '.join(repr(value) for value in schema.type.values)}];", "    ", "        "))
    abouts = (("OBJECTS", "are objects, also where they are empty"), ("OF_THE_USER", "hold JSON of the user's own"))
    for (name, about), fields in zip(abouts, names(schemas)):
        out.append(f"    /** Fields that {about}. */\n")
        out.append(statement(f"public const {name} = [{', '.join(map(repr, fields))}];", "    ", "        "))
    out.append("}\n")
    return "".join(out)
