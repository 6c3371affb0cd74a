"""The same emoji as nine makers draw it, in class folders: many classes, and test drawings by other hands.

    python benchmarks/emoji.py --sets DIR [--out runs/emoji] [--size 24]

DIR holds the packages of `SETS` as npm packs them, `npm pack @iconify-json/NAME`, each under its licence, see `LICENCE`.
Classes are the emoji that all nine have, called by their names. Whole sets make a split: the makers of test drawings
drew no train image. The folders are what `folder:DIR` reads.
"""
import argparse, json, shutil, tarfile
from pathlib import Path
from PIL import Image
from tqdm.auto import tqdm
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

def write(sets, out, size):
    "All images in `out/SPLIT/NAME/SET.png`, whole or not at all; the folder. An existing one must have this size."
    out = Path(out)
    if out.exists():
        one = next(out.glob("train/*/*.png"), None)
        if one is None or Image.open(one).size != (size, size):
            raise InputError(f"{out} holds no emoji of {size} px; remove it")
        return out
    drawn = {name: icons(sets, name) for names in SETS.values() for name in names}
    both, temp = sorted(set.intersection(*(set(d["icons"]) for d in drawn.values()))), out.with_name(out.name + ".part")
    shutil.rmtree(temp, ignore_errors=True)
    for part, names in SETS.items():
        for maker, emoji in tqdm([(m, e) for m in names for e in both], desc=part):
            folder = temp / part / emoji.replace("-", "_")
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(decode_svg(svg(drawn[maker], emoji), size)).save(folder / f"{maker}.png")
    return temp.rename(out)

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--sets", required=True)
    ap.add_argument("--out", default="runs/emoji"), ap.add_argument("--size", type=int, default=24)
    a = ap.parse_args()
    out = write(a.sets, a.out, a.size)
    for part in SETS: print(part, sum(1 for _ in (out / part).glob("*/*.png")), "images")
    print(len(list((out / "train").iterdir())), "classes in", out)

if __name__ == "__main__": main()
