"""How noisy is a step of CovMatch, and what do control variate and averages over cycles save? OpenMoji, lite0 + MiniLM.

    python benchmarks/variance.py [--positions 0 5 20] [--cycles 3] [--bs 128 512] [--json FILE]

All real features are computed at each position of the online model, in several cycles, so that the exact covariance is
known and batches are mere selections. Given is the variance of the gradient with respect to features of 100 pairs,
relative to the squared length of the exact one: of a plain batch; with the control variate of weight 1, and of the best
weight (which is printed); and of an average over the cycles seen so far; its error holds the bias of other cycles too.
"""
import argparse
import torch
from common import record
from vldistill_nb.covmatch import OnlineConfig, OnlineModel, cross_cov
from vldistill_nb.data import load_data
from vldistill_nb.encoders import dual_encoder, encode_data

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--positions", type=int, nargs="+", default=[0, 5, 20])
    ap.add_argument("--bs", type=int, nargs="+", default=[128, 512])
    ap.add_argument("--cycles", type=int, default=3), ap.add_argument("--draws", type=int, default=30)
    ap.add_argument("--rho", type=float, default=2.0), ap.add_argument("--json")
    a = ap.parse_args()
    data, enc = load_data("openmoji").train, dual_encoder("lite0", "minilm")
    model, rng = OnlineModel(enc, data, OnlineConfig()), torch.Generator().manual_seed(0)
    first = encode_data(enc, data).pairs()
    exact0, syn = cross_cov(*first), torch.randperm(data.n_txt, generator=rng)[:100]
    look = lambda step: encode_data(model.goto(step), data).pairs()
    seen = {c: {t: look(50 * c + t) for t in sorted(a.positions)} for c in range(a.cycles)}
    rows = []
    for bs in a.bs:
        for t in sorted(a.positions):
            pairs = seen[a.cycles - 1][t]
            exact = cross_cov(*pairs)
            v, l = (x[syn] - x[syn].mean(0) for x in pairs)
            grad = lambda d: torch.cat([(l @ d.T).flatten(), (v @ d).flatten()])     # up to a factor
            whole = grad(cross_cov(v, l) - a.rho * exact).square().sum()
            noise = lambda c: (grad(a.rho * (c - exact)).square().sum() / whole).item()
            out = {k: [] for k in ("plain", "variate", "best", "average")}
            now, then = [], []
            for _ in range(a.draws):
                at = torch.randperm(data.n_txt, generator=rng)[:bs]
                now.append(cross_cov(*(x[at] for x in pairs)) - exact)
                then.append(cross_cov(*(x[at] for x in first)) - exact0)
            beta = (sum((x * y).sum() for x, y in zip(now, then)) / sum(y.square().sum() for y in then)).item()
            for x, y in zip(now, then):
                out["plain"].append(noise(exact + x)), out["variate"].append(noise(exact + x - y))
                out["best"].append(noise(exact + x - beta * y))
                others = []
                for c in range(a.cycles):
                    at = torch.randperm(data.n_txt, generator=rng)[:bs]
                    others.append(cross_cov(*(z[at] for z in seen[c][t])))
                out["average"].append(noise(sum(others) / a.cycles))
            row = dict(bs=bs, position=t, beta=beta, **{k: sum(x) / len(x) for k, x in out.items()})
            rows.append(row)
            told = ", ".join(f"{k} {row[k]:.3f}" for k in out)
            print(f"batch {bs:4}, position {t:3}: {told} (best weight {beta:.2f})", flush=True)
    if a.json: record(a.json, rows)

if __name__ == "__main__": main()
