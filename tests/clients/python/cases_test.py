"""The common cases (clients/cases.md) through the Python client: cases_test.py SCRIPTED_SERVER CASES [BEGINNING OF NAMES]"""

import itertools
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "clients" / "python"))

import notifyd  # noqa: E402  (found there)


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def same(one, other):
    """Whether two values are the same JSON: 1 is not true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def outcome(client, step):
    """Makes one call, and takes all that it iterates over, or so many as `take` says."""
    arguments = dict(step["arguments"])
    if step["call"] == "list":
        arguments = arguments["filters"]
    made = getattr(client, step["call"])(**arguments)
    return list(itertools.islice(made, step.get("take"))) if hasattr(made, "__next__") else made


def check_error(error, wanted):
    if wanted["kind"] == "argument":
        return check(isinstance(error, ValueError), f"not a ValueError: {error!r}")
    check(isinstance(error, notifyd.NotifydError), f"not an error of the client: {error!r}")
    for name, value in wanted.items():
        check(same(getattr(error, name), value), f"{name}: {getattr(error, name)!r} instead of {value!r}")
    return None


def check_step(client, step):
    try:
        result = outcome(client, step)
    except Exception as error:  # pylint: disable=broad-except
        if "error" not in step:
            raise
        return check_error(error, step["error"])
    check("error" not in step, f"no error, but {result!r}")
    if "etag" in step:
        check(result["etag"] == step["etag"], result["etag"])
    if isinstance(result, dict):
        result.pop("etag", None)
    return check(same(result, step["result"]), f"{result!r} instead of {step['result']!r}")


def run(case, ports):
    waits = []
    url = f"http://127.0.0.1:{ports['closed_port']}" if case.get("server") == "closed" else f"http://127.0.0.1:{ports['port']}/case/{case['name']}"
    with notifyd.Client(url, **{"timeout_ms": 10000, **case.get("options", {}), "sleep": waits.append}) as client:
        for step in case.get("steps", [case]):
            check_step(client, step)
    if "waits_ms" in case:
        fits = [least <= wait <= most for wait, (least, most) in zip(waits, case["waits_ms"])]
        check(len(waits) == len(case["waits_ms"]) and all(fits), f"the waits are {waits}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{ports['port']}/verdict/{case['name']}") as answer:
        verdict = json.load(answer)
    check(verdict["ok"], verdict.get("why"))


def main():
    server, file = sys.argv[1:3]
    for name in ("NOTIFYD_URL", "NOTIFYD_TOKEN", "NOTIFYD_NAMESPACE"):
        os.environ.pop(name, None)
    with open(file, encoding="utf-8") as opened:
        cases = [case for case in json.load(opened)["cases"] if case["name"].startswith("".join(sys.argv[3:4]))]
    failed = 0
    with subprocess.Popen([sys.executable, server, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        ports = json.loads(process.stdout.readline())
        for case in cases:
            try:
                run(case, ports)
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                print(f"FAILED {case['name']}: {error}", file=sys.stderr)
        process.stdin.close()
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 0 if cases and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
