"""The same distillation on one process and on two (torchrun, gloo): largest difference of the pairs, and who did what.

    python benchmarks/two_processes.py [--steps 20] [--data openmoji --image-encoder lite0 --text-encoder minilm]
"""
import argparse, re, subprocess, sys, tempfile
from pathlib import Path


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for k, v in dict(steps=20, pairs=100).items(): ap.add_argument(f"--{k}", type=int, default=v)
    for k, v in {"data": "tiny", "image-encoder": "tiny", "text-encoder": "tiny"}.items(): ap.add_argument(f"--{k}", default=v)
    a = ap.parse_args()
    job = ["distill", "covariance", "--data", a.data, "--pairs", str(a.pairs), "--steps", str(a.steps),
           "--image-encoder", a.image_encoder, "--text-encoder", a.text_encoder]
    with tempfile.TemporaryDirectory() as tmp:
        for n in (1, 2):
            out = Path(tmp) / str(n)
            launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n)] if n > 1 else []
            done = subprocess.run([sys.executable, *launch, "-m", "vldistill_nb.cli", *job, "--out", str(out)], text=True, capture_output=True)
            if done.returncode: sys.exit(done.stderr[-2000:])
            shares = re.findall(r"process \d+ of \d+: [a-z ]+[\d–]+ of \d+", done.stderr)   # two processes may share a line
            print("\n".join(sorted(shares)) or "process 1 of 1: everything")
        from vldistill_nb.distilled import load_distilled
        one, two = (load_distilled(Path(tmp) / str(n)).pairs for n in (1, 2))
        gaps = [(x - y).abs().max().item() for x, y in ((one.imgs, two.imgs), (one.txts, two.txts))]
        print(f"{a.pairs} pairs after {a.steps} steps: largest difference {gaps[0]:.1e} in pixels, {gaps[1]:.1e} in texts")

if __name__ == "__main__": main()
