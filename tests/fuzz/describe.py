#!/usr/bin/env python3
"""Prints an HDF5 file as a description for fuzz targets (describe_h5.h): describe.py FILE.h5 > corpus/TARGET/NAME

So the corpora of files were made from what elbow writes. Values are cut after a few hundred, of small files.
"""

import sys

import h5py

LETTERS = {"u": "u", "i": "i", "f": "f"}


def name_type(dtype):
    return f"{LETTERS[dtype.kind]}{8 * dtype.itemsize}"


def text(value):
    value = value.decode() if isinstance(value, bytes) else str(value)
    return value.replace("\n", "\\n")


def size(dataset):
    if dataset.shape == ():
        return "-"
    words = "x".join(str(count) for count in dataset.shape)
    return f"{words}/{dataset.chunks[0]}" if dataset.chunks else words


def describe(path, item):
    if isinstance(item, h5py.Group) and path != "/":
        print("g", path)
    if isinstance(item, h5py.Dataset):
        if item.dtype.kind == "S" or item.dtype.kind == "O":
            print("d", path, "s", size(item), text(item[()]))
        else:
            values = item[()].ravel()[:300]
            words = (repr(float(v)) if item.dtype.kind == "f" else str(int(v)) for v in values)
            print("d", path, name_type(item.dtype), size(item), ",".join(words))
    for name, value in item.attrs.items():
        if name in ("checksum", "unit", "description"):
            continue
        if isinstance(value, (bytes, str)):
            print("a", path, name, "s", text(value))
        else:
            print("a", path, name, name_type(value.dtype), value)


with h5py.File(sys.argv[1], "r") as file:
    describe("/", file)
    file.visititems(lambda name, item: describe(f"/{name}", item))
