"""Files as pyarrow, pandas and fastparquet write them, and whether they read what came of them with the same values.

    data_files.py write FOLDER    makes the inputs
    data_files.py check FOLDER    reads the outputs: out/NAME.(parquet|csv|ndjson), and typed/TYPE.parquet
"""

import json
import math
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import fastparquet
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet as pq

ROWS = 40
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
EVERY = timedelta(minutes=36)  # so that 40 rows are a day

RANGES = {f"{sign}int{bits}": (0 if sign else -(2 ** (bits - 1)), 2**bits - 1 if sign else 2 ** (bits - 1) - 1)
          for bits in (8, 16, 32, 64) for sign in ("", "u")}
FLOATS = {"float16": [0.5, -65504.0, 6e-08, 0.0], "float32": [0.1, -3.4e38, 1e-45, -0.0], "float64": [0.1, 1.7976931348623157e308, 5e-324, -0.0]}


def integers(low, high):
    edge = [low, high, 0, 1, high - 1, low + 1]
    return [edge[i % len(edge)] for i in range(ROWS)]


def with_nulls(values):
    return [None if i % 5 == 3 else value for i, value in enumerate(values)]


def types():
    """A column of each type, by name; and the same once more with values missing."""
    instants = [START + i * EVERY for i in range(ROWS)]
    naive = [instant.replace(tzinfo=None) for instant in instants]
    columns = {"id": pa.array(range(ROWS), pa.int32()), "x": pa.array([i / 2 for i in range(ROWS)], pa.float32())}
    for name, bounds in RANGES.items():
        columns[name] = pa.array(integers(*bounds), getattr(pa, name)())
    for name, values in FLOATS.items():
        array = np.array([values[i % len(values)] for i in range(ROWS)], name)
        columns[name] = pa.array(array)
    columns["bool"] = pa.array([i % 3 == 0 for i in range(ROWS)])
    texts = ["Asia/Seoul", "", "é\n\"x\"", "서울", "a,b"]
    columns["text"] = pa.array([texts[i % 5] for i in range(ROWS)])
    columns["large_text"] = pa.array([texts[i % 5] for i in range(ROWS)], pa.large_string())
    columns["dictionary"] = pa.array([texts[i % 5] for i in range(ROWS)]).dictionary_encode()
    columns["ordered"] = pa.DictionaryArray.from_arrays(pa.array([i % 3 for i in range(ROWS)], pa.int8()), ["low", "mid", "high"], ordered=True)
    columns["binary"] = pa.array([bytes([i, 0, 255]) for i in range(ROWS)])
    columns["decimal"] = pa.array([Decimal(i * 1001) / 1000 for i in range(ROWS)], pa.decimal128(12, 3))
    columns["wide_decimal"] = pa.array([Decimal(10**30 + i) for i in range(ROWS)], pa.decimal128(38, 0))
    columns["date"] = pa.array([instant.date() for instant in naive])
    for unit in ("s", "ms", "us", "ns"):
        columns[f"naive_{unit}"] = pa.array(naive, pa.timestamp(unit))
        columns[f"utc_{unit}"] = pa.array(instants, pa.timestamp(unit, "UTC"))
        columns[f"seoul_{unit}"] = pa.array(instants, pa.timestamp(unit, "Asia/Seoul"))
    columns["floats"] = pa.array([[i / 4, -1.5] for i in range(ROWS)], pa.list_(pa.float32()))
    columns["integers"] = pa.array([[i, 2**62] for i in range(ROWS)], pa.large_list(pa.int64()))
    columns["fixed_list"] = pa.array([[i / 4, 1.5] for i in range(ROWS)], pa.list_(pa.float64(), 2))
    columns["texts"] = pa.array([[f"{i}", "é"] for i in range(ROWS)], pa.list_(pa.string()))
    for name in ("int64", "uint8", "float32", "text", "bool", "decimal", "utc_us"):
        column = columns[name]
        columns[f"some_{name}"] = pa.array(with_nulls(column.to_pylist()), column.type)
    return pa.table(columns)


def frame():
    """As a data scientist has it: categories, nullable types, an index with a name."""
    data = pd.DataFrame(
        {
            "id": np.arange(ROWS, dtype="int32"),
            "x": np.arange(ROWS, dtype="float32") / 2,
            "category": pd.Categorical([["red", "green"][i % 2] for i in range(ROWS)]),
            "Int64": pd.array(with_nulls(integers(*RANGES["int64"])), dtype="Int64"),
            "boolean": pd.array(with_nulls([i % 2 == 0 for i in range(ROWS)]), dtype="boolean"),
            "string": pd.array(with_nulls([f"n{i}" for i in range(ROWS)]), dtype="string"),
            "at": pd.date_range(START, periods=ROWS, freq=EVERY),
        }
    )
    return data.set_index(pd.Index([f"row {i}" for i in range(ROWS)], name="key"))


def plain_frame():
    return pd.DataFrame({"id": range(ROWS), "x": [i / 2 for i in range(ROWS)], "text": [["a,b", 'é"\n', "null"][i % 3] for i in range(ROWS)], "at": pd.date_range(START, periods=ROWS, freq=EVERY)})


VARIANTS = {
    "plain": dict(compression="none", row_group_size=1),
    "snappy": dict(compression="snappy", row_group_size=7),
    "gzip": dict(compression="gzip", data_page_version="2.0"),
    "brotli": dict(compression="brotli", row_group_size=39, use_dictionary=False),
    "zstd": dict(compression="zstd", row_group_size=13, version="2.4", write_statistics=False),
    "lz4": dict(compression="lz4", data_page_size=64, write_page_index=True),
    "spark": dict(flavor="spark", use_deprecated_int96_timestamps=True),
    "checksums": dict(write_page_checksum=True, column_encoding={"int64": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY", "float32": "BYTE_STREAM_SPLIT"}, use_dictionary=["dictionary"]),
}


def write(folder):
    table = types()
    for name, options in VARIANTS.items():
        pq.write_table(table, f"{folder}/{name}.parquet", **options)
    twice = table.drop_columns(["id", "x"])
    for column in twice.column_names:
        twice = twice.append_column(f"{column}_again", twice[column])
    pq.write_table(twice, f"{folder}/twice.parquet")
    digits = pa.array([Decimal("1.10")], pa.decimal256(50, 2))
    wide = {"x": pa.array([1], pa.float32()), "d": digits, "list": pa.array([[Decimal("1.10")]], pa.list_(digits.type))}
    pq.write_table(pa.table(wide), f"{folder}/wide.parquet")
    frame().to_parquet(f"{folder}/pandas.parquet")
    fastparquet.write(f"{folder}/fastparquet.parquet", frame().reset_index().drop(columns=["Int64", "boolean"]), compression="GZIP")
    plain = plain_frame()
    for ending in ("csv", "csv.gz"):
        plain.to_csv(f"{folder}/pandas.{ending}", index=False)
    with pa.CompressedOutputStream(f"{folder}/pandas.csv.zst", "zstd") as out:
        out.write(plain.to_csv(index=False).encode())
    plain.to_json(f"{folder}/pandas.ndjson", orient="records", lines=True, date_format="iso", force_ascii=False)
    pa.csv.write_csv(pa.Table.from_pandas(plain, preserve_index=False), f"{folder}/arrow.csv")
    days = table.select(["id", "x"]).append_column("day", pa.array([["2026-11-01", "2026-11-02"][i % 2] for i in range(ROWS)]))
    pa.dataset.write_dataset(days, f"{folder}/parts", format="parquet", partitioning=["day"], partitioning_flavor="hive")


def same(expected, got):
    """Equal, and the same bits of a float; a time is the same instant."""
    if isinstance(expected, float) and isinstance(got, float):
        return (math.isnan(expected) and math.isnan(got)) or (expected == got and math.copysign(1, expected) == math.copysign(1, got))
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple, np.ndarray)):
        return len(expected) == len(got) and all(same(e, g) for e, g in zip(expected, got))
    if isinstance(expected, datetime) and isinstance(got, datetime):
        if (expected.tzinfo is None) != (got.tzinfo is None):
            return False
        return expected == got
    return type(expected) is type(got) and expected == got


def check_columns(name, expected, got):
    for column in expected.column_names:
        assert column in got.column_names, f"{name}: {column} is missing"
        wanted, found = expected[column].to_pylist(), got[column].to_pylist()
        for row, (e, g) in enumerate(zip(wanted, found, strict=True)):
            assert same(plain(e), plain(g)), f"{name}: {column}, row {row}: {e!r} became {g!r} ({expected[column].type} → {got[column].type})"


def without_zones(table):
    """INT96, in which Spark's older files have their times, has none."""
    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(i, field.name, table[i].cast(pa.timestamp("us", field.type.tz)).cast(pa.timestamp("us")))
    return table


def plain(value):
    """What pandas and numpy wrap."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    return value.item() if isinstance(value, np.generic) else value


def check(folder):
    table = types()
    for name in VARIANTS:
        got = pq.read_table(f"{folder}/out/{name}.parquet")
        assert got.column_names == table.column_names + ["y"], name
        check_columns(name, without_zones(table) if name == "spark" else table, got)
        assert got["y"].to_pylist() == [float(i) for i in range(ROWS)], name
        again = pd.read_parquet(f"{folder}/out/{name}.parquet")
        assert list(again["y"]) == [float(i) for i in range(ROWS)] and list(again["id"]) == list(range(ROWS))

    data = frame().reset_index()
    got = pd.read_parquet(f"{folder}/out/pandas.parquet")
    for column in ("id", "x", "category", "Int64", "boolean", "string", "at", "key"):
        pd.testing.assert_series_equal(got[column].astype("object").map(missing), data[column].astype("object").map(missing), check_dtype=False)
    got = pd.read_parquet(f"{folder}/out/fastparquet.parquet")
    for column in ("id", "x", "category", "key"):
        pd.testing.assert_series_equal(got[column].astype("object"), data[column].astype("object"), check_dtype=False)
    assert [stamp.timestamp() for stamp in got["at"]] == [stamp.timestamp() for stamp in data["at"]]

    expected = plain_frame()
    for name in ("pandas.csv", "pandas.csv.gz", "pandas.csv.zst", "pandas.ndjson", "arrow.csv"):
        for ending, read in READERS.items():
            got = read(f"{folder}/out/{name}.{ending}")
            assert list(got["id"].astype(int)) == list(expected["id"]), (name, ending)
            assert list(got["text"]) == list(expected["text"]), (name, ending)
            assert list(got["y"].astype(float)) == [float(i) for i in range(ROWS)], (name, ending)
            assert list(pd.to_datetime(got["at"], utc=True)) == list(expected["at"]), (name, ending)

    got = pq.read_table(f"{folder}/out/parts.parquet").sort_by("id")
    assert got["id"].to_pylist() == list(range(ROWS)) and got["y"].to_pylist() == [float(i) for i in range(ROWS)]
    assert got["day"].to_pylist() == [["2026-11-01", "2026-11-02"][i % 2] for i in range(ROWS)]

    for kind, columns in json.loads(sys.stdin.read()).items():
        for column in columns:
            wanted = table[column].to_pylist()
            got = pq.read_table(f"{folder}/typed/{kind}-{column}.parquet")["y"].to_pylist()
            for row, value in enumerate(wanted):
                cell = None if value is None else [value, value]
                assert same(cell, got[row]), f"{kind} from {column}, row {row}: {value!r} became {got[row]!r}"


def missing(value):
    return None if value is pd.NA or value is None or (isinstance(value, float) and math.isnan(value)) else value


READERS = {
    "parquet": pd.read_parquet,
    "csv": lambda path: pd.read_csv(path, keep_default_na=False, dtype={"text": str}),
    "ndjson": lambda path: pd.read_json(path, lines=True, dtype=False),
}

if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](sys.argv[2])
    print("ok")
