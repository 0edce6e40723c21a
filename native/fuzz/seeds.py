"""seeds.py <folder>: writes what the fuzzers begin with: folders images, templates and landmarks."""
import os
import struct
import subprocess
import sys

import numpy as np
from PIL import Image

folder = sys.argv[1]
for target in ("images", "templates", "landmarks"):
    os.makedirs(os.path.join(folder, target), exist_ok=True)
images = os.path.join(folder, "images")
# One image of each kind, as the tests compare them with OpenCV's.
variants = os.path.join(os.path.dirname(__file__), "../../test/image/variants.py")
subprocess.run([sys.executable, variants, images], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

noise = Image.effect_noise((24, 18), 90).convert("RGB")
profile = bytes(16) + b"RGB XYZ " + bytes(12) + b"acsp" + bytes(100)
exif = Image.Exif()
exif[0x112] = 6
for kind in ("jpg", "png", "webp", "tif"):
    noise.save(os.path.join(images, f"metadata.{kind}"), icc_profile=profile, exif=exif)
noise.save(os.path.join(images, "animated.webp"), save_all=True, append_images=[noise.rotate(90)], lossless=True)

# Masks on a transparent ground
for size in ((60, 48), (9, 9), (200, 30)):
    picture = np.zeros((size[1], size[0], 4), np.uint8)
    picture[size[1] // 6 :, size[0] // 9 : -(size[0] // 9)] = (180, 190, 200, 255)
    Image.fromarray(picture).save(os.path.join(folder, "templates", f"{size[0]}.png"))
Image.fromarray(picture).convert("LA").save(os.path.join(folder, "templates", "grey.png"))
Image.fromarray(picture).quantize(8).save(os.path.join(folder, "templates", "palette.png"), transparency=0)


# The compact landmark model (native/face/tree_model.h) with few trees
def line(data):
    return data + b"\0" * (-len(data) % 64)


def cascade(features, trees, leaves):
    places = b"".join(struct.pack("<Iff", i % 68, 0.1, -0.1) for i in range(features))
    splits = b"".join(struct.pack("<HHf", i % features, (i + 1) % features, 3.0) for i in range(trees * (leaves - 1)))
    return line(places) + line(splits) + struct.pack("<f", 0.01) * (144 * trees * leaves)


for cascades, features, trees, leaves in ((1, 1, 1, 2), (2, 3, 2, 4), (1, 5, 3, 1)):
    header = struct.pack("<QQqQIIII", 0, 0, 0, 0, cascades, features, trees, leaves)
    shape = struct.pack("<136f", *np.linspace(0, 1, 136))
    with open(os.path.join(folder, "landmarks", f"{cascades}-{features}-{trees}-{leaves}"), "wb") as file:
        file.write(line(header) + line(shape) + cascade(features, trees, leaves) * cascades)
