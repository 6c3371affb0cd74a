"""What does a label cost a student? One step of a ResNet-18 with each source of labels, and memory of a fresh process.

    python benchmarks/label_cost.py [--size 64] [--bs 50] [--students 1 5] [--repeat 20] [--json FILE]

Sources are timed in turn, so that a slow minute hits all of them; given are processor seconds of a step, as a multiple
of a step with hard labels, and what remains for each student when several share a pass. `projector` is lite0 with
corrections of rank 8 merged into its weights; `not merged` keeps the corrections apart; `contiguous` is merged without
channels_last, `textbook` neither merged nor channels_last, and labels every student's view anew. For scale there is the
time of the student's own products at the rate of a matrix product; convolutions may be a little faster than that. Each
source also runs alone in a fresh process, for its peak memory.
"""
import argparse, statistics, subprocess, sys, time
import torch
from common import matmul_rate, peak, record
from vldistill_nb.encoders import dual_encoder
from vldistill_nb.projector import LabelProjector, RankConfig
from vldistill_nb.softlabels import (ClassImages, ClassifierConfig, HardLabels, ModelLabels, StoredLabels, Views,
                                     classifier, label_loss)

CLASSES = [f"class {i}" for i in range(9)]
NAMES = ["hard", "stored", "projector", "not merged", "contiguous", "textbook", "teacher"]

def source_of(name, views):
    "A source of labels."
    if name == "hard": return HardLabels()
    if name == "teacher": return ModelLabels(classifier("resnet18", len(CLASSES), seed=9).eval())
    if name == "stored": return StoredLabels(torch.zeros(1, len(views), len(CLASSES), dtype=torch.float16), views.key)
    p = LabelProjector(dual_encoder("lite0", "minilm", embed_dim=64), CLASSES, ranks=RankConfig(conv=8)).eval()
    if name in ("projector", "contiguous"): p = p.merged()
    if name in ("contiguous", "textbook"): p.img_enc.to(memory_format=torch.contiguous_format)
    return ModelLabels(p)

def stepper(name, a, n):
    "A function that does one step of `n` students."
    rng = torch.Generator().manual_seed(0)
    images = ClassImages(torch.randint(256, (a.bs, 3, a.size, a.size), generator=rng, dtype=torch.uint8),
                         torch.arange(a.bs) % len(CLASSES), tuple(CLASSES))
    views = Views(images, ClassifierConfig(bs=a.bs))
    source, nets = source_of(name, views), [classifier("resnet18", len(CLASSES), seed=s) for s in range(n)]
    opts = [torch.optim.AdamW(net.parameters(), fused=True) for net in nets]
    def step():
        view = views.batch(0, 0)
        target = source(view, 0, 0)
        for i, (net, opt) in enumerate(zip(nets, opts)):
            if i and name == "textbook": target = source(view, 0, 0)
            opt.zero_grad(); label_loss(net(view.imgs), view.mixed, target, views.cfg).backward(); opt.step()
    return step

def timed(step):
    start = time.process_time()
    step()
    return time.process_time() - start

def fresh(name, a):
    "Peak memory of a process that does three steps."
    words = [sys.executable, __file__, "--alone", name, "--size", str(a.size), "--bs", str(a.bs)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1])

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--size", type=int, default=64), ap.add_argument("--bs", type=int, default=50)
    ap.add_argument("--students", type=int, nargs="+", default=[1, 5])
    ap.add_argument("--repeat", type=int, default=20)
    ap.add_argument("--json"), ap.add_argument("--alone")
    a = ap.parse_args()
    if a.alone:
        step = stepper(a.alone, a, 1)
        for _ in range(3): step()
        return print(peak())
    memory = {name: fresh(name, a) for name in NAMES}
    flops = 3 * 2 * 1.814e9 * (a.size / 224) ** 2 * a.bs        # ResNet-18: 1.814 G multiplications at 224 px, forward
    floor, rows = flops / matmul_rate(clock=time.process_time), []
    for n in a.students:
        steps = {name: stepper(name, a, n) for name in NAMES}
        for step in steps.values(): step(), step()
        took = {name: [] for name in NAMES}
        for _ in range(a.repeat):
            for name in NAMES: took[name].append(timed(steps[name]))
        mid = {k: statistics.median(v) for k, v in took.items()}
        for name in NAMES:
            rows.append(dict(labels=name, students=n, seconds=mid[name], ratio=mid[name] / mid["hard"],
                             each=mid[name] / n, peak_mib=memory[name], products=n * floor))
            print(f"{n} student{'s' * (n > 1)}, {name:12} {mid[name]:.3f} s, {rows[-1]['ratio']:.2f} x hard; "
                  f"products {n * floor:.3f} s; {memory[name]:,.0f} MiB", flush=True)
    if a.json: record(a.json, rows)

if __name__ == "__main__": main()
