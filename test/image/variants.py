"""variants.py <folder>: writes images of every kind that is read, and prints the hash of the pixels that OpenCV reads, by name
(null: it reads none)."""
import hashlib
import io
import json
import os
import struct
import sys
import zlib

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

folder = sys.argv[1]
random = np.random.default_rng(5)
W, H = 53, 37
x, y = np.meshgrid(np.linspace(0, 1, W), np.linspace(0, 1, H))
smooth = np.stack([x, y, (x + y) / 2, 1 - x * y], -1)
rgba = (255 * np.clip(smooth + random.normal(0, 0.05, smooth.shape), 0, 1)).astype(np.uint8)
deep = (65535 * np.clip(smooth + random.normal(0, 0.05, smooth.shape), 0, 1)).astype(np.uint16)
rgb = rgba[..., :3].copy()
grey = rgba[..., 2].copy()
names = []


def put(name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)
    names.append(name)


def pillow(name, image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    put(name, out.getvalue())


def picture(mode):
    return Image.fromarray(rgba, "RGBA").convert("RGB").convert(mode) if mode != "RGBA" else Image.fromarray(rgba, "RGBA")


# JPEG
for mode in ("L", "RGB", "CMYK"):
    for progressive in (False, True):
        pillow(f"{mode}{'-progressive' if progressive else ''}.jpg", picture(mode), "JPEG", progressive=progressive)
for subsampling in (0, 1, 2):
    pillow(f"subsampling{subsampling}.jpg", picture("RGB"), "JPEG", subsampling=subsampling)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = orientation
    pillow(f"orientation{orientation}.jpg", picture("RGB"), "JPEG", exif=exif)


# PNG: every colour type and depth, plain and interlaced
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(samples, bits):
    rows = []
    for row in samples.reshape(len(samples), -1):
        if bits == 16:
            packed = row.astype(">u2").tobytes()
        elif bits == 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            packed = np.packbits(((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(-1)).tobytes()
        rows.append(b"\0" + packed)
    return rows


def png(name, color, bits, samples, extra=b""):
    def write(name, bits, color, interlaced, rows, extra):
        header = struct.pack(">IIBBBBB", W, H, bits, color, 0, 0, interlaced)
        data = chunk(b"IDAT", zlib.compress(b"".join(rows)))
        put(name, b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b""))

    rows = packed_rows(samples, bits)
    write(name, bits, color, 0, rows, extra)
    # Adam7: each pass is an image of its own
    samples = samples.reshape(H, W, -1)
    rows = []
    for top, left, down, across in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
        rows += packed_rows(samples[top::down, left::across], bits)
    write("interlaced-" + name, bits, color, 1, rows, extra)


palette = random.integers(0, 256, (256, 3), dtype=np.uint8)
for bits in (1, 2, 4, 8, 16):
    png(f"grey{bits}.png", 0, bits, deep[..., 0] >> (16 - bits))
    if bits <= 8:
        colors = chunk(b"PLTE", palette[: 1 << bits].tobytes())
        png(f"palette{bits}.png", 3, bits, deep[..., 0] >> (16 - bits), colors)
        png(f"palette{bits}-transparent.png", 3, bits, deep[..., 0] >> (16 - bits), colors + chunk(b"tRNS", bytes([0, 128])))
for bits in (8, 16):
    png(f"rgb{bits}.png", 2, bits, deep[..., :3] >> (16 - bits))
    png(f"rgb{bits}-transparent.png", 2, bits, deep[..., :3] >> (16 - bits), chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
    png(f"grey-alpha{bits}.png", 4, bits, deep[..., [0, 3]] >> (16 - bits))
    png(f"rgba{bits}.png", 6, bits, deep >> (16 - bits))

# WebP
for lossless in (False, True):
    for mode in ("RGB", "RGBA"):
        pillow(f"{mode}-{'lossless' if lossless else 'lossy'}.webp", picture(mode), "WEBP", lossless=lossless, quality=80)

# TIFF
for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr", "I;16"):
    image = Image.fromarray(deep[..., 0]) if mode == "I;16" else None
    if mode == "LAB":
        image = Image.frombytes("LAB", (W, H), rgb.tobytes())
    image = image or picture(mode)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "group3", "group4", "zstd"):
        try:
            pillow(f"{mode.replace(';', '-')}-{compression}.tif", image, "TIFF", compression=compression)
        except (OSError, ValueError, KeyError, RuntimeError):
            pass
for orientation in range(1, 9):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = orientation
    pillow(f"orientation{orientation}.tif", picture("RGB"), "TIFF", tiffinfo=tags, compression="tiff_lzw")


def tiff(name, samples, photometric, big_endian=False, big=False, tile=None, planar=False, extra=None, orientation=1, rows=None):
    """Uncompressed, or deflate where tiled."""
    order = ">" if big_endian else "<"
    height, width, channels = samples.shape
    bits = samples.dtype.itemsize * 8
    planes = [samples[..., i : i + 1] for i in range(channels)] if planar else [samples]
    pieces = []
    for plane in planes:
        if tile:
            padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
            for top in range(0, height, tile):
                for left in range(0, width, tile):
                    pieces.append(padded[top : top + tile, left : left + tile])
        else:
            pieces += [plane[top : top + (rows or height)] for top in range(0, height, rows or height)]
    pieces = [piece.astype(samples.dtype.newbyteorder(order)).tobytes() for piece in pieces]
    if tile:
        pieces = [zlib.compress(piece) for piece in pieces]
    out = bytearray((b"MM" if big_endian else b"II") + (struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0)))
    offsets = []
    for piece in pieces:
        offsets.append(len(out))
        out += piece
    entries = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [8 if tile else 1]), 262: (3, [photometric]), 274: (3, [orientation]), 277: (3, [channels]), 284: (3, [2 if planar else 1])}
    places, sizes = (324, 325) if tile else (273, 279)
    entries[places] = (16 if big else 4, offsets)
    entries[sizes] = (16 if big else 4, [len(piece) for piece in pieces])
    if tile:
        entries[322] = entries[323] = (3, [tile])
    else:
        entries[278] = (4, [rows or height])
    if extra is not None:
        entries[338] = (3, [extra])
    if photometric == 3:
        entries[320] = (3, list((palette.T.astype(int) * 257).reshape(-1)))
    word = "Q" if big else "I"
    room = 8 if big else 4
    records = b""
    for tag in sorted(entries):
        kind, values = entries[tag]
        data = struct.pack(order + {3: "H", 4: "I", 16: "Q"}[kind] * len(values), *values)
        if len(data) > room:
            out += b"\0" * (len(out) % 2)
            place = len(out)
            out += data
            data = struct.pack(order + word, place)
        records += struct.pack(order + "HH" + word, tag, kind, len(values)) + data.ljust(room, b"\0")
    out += b"\0" * (len(out) % 2)
    start = len(out)
    out += struct.pack(order + ("Q" if big else "H"), len(entries)) + records + struct.pack(order + word, 0)
    struct.pack_into(order + word, out, 8 if big else 4, start)
    put(name, bytes(out))


for big_endian in (False, True):
    for depth, samples in ((8, rgba), (16, deep)):
        side = f"{depth}{'-big-endian' if big_endian else ''}"
        tiff(f"rgb{side}.tif", samples[..., :3], 2, big_endian)
        tiff(f"rgb{side}-planar.tif", samples[..., :3], 2, big_endian, planar=True)
        tiff(f"rgb{side}-tiled.tif", samples[..., :3], 2, big_endian, tile=16)
        tiff(f"rgb{side}-tiled-planar.tif", samples[..., :3], 2, big_endian, tile=32, planar=True)
        tiff(f"grey{side}.tif", samples[..., :1], 1, big_endian)
        tiff(f"grey{side}-inverted.tif", samples[..., :1], 0, big_endian, rows=5)
        for extra in (0, 1, 2):
            tiff(f"rgba{side}-extra{extra}.tif", samples, 2, big_endian, extra=extra)
        tiff(f"cmyk{side}.tif", samples, 5, big_endian)
        tiff(f"big-rgb{side}.tif", samples[..., :3], 2, big_endian, big=True)
        tiff(f"big-tiled{side}.tif", samples[..., :3], 2, big_endian, big=True, tile=16)
    tiff(f"palette{'-big-endian' if big_endian else ''}.tif", grey[..., None], 3, big_endian)
tiff("tile-larger.tif", rgb, 2, tile=256)
for orientation in range(1, 9):
    tiff(f"orientation{orientation}-tiled.tif", rgb, 2, tile=16, orientation=orientation)
    tiff(f"orientation{orientation}-16.tif", deep[..., :3], 2, rows=4, orientation=orientation)
    tiff(f"orientation{orientation}-strips.tif", rgb, 2, rows=7, orientation=orientation)


# BMP
def bmp(name, bits, data, compression=0, colors=None, top_down=False, old=False, masks=b"", used=0):
    header = struct.pack("<IHHHH", 12, W, H, 1, bits) if old else struct.pack("<IiiHHIIiiII", 40, W, -H if top_down else H, 1, bits, compression, len(data), 0, 0, used, 0)
    table = masks
    if bits <= 8:
        entries = colors[:, ::-1]
        table += entries.tobytes() if old else np.concatenate([entries, np.zeros((len(entries), 1), np.uint8)], 1).tobytes()
    offset = 14 + len(header) + len(table)
    put(name, b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + table + data)


def bmp_rows(samples, bits, top_down=False):
    out = b""
    for row in samples.reshape(H, W, -1)[:: 1 if top_down else -1]:
        if bits == 16:
            packed = row.astype("<u2").tobytes()
        elif bits >= 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            packed = np.packbits(((row[:, 0][:, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(-1)).tobytes()
        out += packed + b"\0" * (-len(packed) % 4)
    return out


greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
for bits in (1, 4, 8):
    indices = grey >> (8 - bits)
    for top_down in (False, True):
        bmp(f"palette{bits}{'-top-down' if top_down else ''}.bmp", bits, bmp_rows(indices, bits, top_down), colors=palette[: 1 << bits], top_down=top_down)
    bmp(f"greys{bits}.bmp", bits, bmp_rows(indices, bits), colors=greys[:: 255 // ((1 << bits) - 1)][: 1 << bits])
    bmp(f"old{bits}.bmp", bits, bmp_rows(indices, bits), colors=palette[: 1 << bits], old=True)
    bmp(f"few{bits}.bmp", bits, bmp_rows(indices, bits), colors=palette[: (1 << bits) - 1], used=(1 << bits) - 1)
words = random.integers(0, 65536, (H, W), dtype=np.uint16)
bmp("555.bmp", 16, bmp_rows(words, 16))
bmp("555-masks.bmp", 16, bmp_rows(words, 16), 3, masks=struct.pack("<III", 0x7C00, 0x3E0, 0x1F))
bmp("565-masks.bmp", 16, bmp_rows(words, 16), 3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
for top_down in (False, True):
    bmp(f"24{'-top-down' if top_down else ''}.bmp", 24, bmp_rows(rgb, 24, top_down), top_down=top_down)
    bmp(f"32{'-top-down' if top_down else ''}.bmp", 32, bmp_rows(rgba, 32, top_down), top_down=top_down)
bmp("32-masks.bmp", 32, bmp_rows(rgba, 32), 3, masks=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))
bmp("old24.bmp", 24, bmp_rows(rgb, 24), old=True)


def runs(indices, bits, absolute, full_rows_go_on=False):
    out = bytearray()
    for row in indices[::-1]:
        at = 0
        while at < W:
            same = at
            while same < W and row[same] == row[at] and same - at < 255:
                same += 1
            if absolute and same - at < 3 and W - at >= 3:
                count = min(W - at, 8 if bits == 8 else 7)
                values = row[at : at + count]
                packed = values.astype(np.uint8).tobytes() if bits == 8 else bytes((values[i] << 4) | (values[i + 1] if i + 1 < count else 0) for i in range(0, count, 2))
                out += bytes([0, count]) + packed + b"\0" * (len(packed) % 2)
                at += count
            else:
                out += bytes([same - at, row[at] if bits == 8 else row[at] << 4 | row[at]])
                at = same
        out += b"" if full_rows_go_on else b"\0\0"
    return bytes(out) + b"\0\1"


for bits, compression in ((8, 1), (4, 2)):
    indices = (grey >> (8 - bits)) // 3 * 3
    for absolute in (False, True):
        bmp(f"runs{bits}{'-absolute' if absolute else ''}.bmp", bits, runs(indices, bits, absolute), compression, colors=palette[: 1 << bits])
    bmp(f"runs{bits}-top-down.bmp", bits, runs(indices, bits, True), compression, colors=palette[: 1 << bits], top_down=True)
bmp("runs8-without-ends.bmp", 8, runs(grey // 9, 8, False, True), 1, colors=palette)
bmp("runs8-moves.bmp", 8, bytes([5, 7, 0, 2, 9, 3, 20, 8, 0, 0, 0, 0, 3, 1, 0, 2, 0, 2, 4, 4, 0, 1]), 1, colors=palette)
bmp("runs4-moves.bmp", 4, bytes([5, 0x71, 0, 2, 9, 0, 20, 0x18, 0, 0]) + b"\0\0" * (H - 1) + b"\0\1", 2, colors=palette[:16])


# PNM
def pnm(name, kind, samples, most, comment=b""):
    header = b"P%d\n%s%d %d\n" % (kind, comment, W, H) + (b"" if most is None else b"%d\n" % most)
    if kind <= 3:
        data = b"\n".join(b" ".join(b"%d" % value for value in row) for row in samples.reshape(H, -1)) + b"\n"
    elif most is None:
        data = np.packbits(samples, axis=1).tobytes()
    else:
        data = samples.astype(">u2" if most > 255 else np.uint8).tobytes()
    put(name, header + data)


bits = (grey > 99).astype(np.uint8)
for binary in (0, 3):
    suffix = "-binary" if binary else ""
    pnm(f"bits{suffix}.pbm", 1 + binary, bits, None, b"# a comment\n")
    for most in (255, 100, 1023, 65535):
        pnm(f"{most}{suffix}.pgm", 2 + binary, deep[..., 0].astype(int) * most // 65535, most, b"# made\n# here\n")
        pnm(f"{most}{suffix}.ppm", 3 + binary, deep[..., :3].astype(int) * most // 65535, most)
put("bits-without-spaces.pbm", b"P1 %d %d\n" % (W, H) + bytes(48 + bits.reshape(-1)))


def read(name):
    image = cv2.imread(os.path.join(folder, name), cv2.IMREAD_COLOR)
    return None if image is None else hashlib.sha256(image.tobytes()).hexdigest()


print(json.dumps({name: read(name) for name in names}))
