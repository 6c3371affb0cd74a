"""Students that train both towers (`full`): OpenMoji, 200 pairs, covariance matching beside real pairs.

    python benchmarks/full_students.py [--pairs 200] [--steps 200] [--seeds 3] [--json FILE] [--resume] [METHOD ...]

Pairs are made by `vldistill distill` and kept under runs/; students are those of `vldistill evaluate`, seed by seed
for all methods, so that a table cut short is still a fair one. Each line: mean recall on test. FILE is written after
every student; `--resume` keeps the students that it has. Not in the table by default: "covariance, towers move", pairs
made under a bank of states with texts as input embeddings, which go to students with a frozen text tower (`image`) too.
"""
import argparse, json, os, sys, time
from statistics import mean, stdev
from common import record
from vldistill_nb.cli import main as vldistill
from vldistill_nb.data import load_data
from vldistill_nb.distilled import load_distilled
from vldistill_nb.encoders import dual_encoder
from vldistill_nb.retrieval import evaluate_student, student_config, train_student

LIVE = ["--towers", "full", "--bank", "runs/bank"]
METHODS = {"covariance": ["covariance"], "herding": ["herding"], "random": ["random"],
           "covariance, towers move": ["covariance", *LIVE]}
TABLE = "covariance", "herding", "random"                  # by default
STUDENTS = {"covariance, towers move": ("full", "image")}   # of the others, `full` alone

def make(name, n, steps):
    "Pairs of a method, and the command that makes them."
    how = METHODS[name] + ["--steps", str(steps)] * name.startswith("covariance")
    out = f"runs/{name.replace(', ', '-').replace(' ', '-')}-{n}"
    words = ["distill", *how, "--data", "openmoji", "--pairs", str(n), "--out", out]
    if vldistill(words + ["--resume"] * name.startswith("covariance")): sys.exit(1)
    return load_distilled(words[-1]).pairs, " ".join(["vldistill", *words])

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("methods", nargs="*", metavar="METHOD", help=", ".join(METHODS)), ap.add_argument("--json")
    ap.add_argument("--pairs", type=int, default=200), ap.add_argument("--steps", type=int, default=200)
    ap.add_argument("--seeds", type=int, default=3), ap.add_argument("--resume", action="store_true")
    a = ap.parse_args()
    key = lambda r: (r["method"], r["student"], r["pairs"])
    rows = {key(r): r for r in json.load(open(a.json))["rows"]} if a.resume and os.path.exists(a.json) else {}
    about = dict(seed=0, data="openmoji", measure="mean_recall on test")
    data, enc, pairs, todo = load_data("openmoji"), dual_encoder("lite0", "minilm"), {}, []
    for m in a.methods or TABLE:
        pairs[m], how = make(m, a.pairs, a.steps)
        for s in STUDENTS.get(m, ("full",)):
            row = dict(method=m, student=s, pairs=a.pairs, made=how, runs=[], seconds=[])
            todo.append(rows.setdefault(key(row), row))
    for seed, row in [(s, r) for s in range(a.seeds) for r in todo if len(r["runs"]) <= s]:
        began, cfg = time.perf_counter(), student_config(row["student"])
        made = train_student(pairs[row["method"]], enc, cfg, seed=seed)
        row["runs"].append(evaluate_student(made, data.test)["mean_recall"])
        row["seconds"].append(round(time.perf_counter() - began))
        row |= dict(mean=mean(row["runs"]), std=stdev(row["runs"]) if seed else 0.0)
        told = f"{row['runs'][-1]:.2f}  ({row['mean']:.1f} ± {row['std']:.1f})  {row['seconds'][-1]} s"
        print(f"{row['method']:24} {row['student']:6} seed {seed}  {told}", flush=True)
        if a.json: record(a.json, [r for r in rows.values() if r["runs"]], **about)

if __name__ == "__main__": main()
