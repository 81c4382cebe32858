"""Python: a TypedDict for each object, as Python 3.9 writes it (what is required in a class of its own), a name for each other type."""

import textwrap

from types_of import statement

PATH = "clients/python/notifyd/types.py"

HEAD = '''"""The API's objects. Made from docs/openapi.yaml by clients/make-types; not to be edited by hand."""

from typing import Any, Dict, List, Literal, Optional, TypedDict, Union

'''


def written(kind):
    text = {
        "string": lambda: "str",
        "integer": lambda: "int",
        "number": lambda: "float",
        "boolean": lambda: "bool",
        "any": lambda: "Any",
        "true": lambda: "Literal[True]",
        "false": lambda: "Literal[False]",
        "enum": lambda: "Literal[" + ", ".join(f'"{value}"' for value in kind.values) + "]",
        "list": lambda: f"List[{written(kind.of[0])}]",
        "map": lambda: f"Dict[str, {written(kind.of[0])}]",
        "ref": lambda: f'"{kind.name}"',
        "union": lambda: "Union[" + ", ".join(dict.fromkeys(written(one) for one in kind.of)) + "]",
    }[kind.kind]()
    return f"Optional[{text}]" if kind.nullable and kind.kind != "any" else text


def docstring(text, indent="    "):
    lines = textwrap.wrap(text.replace("\\", "\\\\"), 130 - len(indent))
    if not lines:
        return ""
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n\n'
    return f'{indent}"""' + f"\n{indent}".join(lines) + f'\n{indent}"""\n\n'


def members(fields):
    text = ""
    for field in fields:
        text += wrapped_comment(field.about) + statement(f"{field.name}: {written(field.type)}", "    ", "    ")
    return text


def wrapped_comment(text):
    return "".join(f"    # {line}\n" for line in textwrap.wrap(text, 134))


def make(schemas):
    out = [HEAD]
    # Names that are no classes are evaluated at once, so what they refer to stands before them.
    for schema in schemas:
        if hasattr(schema, "type"):
            said = "".join(f"# {line}\n" for line in textwrap.wrap(schema.about, 138))
            out.append(said + statement(f"{schema.name} = {written(schema.type)}", "", "    "))
    for schema in schemas:
        if hasattr(schema, "type"):
            continue
        required = [field for field in schema.fields if field.required]
        optional = [field for field in schema.fields if not field.required]
        if required and optional:
            out.append(f"\n\nclass _{schema.name}(TypedDict):\n" + members(required))
            out.append(f"\n\nclass {schema.name}(_{schema.name}, total=False):\n" + docstring(schema.about) + members(optional))
        else:
            total = "" if required else ", total=False"
            out.append(f"\n\nclass {schema.name}(TypedDict{total}):\n" + docstring(schema.about) + members(schema.fields))
    return "".join(out)
