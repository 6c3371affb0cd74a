"""Does a plan tell the truth? Planned peaks beside those of fresh processes that really take the same
steps on this CPU, and plans of the published settings.

    python benchmarks/plan.py [papers] [--resume]

Writes nbs/results/plan.json after every row; `papers` leaves the processes out, `--resume` keeps rows that are there.
Takes about ten minutes of one core."""
import copy, gc, json, os, subprocess, sys, time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from common import ROOT, peak, record

OUT = ROOT / "nbs/results/plan.json"

def runs():
    "Small configurations: what is done, encoders, pixels a side, pairs, what moves, settings."
    from vldistill_nb.covariance import CovConfig
    from vldistill_nb.covmatch import CovMatchConfig, OnlineConfig
    from vldistill_nb.experts import ExpertConfig
    from vldistill_nb.retrieval import student_config
    from vldistill_nb.trajectory import TrajectoryConfig
    match = lambda **kw: TrajectoryConfig(steps=2, **kw)
    return {
        "trajectory, image tower, graphs kept": ("timm:resnet18", "tiny", 96, 16, "image", match(rerun=False)),
        "trajectory, image tower, steps taken again": ("timm:resnet18", "tiny", 96, 16, "image", match(rerun=True)),
        "trajectory, frozen towers": ("lite0", "minilm", 128, 50, "probe", match()),
        "covariance, frozen towers": ("lite0", "minilm", 128, 100, "probe", CovConfig()),
        "CovMatch, both towers": ("lite0", "minilm", 64, 50, "full", CovMatchConfig(online=OnlineConfig(bs=50))),
        "expert, image tower": ("timm:resnet18", "tiny", 96, 50, "image", ExpertConfig("image", bs=64)),
        "student, both towers": ("lite0", "minilm", 64, 64, "full", student_config("full")),
        "encode 256 images": ("lite0", "minilm", 96, 50, "probe", 256),
    }

def world_of(name):
    from vldistill_nb.plan import Counted, World, untrained
    image, text, size, pairs, towers, cfg = runs()[name]
    return World(untrained(image, text, 64), Counted("1000x2", size), pairs, towers), cfg

class Real:
    "Stands where the counting mode is: copies are real, and so is what follows."
    copy, on_host = staticmethod(copy.deepcopy), staticmethod(nullcontext)

def resident():
    "What this process has in memory now, in MiB; Linux."
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def warm_up(enc, size):
    "Let the libraries load and take what they take once."
    import torch
    net = copy.deepcopy(enc).requires_grad_(True)
    x = torch.rand(2, 3, size, size, requires_grad=True)
    net(x, [""] * 2)[0].sum().backward()

def child(name):
    "Take the steps; print the memory before and after, in MiB."
    from vldistill_nb.plan import STEPS
    world, cfg = world_of(name)
    warm_up(world.enc, world.data.size)
    steps = STEPS[type(cfg)](Real(), world, cfg)
    next(steps)
    gc.collect()
    before, top = resident(), peak()
    clock = [time.process_time()]
    for _ in steps: clock.append(time.process_time())
    print(json.dumps(dict(before=before, top=top, after=peak(), cpu=clock[-1] - clock[-2])))

def check(done):
    "Planned and measured peaks, over what is alive before the step."
    from vldistill_nb.plan import step_cost, this_cpu
    cpu = this_cpu(clock=time.process_time)
    env = dict(os.environ, OMP_NUM_THREADS="1", MALLOC_MMAP_THRESHOLD_="1048576")
    for name in (n for n in runs() if not any(r["run"] == n for r in done)):
        cost = step_cost(*world_of(name))
        ran = subprocess.run([sys.executable, __file__, "child", name], env=env, capture_output=True, text=True)
        if ran.returncode: sys.exit(ran.stderr)
        seen = json.loads(ran.stdout.splitlines()[-1])
        planned, measured = (cost.peak - cost.held) / 2**20, seen["after"] - seen["before"]
        lone = not name.startswith("student")          # its training is one call, of two steps and what comes before
        yield dict(run=name, planned=round(planned, 1), measured=round(measured, 1),
                   error=round(100 * (planned / measured - 1), 1), flop=cost.flop,
                   cpu=round(seen["cpu"], 2) if lone else None, floor=round(cost.floor(cpu), 2),
                   hidden=seen["after"] <= seen["top"] + 1)

PAPERS = [("repblend", {}), ("covmatch", dict(held=100)), ("covmatch", dict(held=0)),
          ("lors", {}), ("lors", dict(rerun=False)), ("ptm-st", {}),
          ("vldd", {}), ("vldd", dict(rerun=False)), ("vldd", dict(dtype="bfloat16"))]

def papers(done):
    "Peak, FLOP and floors of a step of each published setting, and of some changes."
    from vldistill_nb.plan import CARDS, paper_run, step_cost
    for name, own in PAPERS:
        settings = ",".join(f"{k}={v}" for k, v in own.items())
        if any((r["paper"], r["settings"]) == (name, settings) for r in done): continue
        world, cfg = paper_run(f"{name}:flickr30k")
        begin = time.process_time()
        cost = step_cost(world, replace(cfg, **own))
        yield dict(paper=name, settings=settings, pairs=world.pairs, peak=cost.peak, held=cost.held, flop=cost.flop,
                   moved=cost.moved, steps=world.loop.steps, cpu=round(time.process_time() - begin, 1),
                   floors={c.name: [round(cost.floor(c, tf32=t), 3) for t in (False, True)] for c in CARDS})

def known():
    "What is recorded."
    return json.loads(OUT.read_text()) if OUT.exists() else dict(rows=[], papers=[])

def main(words):
    if "--resume" not in words: OUT.unlink(missing_ok=True)
    for part, found in dict(rows=check, papers=papers).items():
        if part == "rows" and "papers" in words: continue
        for row in found(known()[part]):
            print(row, flush=True)
            book = known()
            record(OUT, book["rows"] + [row] * (part == "rows"), papers=book["papers"] + [row] * (part == "papers"))
    record(OUT, (book := known())["rows"], papers=book["papers"])

if __name__ == "__main__": child(sys.argv[2]) if sys.argv[1:2] == ["child"] else main(sys.argv[1:])
