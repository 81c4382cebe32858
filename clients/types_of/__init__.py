"""How each language writes the types of the API; clients/make-types drives them."""

import textwrap


def statement(text, indent, further):
    """Breaks a statement that is longer than a line at its blanks; what follows is indented by further."""
    lines = textwrap.wrap(text, 148, initial_indent=indent, subsequent_indent=indent + further, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines) + "\n"
