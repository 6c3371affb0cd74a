"""What teaches a student best: hard labels, stored soft labels, or a projector? And what does each weigh?

    python benchmarks/labels.py [--data openmoji|digits|subgroups|glyphs] [--ipc 1 10 50] [--epochs 300 100 60]
                                [--seeds 5 5 5] [--sources hard stored head int8 int4 projector] [--mosaics]
                                [--keep DIR] [--json FILE]
    python benchmarks/labels.py --ablation --ipc 10 --epochs 30 --seeds 2 [--keep DIR] [--json FILE] [--sheet PNG]

The public encoder is lite0 and MiniLM with projections of width 64 that learned OpenMoji's captions, whatever the data.
The teacher is a ResNet-18 on as many real images of every class; what is stored, and what projectors learn, are the
logits of its last checkpoint. Images are random real ones; with `--mosaics`, the patches that it recognises best.
`subgroups` are OpenMoji's finer classes at 32 pixels, those with ten train images or more: many classes, where labels
are heavy. Its projector corrects only early convolutions that widen, which explain most for their bytes; is told
classes; and learns views of the distilled images alone, as does that of `glyphs`: 251 letters and digits in 82
fonts, see glyphs.py, at 24 pixels, which the public encoder sees at 48. The others learn views of real images, then
of the distilled ones. All have other seeds than the views that students see.
Students are ResNet-18s; those of one row share their views. Given are percent of the test split right, `top1` of all
images, `macro` the mean over classes; and `explained`, the share of the stored labels' variance that a source explains.
Sources: `head`, the head's correction alone, int8; `told`, a head that knows the classes of a view too; `int8`, with
corrections of the convolutions; `int4`, these in four bits; `projector`, all in float32 (only at 10 images a class).
`--ablation` adds the parts of HeLlO one by one, with nine checkpoints as weak teachers. `--keep` holds teachers and
projectors for the next run. Rows that FILE has already are kept with `--resume`, also those that another process adds
meanwhile.
"""
import argparse, copy, json, math, time
from dataclasses import asdict, replace
from pathlib import Path
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
import glyphs
from common import record
from vldistill_nb.data import atomic_write, contact_sheet, load_data
from vldistill_nb.encoders import dual_encoder
from vldistill_nb.lightlabels import UpdateConfig, load_deltas, pack_deltas, refit_head, update_images
from vldistill_nb.projector import (LabelProjector, RankConfig, TransferConfig, align_encoder, balanced, explained,
                                    load_teachers, save_teachers, transfer)
from vldistill_nb.retrieval import summary
from vldistill_nb.softlabels import (ClassifierConfig, HardLabels, ModelLabels, PatchConfig, StoredLabels, Views,
                                     class_data, classifier, label_bytes, mosaics, random_images, score_classifier,
                                     select_patches, train_classifier)

SPEC = dict(openmoji="openmoji", digits="digits", subgroups="openmoji:subgroups", glyphs="folder:runs/glyphs")
SIZE = dict(subgroups=32, glyphs=24)             # pixels a side; else the source's own
LEAST = dict(subgroups=10)                       # train images that a class must have to stay
TEACH = dict(openmoji=15, digits=15, subgroups=30, glyphs=10)           # epochs of a teacher
PER = dict(openmoji=300, digits=150, subgroups=40, glyphs=56)           # real images of a class that nets learn from
BS = {1: 10, 10: 50, 50: 100}                    # RDED's, of students; twice as many with 100 classes or more
PUBLIC = dict(glyphs="lite0@48")                 # image tower of the public encoder; else lite0 on images as they are
SPARED = r"blocks\.(4\.2|[56])|conv_head|conv_stem|pwl"       # of lite0, left alone where bytes count
RANKS = dict(openmoji=RankConfig(conv=8, head=8), digits=RankConfig(conv=8, head=9), glyphs=RankConfig(),   # HeLlO's
             subgroups=RankConfig(conv=6, head=64, skip=SPARED))
TOLD = ["subgroups"]                             # where the whole projector is told the classes too
LEARN = {k: TransferConfig(epochs=n, ce=0) for k, n in dict(openmoji=60, digits=150).items()}   # from real images
LESSON = TransferConfig(ce=0, sums=8000)
REHEARSE = (dict.fromkeys(LEARN, [TransferConfig(lr=1e-3, ce=0)])               # lessons on distilled images, at last
            | dict(subgroups=[LESSON], glyphs=[LESSON, replace(LESSON, lr=1e-3)]))
LAST = dict.fromkeys(LEARN, 60_000) | dict(subgroups=330_000, glyphs=200_000)   # views of each such lesson
PARTS = TransferConfig(epochs=8)                 # of the ablation
MOST = dict(openmoji=10)                         # images a class for rows of the head alone, which is far behind
TEMPLATE = dict(openmoji="a picture of {}", digits="the digit {}", subgroups="a picture of {}", glyphs="the {}")

def frequent(data, least):
    "Only classes that have so many train images."
    counts = np.bincount(data.train.labels, minlength=len(data.classes))
    stay = np.flatnonzero(counts >= least)
    part = data.subset(np.flatnonzero(np.isin(data.labels, stay)))
    return replace(part, labels=np.searchsorted(stay, part.labels), classes=tuple(data.classes[c] for c in stay))

def recipe(data, **changes):
    "How a classifier learns on a data set; digits are not mirrored."
    return ClassifierConfig(**dict(flip=data.spec.startswith("openmoji")) | changes)

def teachers_of(data, file, per, epochs):
    "Nine checkpoints of one run: read if they are there, else trained and kept."
    if file.exists(): return load_teachers(file, len(data.classes), data=data.fingerprint)
    cfg = recipe(data, epochs=epochs, bs=64)
    net = classifier(cfg.arch, len(data.classes), seed=0)
    views = Views(balanced(data.train, per), cfg)
    states = train_classifier(net, views, HardLabels(), cfg, keep=9).states[0]
    return load_teachers(save_teachers(file, cfg.arch, states, data=data.fingerprint), len(data.classes))

def judged(name, net, data):
    "Accuracy of a labeller, printed."
    found = {s: score_classifier(net, getattr(data, s)) for s in ("val", "test")}
    print(f"  {name:34}" + ", ".join(f"{s} {r['top1']:.1f} / {r['macro']:.1f}" for s, r in found.items()), flush=True)
    return found["test"]

class Bench:
    "A data set with its public encoder, teachers and real views."
    def __init__(self, name, keep):
        self.name, self.keep = name, Path(keep)
        if name == "glyphs": glyphs.write("runs/glyphs", SIZE[name])
        whole = load_data(SPEC[name], size=SIZE.get(name), progress=False)
        if name == "glyphs": whole = replace(whole, licence=glyphs.LICENCE)             # a folder names none
        self.data = class_data(frequent(whole, LEAST.get(name, 1)))
        world = whole if whole.spec.startswith("openmoji") else load_data("openmoji", progress=False)
        self.clip = align_encoder(dual_encoder(PUBLIC.get(name, "lite0"), "minilm", embed_dim=64), world.train)
        self.keep.mkdir(parents=True, exist_ok=True)
        self.teachers = teachers_of(self.data, self.keep / f"teachers-{name}.safetensors", PER[name], TEACH[name])
        self.best = self.teachers.nets[-1]
        self.views = Views(balanced(self.data.train, PER[name], seed=1), recipe(self.data, bs=32, seed=1))

    def projector(self, ranks, source=None, cfg=None, *, random_head=False, told=False):
        "A projector, taught on real views if there is a source."
        p = LabelProjector(self.clip, self.data.classes, template=TEMPLATE[self.name], ranks=ranks, told=told)
        rng = torch.Generator().manual_seed(0)
        if random_head: p.w0.copy_(F.normalize(torch.randn(p.w0.shape, generator=rng), dim=0))
        if source is not None: transfer(p, self.views, source, cfg)
        return p

    def kept(self, name, like, make):
        "A projector of an earlier run; or else a new one, kept for the next."
        file = self.keep / f"{self.name}-{name}.safetensors"
        if file.exists(): return load_deltas(like, load_file(file))
        p = make()
        with atomic_write(file) as tmp: save_file(pack_deltas(p, "float32"), tmp)
        return p

    def rehearsed(self, projector, images):
        "A copy that learned views of these images too."
        p, epochs = copy.deepcopy(projector), math.ceil(LAST[self.name] / len(images))
        for k, cfg in enumerate(REHEARSE[self.name]):
            transfer(p, self.rehearsal(images, k), ModelLabels(self.best), replace(cfg, epochs=epochs))
        return p

    def rehearsal(self, images, lesson=0):
        "Views of distilled images for projectors; not those that students see."
        return Views(images, recipe(self.data, bs=32, seed=7 + lesson))

    def rounded(self, projector, number, images):
        "The projector as it ships, and its bytes; in four bits its head is solved again."
        if number == "int4":
            passes = range(math.ceil(REHEARSE[self.name][-1].sums / len(images)))
            refit_head(projector, number, self.rehearsal(images), ModelLabels(self.best), passes)
        deltas = pack_deltas(projector, number)
        return load_deltas(projector, deltas), sum(t.nbytes for t in deltas.values())

    def recipe(self, ipc, **changes):
        "How students learn."
        return recipe(self.data, bs=BS.get(ipc, 50) * (2 if len(self.data.classes) >= 100 else 1), **changes)

    def explains(self, source, images, ipc):
        "Share of the stored labels' variance that a source explains, over 2000 views of students."
        views = Views(images, self.recipe(ipc))
        return explained(source, ModelLabels(self.best), views, range(math.ceil(2000 / len(views))))

    def students(self, images, source, ipc, epochs, seeds, stored=False):
        "Students that share their views; a summary of their scores, and seconds."
        cfg = self.recipe(ipc, epochs=epochs)
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

def shipped(bench, name, images, tag):
    "A projector as students of some images get it, and its bytes."
    kind, best, cfg = name if name in ("head", "told") else "conv", ModelLabels(bench.best), LEARN.get(bench.name)
    how = dict(ranks=RANKS[bench.name] if kind == "conv" else replace(RANKS[bench.name], conv=0),
               told=kind == "told" or kind == "conv" and bench.name in TOLD)
    base = bench.projector(**how)
    if cfg: base = bench.kept(kind, base, lambda: bench.projector(source=best, cfg=cfg, **how))
    if cfg and not how["told"]: judged(f"{name}, taught on real images", base, bench.data)
    p = bench.kept(f"{kind}-{tag}", bench.projector(**how), lambda: bench.rehearsed(base, images))
    if not how["told"]: judged(f"{name}, and on those of students", p, bench.data)
    return bench.rounded(p, dict(projector="float32", int4="int4").get(name, "int8"), images)

def rows_of(file): return json.loads(Path(file).read_text())["rows"] if file and Path(file).exists() else []

def compare(bench, a):
    "Rows of the main table, as they are finished."
    for (ipc, epochs, seeds), name in ((row, name) for row in zip(a.ipc, a.epochs, a.seeds) for name in a.sources):
        if name == "projector" and ipc != 10: continue                                  # float32 once
        if name in ("head", "told") and ipc > MOST.get(bench.name, ipc): continue
        if a.resume and any((r["ipc"], r["labels"]) == (ipc, name) for r in rows_of(a.json)): continue
        images = bench.images(ipc, a.mosaics)
        size = table = label_bytes(len(images), len(images.classes), epochs)
        source, share = bench.best, 1.0
        if name == "hard": source, size, share = HardLabels(), 0, None
        elif name != "stored":
            p, size = shipped(bench, name, images, f"{ipc}-mosaics" if a.mosaics else ipc)
            source = p.as_labels()
            share = round(bench.explains(source, images, ipc), 4)
        scores, seconds = bench.students(images, source, ipc, epochs, seeds, stored=name == "stored")
        yield dict(ipc=ipc, labels=name, epochs=epochs, bytes=size, table=table, explained=share,
                   seconds=round(seconds), **scores)

def ablation(bench, a):
    "HeLlO's parts, one by one: a probe, several weak teachers, low rank, text initialisation, the update of images."
    ipc, epochs, seeds = a.ipc[0], a.epochs[0], a.seeds[0]
    weak, last = ModelLabels(bench.teachers), ModelLabels(bench.best)
    whole, conv = RankConfig(conv=0, head=64), RankConfig(conv=8, head=64)
    made = {"linear probe": bench.projector(whole, last, random_head=True),
            "+ nine weak teachers": bench.projector(whole, weak, random_head=True),
            "+ low-rank transfer": bench.projector(conv, weak, PARTS, random_head=True),
            "+ text initialisation": bench.projector(replace(conv, head=5), weak, PARTS)}
    made["on mosaics instead"] = made["+ image update"] = made["+ text initialisation"]
    for name, p in made.items():
        own, update = judged(name, p, bench.data), UpdateConfig() if "update" in name else None
        images = bench.images(ipc, "mosaics" in name or bool(update), update, p.merged().feats)
        if "mosaics" in name: before = images
        if a.sheet and update: draw(before, images, a.sheet)
        scores, seconds = bench.students(images, p.as_labels(), ipc, epochs, seeds)
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
    found = transfer(p, bench.views, ModelLabels(bench.teachers))
    nets = {"zero-shot": bench.projector(RankConfig(conv=0)), "projector": p, "teacher": bench.best}
    confusion = {k: score_classifier(n, bench.data.test)["confusion"].tolist() for k, n in nets.items()}
    return dict(classes=bench.data.classes, confusion=confusion, excess=found.excess().tolist(), width=64)

def show(row):
    told = ", ".join(f"{k} {row[k]['mean']:5.1f} ± {row[k]['std']:.1f}" for k in ("top1", "macro"))
    share = f"explains {row['explained']:.3f}, " if row.get("explained") else ""
    print(f"{row['ipc']:3} a class, {row['labels']:22} {told}, {share}{row['bytes']:10,} bytes", flush=True)

def settings(a):
    "How projectors learned, for the record."
    if a.ablation: return dict(learn=asdict(PARTS))
    learn = asdict(LEARN[a.data]) if a.data in LEARN else None
    last = [asdict(c) | dict(views=LAST[a.data]) for c in REHEARSE[a.data]]
    return dict(public=PUBLIC.get(a.data, "lite0"), ranks=asdict(RANKS[a.data]), learn=learn, last=last)

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--data", default="openmoji", choices=list(PER)), ap.add_argument("--keep", default="runs/labels")
    ap.add_argument("--ipc", type=int, nargs="+", default=[1, 10, 50])
    ap.add_argument("--epochs", type=int, nargs="+", default=[300, 100, 60])
    ap.add_argument("--seeds", type=int, nargs="+", default=[5, 5, 5])
    ap.add_argument("--sources", nargs="+", default=["hard", "stored", "head", "int8", "projector"])
    ap.add_argument("--mosaics", action="store_true")
    ap.add_argument("--resume", action="store_true", help="keep the rows that the file has")
    ap.add_argument("--ablation", action="store_true"), ap.add_argument("--json"), ap.add_argument("--sheet")
    a = ap.parse_args()
    bench, rows = Bench(a.data, a.keep), []
    more = settings(a) | (details(bench) if a.ablation else {})
    def write():
        mine = {(r["ipc"], r["labels"]) for r in rows}
        others = [r for r in rows_of(a.json) if a.resume and (r["ipc"], r["labels"]) not in mine]
        if a.json: record(a.json, sorted(others + rows, key=lambda r: r["ipc"]), data=a.data,
                          licence=bench.data.licence, **more)
    for row in (ablation if a.ablation else compare)(bench, a):
        show(row), rows.append(row), write()
    if not rows: write()                         # all there: but the command is this one

if __name__ == "__main__": main()
