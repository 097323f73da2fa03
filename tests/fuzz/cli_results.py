"""Cases of results files: sound ones, and ones that were damaged or edited."""
import contextlib
import json
import sqlite3

from cli_case import Case, lines, words
from cli_mutate import change, change_bytes, dump, hostile
from cli_seal import seal_again
from cli_seeds import SCENARIOS, TRACE

# Runs whose results the cases begin with: name -> (scenario, options).
MADE = {"plain": ("plain", "--rows"), "sessions": ("sessions", ""), "fleet": ("fleet", ""), "regions": ("regions", ""),
        "stack": ("stack", "--no-bands"), "apart": ("apart", "--no-rows")}
MARKET = "exchange"
RESEALED = 0.6  # of the edits

VALUES = ["NULL", "''", "'text'", "x'00ff'", "1e308", "-1e308", "9e999", "-1", "0", "9223372036854775807",
          "-9223372036854775808", "5e-324", "0.5", "'\x1b[1m'", "'\u2028'", "'=1+1'", "'</script>'", "char(0)",
          "zeroblob(100000)", "'NaN'"]
EDITS = [  # (weight, SQL)
    (20, 'DELETE FROM "{table}"{where}'),
    (50, 'UPDATE OR REPLACE "{table}" SET "{column}" = {value}{where}'),
    (6, 'DROP TABLE "{table}"'),
    (6, "PRAGMA user_version = {number}"),
    (4, 'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "other"'),
    (4, 'ALTER TABLE "{table}" DROP COLUMN "{column}"'),
    (3, "UPDATE run SET state = 'running'{where}"),
    (3, "PRAGMA application_id = {number}"),
    (4, 'UPDATE "{table}" SET "{column}" = -"{column}"{where}')]
QUESTIONS = lines(
    "price r.db", "price r.db --json", "price r.db --json", "price r.db --bases",
    "price r.db --set /supply/rent/usd_per_chip_hour=2", "price r.db --plan groq --json",
    "price r.db --plan groq --focus f.csv", "price r.db --plan groq --budget 50", "report r.db",
    "report r.db -o r.html", "report r.db -o r.html", "report r.db -o r.json --format json", "breakeven r.db",
    "breakeven r.db --json", "run s.json --no-bands -o r.db")


def tables(db):
    return [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]


def columns(db, table):
    return [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]


def filled(db):
    return [t for t in tables(db) if db.execute(f'SELECT 1 FROM "{t}" LIMIT 1').fetchone()]


def an_edit(rng, db):
    """SQL that damages the file somewhere that counts."""
    table = rng.choice((filled(db) if rng.random() < 0.9 else []) or tables(db) or ["run"])
    where = rng.choice(["", "", f" WHERE {'id' if table in ('run', 'market') else 'run_id'} = 1"])
    sql = rng.choices([sql for _, sql in EDITS], [weight for weight, _ in EDITS])[0]
    return sql.format(table=table, column=rng.choice(columns(db, table) or ["id"]), value=rng.choice(VALUES),
                      where=where, number=rng.choice([0, 1, 7, 9, 1000, -1]))


def change_scenario(rng, db):
    for table in ("run", "market"):
        for (text,) in db.execute(f"SELECT scenario FROM {table} ORDER BY id LIMIT 1").fetchall():
            document = json.loads(text)
            change(rng, document)
            changed = rng.choice([dump(document), dump(document), change_bytes(rng, text.encode()), dump(hostile(rng))])
            db.execute(f"UPDATE {table} SET scenario = CAST(? AS TEXT)", (changed,))


def damaged(rng, content):
    """A results file after changes of its bytes, of the scenario in it, or by SQL."""
    kind = rng.random()
    if kind < 0.12:
        for _ in range(rng.choice([1, 1, 5, 50])):
            content = change_bytes(rng, content)
        return content
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        if kind < 0.3:
            change_scenario(rng, db)
        for _ in range(rng.choice([1, 1, 1, 2, 4]) if kind >= 0.3 else 0):
            with contextlib.suppress(sqlite3.Error):  # what the schema forbids cannot come to be
                db.execute(an_edit(rng, db))
        if rng.random() < RESEALED:
            seal_again(db)
        db.commit()
        return db.serialize()


def results(rng, library):
    name = rng.choice(list(library.results))
    sound = rng.random() < 0.15
    content = library.results[name] if sound else damaged(rng, library.results[name])
    files = {"r.db": content, "s.json": dump(SCENARIOS[rng.choice(["trace", "apart"])]), "trace.csv": TRACE}
    return Case("results", "", rng.choice(QUESTIONS), files, exact=sound)


def scenario_of(name):
    """(scenario, options) of a run whose results are wanted."""
    seed, options = MADE[name]
    return SCENARIOS[seed], words(options)
