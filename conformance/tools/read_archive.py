#!/usr/bin/env python3
"""Opens what Latent keeps on disk, without Latent and without its database.

Written from docs/formats.md alone, so that the stored objects outlive the program: all it takes is
the root key file, the key ring and the segments of a data folder.

  read_archive.py list    ROOT_KEY_FILE DATA_DIR           a line for each object
  read_archive.py extract ROOT_KEY_FILE DATA_DIR TARGET    TARGET/<study>/<series>/<instance>.dcm
  read_archive.py check   ROOT_KEY_FILE DATA_DIR           as list, and every checksum too (slow)

Needs Python 3.9 and python3-cryptography. Exit code 0 when everything opened, 1 when something did
not (one line each on standard error), 2 for a wrong call. Not read: compressed blobs (codec 1),
which no released version writes.
"""

import base64
import hashlib
import hmac
import mmap
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

RECORD_HEAD = struct.Struct("<IBBHQ16sII")  # magic, type, flags, 0, n, id, 0, CRC
RECORD_MAGIC = 0x31434552
BLOB, TOMBSTONE, KEY, DESTROYED = 1, 2, 16, 18
PURPOSES = {1: "study", 2: "store", 3: "audit seed", 4: "de-identification", 5: "backup"}


class Broken(Exception):
    """What was found is not what the format says; the first word is the one of docs/formats.md."""


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def derive(key, salt, info, length):
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


def cipher(number, key):
    if number == 1:
        return AESGCM(key)
    if number == 2:
        return ChaCha20Poly1305(key)
    raise Broken(f"unsupported: cipher {number}")


def type_length_values(data):
    fields, at = {}, 0
    while at < len(data):
        tag, length = struct.unpack_from("<HI", data, at)
        if tag in fields or at + 6 + length > len(data):
            raise Broken("manifest: a field stands twice or is cut")
        fields[tag] = data[at + 6 : at + 6 + length]
        at += 6 + length
    return fields


def read_root_key(path):
    words = pathlib.Path(path).read_text(encoding="ascii").split()
    if len(words) != 3 or words[0] != "LATENT-ROOT-1":
        raise Broken("root: this is no root key file")
    key = base64.b64decode(words[1], validate=True)
    identity = hmac.new(key, b"latent.root.id.v1", hashlib.sha256).digest()[:16]
    if len(key) != 32 or identity.hex()[:8] != words[2]:
        raise Broken("root: the key was copied wrongly")
    return key, identity


def read_file_head(data, magic):
    if len(data) < 64 or data[:8] != magic:
        raise Broken("magic: not a file of this kind")
    if crc32c(data[:60]) != struct.unpack_from("<I", data, 60)[0]:
        raise Broken("crc: file header")
    if struct.unpack_from("<H", data, 8)[0] != 1:
        raise Broken("unsupported: file version")
    return data[16:24]  # store id


def records(data, with_checksums):
    """(offset, type, id, payload) up to the end, or up to where an active file ends."""
    at = 64
    while at + RECORD_HEAD.size <= len(data):
        magic, kind, _, _, length, name, _, crc = RECORD_HEAD.unpack_from(data, at)
        if magic != RECORD_MAGIC or crc != crc32c(data[at : at + 36]):
            if any(data[at : at + RECORD_HEAD.size]):
                raise Broken(f"torn: the file ends or is damaged at byte {at}")
            return
        begin = at + RECORD_HEAD.size
        if begin + length + 4 > len(data):
            raise Broken(f"torn: the record at byte {at} is not whole")
        payload = data[begin : begin + length]
        if with_checksums and crc32c(payload) != struct.unpack_from("<I", data, begin + length)[0]:
            raise Broken(f"crc: the record at byte {at}")
        yield at, kind, name, payload
        at = (begin + length + 4 + 7) // 8 * 8


class KeyRing:
    """Every key that the root opens, by key id."""

    def __init__(self, data, root, root_id):
        self.store_id = read_file_head(data, b"LTNTKEY1")
        self.keys, self.labels = {}, {}
        wrapping = derive(root, root_id, b"latent.ring.wrap.v1", 32)
        for _, kind, name, payload in records(data, True):
            if kind == DESTROYED:
                self.keys.pop(name, None)
            if kind != KEY or payload[8:24] != root_id:
                continue
            version, purpose, aead = struct.unpack_from("<HBB", payload)
            if version != 1:
                raise Broken(f"unsupported: ring entry {version}")
            nonce, length = payload[32:44], struct.unpack_from("<I", payload, 44)[0]
            bound = b"latent.ring.v1" + self.store_id + name + payload[:48]
            opened = cipher(aead, wrapping).decrypt(nonce, payload[48 : 48 + length], bound)
            self.keys[name] = opened[:32]
            self.labels[name] = (PURPOSES.get(purpose, "unknown"), opened[32:].decode("utf-8"))


class Blob:
    """One sealed object: its manifest, and its bytes when asked for."""

    def __init__(self, data, ring):
        head = data[:96]
        if head[:8] != b"LTNTBLB1":
            raise Broken("magic: no blob")
        version, aead, codec, chunk_log2 = struct.unpack_from("<HBBB", head, 8)
        if version != 1 or codec != 0:
            raise Broken(f"unsupported: version {version}, codec {codec}")
        if head[32:48] not in ring.keys:
            raise Broken(f"nokey: {head[32:48].hex()}")
        if head[48:56] != ring.store_id:
            raise Broken("store: made by another archive")
        secret = derive(ring.keys[head[32:48]], head[16:32], b"latent.blob.v1" + head[:64], 64)
        if secret[32:] != head[64:96]:
            raise Broken("commitment: wrong key or changed header")
        self.data, self.head, self.cipher = data, head, cipher(aead, secret[:32])
        self.chunk = 1 << chunk_log2
        sealed, zero, self.length = struct.unpack_from("<IIQ", data, len(data) - 24)
        self.chunks = max(1, -(-self.length // self.chunk))
        whole = 96 + self.length + 16 * self.chunks + sealed + 24
        if zero != 0 or data[-8:] != b"LTNTEND1" or whole != len(data):
            raise Broken("length: the parts do not make the whole")
        at = len(data) - 24 - sealed
        self.fields = type_length_values(self.open(self.chunks, 2, data[at : at + sealed]))
        if struct.unpack("<Q", self.fields[2])[0] != self.length:
            raise Broken("length: manifest and footer differ")

    def open(self, index, mark, sealed):
        try:
            return self.cipher.decrypt(index.to_bytes(11, "big") + bytes([mark]), sealed, self.head)
        except InvalidTag:
            raise Broken(f"auth: chunk {index}") from None

    def uid(self, tag):
        return self.fields.get(tag, b"").decode("ascii")

    def plaintext(self):
        parts = []
        for index in range(self.chunks):
            begin = 96 + index * (self.chunk + 16)
            size = min(self.chunk, self.length - index * self.chunk) + 16
            mark = 1 if index == self.chunks - 1 else 0
            parts.append(self.open(index, mark, self.data[begin : begin + size]))
        whole = b"".join(parts)
        offset = struct.unpack("<I", self.fields[9])[0] if 9 in self.fields else 0
        if hashlib.sha256(whole[offset:]).digest() != self.fields[3]:
            raise Broken("digest: the data set is not what was received")
        return whole


def use_blob(blob, command, target):
    whole = blob.plaintext()
    study, series, instance = blob.uid(6), blob.uid(7), blob.uid(5)
    version = struct.unpack("<I", blob.fields.get(12, bytes(4)))[0]
    print(study, series, instance, f"version {version}", f"{len(whole)} bytes")
    if command == "extract":
        suffix = f".v{version}" if version else ""
        place = pathlib.Path(target, study, series, f"{instance}{suffix}.dcm")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(whole)


def read_segment(path, ring, command, target):
    """Number of things that did not open."""
    failures = 0
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        read_file_head(data, b"LTNTSEG1")
        for at, kind, _, payload in records(data, command == "check"):
            if kind != BLOB:
                continue
            try:
                use_blob(Blob(payload, ring), command, target)
            except Broken as broken:
                failures += 1
                print(f"{path}: byte {at}: {broken}", file=sys.stderr)
    return failures


def main(arguments):
    if len(arguments) not in (3, 4) or arguments[0] not in ("list", "extract", "check"):
        print(__doc__, file=sys.stderr)
        return 2
    command, root_file, folder = arguments[:3]
    if (command == "extract") != (len(arguments) == 4):
        print(__doc__, file=sys.stderr)
        return 2
    target = arguments[3] if command == "extract" else None
    root, root_id = read_root_key(root_file)
    failures = 0
    for ring_file in sorted(pathlib.Path(folder, "ring").glob("*.ring")):
        ring = KeyRing(ring_file.read_bytes(), root, root_id)
        node = ring_file.stem
        for segment in sorted(pathlib.Path(folder, "seg", node).glob("*.seg")):
            try:
                failures += read_segment(segment, ring, command, target)
            except Broken as broken:
                failures += 1
                print(f"{segment}: {broken}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Broken as broken:
        print(broken, file=sys.stderr)
        sys.exit(1)
