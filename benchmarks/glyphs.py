"""Letters and digits in many typefaces, drawn once into class folders: many classes, all equally frequent.

    python benchmarks/glyphs.py [--out runs/glyphs] [--size 24]

Fonts come with the package trdg (`pip install --no-deps trdg==1.8.0`), each under its maker's terms, see LICENCE.
Classes are the letters and digits of ASCII, Latin-1 and Latin Extended-A that all fonts have, and are called by their
Unicode names. Whole families make a split: Lato, Raleway, Roboto and Droid are for training, Sansation for validation,
Open Sans, Aller and Caviar Dreams for testing. The folders are what `folder:DIR` reads.
"""
import argparse, unicodedata
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont
from tqdm.auto import tqdm
from common import class_folders
from vldistill_nb.data import InputError

VERSION = "1.8.0"                       # of trdg
FAMILIES = dict(train=("Lato-", "Raleway-", "Roboto", "DroidSans"), val=("Sansation-",),
                test=("OpenSans-", "Aller_", "Caviar"))
LICENCE = ("drawn from fonts under the SIL Open Font License 1.1 (Lato, Raleway, Sansation), the Apache License 2.0 "
           "(Roboto, Droid, Open Sans) and their makers' own terms (Aller, Caviar Dreams)")
FINER = 4                               # drawn larger, then averaged down

def fonts():
    "Font files of each split."
    try: found = version("trdg")
    except PackageNotFoundError: found = None
    if found != VERSION: raise InputError(f"glyphs: fonts are missing; run `pip install --no-deps trdg=={VERSION}`")
    files = sorted((Path(find_spec("trdg").origin).parent / "fonts" / "latin").glob("*.ttf"))
    return {part: [f for f in files if f.name.startswith(names)] for part, names in FAMILIES.items()}

def characters(files):
    "Letters and digits below Latin Extended-B that all fonts have."
    both = set.intersection(*(set(TTFont(f, lazy=True).getBestCmap()) for f in files))
    return [chr(k) for k in sorted(both) if k < 0x180 and unicodedata.category(chr(k)) in ("Lu", "Ll", "Nd")]

def drawn(char, font, size):
    "A character in white on black, all on one baseline."
    big = Image.new("L", (FINER * size,) * 2)
    ImageDraw.Draw(big).text((FINER * size / 2, 0.74 * FINER * size), char, fill=255, font=font, anchor="ms")
    return big.resize((size, size), Image.Resampling.BOX)

def images(size):
    "Every drawing: its split, character, font and picture."
    parts = fonts()
    chars = characters(sum(parts.values(), []))
    for part, file in tqdm([(p, f) for p, files in parts.items() for f in files], desc="glyphs"):
        font = ImageFont.truetype(file, round(0.72 * FINER * size))
        for c in chars: yield part, unicodedata.name(c).lower().replace(" ", "_"), file.stem, drawn(c, font, size)

def write(out, size):
    "All images as class folders; the folder."
    return class_folders(out, size, "glyphs", lambda: images(size))

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--out", default="runs/glyphs"), ap.add_argument("--size", type=int, default=24)
    a = ap.parse_args()
    out = write(a.out, a.size)
    for part in FAMILIES: print(part, sum(1 for _ in (out / part).glob("*/*.png")), "images")
    print(len(list((out / "train").iterdir())), "classes in", out)

if __name__ == "__main__": main()
