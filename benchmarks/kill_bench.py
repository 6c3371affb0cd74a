"""Kill a study with SIGKILL at random moments, start it again each time; compare its ledger with an unbroken one.

    python benchmarks/kill_bench.py [--kills 20] [--workers 2] [--seed 0]

The tiny world, toy towers. Rows must be the same but for seconds and date: none lost, none doubled, none different.
"""
import argparse, random, subprocess, sys, tempfile, time
from pathlib import Path
from vldistill_nb.bench import Study, grid, run_study
from vldistill_nb.evidence import read_ledger

TINY = dict(data="tiny", image_encoder="tiny", text_encoder="tiny")
METHODS = [("random", {}), ("k-center", {}), ("covariance", dict(steps=60)),
           ("covariance", dict(space="features", steps=300, gamma=1.0)),
           ("trajectory", dict(space="features", steps=20, experts=2, epochs=2))]
STUDY = Study("toy", "A toy", tuple(grid(METHODS, [20, 40], (("solved", 1), ("probe", 1)), **TINY)))

def rows(out):
    "Rows of a ledger without what differs from run to run; fails if one is there twice."
    found, other = read_ledger(out / "toy.json")["rows"], ("seconds", "date")
    if len({r["id"] for r in found}) < len(found): sys.exit("a row is there twice")
    return {r["id"]: {k: v for k, v in r.items() if k not in other} for r in found}

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for k, v in dict(kills=20, workers=2, seed=0).items(): ap.add_argument(f"--{k}", type=int, default=v)
    ap.add_argument("--run", nargs=1, help="folder: only run the study there")
    a = ap.parse_args()
    if a.run: return run_study(STUDY, Path(*a.run), work=Path(*a.run), workers=a.workers)
    begin = lambda out: subprocess.Popen([sys.executable, __file__, "--workers", str(a.workers), "--run", str(out)],
                                         stderr=subprocess.DEVNULL)
    rng, at = random.Random(a.seed), []
    with tempfile.TemporaryDirectory() as tmp:
        whole, broken = Path(tmp) / "whole", Path(tmp) / "broken"
        if begin(whole).wait(): sys.exit("the unbroken run failed")
        before, tries = {}, 0
        while len(at) < a.kills:
            run, goal = begin(broken), len(before) + rng.randint(0, 4)
            while run.poll() is None and len(rows(broken)) < goal: time.sleep(0.02)
            time.sleep(rng.uniform(0, 3))                        # in loading, in learning, in writing
            run.kill()
            if run.wait() >= 0:                                  # it was done: begin again elsewhere
                if rows(broken) != rows(whole): sys.exit("rows DIFFER")
                broken, before, tries = Path(tmp) / f"broken{tries}", {}, tries + 1
                continue
            now = rows(broken)
            if not before.items() <= now.items(): sys.exit(f"rows were lost or changed by kill {len(at)}")
            before = now; at.append(len(now))
            print(f"kill {len(at)}: {len(now)} rows", flush=True)
        if begin(broken).wait(): sys.exit("the last run failed")
        same = rows(broken) == rows(whole)
        print(f"{a.kills} kills, with {at} of {len(rows(whole))} rows: {'the same rows' if same else 'rows DIFFER'}")
        sys.exit(not same)

if __name__ == "__main__": main()
