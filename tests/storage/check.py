#!/usr/bin/env python3
"""Checks storage directories in the on-disk format of OP-TEE's REE file system.

An oracle for teebox's tests: it was written from the description of the format alone and shares
nothing with tee-core. It follows every object from the hardware unique key down, verifies every
hash and every tag, and prints one JSON document for each directory:

    {"dir": …, "objects": [{"ta", "id", "size", "sha256", "file"}], "core": […],
     "orphans": [file names], "damage": [text]}

An orphan is a numbered file that dirf.db does not name: an interrupted creation or removal leaves
one, and it is no damage. Exit code: 0 when nothing is damaged, 1 otherwise.

    check.py [--huk HEX] DIR…
"""

import argparse
import hashlib
import hmac
import json
import os
import struct
import sys
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PAGE = 4096
IMAGE = struct.Struct("<16s16s16s16sI")
NODE = struct.Struct("<32s16s16sH")
ENTRY = struct.Struct("<16s64sI32sI")
OBJECT_HEAD = struct.Struct("<6I")
NOBODY = uuid.UUID(int=0)


class Damage(Exception):
    """A file that does not verify."""


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


class Keys:
    """HUK -> SSK -> TSK -> file key."""

    def __init__(self, huk):
        self.ssk = mac(huk, b"BEEF" * 8 + b"ONLY_FOR_tee_fs_ssk\0")

    def unwrap(self, owner, wrapped):
        message = b"\0" if owner is None else owner.bytes_le
        tsk = mac(self.ssk, message)
        aes = Cipher(algorithms.AES(tsk), modes.ECB()).decryptor()
        return aes.update(wrapped) + aes.finalize()


class Tree:
    """One file, verified from its header to its last block."""

    def __init__(self, data, keys, owner, version):
        self.data = data
        raw = self.bytes_at(68 * version, 68)
        iv, tag, wrapped, secret, self.counter = IMAGE.unpack(raw)
        self.wrapped = wrapped
        self.gcm = AESGCM(keys.unwrap(owner, wrapped))
        self.nodes = {1: self.node(1, version)}
        aad = self.nodes[1][0][:16] + struct.pack("<I", self.counter) + wrapped + iv
        meta = self.decrypt(iv, secret + tag, aad, "header")
        self.length, last, padding = struct.unpack("<QII", meta)
        if padding:
            raise Damage("header: padding is not zero")
        self.last = max(last, 1)
        if self.length > self.last * PAGE:
            raise Damage(f"header: {self.length} bytes in {self.last} nodes")
        for number in range(2, self.last + 1):
            flags = self.nodes[number // 2][3]
            self.nodes[number] = self.node(number, flags >> (1 + number % 2) & 1)
        for number in self.nodes:
            self.check_hash(number)
        blocks = [self.block(b) for b in range((self.length + PAGE - 1) // PAGE)]
        self.content = b"".join(blocks)[: self.length]

    def bytes_at(self, at, count):
        found = self.data[at : at + count]
        if len(found) != count:
            raise Damage(f"file ends before {at + count}")
        return found

    def node(self, number, version):
        index = number - 1
        at = (1 + index // 31 * 62) * PAGE + 132 * (index % 31) + 66 * version
        return NODE.unpack(self.bytes_at(at, 66))

    def check_hash(self, number):
        found, iv, tag, flags = self.nodes[number]
        message = iv + tag + struct.pack("<H", flags)
        if number == 1:
            message += struct.pack("<Q", self.length)
        for child in (2 * number, 2 * number + 1):
            if child in self.nodes:
                message += self.nodes[child][0]
        if hashlib.sha256(message).digest() != found:
            raise Damage(f"node {number}: hash differs")

    def block(self, number):
        _, iv, tag, flags = self.nodes[number + 1]
        n = 2 * number + (flags & 1)
        sealed = self.bytes_at((2 + n + n // 61) * PAGE, PAGE)
        return self.decrypt(iv, sealed + tag, self.wrapped + iv, f"block {number}")

    def decrypt(self, iv, sealed, aad, what):
        try:
            return self.gcm.decrypt(iv, sealed, aad)
        except InvalidTag:
            raise Damage(f"{what}: does not authenticate") from None


def live_version_of_directory(data):
    """The larger of the counters that fit their place: version 0 even, version 1 odd."""
    if len(data) < 136:
        raise Damage("file ends before 136")
    counters = [struct.unpack_from("<I", data, 68 * v + 64)[0] for v in (0, 1)]
    fitting = [v for v in (0, 1) if counters[v] % 2 == v]
    if not fitting:
        raise Damage("no counter fits its header")
    return max(fitting, key=lambda v: counters[v])


def live_version_of_object(data, root):
    for version in (0, 1):
        at = PAGE + 66 * version
        if data[at : at + 32] == root:
            return version
    raise Damage("neither root is the one in dirf.db")


def directory_entries(content):
    for at in range(0, len(content) - ENTRY.size + 1, ENTRY.size):
        owner, name, length, root, number = ENTRY.unpack_from(content, at)
        if length == 0 and name[0] == 0:
            continue
        if length > 64 or length == 0 and name[0] != 1:
            raise Damage(f"entry {at // ENTRY.size}: malformed identifier")
        yield uuid.UUID(bytes_le=owner), name[:length], root, number


def read(path):
    with open(path, "rb") as file:
        return file.read()


def describe(owner, name, number, content):
    data = content
    if owner != NOBODY:
        if len(content) < OBJECT_HEAD.size:
            raise Damage("no object header")
        attributes = OBJECT_HEAD.unpack_from(content)[0]
        start = OBJECT_HEAD.size + attributes
        if start > len(content):
            raise Damage("attributes do not fit")
        data = content[start:]
    return {
        "ta": str(owner),
        "id": name.hex(),
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "file": f"{number:x}",
    }


def check_object(path, keys, entry):
    owner, name, root, number = entry
    file = os.path.join(path, f"{number:x}")
    if not os.path.exists(file):
        raise Damage("file is missing")
    data = read(file)
    tree = Tree(data, keys, owner, live_version_of_object(data, root))
    return describe(owner, name, number, tree.content)


def check(path, keys):
    report = {"dir": path, "objects": [], "core": [], "orphans": [], "damage": []}
    names = {name for name in os.listdir(path) if not name.startswith(".")}
    directory = os.path.join(path, "dirf.db")
    if not os.path.exists(directory):
        report["orphans"] = sorted(names)
        return report
    try:
        data = read(directory)
        tree = Tree(data, keys, None, live_version_of_directory(data))
        entries = list(directory_entries(tree.content))
    except Damage as damage:
        report["damage"].append(f"dirf.db: {damage}")
        return report
    numbers, keys_seen = set(), set()
    for entry in entries:
        owner, name, _, number = entry
        where = f"{owner}/{name.hex()} (file {number:x})"
        if number in numbers or (owner, name) in keys_seen:
            report["damage"].append(f"{where}: listed twice")
        numbers.add(number)
        keys_seen.add((owner, name))
        try:
            kind = "core" if owner == NOBODY else "objects"
            report[kind].append(check_object(path, keys, entry))
        except Damage as damage:
            report["damage"].append(f"{where}: {damage}")
    report["orphans"] = sorted(names - {"dirf.db"} - {f"{n:x}" for n in numbers})
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--huk", type=bytes.fromhex, default=bytes(16))
    parser.add_argument("directories", nargs="+", metavar="DIR")
    args = parser.parse_args()
    keys = Keys(args.huk)
    damaged = False
    for path in args.directories:
        report = check(path, keys)
        damaged = damaged or bool(report["damage"])
        print(json.dumps(report))
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
