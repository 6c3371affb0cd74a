"""The same emoji as nine makers draw it, in class folders: many classes, and test drawings by other hands.

    python benchmarks/emoji.py --sets DIR [--out runs/emoji] [--size 24]

DIR holds the packages of `SETS` as npm packs them, `npm pack @iconify-json/NAME`, each under its licence, see `LICENCE`.
Classes are the emoji that all nine have, called by their names. Whole sets make a split: the makers of test drawings
drew no train image. The folders are what `folder:DIR` reads.
"""
import argparse, json, tarfile
from pathlib import Path
from PIL import Image
from tqdm.auto import tqdm
from common import class_folders
from vldistill_nb.data import InputError, decode_svg

SETS = dict(train=("openmoji", "noto", "noto-v1", "streamline-emojis", "emojione-v1"), val=("emojione",),
            test=("twemoji", "fluent-emoji-flat", "fxemoji"))
LICENCE = ("emoji by OpenMoji and EmojiOne 1 (CC BY-SA 4.0), EmojiOne 2, Twemoji and Streamline (CC BY 4.0), Noto and "
           "FxEmojis (Apache License 2.0), Fluent (MIT)")

def icons(folder, name):
    "Drawings of a set, by name: the whole of `icons.json`."
    found = sorted(Path(folder).glob(f"iconify-json-{name}-[0-9]*.tgz"))
    if not found: raise InputError(f"emoji: {folder} lacks {name}; run `npm pack @iconify-json/{name}` there")
    with tarfile.open(found[-1]) as tar: return json.load(tar.extractfile("package/icons.json"))

def svg(drawn, name):
    "One drawing as a file."
    icon = drawn["icons"][name]
    w, h = (icon.get(k) or drawn.get(k) or 16 for k in ("width", "height"))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}">{icon["body"]}</svg>'.encode()

def images(sets, size):
    "Every drawing: its split, emoji, maker and picture."
    drawn = {name: icons(sets, name) for names in SETS.values() for name in names}
    both = sorted(set.intersection(*(set(d["icons"]) for d in drawn.values())))
    for part, names in SETS.items():
        for maker, emoji in tqdm([(m, e) for m in names for e in both], desc=part):
            yield part, emoji.replace("-", "_"), maker, Image.fromarray(decode_svg(svg(drawn[maker], emoji), size))

def write(sets, out, size):
    "All images as class folders; the folder."
    return class_folders(out, size, "emoji", lambda: images(sets, size))

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--sets", required=True)
    ap.add_argument("--out", default="runs/emoji"), ap.add_argument("--size", type=int, default=24)
    a = ap.parse_args()
    out = write(a.sets, a.out, a.size)
    for part in SETS: print(part, sum(1 for _ in (out / part).glob("*/*.png")), "images")
    print(len(list((out / "train").iterdir())), "classes in", out)

if __name__ == "__main__": main()
