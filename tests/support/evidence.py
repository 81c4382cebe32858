"""The tables of docs/evidence.md, each written by what fills it. What a run knows nothing of stays as runs before it left it."""


def write_table(path, begin, end, head, rows):
    """Writes a table between the comments `begin` and `end`: the lines `head`, and of each row of `rows`, which are (how its line begins, its line, whether
    this run knows of it), its line; where the run does not, the line that stands there, if one does."""
    with open(path, encoding="utf-8") as file:
        before, found, rest = file.read().partition(begin)
    table, closed, behind = rest.partition(end)
    if not found or not closed:
        raise RuntimeError(f"{path} has no place for the table")
    stood = table.splitlines()
    lines = [line if known else next((old for old in stood if old.startswith(start)), line) for start, line, known in rows]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + "\n".join([begin, *head, *lines, end]) + behind)
