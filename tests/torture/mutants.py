"""The oracle with one thing taken out of it: a judgement, or a part of a condition by which it judges or excuses."""

import ast
import copy
import os
import re
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
# The rules, each file behind those that it imports.
FILES = ("lateness", "books", "checker")


def source(name):
    with open(os.path.join(HERE, f"{name}.py"), encoding="utf-8") as file:
        return file.read()


def judge_of(name, changed):
    """`judge` of an oracle of which that file is another one."""
    kept = {each: sys.modules.get(each) for each in FILES}
    try:
        for each in FILES:
            module = sys.modules[each] = types.ModuleType(each)
            exec(compile(changed if each == name else source(each), each, "exec"), module.__dict__)
        return sys.modules["checker"].judge
    finally:
        for each, module in kept.items():
            if module:
                sys.modules[each] = module
            else:
                del sys.modules[each]


def without_a_judgement():
    """(what is gone, judge)"""
    for name in FILES:
        text = source(name)
        for found in re.finditer(r"self\.fault\(\"I", text):
            at = found.start()
            yield text[at:at + 100], judge_of(name, text[:at] + "str(" + text[at + len("self.fault("):].replace('", f"', '" f"', 1))


def without_a_part():
    """(where and what is gone, judge): each operand of each condition, and each excuse, an `if` that goes on with the next one or back."""
    for name in FILES:
        tree = ast.parse(source(name))
        for node in ast.walk(tree):
            if isinstance(node, ast.BoolOp):
                for at, operand in enumerate(node.values):
                    yield gone(name, operand), changed(name, tree, node, "values", node.values[:at] + node.values[at + 1:])
            if isinstance(node, ast.If) and not node.orelse and all(isinstance(each, (ast.Continue, ast.Return)) for each in node.body):
                yield gone(name, node.test), changed(name, tree, node, "test", ast.copy_location(ast.Constant(False), node.test))


def gone(name, node):
    return f"{name}.py:{node.lineno}: {ast.unparse(node)}"


def changed(name, tree, node, field, value):
    kept = getattr(node, field)
    setattr(node, field, value)
    mutant = copy.deepcopy(tree)
    setattr(node, field, kept)
    # An operator with one operand is that one.
    return judge_of(name, Single().visit(mutant))


class Single(ast.NodeTransformer):
    def visit_BoolOp(self, node):
        self.generic_visit(node)
        return node.values[0] if len(node.values) == 1 else node
