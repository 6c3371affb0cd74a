"""Which pieces of trajectory matching pay: OpenMoji, 100 pairs, learned as features under frozen towers.

    python benchmarks/ablation.py [--steps 150] [--seeds 5] [--draw 0 1] [--json FILE] [NAME ...]

Features instead of pixels make a run take a minute, so that every option can be tried alone against the same
base; what pays here is confirmed with pixels by `vldistill distill trajectory`. Image features are kept
non-negative, as the encoder's are. Each line: mean recall of `probe` students on val and on test, last epoch; `--draw`
has the seeds of the distillation itself. Students are trained with the loss that the pairs were made for.
"""
import argparse, tempfile, time
from dataclasses import replace
from common import record
from vldistill_nb.data import load_data
from vldistill_nb.distill import Callback, DistillConfig, distill, initial_pairs
from vldistill_nb.encoders import DualEncoder, Pairs, dual_encoder, encode_data
from vldistill_nb.experts import ExpertConfig, record_experts
from vldistill_nb.retrieval import evaluate_pairs, feature_pairs, student_config
from vldistill_nb.trajectory import GradConfig, TrajectoryConfig, TrajectoryMatching

BASE = TrajectoryConfig(starts=1, grad=GradConfig(hvp="double"))
LOOP = DistillConfig(lr_img=0.1, lr_txt=0.015, lr_lrs=0.01, lr_sim=0.01)
TRIES = {
    "base": {},
    "tesla": dict(grad=GradConfig("tesla", "double")),
    "two starts": dict(starts=2),
    "asynchronous starts": dict(starts=2, starts_txt=2),
    "straight paths": dict(starts=2, straight=6),
    "blending": dict(blend=1.0),
    "batches of 50": dict(bs=50),
    "slices of 50 (LoRS)": dict(bs=50, order="cycle"),
    "span 3": dict(span=3, rate=0.2),
    "16 inner steps": dict(steps=16),
    "four experts a step": dict(draws=4),
    "merged sides": dict(grad=GradConfig(hvp="double", merge=True)),
    "similarity, eNCE": dict(loss="ence", rank=10),
    "similarity, wBCE": dict(loss="wbce", rank=10),
    "eNCE without similarity": dict(loss="ence"),
    "clipped gradients": dict(rate=0.03),
    "clipped gradients, tesla": dict(rate=0.03, grad=GradConfig("tesla", "double")),
    "clipped gradients, wBCE": dict(loss="wbce"),
    "clipped gradients, wBCE, similarity": dict(loss="wbce", rank=10, alpha=1.0),
    "clipped gradients, eNCE, similarity": dict(loss="ence", rank=10, alpha=0.1, rate=0.03),
}
LOOPS = {k: dict(clip_grad=0.01) for k in TRIES if k.startswith("clipped")}
LOOPS |= {"running average": dict(ema=0.97), "texts only": dict(lr_img=0.0), "images only": dict(lr_txt=0.0)}
STARTS = {"noise": dict(noise=True)}

class Losses(Callback):
    def before_fit(self, run): self.seen = []
    def after_step(self, run): self.seen.append(run.loss)

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("names", nargs="*"), ap.add_argument("--json")
    ap.add_argument("--steps", type=int, default=150), ap.add_argument("--seeds", type=int, default=5)
    ap.add_argument("--draw", type=int, nargs="+", default=[0])
    a = ap.parse_args()
    names = a.names or [*dict.fromkeys([*TRIES, *LOOPS, *STARTS])]
    data, judge = load_data("openmoji"), dual_encoder("lite0", "minilm")
    feats = {s: encode_data(judge, getattr(data, s)) for s in ("val", "test")}
    enc = DualEncoder(judge.img_enc, judge.txt_enc, embed_dim=256).eval()
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        experts = record_experts(enc, data.train, 20, tmp, ExpertConfig(epochs=6))
        for name, draw in [(n, k) for n in names for k in a.draw]:
            began = time.perf_counter()
            real = feature_pairs(initial_pairs(data.train, 100, enc, seed=draw, **STARTS.get(name, {})), enc)
            cfg, noted = replace(BASE, seed=draw, **TRIES.get(name, {})), Losses()
            loop = replace(LOOP, steps=a.steps, seed=draw, **LOOPS.get(name, {}))
            if cfg.rank: real = real[:99]                # the matrix costs a pair
            fit = TrajectoryMatching(experts, enc, cfg)
            made = distill(fit.prepare(real), fit, loop, callbacks=[noted])
            made = Pairs(made.imgs.clamp(min=0), made.txts, made.sim)
            student = student_config(loss=cfg.loss)
            def score(s):
                part = getattr(data, s)
                return evaluate_pairs(made, judge, part, student, seeds=a.seeds, feats=feats[s])["mean_recall"]
            ends = [sum(x) / len(x) for x in (noted.seen[:10], noted.seen[-10:])]
            seconds = time.perf_counter() - began
            row = dict(name=name, draw=draw, loss=ends, seconds=seconds, **{s: score(s) for s in feats})
            rows.append(row)
            told = ", ".join(f"{s} {row[s]['mean']:.1f} ± {row[s]['std']:.1f}" for s in feats)
            print(f"{name:38} draw {draw}  loss {ends[0]:.2f} -> {ends[1]:.2f}  {told}  {seconds:.0f} s", flush=True)
    if a.json: record(a.json, rows)

if __name__ == "__main__": main()
