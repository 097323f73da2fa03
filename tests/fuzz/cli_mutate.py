"""Hostile values, and changes of JSON documents that know their structure."""
import copy
import json

from cli_schema import NAMES

DEEP = 60_000
LONG = 40_000


class Raw:
    """Bytes that stand in a document as they are."""

    def __init__(self, text):
        self.text = text


class Twice:
    """A value whose key stands twice in its object."""

    def __init__(self, first, second):
        self.first, self.second = first, second


NUMBERS = [b"0", b"-1", b"-0.0", b"1e308", b"-1e308", b"5e-324", b"1e-300", b"NaN", b"-Infinity", b"1e999",
           b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"18446744073709551616",
           b"4294967296", b"2147483647", b"2147483648", b"65536", b"1e9", b"1e18", b"1e-9", b"0.5", b"1.5", b"1e5",
           b"0.30000000000000004", b"1" * 400, b"0." + b"0" * 400 + b"1", b"1E+2", b"00", b".5", b"0x10", b"1e"]

STRINGS = ["", " ", "\u2028", "\u2029x", "\x1b[31mred", "two\nlines", "tab\there", "\r", "\x7f", "\x9b1m", "\ufeffmark",
           "\u202eabc", "x" * LONG, "\u00e9" * LONG, '=HYPERLINK("http://a.example","x")', "+1+2", "-2+3", "@SUM(A1)",
           "</script><script>x()</script>", "<b>", "<!--", "'; DROP TABLE run; --", "%s%n%d", "{}", "{0}", "../../x",
           "/", ".", "-", "--json", "\\", '"', ",", "a,b\"c", "\U0001f600", "e\u0301", "CON", "1", "true", "null"]
RAW_STRINGS = [b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"a\\u0000b"', b'"\xff\xfe"', b'"\xc3("',
               b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\x00"', b'"raw\nline"', b'"raw\ttab"', b'"\\x"', b'"open']
ODDMENTS = [None, True, False, [], {}, [[]], [{}], {"": ""}, {"a": 1}, [1, 2], ["x"], 0, 1, "x"]
FREE_TEXT = ("name", "description", "comment", "source", "as_of", "id")
FRAGMENTS = [b"\xef\xbb\xbf", b"/* c */", b"// c\n", b"/*", b"\x00", b"\xff", b"\r\n", b"\r", b",", b"{", b"}",
             b"]", b'"', b":", b"NaN", b"\\", b"\xe2\x80\xa8", b"[[[[", b"#", b"'"]


def dump(value):
    """A document's bytes; Raw and Twice included."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        pairs = []
        for key, item in value.items():
            for one in (item.first, item.second) if isinstance(item, Twice) else (item,):
                pairs.append(dump(key) + b": " + dump(one))
        return b"{" + b", ".join(pairs) + b"}"
    if isinstance(value, (list, tuple)):
        return b"[" + b", ".join(dump(item) for item in value) + b"]"
    if isinstance(value, Twice):
        return dump(value.second)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def deep(rng):
    opening, inside, closing = rng.choice([(b"[", b"", b"]"), (b'{"a":', b"1", b"}"), (b"[{\"x\":", b"0", b"}]")])
    levels = rng.choice([201, 3000, DEEP])
    return Raw(opening * levels + inside + closing * levels * rng.choice([1, 1, 0]))


def hostile_number(rng):
    return Raw(rng.choice(NUMBERS))


def hostile_string(rng):
    return Raw(rng.choice(RAW_STRINGS)) if rng.random() < 0.25 else rng.choice(STRINGS)


def hostile(rng):
    """Any value that nobody expects."""
    kind = rng.random()
    if kind < 0.4:
        return hostile_number(rng)
    if kind < 0.75:
        return hostile_string(rng)
    if kind < 0.78:
        return deep(rng)
    return copy.deepcopy(rng.choice(ODDMENTS))


def places(document):
    """(container, key) of every value in it."""
    found, open_ = [], [document]
    while open_:
        at = open_.pop()
        for key in list(at.keys() if isinstance(at, dict) else range(len(at))):
            found.append((at, key))
            if isinstance(at[key], (dict, list)) and at[key]:
                open_.append(at[key])
    return found


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def scaled(rng, value):
    """A number of the same kind, not far away."""
    factor = rng.choice([0, 0.1, 0.5, 0.9, 1.1, 2, 3, 10, 100])
    return round(value * factor) if isinstance(value, int) else value * factor


# Changes of the value at (container, key). Each is (weight, function).
def delete(rng, at, key, document):
    del at[key]


def duplicate(rng, at, key, document):
    if isinstance(at, list):
        at.extend(copy.deepcopy(at[key]) for _ in range(rng.choice([1, 1, 2, 50])))
    else:
        at[key] = Twice(at[key], hostile(rng) if rng.random() < 0.5 else copy.deepcopy(at[key]))


def rename(rng, at, key, document):
    if not isinstance(at, dict):
        return
    new = rng.choice([key[:-1], key + "s", key.upper(), "", "comment", "$x", "\u2028", "x" * LONG, rng.choice(STRINGS)])
    at[new] = at.pop(key)


def swap_type(rng, at, key, document):
    value = at[key]
    at[key] = rng.choice([str(value)[:200], [value], {"x": value}, None, True, 1, "x", [], {}])


def make_extreme(rng, at, key, document):
    at[key] = hostile_number(rng) if is_number(at[key]) else hostile_string(rng)


def make_hostile(rng, at, key, document):
    at[key] = hostile(rng)


def nudge(rng, at, key, document):
    if is_number(at[key]):
        at[key] = scaled(rng, at[key])
    elif isinstance(at[key], str):
        texts = [c[k] for c, k in places(document) if isinstance(c[k], str)]
        at[key] = rng.choice([rng.choice(texts), at[key][1:], at[key] + "x"])
    else:
        splice(rng, at, key, document)


def splice(rng, at, key, document):
    """A part of the document in another's place."""
    other, name = rng.choice(places(document))
    at[key] = copy.deepcopy(other[name])


STRUCTURAL = [(2, delete), (2, duplicate), (1, rename), (3, swap_type), (6, make_extreme), (2, make_hostile),
              (4, nudge), (1, splice)]


def change(rng, document):
    """One change somewhere in the document, in place."""
    choices = places(document)
    if not choices:
        return
    at, key = rng.choice(choices)
    operation = rng.choices([o for _, o in STRUCTURAL], [w for w, _ in STRUCTURAL])[0]
    if isinstance(at[key], (Raw, Twice)):
        operation = delete
    operation(rng, at, key, document)


def gentle(rng, document):
    """A change that may well be allowed: another number, another name from a catalogue, any text where text is free."""
    choices = [(at, key) for at, key in places(document)
               if is_number(at[key]) or (isinstance(at[key], str) and (key in FREE_TEXT or key in NAMES))]
    if not choices:
        return
    at, key = rng.choice(choices)
    if is_number(at[key]):
        at[key] = scaled(rng, at[key])
    else:
        at[key] = rng.choice(NAMES[key]) if key in NAMES else hostile_string(rng)


def change_bytes(rng, data):
    """One change that knows nothing of structure."""
    if not data:
        return rng.choice(FRAGMENTS)
    i = rng.randrange(len(data))
    j = min(len(data), i + rng.choice([1, 2, 8, 100]))
    kind = rng.randrange(7)
    if kind == 0:
        return data[:i]
    if kind == 1:
        return data[:i] + bytes([data[i] ^ (1 << rng.randrange(8))]) + data[i + 1:]
    if kind == 2:
        return data[:i] + rng.choice(FRAGMENTS) + data[i:]
    if kind == 3:
        return data[:i] + data[j:]
    if kind == 4:
        return data[:i] + data[i:j] * rng.choice([2, 3, 1000]) + data[j:]
    if kind == 5:
        return rng.choice(FRAGMENTS) + data
    return data.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n"])) + (data if len(data) < 10_000 else b"")


def as_argument(data):
    """Bytes that a command line can carry."""
    return data.replace(b"\x00", b"")[:130_000]
