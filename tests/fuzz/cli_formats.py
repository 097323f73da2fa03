"""Whether an output is whole and of its kind. What is not raises Broken, which says why."""
import csv
import io
import json
import re
import sqlite3

WORDS = re.compile(r"(?<![\w.])[-+]?(?:nan|inf|infinity)(?!\w)", re.IGNORECASE)
PLAIN_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?", re.IGNORECASE)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one


class Broken(Exception):
    pass


def text_of(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Broken(f"is not UTF-8 at byte {e.start}: {data[max(0, e.start - 20):e.start + 20]!r}") from None


def strict_json(text):
    """Parses JSON as the standard has it: no NaN, no Infinity."""
    def refuse(name):
        raise Broken(f"holds {name}")
    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as e:
        raise Broken(f"is not JSON: {str(e)[:150]}") from None


def check_json(data):
    strict_json(text_of(data))


def check_database(data):
    db = sqlite3.connect(":memory:")
    try:
        db.deserialize(data)
        verdict = db.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as e:
        raise Broken(f"is no database: {e}") from None
    finally:
        db.close()
    if verdict != "ok":
        raise Broken(f"integrity check: {verdict[:80]}")


def check_page(data):
    text = text_of(data)
    inside = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    if not text.rstrip().endswith("</html>") or not inside:
        raise Broken("is no whole page")
    strict_json(inside.group(1))


def check_bill(data):
    try:
        rows = list(csv.reader(io.StringIO(text_of(data), newline=""), strict=True))
    except csv.Error as e:
        raise Broken(f"is not CSV: {e}") from None
    if len({len(row) for row in rows}) != 1:
        raise Broken("has rows of different lengths")
    for cell in (cell for row in rows for cell in row):
        if (cell.startswith(FORMULA) and not PLAIN_NUMBER.fullmatch(cell)) or WORDS.fullmatch(cell):
            raise Broken(f"has a cell {cell[:60]!r}")


CHECKS = {"sqlite": check_database, "html": check_page, "json": check_json, "csv": check_bill, "any": lambda data: None}
MARKS = {"sqlite": b"SQLite format 3\0", "html": b"<html"}


def check_format(kind, data):
    CHECKS[kind](data)


def is_of_kind(kind, data):
    """Whether a file looks like one of this kind, whole or not."""
    return MARKS.get(kind, b"") in data[:4096]


def is_whole(kind, data):
    try:
        check_format(kind, data)
        return True
    except Broken:
        return False
