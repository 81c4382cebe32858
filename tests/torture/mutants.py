"""The oracle with one thing taken out of it: a judgement, or what keeps it from judging."""

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


def without_an_excuse():
    """(where and what is gone, judge): each `if` that goes on with the next one, or back, and each part of a condition that keeps from judging."""
    for name in FILES:
        tree = ast.parse(source(name))
        for node in ast.walk(tree):
            if not isinstance(node, ast.If):
                continue
            if excuses(node):
                yield gone(name, node.test), changed(name, tree, node, "test", ast.copy_location(ast.Constant(False), node.test))
            if excuses(node) or judges(node):
                for operator, at in parts(node.test, judges(node)):
                    values = operator.values
                    yield gone(name, values[at]), changed(name, tree, operator, "values", values[:at] + values[at + 1:])


def excuses(node):
    return not node.orelse and all(isinstance(each, ast.Continue) or isinstance(each, ast.Return) and each.value is None for each in node.body)


def judges(node):
    return any(isinstance(each, ast.Expr) and "self.fault(" in ast.unparse(each) for each in node.body)


def parts(test, accuses):
    """The operators of a condition, and which operand of theirs, without which more is accused."""
    if isinstance(test, ast.UnaryOp):
        yield from parts(test.operand, not accuses)
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) == accuses:
            yield from ((test, at) for at in range(len(test.values)))
        for operand in test.values:
            yield from parts(operand, accuses)


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
