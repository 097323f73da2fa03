"""Seals of results files (reports/seal.h): an edit that is sealed again must be met with care as well."""
import contextlib
import sqlite3
import struct

OFFSET, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
INTEGER, FLOAT, TEXT, BLOB, NULL = 1, 2, 3, 4, 5


def fnv(data, value=OFFSET):
    for byte in data:
        value = (value ^ byte) * PRIME & MASK
    return value


def packed(value):
    """A column's type and content, as they are hashed."""
    if value is None:
        return struct.pack("<i", NULL)
    if isinstance(value, int):
        return struct.pack("<iq", INTEGER, value)
    if isinstance(value, float):
        return struct.pack("<id", FLOAT, value)
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
    return struct.pack("<ii", TEXT if isinstance(value, str) else BLOB, len(data)) + data


def sealed_tables(db):
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in names:
        columns = [row[1] for row in db.execute(f'PRAGMA table_info("{name}")')]
        if name == "run":
            yield name, "id"
        elif name not in ("request", "seal") and "run_id" in columns:
            yield name, "run_id"


def digest(db, run):
    total = 0
    for table, key in sealed_tables(db):
        start = fnv(table.encode())
        for row in db.execute(f'SELECT * FROM "{table}" WHERE "{key}" = ?', (run,)):
            total += fnv(b"".join(map(packed, row)), start)
    total &= MASK
    return total - (1 << 64) if total >> 63 else total  # as SQLite keeps it


def seal_again(db):
    """Makes an edited file look as if it had been written so."""
    db.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    with contextlib.suppress(sqlite3.Error):  # there may be no seal left
        for (run,) in db.execute("SELECT run_id FROM seal").fetchall():
            db.execute("UPDATE seal SET digest = ? WHERE run_id = ?", (digest(db, run), run))


def breaks_seals(db):
    """Whether the tool seals otherwise than this module."""
    return any(digest(db, run) != stored for run, stored in db.execute("SELECT run_id, digest FROM seal").fetchall())
