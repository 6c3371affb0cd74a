"""Which covariance should be matched, and in which metric? OpenMoji, features under frozen towers.

    python benchmarks/metric.py [--pairs 100] [--steps 200] [--seeds 5] [--json FILE] [NAME ...]

Features instead of pixels make a run take seconds; image features are kept non-negative at the end, as the encoder's
are. Each line: relative covariance error at the end, and mean recall of `probe` students on val and on test.
"""
import argparse, time
from common import record
from vldistill_nb.covariance import CovarianceMatching, CovConfig, covariance_stats
from vldistill_nb.data import load_data
from vldistill_nb.distill import Callback, DistillConfig, distill, initial_pairs
from vldistill_nb.encoders import Pairs, dual_encoder, encode_data
from vldistill_nb.retrieval import evaluate_pairs, feature_pairs

TRIES = {f"gamma {g:g}": dict(gamma=g) for g in (0, 0.25, 0.5, 0.75, 1.0)}
TRIES |= {
    "CovMatch (gamma 0, plain norm)": dict(gamma=0, metric=0),
    "CovMatch with means 0.1": dict(gamma=0, metric=0, lam=0.1),
    "CovMatch, texts by gradient": dict(gamma=0, metric=0, lam=0.1, texts="learn"),
    "APM (ridge student)": dict(gamma=1.0, student="ridge", texts="learn"),
    "gamma 0.75, texts by gradient": dict(texts="learn"),
    "gamma 0.75, means 0.1": dict(lam=0.1),
    "gamma 0.75, second moments 0.1": dict(moments=0.1),
    "gamma 0.75, second moments 1": dict(moments=1.0),
    "gamma 0.75, rank 32": dict(rank=32),
    "gamma 0.75, rank 64": dict(rank=64),
    "gamma 0.75, less shrinkage": dict(shrink_img=0.1, shrink_txt=0.1),
    "gamma 0.75, plain norm": dict(metric=0),
    "gamma 0.75, images only": dict(texts="learn"),
    "gamma 0.75, texts only": dict(texts="learn"),
}
LOOPS = {"gamma 0.75, images only": dict(lr_txt=0.0), "gamma 0.75, texts only": dict(lr_img=0.0)}

class Last(Callback):
    def after_step(self, run): self.cov = run.metrics["cov"]

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("names", nargs="*"), ap.add_argument("--json")
    ap.add_argument("--pairs", type=int, default=100)
    ap.add_argument("--steps", type=int, default=200), ap.add_argument("--seeds", type=int, default=5)
    a = ap.parse_args()
    data, enc = load_data("openmoji"), dual_encoder("lite0", "minilm")
    feats = {s: encode_data(enc, getattr(data, s)) for s in ("train", "val", "test")}
    stats = covariance_stats(enc, data.train, feats=feats["train"])
    start, rows = feature_pairs(initial_pairs(data.train, a.pairs, enc), enc), []
    for name in a.names or TRIES:
        began, last, fit = time.perf_counter(), Last(), CovarianceMatching(stats, enc, CovConfig(**TRIES[name]))
        loop = DistillConfig(**dict(steps=a.steps, lr_img=0.05, lr_txt=0.01) | LOOPS.get(name, {}))
        made = distill(start, fit, loop, callbacks=[last])
        made = fit.finalize(Pairs(made.imgs.clamp(min=0), made.txts))
        score = lambda s: evaluate_pairs(made, enc, getattr(data, s), seeds=a.seeds, feats=feats[s])["mean_recall"]
        row = dict(name=name, cov=last.cov, floor=fit.floor(a.pairs), seconds=time.perf_counter() - began,
                   **{s: score(s) for s in ("val", "test")})
        rows.append(row)
        told = ", ".join(f"{s} {row[s]['mean']:.1f} ± {row[s]['std']:.1f}" for s in ("val", "test"))
        print(f"{name:32} error {row['cov']:.3f} (floor {row['floor']:.3f})  {told}  {row['seconds']:.0f} s",
              flush=True)
    if a.json: record(a.json, rows, pairs=a.pairs)

if __name__ == "__main__": main()
