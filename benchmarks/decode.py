"""Decode rate and memory of `load_data("karpathy:...")`, against a plain single-process Pillow loop.

    python benchmarks/decode.py [--n 30000] [--size 64] [--workers W] [--width 400] [--height 300]

Generates `--n` JPEGs and a Karpathy JSON in a temporary folder, prepares them in a fresh process, and prints one line
of JSON: images a second of both ways, their ratio (by the clock, and by CPU time, which a busy machine disturbs less),
and the peak memory of the fresh process with all its children (sampled: resident set summed, which counts shared pages
once a process, and the proportional set where the system tells it).
"""
import argparse, json, subprocess, sys, tempfile, time
from pathlib import Path

import numpy as np
from PIL import Image

PREPARE = """
import os, sys, time
from vldistill_nb.data import load_data
begin = time.perf_counter()
how = dict(size=int(sys.argv[2]), cache=sys.argv[4], progress=False)
data = load_data(sys.argv[1], workers=int(sys.argv[3]) or None, **how)
first, cpu = time.perf_counter() - begin, sum(os.times()[:4])
begin = time.perf_counter()
load_data(sys.argv[1], **how)
print(len(data), first, cpu, time.perf_counter() - begin)
"""


def generate(root, n, width, height, seed=0):
    "`n` photograph-like JPEGs: smooth random fields with grain, about as hard to decode as real ones."
    rng, folder = np.random.default_rng(seed), root / "images"
    folder.mkdir()
    grain, images = rng.normal(0, 12, (height + 64, width + 64, 3)), []
    for i in range(n):
        base = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        base = base.resize((width, height), Image.Resampling.BICUBIC)
        y, x = rng.integers(0, 64, 2)
        img = np.clip(np.asarray(base) + grain[y:y + height, x:x + width], 0, 255).astype(np.uint8)
        Image.fromarray(img).save(folder / f"{i}.jpg", quality=90)
        split = "val" if i % 30 == 1 else "test" if i % 30 == 2 else "train"
        said = [dict(raw=f"caption {j} of image {i}") for j in range(5)]
        images.append(dict(filename=f"{i}.jpg", split=split, sentences=said))
    (root / "dataset.json").write_text(json.dumps(dict(images=images)))


def plain_rate(root, n, size):
    "Images a second, and a CPU second, of the loop one would write first."
    out, begin, cpu = np.empty((n, size, size, 3), np.uint8), time.perf_counter(), time.process_time()
    for i in range(n):
        img = Image.open(root / "images" / f"{i}.jpg").convert("RGB")
        out[i] = img.resize((size, size), Image.Resampling.BICUBIC)
    return n / (time.perf_counter() - begin), n / (time.process_time() - cpu)


def memory(proc):
    "Resident and proportional set of a process and its children, bytes."
    import psutil
    rss = pss = 0
    for p in [proc, *proc.children(recursive=True)]:
        try: rss, pss = rss + p.memory_info().rss, pss + getattr(p.memory_full_info(), "pss", 0)
        except psutil.Error: pass
    return rss, pss


def prepare(root, size, workers):
    "Seconds and CPU seconds to prepare, seconds to load again, and peak memory, in a fresh process."
    import psutil
    args = [f"karpathy:{root}/dataset.json", str(size), str(workers), str(root / "cache")]
    run, peak = subprocess.Popen([sys.executable, "-c", PREPARE, *args], stdout=subprocess.PIPE, text=True), (0, 0)
    proc = psutil.Process(run.pid)
    while run.poll() is None:
        try: peak = tuple(map(max, peak, memory(proc)))
        except psutil.Error: break
        time.sleep(.1)
    n, first, cpu, again = run.communicate()[0].split()
    return int(n), float(first), float(cpu), float(again), *peak


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("n", 30_000), ("size", 64), ("workers", 0), ("width", 400), ("height", 300)):
        p.add_argument(f"--{name}", type=int, default=default)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        root = Path(tmp)
        generate(root, a.n, a.width, a.height)
        loops = [plain_rate(root, min(a.n, 3000), a.size)]
        n, first, cpu, again, rss, pss = prepare(root, a.size, a.workers)
        loops.append(plain_rate(root, min(a.n, 3000), a.size))
        wall_rate, cpu_rate = map(sum, zip(*loops))
    print(json.dumps(dict(n=n, size=a.size, plain_per_s=round(wall_rate / 2), prepared_per_s=round(n / first),
                          ratio=round(2 * n / first / wall_rate, 2), ratio_per_cpu_s=round(2 * n / cpu / cpu_rate, 2),
                          reload_s=round(again, 2), peak_rss_MiB=round(rss / 2**20), peak_pss_MiB=round(pss / 2**20))))


if __name__ == "__main__": main()
