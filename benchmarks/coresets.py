"""Seconds and peak memory of each coreset method on 30,000 pairs of features; a fresh process for each.

    python benchmarks/coresets.py [--pairs 30000] [--pick 500]
"""
import argparse, subprocess, sys, time
from common import peak


def one(method, n, k):
    import torch
    from vldistill_nb.coresets import select
    g = torch.Generator().manual_seed(0)
    both = torch.randn(n, 64, generator=g)
    feats = tuple(both @ torch.randn(64, d, generator=g) + torch.randn(n, d, generator=g) for d in (1280, 384))
    before, start = peak(), time.perf_counter()
    select(method, feats, k, seed=0)
    seconds, extra = time.perf_counter() - start, peak() - before
    print(f"{method:12} {seconds:6.2f} s   {extra:5.0f} MiB beyond the features   "
          f"({torch.get_num_threads()} threads)", flush=True)

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--pairs", type=int, default=30_000)
    ap.add_argument("--pick", type=int, default=500)
    ap.add_argument("--method", help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.method: return one(a.method, a.pairs, a.pick)
    for m in ("random", "herding", "k-center", "forgetting"):
        given = [f"--pairs={a.pairs}", f"--pick={a.pick}", f"--method={m}"]
        subprocess.run([sys.executable, __file__, *given], check=True)

if __name__ == "__main__": main()
