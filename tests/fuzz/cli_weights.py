"""Cases of models for the reference engine: a folder with config.json and safetensors."""
import copy
import math
import struct

from cli_case import Case, lines, words
from cli_mutate import change_bytes, dump, hostile, hostile_number
from cli_scenarios import mutated

CONFIG = {"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 128, "num_attention_heads": 2,
          "num_key_value_heads": 1, "intermediate_size": 128, "vocab_size": 64, "rms_norm_eps": 1e-5, "rope_theta": 1e4}
SIGNS = bytes(0x3D if i % 2 else 0xBD for i in range(256))  # upper bytes of small bf16 values
TOKENS = [b"1,2,3"] * 8 + [b"63", b"64", b"-1", b"", b"1,,2", b"99999999999999999999"]
OPTIONS = lines("", "--json", "--weights int8", "--weights int4 --kv fp8", "--kv-blocks 1", "--draft ngram",
                "--draft layers --draft-layers 1 --draft-branches 2", "--samples 2", "--temperature 1",
                "--page-tokens 1", "--policy prefill-first")


def tensors(config):
    """Name -> shape of a dense model's weights."""
    hidden, width, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    kv = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes = {"model.embed_tokens": [vocab, hidden], "lm_head": [vocab, hidden], "model.norm": [hidden]}
    layer = {"input_layernorm": [hidden], "post_attention_layernorm": [hidden], "self_attn.q_proj": [hidden, hidden],
             "self_attn.k_proj": [kv, hidden], "self_attn.v_proj": [kv, hidden], "self_attn.o_proj": [hidden, hidden],
             "mlp.gate_proj": [width, hidden], "mlp.up_proj": [width, hidden], "mlp.down_proj": [hidden, width]}
    for i in range(config["num_hidden_layers"]):
        shapes |= {f"model.layers.{i}.{name}": shape for name, shape in layer.items()}
    return {f"{name}.weight": shape for name, shape in shapes.items()}


def weights(rng, shapes):
    """(header, data) of a safetensors file with small random values of both signs."""
    header, data = {}, bytearray()
    for name, shape in shapes.items():
        part = bytearray(2 * math.prod(shape))
        part[0::2] = rng.randbytes(len(part) // 2)
        part[1::2] = rng.randbytes(len(part) // 2).translate(SIGNS)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    return header, bytes(data)


def broken_header(rng, header):
    header = copy.deepcopy(header)
    if rng.random() < 0.3:
        return mutated(rng, header)[0]
    entry = header[rng.choice(list(header))]
    entry[rng.choice(["dtype", "shape", "data_offsets"])] = rng.choice([
        hostile(rng), [0, 8], [8, 0], [1, 3], [hostile_number(rng), 8], [0, hostile_number(rng)], "F32",
        [hostile_number(rng)] * 2, [2**31, 2**31, 0], [-1, 8]])
    return dump(header)


def safetensors(rng, header, data):
    """A file of weights, sound or broken in its header, the header's length or anywhere."""
    kind = rng.random()
    text = broken_header(rng, header) if kind < 0.25 else dump(header)
    size = len(text)
    if 0.25 < kind < 0.32:
        size = rng.choice([0, 1, size - 1, size + 9, 2**63, 2**64 - 1, 2**40])
    whole = struct.pack("<Q", size) + text + data
    return change_bytes(rng, whole) if 0.32 < kind < 0.45 else whole


def engine(rng, library):
    config = {**CONFIG, "num_key_value_heads": rng.choice([1, 2]), "num_hidden_layers": rng.choice([1, 2])}
    header, data = weights(rng, tensors(config))
    files = {"m/model.safetensors": safetensors(rng, header, data),
             "m/config.json": mutated(rng, config)[0] if rng.random() < 0.4 else dump(config)}
    if rng.random() < 0.15:
        index = {"weight_map": {name: "model.safetensors" for name in header}}
        files["m/model.safetensors.index.json"] = mutated(rng, index)[0] if rng.random() < 0.5 else dump(index)
    argv = words("engine run --model m --threads 1 --output-tokens 3 --tokens")
    return Case("engine", "", [*argv, rng.choice(TOKENS), *rng.choice(OPTIONS)], files, steady=False)
