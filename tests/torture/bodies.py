"""What a notify bears: a body that follows from its tag, and a header that says its sum, so that one which is lost, wrong or another's is seen; and
the judgement of that.

A sum is of the content type and the body. JSON is held against JSON, number for number as it was written, in whatever order its keys come; all else
byte for byte.
"""

import base64
import hashlib
import json

from reading import ON_ITS_WAY_S

HEADER = "X-Sum"
# By how many of a hundred notifies: the sizes of their texts, in bytes. PostgreSQL keeps what is longer than two thousand apart.
SIZES = [(15, (0, 0)), (70, (2, 300)), (14, (2_000, 20_000)), (1, (20_000, 200_000))]
JSON, TEXT, BYTES = "application/json", "text/plain", "application/octet-stream"


def sum_of(kind, body):
    """Of a body as it was sent. One that is empty has no kind."""
    if not body:
        return "none"
    if kind == JSON:
        try:
            # Digit for digit.
            read = json.loads(body, parse_int=lambda text: "number " + text, parse_float=lambda text: "number " + text)
            body = json.dumps(read, sort_keys=True, separators=(",", ":")).encode()
        except ValueError:
            pass
    return hashlib.sha256(kind.encode() + b"\n" + body).hexdigest()[:16]


def sum_of_data(data):
    return sum_of(JSON, json.dumps(data).encode())


def text_of(tag, size):
    """Nothing compresses it by much."""
    return hashlib.shake_256(tag.encode()).hexdigest(size // 2)


def size_of(random):
    low, high = random.choices([sizes for _, sizes in SIZES], [weight for weight, _ in SIZES])[0]
    return random.randint(low, high)


def data_of(tag, size):
    return {"tag": tag, "number": int(hashlib.sha256(tag.encode()).hexdigest()[:24], 16), "text": text_of(tag, size)}


def borne(tag, random, merged=False):
    """(fields of a notify, its sum). merged: something is to be merged into it."""
    size, kind = size_of(random), random.choices([JSON, TEXT, BYTES], [75, 15, 10])[0]
    if size == 0:
        return {}, "none"
    if kind == JSON or merged:
        data = data_of(tag, size)
        return {"data": data}, sum_of_data(data)
    text = text_of(tag, size)
    if kind == TEXT:
        return {"body": text, "content_type": TEXT}, sum_of(TEXT, text.encode())
    raw = bytes.fromhex(text + "0" * (len(text) % 2))
    return {"body_base64": base64.b64encode(raw).decode(), "content_type": BYTES}, sum_of(BYTES, raw)


def sum_of_stored(notify):
    """Of a notify as the broker shows it."""
    if notify.get("data") is not None:
        return sum_of_data(notify["data"])
    if notify.get("body_base64") is not None:
        return sum_of(notify["content_type"], base64.b64decode(notify["body_base64"]))
    return sum_of(notify.get("content_type") or "", (notify.get("body") or "").encode())


# ---- the judgement


def check_bodies(checker):
    """I6: each call, late ones too, bears what was submitted, with what was merged into it or put in its place since."""
    for call in [*checker.calls, *checker.late]:
        item = checker.items.get(call.tag)
        if item is None:
            continue
        if "sum" in item.given and call.sum not in sums(checker, item, call):
            checker.fault("I6", f"{call.tag}: attempt {call.number} bore another body ({call.sum}) than was submitted")
        if "head" in item.given and call.head != item.given["head"]:
            checker.fault("I6", f"{call.tag}: attempt {call.number} bore another header ({call.head}) than was submitted")
        about = checker.items.get(item.given["of"]) if isinstance(item.given.get("of"), str) else None
        if call.about and about and about.ids and call.about not in about.ids:
            checker.fault("I6", f"{call.tag}: a callback about {call.about}, which is none of {', '.join(sorted(about.ids))}")


def sums(checker, item, call):
    """Those that a call may have. What nobody knows of whether it was done may have been done at any time."""
    allowed = {item.given["sum"]}
    for ask in sorted(item.triggers + item.changes, key=lambda ask: ask.t):
        given = next(each for each in ask.event["items"] if each["tag"] == item.tag)
        if "sum" not in given or ask.refused() or ask.t > call.t:
            continue
        # A trigger that is answered 200 came too late, or behind itself.
        sure = ask.done() and (ask.event["do"] == "change" or ask.status() == 202)
        if sure and ask.answer["t"] + ON_ITS_WAY_S + checker.noise(ask.answer["t"], call.t) < call.t or sure and ask.status() == 202:
            allowed = {given["sum"]} | unknown(item, call)
        else:
            allowed.add(given["sum"])
    return allowed


def unknown(item, call):
    return {each["sum"] for ask in item.triggers + item.changes if ask.unknown() and ask.t <= call.t
            for each in ask.event["items"] if each["tag"] == item.tag and "sum" in each}


def check_keys(checker):
    """I8: the same key in two namespaces is two keys. All that is submitted may be; it is refused with these where a key of it is another one's."""
    of = {}
    for item in checker.items.values():
        for ask in item.asks:
            if ask.event["do"] in ("submit", "group", "publish") and ask.status() in (409, 422):
                checker.fault("I8", f"{item.tag} of {item.ns} was refused with {ask.status()}: {ask.answer.get('detail')}")
        for known in sorted(item.ids):
            other = of.setdefault(known, item)
            if other is not item:
                checker.fault("I8", f"{known} is both {other.tag} of {other.ns} and {item.tag} of {item.ns}")


def submitted_sums(submitter):
    """{id: the sums that it may have in a store}, of what was acknowledged."""
    asks, of_tag, ids = {}, {}, {}
    for event in submitter:
        if event["e"] == "ask":
            asks[event["op"]] = event
            for item in event["items"]:
                if "sum" in item:
                    of_tag.setdefault(item["tag"], set()).add(item["sum"])
        elif event["e"] == "ans" and event["status"] // 100 == 2 and asks.get(event["op"], {}).get("do") in ("submit", "group"):
            ids.update((known, item["tag"]) for known, item in zip(event["ids"] or [], asks[event["op"]]["items"]) if known)
    return {known: of_tag[tag] for known, tag in ids.items() if tag in of_tag}


def judge_stored(submitted, known, notify):
    """What is wrong with what a restored store shows of a notify."""
    if known not in submitted or sum_of_stored(notify) in submitted[known]:
        return []
    return [("backup", f"{known} is restored with another body than was submitted")]
