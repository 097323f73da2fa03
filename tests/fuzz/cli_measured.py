"""Cases of measurements to calibrate to."""
import copy

from cli_case import Case, lines, words
from cli_mutate import change_bytes, dump, hostile, hostile_number, hostile_string

HEADER = {"header": True, "tool": "tokenfab engine measure", "version": "9.9", "date": "2026-11-20", "device": "a box",
          "model": "tiny", "weights": "bf16", "kv": "bf16", "page_tokens": 16, "copy_gbps": 20, "read_gbps": 30,
          "peak_tflops": 0.2}
PRODUCTS = [("qkv_gemm", 256, 128), ("o_gemm", 128, 128), ("mlp_gemm", 512, 128), ("mlp_gemm", 128, 256),
            ("lm_head", 512, 128)]


def operator(name, rows, read, flop, **more):
    seconds = 2e-6 + read / 20e9 + flop / 1e11
    key = " ".join([name, str(rows), *(f"{k}{v}" for k, v in more.items())])
    return {"key": key, "kind": "operator", "op": name, "rows": rows, "median_s": seconds, "p10_s": seconds,
            "p90_s": seconds, "rounds": 5, "bytes": read, "flop": flop, "layers": 4, **more}


def step(kind, batch, context, prompt):
    asked = int(prompt > 0)
    sums = {"decode_sequences": batch, "decode_kv_tokens": batch * context, "prefill_tokens": prompt,
            "prefill_sequences": asked, "prefill_attention": prompt * (prompt + 1) // 2, "prefill_kv_tokens": prompt,
            "prefill_outputs": asked}
    row = operator(kind, batch + prompt, 2e6 + 512.0 * batch * context, 1.3e6 * (batch + prompt))
    return {**row, "kind": "step", "layers": 1, "median_s": 10 * row["median_s"], "sums": sums,
            **({"batch": batch, "context": context} if batch else {})}


def measurements():
    """What a made-up machine measured with the tiny model."""
    found = [HEADER]
    for name, n, k in PRODUCTS:
        for m in (1, 4, 16, 64, 256):
            found.append(operator(name, m, 2.0 * (n * k + m * (n + k)), 2.0 * m * n * k, n=n, k=k))
    for context in (64, 256, 1024):
        for b in (1, 4, 16):
            read, flop = 256.0 * b * context, 512.0 * b * context
            found.append(operator("decode_attention", b, read, flop, batch=b, context=context))
    for t in (16, 64, 256):
        found.append(operator("prefill_attention", t, 512.0 * t, 256.0 * t * t, batch=1, context=t, chunk=t))
        found.append(operator("norm_activation", t, 2000.0 * t, 0.0))
    found += [step("decode", b, c, 0) for b in (1, 4, 16) for c in (64, 512)]
    found += [step("prefill", 0, 0, t) for t in (16, 64, 256)] + [step("mixed", 3, 200, t) for t in (16, 128)]
    return found


def changed_row(rng, row):
    if rng.random() < 0.15:
        return change_bytes(rng, dump(row))
    row = copy.deepcopy(row)
    at = row["sums"] if "sums" in row and rng.random() < 0.3 else row
    key = rng.choice(list(at))
    at[key] = rng.choice([hostile_number(rng), hostile_string(rng), hostile(rng), 0, 1e-12, 3, 40, 1000, 10**9])
    if rng.random() < 0.1:
        del at[key]
    return dump(row)


def calibrate(rng, library):
    rows = measurements()
    texts = [dump(row) for row in rows]
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        i = 0 if rng.random() < 0.1 else rng.randrange(len(texts))
        kind = rng.random()
        if kind < 0.75:
            texts[i] = changed_row(rng, rows[i])
        elif kind < 0.83:
            del texts[i + 1:]
        elif kind < 0.9:
            texts[i] = rng.choice([b"", b"{}", b"[]", b"null", b"7", texts[0], b"x" * 100_000])
        else:
            texts[i] = texts[rng.randrange(len(texts))]
    argv = words("calibrate m.jsonl -o mine.json") + rng.choice(lines("", "--chip l4", "--chip l4 --json", "--json"))
    return Case("calibrate", "", argv, {"m.jsonl": b"\n".join(texts) + b"\n"})
