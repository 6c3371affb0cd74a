"""Kill a distillation with SIGKILL at random moments, resume it each time; compare with an unbroken run, bit for bit.

    python benchmarks/kill_resume.py [--kills 20] [--steps 4000] [--data tiny --encoders tiny]
"""
import argparse, hashlib, random, subprocess, sys, tempfile, time
from pathlib import Path


def command(a, out, resume=False):
    given = {"data": a.data, "pairs": a.pairs, "steps": a.steps, "out": out,
             "image-encoder": a.encoders, "text-encoder": a.text}
    words = [w for k, v in given.items() for w in (f"--{k}", str(v))] + ["--resume"] * resume
    return [sys.executable, "-m", "vldistill_nb.cli", "distill", "covariance", *words]

def sha(folder): return hashlib.sha256((folder / "pairs.safetensors").read_bytes()).hexdigest()

def steps_done(work):
    log = work / "metrics.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for k, v in dict(kills=20, steps=4000, pairs=20, seed=0).items(): ap.add_argument(f"--{k}", type=int, default=v)
    for k, v in dict(data="tiny", encoders="tiny", text="tiny").items(): ap.add_argument(f"--{k}", default=v)
    a = ap.parse_args()
    rng, quiet = random.Random(a.seed), dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as tmp:
        whole, broken = Path(tmp) / "whole", Path(tmp) / "broken"
        subprocess.run(command(a, whole), check=True, **quiet)
        kills, at, goals = 0, [], sorted(rng.sample(range(5, int(.95 * a.steps)), a.kills))
        while kills < a.kills and not broken.exists():
            run = subprocess.Popen(command(a, broken, resume=kills > 0), **quiet)
            work = broken.with_name("broken.work")
            while run.poll() is None and steps_done(work) < goals[kills]: time.sleep(.01)
            time.sleep(rng.uniform(0, .2))                            # any moment of a step, or of writing a checkpoint
            if run.poll() is None: run.kill()
            if run.wait() > 0: sys.exit(f"the resumed run failed with status {run.returncode}")
            if run.returncode < 0: kills += 1; at.append(steps_done(work))
        subprocess.run(command(a, broken, resume=True), check=True, **quiet)
        same = sha(whole) == sha(broken)
        print(f"{kills} kills, at logged steps {at} of {a.steps}: "
              f"final tensors {'bit-identical' if same else 'DIFFER'}")
        sys.exit(not same)

if __name__ == "__main__": main()
