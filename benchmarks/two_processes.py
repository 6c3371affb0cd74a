"""The same distillation on one process and on two (torchrun, gloo): largest difference of the pairs, and who did what.

    python benchmarks/two_processes.py [--steps 20] [--data openmoji --image-encoder lite0 --text-encoder minilm]
                                       [--method covariance | online | bank | trajectory]

`online` and `bank` are covariance matching under towers that move. For trajectory matching the experts are recorded by
as many processes first, and their files compared too.
"""
import argparse, re, subprocess, sys, tempfile
from pathlib import Path


def run(n, words):
    "A command on `n` processes."
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n)] if n > 1 else []
    done = subprocess.run([sys.executable, *launch, "-m", "vldistill_nb.cli", *words], text=True, capture_output=True)
    if done.returncode: sys.exit(done.stderr[-2000:])
    return done

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for k, v in dict(steps=20, pairs=100).items(): ap.add_argument(f"--{k}", type=int, default=v)
    for k in ("data", "image-encoder", "text-encoder"): ap.add_argument(f"--{k}", default="tiny")
    ap.add_argument("--method", choices=("covariance", "online", "bank", "trajectory"), default="covariance")
    a = ap.parse_args()
    where = ["--data", a.data, "--image-encoder", a.image_encoder, "--text-encoder", a.text_encoder]
    method = a.method if a.method == "trajectory" else "covariance"
    job = ["distill", method, *where, "--pairs", str(a.pairs), "--steps", str(a.steps)]
    with tempfile.TemporaryDirectory() as tmp:
        for n in (1, 2):
            out = Path(tmp) / str(n)
            more = []
            if a.method == "trajectory":
                more = ["--experts", f"{out}-experts"]
                run(n, ["experts", *where, "--count", "3", "--epochs", "2", "--out", more[1]])
            if a.method in ("online", "bank"): more = ["--towers", "full"]
            if a.method == "bank": more += ["--bank", f"{out}-bank"]
            done = run(n, [*job, *more, "--out", str(out)])
            # two processes may share a line
            shares = re.findall(r"process \d+ of \d+: [a-z ]+[\d–]+ of \d+", done.stderr)
            print("\n".join(sorted(shares)) or "process 1 of 1: everything")
        from vldistill_nb.distilled import load_distilled
        one, two = (load_distilled(Path(tmp) / str(n)).pairs for n in (1, 2))
        if a.method in ("trajectory", "bank"):
            files = [[p.read_bytes() for p in sorted(Path(tmp).glob(f"{n}-*/*.safetensors"))] for n in (1, 2)]
            what, same = "states" if a.method == "bank" else "experts", files[0] == files[1]
            print(f"{len(files[0])} {what}: files {'identical' if same else 'differ'}")
        txts = [getattr(p.txts, "emb", p.txts) for p in (one, two)]
        gaps = [(x - y).abs().max().item() for x, y in ((one.imgs, two.imgs), txts)]
        print(f"{a.pairs} pairs after {a.steps} steps: "
              f"largest difference {gaps[0]:.1e} in pixels, {gaps[1]:.1e} in texts")

if __name__ == "__main__": main()
