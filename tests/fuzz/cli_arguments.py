"""Cases of odd command lines around sound files."""
from cli_case import FLAGS, Case, lines, words
from cli_claims import claim_file
from cli_mutate import LONG, as_argument, change_bytes, dump
from cli_seeds import AGENTS, CUSTOMERS, SCENARIOS, TRACE

VALUES = [b"", b" ", b"a\nb", b"\x1b[2J", b"\xe2\x80\xa8", b"\xff\xfe", b"\xc3\xa9", b"x" * LONG,
          *words("0 -1 1 7 0.5 nan 1e999 9223372036854775808 99999999999999999999999 0x10 1e3 1;2 , 1,,2 . .. folder "
                 "full null absent/x.db s.json r.db notes.txt :memory: file:m.db?mode=memory new.db --json - -- =1+1 "
                 "%n%s own groq all")]
ENDLESS = b"/dev/zero"

OPTIONS = {
    b"run": words("--set --seed --trace -o --stepwise --jobs --rows --no-rows --no-bands --json --bases"),
    b"explain": words("--set --seed --trace --context --json --topology --broken"),
    b"breakeven": words("--set --seed --trace --max-replicas --release-idle --json"),
    b"report": words("-o --format"),
    b"price": words("--plan --set --json --compare --litellm --model --focus --focus-date --budget --bases"),
    b"catalog": words("--fit --prefix-cache --capacity --block-tokens --json"),
    b"audit": words("--only -o --json"),
}
FITTING = dict(lines(  # a value that each option takes
    "--set /seed=2", "--seed 5", "--trace trace.csv", "-o new.db", "--jobs 2", "--context 2000", "--max-replicas 2",
    "--broken server0/chip0", "--format html", "--plan groq", "--compare own,groq", "--litellm list.json", "--model m",
    "--focus new.csv", "--focus-date 2026-01-31", "--budget 100", "--fit trace.csv", "--prefix-cache trace.csv",
    "--capacity 0,100", "--block-tokens 16", "--only S4-03"))
SUBJECTS = dict(lines("run s.json", "explain s.json", "breakeven s.json", "report r.db", "price r.db",
                      "catalog workloads", "audit claims.json"))
MUCH = lines("engine run --model llama-3-8b --output-tokens 1", "engine run --model tiny --kv-blocks 268435456",
             "engine run --model tiny --tokens 1,2 --output-tokens 1048576")
WHOLE = [*lines(  # commands that are not worth a table
    "", "--help", "-h", "--version", "run --help", "engine", "engine --help", "sweep", "compare a --b", "runn s.json",
    "run s.json s.json", "--json run s.json", "bench extra", "bench --quick --x", "validate --set absent",
    "validate --table folder", "engine bench --dry-run --filter norm", "engine bench --dry-run --gbps 1e-300",
    "engine quantize --model tiny --sequences 1 --length 8", "engine run --model tiny --threads 4096 --output-tokens 2",
    "engine replay trace.csv --model tiny --requests 2 --max-output 3 -o new.db",
    "engine replay trace.csv --model tiny --requests 2 --log full", "calibrate absent.jsonl",
    "calibrate trace.csv -o new.json", "--max-memory 0 run s.json", "--max-memory 1K run s.json",
    "--max-memory -5G run s.json", "--max-memory 1e99G run s.json", "--max-memory 64M run s.json"),
    *MUCH, [b""], [b"--max-memory", b"", b"run", b"s.json"]]
LITELLM = {"m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 3e-6, "cache_read_input_token_cost": 1e-7}}


def arguments(rng, library):
    argv = list(rng.choice(WHOLE)) if rng.random() < 0.2 else odd_options(rng)
    bounded = argv not in MUCH and ENDLESS not in argv
    if rng.random() < 0.05 and argv:
        i = rng.randrange(len(argv))
        argv[i] = as_argument(change_bytes(rng, argv[i]))
    files = {"s.json": dump(SCENARIOS[rng.choice(["plain", "generated", "trace"])]), "c.json": dump(CUSTOMERS["agent"]),
             "r.db": library.results["plain"], "trace.csv": TRACE, "agents.jsonl": AGENTS, "list.json": dump(LITELLM),
             "claims.json": dump(claim_file(rng)), "notes.txt": b"what I wrote down\n"}
    measured = any(word in argv for word in words("engine validate bench"))
    return Case("args", "", argv, files, folders=["folder"], devices={"full": "full", "null": "null"},
                steady=not measured, bounded=bounded, limits_memory=b"--max-memory" not in argv)


def odd_options(rng):
    command = rng.choice(list(OPTIONS))
    argv = [command]
    if rng.random() < 0.95 or command == b"audit":  # which would otherwise take all that ships
        argv.append(SUBJECTS[command] if rng.random() < 0.85 else rng.choice([*VALUES, ENDLESS]))
    for option in rng.sample(OPTIONS[command], rng.choice([1, 1, 2, 2])):
        argv.append(option)
        if option not in FLAGS and rng.random() < 0.97:
            argv.append(FITTING[option] if rng.random() < 0.5 else rng.choice(VALUES))
    if rng.random() < 0.05:
        argv.append(rng.choice(words("--unknown -x --jso -- extra --set= -o")))
    return argv
