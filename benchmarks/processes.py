"""The same work on one, two and four processes (torchrun, gloo): do the results differ, and how much does each do?

    python benchmarks/processes.py [--steps 5] [--pairs 100] [--jobs online bank] [--json nbs/results/processes.json]

Objectives learn 100 pairs of `tiny`. Counted in each process, through hooks: images through an image tower (once, also
where they pass again on the way back), draws of trajectory matching, students and experts trained, rows that coresets
rank.
"""
import argparse, json, os, subprocess, sys, tempfile
from collections import Counter
from functools import wraps
from pathlib import Path
from common import record

JOBS = ("statistics", "covariance", "online", "online, batch 128", "bank", "trajectory", "trajectory, pixels",
        "experts", "students", "herding", "k-center")
WORLDS, COUNTED = (1, 2, 4), ("images", "draws", "students", "experts", "ranked")
COUNT = Counter()


def counted(module, name, key, much=lambda *a, **kw: 1):
    "Count the calls of a function."
    plain = getattr(module, name)
    @wraps(plain)
    def told(*a, **kw):
        COUNT[key] += much(*a, **kw)
        return plain(*a, **kw)
    setattr(module, name, told)

def watch():
    "Hooks that count."
    from torch.nn.modules.module import register_module_forward_hook
    from vldistill_nb import coresets, experts, retrieval, trajectory
    from vldistill_nb.encoders import ImageTower
    from vldistill_nb.share import my_chunks
    def hook(module, args, out):
        if isinstance(module, ImageTower) and args[0].ndim == 4: COUNT["images"] += len(args[0])   # not features
    register_module_forward_hook(hook)
    counted(retrieval, "train_student", "students")
    counted(experts, "expert_path", "experts")
    counted(trajectory.TrajectoryMatching, "_matched", "draws", lambda self, entered, draws: len(draws))
    counted(coresets, "_best", "ranked", lambda score, n: sum(c.stop - c.start for c in my_chunks(n, n)))

def learned(name, steps, n, tmp):
    "The tensors that a job ends with."
    import torch
    from vldistill_nb import coresets
    from vldistill_nb.covariance import CovarianceMatching, covariance_stats
    from vldistill_nb.covmatch import (BankConfig, BankMatching, CovMatch, CovMatchConfig, OnlineConfig, record_bank)
    from vldistill_nb.data import load_data
    from vldistill_nb.distill import DistillConfig, distill, initial_pairs, leaves
    from vldistill_nb.encoders import dual_encoder, encode_data
    from vldistill_nb.experts import ExpertConfig, record_experts
    from vldistill_nb.retrieval import evaluate_pairs, student_config
    from vldistill_nb.trajectory import TrajectoryConfig, TrajectoryMatching
    world, enc = load_data("tiny"), dual_encoder("tiny", "tiny", embed_dim=32)
    real, cfg = world.train, DistillConfig(steps=steps)
    start = lambda depth="features": initial_pairs(real, n, enc, depth=depth)
    done = lambda pairs: {k: v.detach() for k, v in leaves(pairs).items()}
    if name == "statistics":
        s = covariance_stats(enc, real, bs=50)
        return dict(mean=s.mean, q=s.q / s.n)
    if name == "covariance": return done(distill(start(), CovarianceMatching(covariance_stats(enc, real), enc), cfg))
    if name.startswith("online"):
        own = OnlineConfig(bs=128 if "128" in name else 64, reset=20)
        return done(distill(start("embeddings"), CovMatch(enc, real, CovMatchConfig(online=own)), cfg))
    if name == "bank":
        bank = record_bank(enc, real, f"{tmp}/bank", BankConfig(steps=(0, 2, 4), online=OnlineConfig(bs=64)))
        return done(distill(start("embeddings"), BankMatching(bank, enc), cfg))
    if name.startswith("trajectory"):
        moves = dict(protocol="image") if "pixels" in name else {}
        paths = record_experts(enc, real, 3, f"{tmp}/{name}", ExpertConfig(**moves, epochs=2, bs=64))
        COUNT.clear()
        fit = TrajectoryMatching(paths, enc, TrajectoryConfig(steps=3, bs=20, rate=.05, draws=4, order="cycle"))
        return done(distill(fit.prepare(start()), fit, cfg))
    if name == "experts":
        from safetensors.torch import load_file
        record_experts(enc, real, 4, f"{tmp}/experts", ExpertConfig(epochs=8, bs=16))
        files = [load_file(f"{tmp}/experts/expert-{i:03}.safetensors") for i in range(4)]
        return {f"{i}/{k}": v for i, file in enumerate(files) for k, v in file.items()}
    if name == "students":
        found = evaluate_pairs(start(), enc, world.test, student_config("probe"), seeds=4)
        return dict(recalls=torch.tensor(found["mean_recall"]["runs"]))
    z = coresets.joint_feats(*encode_data(enc, real).pairs())
    COUNT.clear()
    pick = coresets.herding(z, n) if name == "herding" else coresets.k_center(z, n)
    return dict(picked=pick.double())

def work(jobs, steps, n, out):
    "What every process runs; the first one saves results, all of them their counts."
    import torch
    from accelerate.utils import gather_object
    from vldistill_nb.share import join_group
    torch.set_num_threads(1)
    ps, found = join_group(), {}
    watch()
    for name in jobs:
        COUNT.clear()
        tensors = learned(name, steps, n, out)
        found[name] = gather_object([dict(COUNT)])
        if ps.is_main_process: torch.save(tensors, f"{out}/{name}.pt")
    if ps.is_main_process: Path(out, "counts.json").write_text(json.dumps(found))

def launch(world, a, out):
    "One group of processes."
    cmd = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world)] if world > 1 else []
    env = os.environ | dict(OMP_NUM_THREADS="1", ACCELERATE_USE_CPU="true")
    words = [__file__, "--work", out, "--steps", str(a.steps), "--pairs", str(a.pairs), "--jobs", *a.jobs]
    done = subprocess.run([sys.executable, *cmd, *words], env=env, text=True, capture_output=True)
    if done.returncode: sys.exit(done.stderr[-3000:])

def gap(one, other):
    "Largest difference of two sets of tensors; 0 for the same bits."
    return max((one[k].double() - other[k].double()).abs().max().item() for k in one)

def compared(tmp, jobs):
    "A row for each job and number of processes."
    import torch
    load = lambda w, name: torch.load(f"{tmp}/{w}/{name}.pt", weights_only=True)
    for name in jobs:
        for w in WORLDS:
            counts = json.loads(Path(tmp, f"{w}", "counts.json").read_text())[name]
            each = {k: [c.get(k, 0) for c in counts] for k in COUNTED}
            row = dict(job=name, processes=w, gap=gap(load(1, name), load(w, name)))
            yield row | {k: v for k, v in each.items() if any(v)}

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for k, v in dict(steps=5, pairs=100).items(): ap.add_argument(f"--{k}", type=int, default=v)
    ap.add_argument("--jobs", nargs="*", default=JOBS, choices=JOBS)
    for k in ("json", "work"): ap.add_argument(f"--{k}")
    a = ap.parse_args()
    if a.work: return work(a.jobs, a.steps, a.pairs, a.work)
    with tempfile.TemporaryDirectory() as tmp:
        for w in WORLDS:
            Path(tmp, f"{w}").mkdir()
            launch(w, a, f"{tmp}/{w}")
        rows = [*compared(tmp, a.jobs)]
    print(*rows, sep="\n")
    if a.json: record(a.json, rows)

if __name__ == "__main__": main()
