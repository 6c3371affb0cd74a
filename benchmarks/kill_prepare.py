"""Kill a preparation with SIGKILL at random moments, start it again each time; compare with an unbroken one, byte by byte.

    python benchmarks/kill_prepare.py [--kills 20] [--n 4000] [--size 64] [--workers 2] [--json FILE]

Generates `--n` JPEGs and a Karpathy JSON. Every read of a file is counted, so that for each kill one knows how many
pictures had been decoded but not noted: those, and no others, are decoded again. Also told is how long workers live on.
"""
import argparse, hashlib, os, random, subprocess, sys, tempfile, time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

@dataclass(frozen=True)
class Counted:
    "Reads files, and writes down who read."
    read: Any
    log: str

    def __call__(self, ref):
        with open(self.log, "a") as f: f.write(f"{os.getpid()}\n")
        return self.read(ref)

def prepare(root, cache, log, size, workers):
    "What is killed."
    from vldistill_nb.data import _list
    from vldistill_nb.store import prepared
    listing = _list(f"karpathy:{root}/dataset.json")[0]
    prepared(replace(listing, read=Counted(listing.read, log)), int(size), Path(cache), workers=int(workers), progress=False)

def start(*args):
    program = "import sys; from kill_prepare import prepare; prepare(*sys.argv[1:])"
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([str(HERE), str(HERE.parent)]), OMP_NUM_THREADS="1")
    return subprocess.Popen([sys.executable, "-c", program, *map(str, args)], env=env)

def lines(*files): return [line for f in files if f.exists() for line in f.read_text().splitlines()]

def noted(cache): return len(lines(*cache.glob("karpathy*/blocks.jsonl")))

def sha(cache): return [hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(cache.glob("karpathy*/*.npy"))]

def alive(pid):
    try: return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError: return False

def main():
    from common import record
    from decode import generate
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for k, v in dict(kills=20, n=4000, size=64, workers=2, seed=0).items(): ap.add_argument(f"--{k}", type=int, default=v)
    ap.add_argument("--json")
    a = ap.parse_args()
    rng, rows = random.Random(a.seed), []
    with tempfile.TemporaryDirectory() as tmp:
        root, broken = Path(tmp), Path(tmp) / "broken"
        generate(root, a.n, 500, 375)
        if start(root, root / "whole", root / "log", a.size, a.workers).wait(): sys.exit("the unbroken run failed")
        blocks = -(-a.n // 64)
        for goal in sorted(rng.sample(range(1, blocks - a.workers), a.kills)):
            log, before = root / f"log{len(rows)}", noted(broken)
            run = start(root, broken, log, a.size, a.workers)
            while run.poll() is None and noted(broken) < goal: time.sleep(.005)
            time.sleep(rng.uniform(0, .2))                                # any moment of a block, or of writing it
            run.kill()
            if run.wait() >= 0: sys.exit(f"ended with status {run.returncode} before it could be killed")
            killed, workers = time.time(), set(lines(log))
            while any(map(alive, workers)) and time.time() < killed + 30: time.sleep(.005)
            rows.append(dict(kill=len(rows), noted=noted(broken), lost=len(lines(log)) - 64 * (noted(broken) - before),
                             workers_lived_on=round(time.time() - killed, 3)))
            print(rows[-1], flush=True)
        if start(root, broken, root / "log-end", a.size, a.workers).wait(): sys.exit("the last run failed")
        same, reads = sha(root / "whole") == sha(broken), len(lines(*root.glob("log[0-9]*"), root / "log-end"))
    most = dict(lost=max(r["lost"] for r in rows), seconds=max(r["workers_lived_on"] for r in rows))
    print(f"{len(rows)} kills: {'the same bytes' if same else 'OTHER BYTES'}; {reads - a.n} of {a.n} pictures decoded again, "
          f"{most['lost']} after one kill at most; workers lived on for {most['seconds']} s at most")
    if a.json: record(a.json, rows, n=a.n, size=a.size, workers=a.workers, block=64, same=same, again=reads - a.n, most=most)
    sys.exit(not same or most["lost"] > 64 * a.workers)

if __name__ == "__main__": main()
