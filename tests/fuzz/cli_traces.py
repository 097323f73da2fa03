"""Cases of request traces: good rows, rows that are changed, and files that are no trace at all."""
import gzip
import json
import shutil
import subprocess

from cli_case import Case, lines, words
from cli_mutate import FRAGMENTS, NUMBERS, RAW_STRINGS, change, change_bytes, dump, gentle
from cli_seeds import AGENTS, SCENARIOS

SECRET = "zq7Secret4vx"
CELLS = [b"", b" ", b"\xff", b"\x00", b'"', b'"a,b"', b'"a\nb"', b"1 000", b"\xe2\x80\xa8", b"2023-13-45 99:99:99",
         b"2023-11-16 18:15:46.6805900", b"2023-11-16T18:15:46Z", b"1" * 5000,
         *words("-1 0 1.5 1e3 1e999 nan 9223372036854775808 99999999999999999999 x 0x1F =1+1")]
STRANGERS = [  # files that are no traces; @: the secret
    b"root:@:0:0:/root:/bin/sh\n", b"@\n", b'{"key": "@", "more": {"x": "@"}}\n', b'{"@": 1}\n', b'["@"]\n', b'"@"\n',
    b"a,b,@\n1,2,3\n", b"\x7fELF\x02@\x00\n", b"-----BEGIN KEY-----\n@\n", b"<html>@</html>", b"export TOKEN=@\n"]


def rows(rng, form):
    """(header, rows) of a small sound trace."""
    count, at, out = rng.choice([1, 2, 5, 30]), 0.0, []
    for i in range(count):
        at += rng.choice([0, 0.25, 1, 7])
        given, made = rng.choice([1, 20, 400, 3000]), rng.choice([1, 5, 90])
        out.append(ROWS[form](i, at, given, made))
    return HEADERS.get(form, b""), out


def azure_row(i, at, given, made):
    return b"2023-11-16 18:%02d:%010.7f,%d,%d" % (int(at) // 60 % 60, at % 60, given, made)


def json_row(**fields):
    return json.dumps(fields).encode()


HEADERS = {"azure": b"TIMESTAMP,ContextTokens,GeneratedTokens", "csv": b"arrival,input,output",
           "vidur": b"arrived_at,num_prefill_tokens,num_decode_tokens",
           "burstgpt": b"Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"}
ROWS = {
    "azure": azure_row,
    "burstgpt": lambda i, at, given, made: b"%d,ChatGPT,%d,%d,%d,API log" % (at, given, made, given + made),
    "vidur": lambda i, at, given, made: b"%.3f,%d,%d" % (at, given, made),
    "csv": lambda i, at, given, made: b"%.3f,%d,%d" % (at, given, made),
    "mooncake": lambda i, at, given, made: json_row(timestamp=int(1000 * at), input_length=given, output_length=made,
                                                    hash_ids=[i % 3, 10 + i][:1 + given // 512]),
    "jsonl": lambda i, at, given, made: json_row(arrival=at, input=given, output=made),
    "openai-usage": lambda i, at, given, made: json_row(created=1700000000 + at, usage={
        "prompt_tokens": given, "completion_tokens": made, "prompt_tokens_details": {"cached_tokens": given // 2}}),
}


def fields_of(row):
    """Of a JSON object that is still one."""
    try:
        fields = json.loads(row)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def changed_row(rng, row):
    kind = rng.random()
    if row.startswith(b"{"):
        fields = fields_of(row)
        if not fields:
            return change_bytes(rng, row)
        key = rng.choice(list(fields))
        if kind < 0.2:
            del fields[key]
            return dump(fields)
        if kind < 0.8:
            value = rng.choice(NUMBERS + RAW_STRINGS + [b"null", b"[]", b"{}", b"true", b'"7"', b"[1e999]", b"[[0]]"])
            return row.replace(json.dumps(fields[key]).encode(), value, 1)
    elif kind < 0.8:
        cells = row.split(b",")
        cells[rng.randrange(len(cells))] = rng.choice(CELLS)
        return b",".join(cells if kind < 0.65 else cells[:-1] if kind < 0.75 else cells * 50)
    return change_bytes(rng, row)


def text_of(rng, form):
    header, body = rows(rng, form)
    texts = ([header] if header else []) + body
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        i = rng.randrange(len(texts))
        operation = rng.random()
        if operation < 0.75:
            texts[i] = changed_row(rng, texts[i]) if texts[i] != header or rng.random() < 0.2 else texts[i]
        elif operation < 0.85:
            texts.insert(i, rng.choice([b"", b"  ", b"#", b"{}", b"x" * 300_000, b",", *FRAGMENTS]))
        elif operation < 0.95:
            texts.append(texts[i])
        elif len(texts) > 1:
            texts.pop(i)
    end = rng.choice([b"\n"] * 6 + [b"\r\n", b"\r", b"\n\n"])
    return end.join(texts) + rng.choice([end, b""])


def packed(rng, data):
    """(ending, bytes): plain or compressed, whole or not."""
    kind = rng.random()
    if kind < 0.7:
        return "", data
    if kind < 0.85 or not shutil.which("zstd"):
        data, ending = gzip.compress(data, mtime=0), ".gz"
    else:
        data, ending = subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout, ".zst"
    if rng.random() < 0.4:
        data = rng.choice([data[:rng.randrange(len(data))], change_bytes(rng, data), data + data, data + b"junk"])
    return rng.choice([ending, ending, ""]), data


def trace(rng, library):
    secret = SECRET if rng.random() < 0.15 else ""
    form = rng.choice(list(ROWS))
    if secret:
        text = rng.choice(STRANGERS).replace(b"@", secret.encode()) * rng.choice([1, 3])
    else:
        text = text_of(rng, form)
    ending, data = packed(rng, text)
    name = "trace" + rng.choice([".csv", ".jsonl", ""]) + ending
    argv, workload = command(rng, name, form)
    scene = {**SCENARIOS["trace"], "workload": workload}
    return Case("trace", "", argv, {name: data, "s.json": dump(scene)}, secret=secret)


def command(rng, name, form):
    """One of the places that read traces, and the workload that it needs."""
    path, kind, print_json = name.encode(), rng.random(), rng.choice(lines("", "--json"))
    run = words("run s.json --no-bands")
    if kind < 0.55:
        asked = {"path": name, "format": rng.choice(["auto", form, form, rng.choice(list(ROWS))]),
                 "bad_lines": rng.choice(["skip", "skip", "refuse"])}
        if form == "mooncake" and rng.random() < 0.5:
            asked["block_size"] = 512
        return run + rng.choice(lines("--json", "", "-o t.db")), {"trace": asked}
    if kind < 0.75:
        return [*run, b"--json", b"--trace", path], {"use": "azure-conv-2023", "max_requests": 5}
    if kind < 0.85:
        return [*words("catalog workloads --fit"), path, *print_json], {}
    if kind < 0.93:
        return [*words("catalog workloads --capacity 0,4 --prefix-cache"), path, *print_json], {}
    return [*run, b"--json"], {"sessions": {"users": 2, "trace": name}}


def recorded(rng, library):
    """Sessions of agents, one of them changed."""
    texts = AGENTS.splitlines()
    i = rng.randrange(len(texts))
    document = json.loads(texts[i])
    for _ in range(rng.choice([1, 1, 2])):
        if rng.random() < 0.5:
            gentle(rng, document)
        else:
            change(rng, document)
    texts[i] = dump(document) if rng.random() < 0.85 else change_bytes(rng, texts[i])
    files = {"agents.jsonl": b"\n".join(texts), "s.json": dump(SCENARIOS["recorded"])}
    return Case("sessions", "", words("run s.json --no-bands --json"), files)
