"""What the benchmarks share: peak memory, the machine's rate of products, and how results are recorded."""
import json, os, re, resource, shlex, sys, time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

def peak():
    "The most memory that this process has had, in MiB."
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)

def matmul_rate(side=2048, tries=20, clock=time.perf_counter):
    "FLOP a second of a clock, of a product of two square matrices; the best of several tries."
    import torch
    a = torch.randn(side, side)
    a @ a
    def once():
        t = clock()
        a @ a
        return clock() - t
    return 2 * side**3 / min(once() for _ in range(tries))

def portable(word):
    "A word of a command line; absolute paths in it start at the repository, or are but the last name."
    def short(m):
        path = Path(os.path.normpath(m[2]))
        return m[1] + (os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else path.name)
    return re.sub(r"(^|[=:,])(/[^=:,]+)", short, word)

def record(file, rows, **more):
    "Write rows as JSON, with command (but for `--resume`), date and versions; the file appears whole or not at all."
    from vldistill_nb.data import atomic_write
    from vldistill_nb.distilled import versions
    command = "python " + shlex.join(portable(w) for w in sys.argv if w != "--resume")
    made = dict(command=command, date=date.today().isoformat(), versions=versions(), **more, rows=rows)
    with atomic_write(file) as f: f.write_text(json.dumps(made, indent=1))

def class_folders(out, size, what, draw):
    """Images in `out/SPLIT/NAME/MAKER.png`, whole or not at all; the folder. An existing one must have this size.

    `draw()` yields split, name, maker and image."""
    import shutil
    from PIL import Image
    from vldistill_nb.data import InputError
    out = Path(out)
    if out.exists():
        one = next(out.glob("train/*/*.png"), None)
        if one is None or Image.open(one).size != (size, size):
            raise InputError(f"{out} holds no {what} of {size} px; remove it")
        return out
    temp = out.with_name(out.name + ".part")
    shutil.rmtree(temp, ignore_errors=True)
    for part, name, maker, img in draw():
        folder = temp / part / name
        folder.mkdir(parents=True, exist_ok=True)
        img.save(folder / f"{maker}.png")
    return temp.rename(out)
