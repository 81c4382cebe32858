"""TypeScript: an interface for each object, a type for each other name."""

import textwrap

from types_of import statement

PATH = "clients/node/types.d.ts"

HEAD = """// The API's objects. Made from docs/openapi.yaml by clients/make-types; not to be edited by hand.

"""


def written(kind):
    text = {
        "string": lambda: "string",
        "integer": lambda: "number",
        "number": lambda: "number",
        "boolean": lambda: "boolean",
        "any": lambda: "unknown",
        "true": lambda: "true",
        "false": lambda: "false",
        "enum": lambda: " | ".join(f'"{value}"' for value in kind.values),
        "list": lambda: f"Array<{written(kind.of[0])}>",
        "map": lambda: f"Record<string, {written(kind.of[0])}>",
        "ref": lambda: kind.name,
        "union": lambda: " | ".join(dict.fromkeys(written(one) for one in kind.of)),
    }[kind.kind]()
    return text + " | null" if kind.nullable and kind.kind != "any" else text


def comment(text, indent):
    if not text:
        return ""
    lines = textwrap.wrap(text.replace("*/", "* /"), 140 - len(indent))
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}\n" for line in lines) + f"{indent} */\n"


def make(schemas):
    out = [HEAD]
    for schema in schemas:
        out.append(comment(schema.about, ""))
        if hasattr(schema, "type"):
            out.append(statement(f"export type {schema.name} = {written(schema.type)};", "", "  ") + "\n")
            continue
        out.append(f"export interface {schema.name} {{\n")
        for field in schema.fields:
            out.append(comment(field.about, "  ") + statement(f"{field.name}{'' if field.required else '?'}: {written(field.type)};", "  ", "  "))
        out.append("}\n\n")
    return "".join(out).rstrip("\n") + "\n"
