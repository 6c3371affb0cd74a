"""What teaches a student best: hard labels, stored soft labels, or a projector? And what does each weigh?

    python benchmarks/labels.py [--data openmoji|digits] [--ipc 1 10 50] [--epochs 300 100 60] [--seeds 5 5 3]
                                [--sources hard stored head int8 projector] [--mosaics] [--teachers FILE] [--json FILE]
    python benchmarks/labels.py --ablation --ipc 10 --epochs 100 --seeds 3 [--teachers FILE] [--json FILE] [--sheet PNG]

The public encoder is lite0 and MiniLM with projections of width 64 that learned OpenMoji's captions, whatever the data.
The teacher is a ResNet-18 on as many real images of every class. Its last checkpoint is the source of stored labels and
selects the patches of mosaics (`--mosaics`; by default images are random real ones, which teach more at these sizes);
its nine checkpoints teach the projector. Students are ResNet-18s; those of one row share their views. Given are percent
of the test split right: `top1` of all images, `macro` the mean over classes.
Sources: `head`, the head's correction of rank 5 alone, int8; `int8`, with corrections of the convolutions too;
`projector`, the same in float32 (only at 10 images a class). `--ablation` adds the parts of HeLlO one by one.
"""
import argparse, copy, json, time
from dataclasses import replace
from pathlib import Path
import torch
from torch.nn import functional as F
from common import record
from vldistill_nb.data import contact_sheet, load_data
from vldistill_nb.encoders import dual_encoder
from vldistill_nb.lightlabels import UpdateConfig, load_deltas, pack_deltas, update_images
from vldistill_nb.projector import (LabelProjector, RankConfig, TransferConfig, align_encoder, balanced,
                                    load_teachers, save_teachers, transfer)
from vldistill_nb.retrieval import summary
from vldistill_nb.softlabels import (ClassifierConfig, HardLabels, ModelLabels, PatchConfig, StoredLabels, Views,
                                     class_data, classifier, label_bytes, mosaics, random_images, score_classifier,
                                     select_patches, train_classifier)

PER = dict(openmoji=300, digits=150)             # real images of a class that teachers and projectors see
BS = {1: 10, 10: 50, 50: 100}                    # RDED's, of students
RANK = dict(openmoji=1, digits=8)                # of the convolutions' corrections; more did not help on OpenMoji
LEARN = dict(openmoji=TransferConfig(epochs=3, lr=4e-3), digits=TransferConfig(epochs=8, lr=4e-3))   # … how learned
TEMPLATE = dict(openmoji="a picture of {}", digits="the digit {}")

def recipe(data, **changes):
    "How a classifier learns on a data set; digits are not mirrored."
    return ClassifierConfig(**dict(flip=data.spec != "digits") | changes)

def teachers_of(data, file, epochs=15):
    "Nine checkpoints of one run: read if they are there, else trained and kept."
    if file and Path(file).exists(): return load_teachers(file, len(data.classes))
    cfg = recipe(data, epochs=epochs, bs=64)
    net = classifier(cfg.arch, len(data.classes), seed=0)
    views = Views(balanced(data.train, PER[data.spec]), cfg)
    states = train_classifier(net, views, HardLabels(), cfg, keep=9).states[0]
    file = file or f"teachers-{data.spec}.safetensors"
    return load_teachers(save_teachers(file, cfg.arch, states), len(data.classes))

def told(name, net, data):
    "Accuracy of a labeller, printed."
    found = {s: score_classifier(net, getattr(data, s)) for s in ("val", "test")}
    print(f"  {name:34}" + ", ".join(f"{s} {r['top1']:.1f} / {r['macro']:.1f}" for s, r in found.items()), flush=True)
    return found["test"]

class Bench:
    "A data set with its public encoder, teachers and real views."
    def __init__(self, spec, file):
        self.data = class_data(load_data(spec, progress=False))
        world = self.data if spec == "openmoji" else load_data("openmoji", progress=False)
        self.clip = align_encoder(dual_encoder("lite0", "minilm", embed_dim=64), world.train)
        self.teachers = teachers_of(self.data, file)
        self.best = self.teachers.nets[-1]
        self.views = Views(balanced(self.data.train, PER[spec], seed=1), recipe(self.data, bs=64, seed=1))
        self.known = {}

    def targets(self, labeller, epochs):
        "Targets of real views, recorded once for all projectors."
        key = id(labeller), epochs
        if key not in self.known: self.known[key] = StoredLabels.record(self.views, labeller, epochs)
        return self.known[key]

    def projector(self, ranks, source=None, cfg=None, random_head=False):
        "A projector, taught if there is a source."
        p = LabelProjector(self.clip, self.data.classes, template=TEMPLATE[self.data.spec], ranks=ranks)
        rng = torch.Generator().manual_seed(0)
        if random_head: p.w0.copy_(F.normalize(torch.randn(p.w0.shape, generator=rng), dim=0))
        if source is not None: transfer(p, self.views, source, cfg or TransferConfig(epochs=2))
        return p

    def students(self, images, source, ipc, epochs, seeds, stored=False):
        "Students that share their views; a summary of their scores, and seconds."
        cfg = recipe(self.data, epochs=epochs, bs=BS.get(ipc, 50))
        views, start = Views(images, cfg), time.perf_counter()
        if stored: source = StoredLabels.record(views, source, epochs)
        nets = [classifier(cfg.arch, len(self.data.classes), seed=s) for s in range(seeds)]
        train_classifier(nets, views, source, cfg)
        runs = [{k: v for k, v in score_classifier(n, self.data.test).items() if k != "confusion"} for n in nets]
        return summary(runs), time.perf_counter() - start

    def images(self, ipc, mosaic=False, update=None, encode=None):
        "Random images; or mosaics of the patches that the teacher recognises best, mended for an encoder if asked."
        if not mosaic: return random_images(self.data.train, ipc)
        patches = select_patches(self.data.train, ipc, self.best, PatchConfig(scale=(0.4, 1.0)))
        return update_images(patches, encode, update) if update else mosaics(patches)

def eight_bits(projector):
    "The projector as it ships, and its bytes."
    deltas = pack_deltas(projector, "int8")
    return load_deltas(projector, deltas), sum(t.nbytes for t in deltas.values())

def labellers(bench):
    "What may teach, apart from stored labels: name to (source, bytes)."
    rank, cfg = RANK[bench.data.spec], LEARN[bench.data.spec]
    targets = bench.targets(bench.teachers, cfg.epochs)
    head = bench.projector(RankConfig(conv=0, head=5), targets)
    conv = bench.projector(RankConfig(conv=rank, head=8), targets, cfg)
    full = {"projector": (copy.deepcopy(conv), sum(t.nbytes for t in pack_deltas(conv, "float32").values()))}
    full |= {"int8": eight_bits(conv), "head": eight_bits(head)}
    named = {"zero-shot": bench.projector(RankConfig(conv=0)), "teacher": bench.best, "nine teachers": bench.teachers}
    for name, net in (named | {k: p for k, (p, _) in full.items()}).items(): told(name, net, bench.data)
    return {k: (ModelLabels(p.merged()), size) for k, (p, size) in full.items()} | {"hard": (HardLabels(), 0)}

def compare(bench, a):
    "Rows of the main table, as they are finished."
    sources = labellers(bench)
    for ipc, epochs, seeds in zip(a.ipc, a.epochs, a.seeds):
        images = bench.images(ipc, a.mosaics)
        table = label_bytes(len(images), len(images.classes), epochs)
        for name in a.sources:
            if name == "projector" and ipc != 10 or (ipc, name) in a.done: continue     # float32 once
            source, size = sources.get(name, (bench.best, table))
            scores, seconds = bench.students(images, source, ipc, epochs, seeds, stored=name == "stored")
            yield dict(ipc=ipc, labels=name, epochs=epochs, bytes=size, table=table, seconds=round(seconds), **scores)

def ablation(bench, a):
    "HeLlO's parts, one by one: a probe, several weak teachers, low rank, text initialisation, the update of images."
    ipc, epochs, seeds, cfg = a.ipc[0], a.epochs[0], a.seeds[0], LEARN[bench.data.spec]
    weak, last = bench.targets(bench.teachers, cfg.epochs), bench.targets(bench.best, 2)
    whole, conv = RankConfig(conv=0, head=64), RankConfig(conv=RANK[bench.data.spec], head=64)
    made = {"linear probe": bench.projector(whole, last, random_head=True),
            "+ nine weak teachers": bench.projector(whole, weak, random_head=True),
            "+ low-rank transfer": bench.projector(conv, weak, cfg, random_head=True),
            "+ text initialisation": bench.projector(replace(conv, head=5), weak, cfg)}
    made["on mosaics instead"] = made["+ image update"] = made["+ text initialisation"]
    for name, p in made.items():
        own, update = told(name, p, bench.data), UpdateConfig() if "update" in name else None
        images = bench.images(ipc, "mosaics" in name or bool(update), update, p.merged().feats)
        if "mosaics" in name: before = images
        if a.sheet and update: draw(before, images, a.sheet)
        scores, seconds = bench.students(images, ModelLabels(p.merged()), ipc, epochs, seeds)
        size = sum(t.nbytes for t in pack_deltas(p, "int8").values())
        yield dict(ipc=ipc, labels=name, epochs=epochs, bytes=size, seconds=round(seconds),
                   own={k: own[k] for k in ("top1", "macro")}, **scores)

def draw(before, after, file):
    "Mosaics of each class before the update, and after it."
    first = [int((before.labels == c).nonzero()[0]) for c in range(len(before.classes))]
    both = torch.cat([before.images(first), after.images(first)])
    contact_sheet(both, [*before.classes] * 2, ncol=len(first), zoom=2, lines=1).save(file)

def details(bench):
    "Who is taken for whom, and what each rank of the head leaves of the error."
    p = bench.projector(RankConfig(conv=0, head=8))
    found = transfer(p, bench.views, bench.targets(bench.teachers, LEARN[bench.data.spec].epochs))
    nets = {"zero-shot": bench.projector(RankConfig(conv=0)), "projector": p, "teacher": bench.best}
    confusion = {k: score_classifier(n, bench.data.test)["confusion"].tolist() for k, n in nets.items()}
    return dict(classes=bench.data.classes, confusion=confusion, excess=found.excess().tolist(), width=64)

def show(row):
    told = ", ".join(f"{k} {row[k]['mean']:5.1f} ± {row[k]['std']:.1f}" for k in ("top1", "macro"))
    print(f"{row['ipc']:3} a class, {row['labels']:22} {told}, {row['bytes']:10,} bytes", flush=True)

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--data", default="openmoji", choices=list(PER)), ap.add_argument("--teachers")
    ap.add_argument("--ipc", type=int, nargs="+", default=[1, 10, 50])
    ap.add_argument("--epochs", type=int, nargs="+", default=[300, 100, 60])
    ap.add_argument("--seeds", type=int, nargs="+", default=[5, 5, 3])
    ap.add_argument("--sources", nargs="+", default=["hard", "stored", "head", "int8", "projector"])
    ap.add_argument("--mosaics", action="store_true")
    ap.add_argument("--resume", action="store_true", help="keep the rows that the file has")
    ap.add_argument("--ablation", action="store_true"), ap.add_argument("--json"), ap.add_argument("--sheet")
    a = ap.parse_args()
    rows = json.loads(Path(a.json).read_text())["rows"] if a.resume and Path(a.json).exists() else []
    a.done = {(r["ipc"], r["labels"]) for r in rows}
    bench = Bench(a.data, a.teachers)
    more = details(bench) if a.ablation else {}
    for row in (ablation if a.ablation else compare)(bench, a):
        show(row), rows.append(row)
        if a.json: record(a.json, rows, data=a.data, licence=bench.data.licence, **more)

if __name__ == "__main__": main()
