"""Accuracy over all bytes of labels: every cheap way to have soft labels beside hard ones, tables and the projector.

    python benchmarks/compression.py [--data glyphs emoji] [--ipc 1 3] [--draws 3] [--students 5] [--only FAMILY ...]
                                     [--sets DIR] [--keep DIR] --json FILE

Data: glyphs.py draws 251 letters and digits in 82 fonts, test fonts apart; emoji.py 127 emoji by nine makers, test
makers apart (`--sets` holds their packages). Networks, teachers and students alike, are timm's `test_resnet`, 0.4
million weights, so that draws can be repeated; rates go down a cosine to zero. A *draw* is a choice of images, its
views, and everything learned on them; its students differ in their first weights and share views.
The teacher learns all real images. Its logits on every view are the `stored` table; everything else has fewer bytes:
a number in 8, 4 or 2 bits; the largest 5 (by KL); the first epochs of views, over and over (label pruning), in four
bits; the same with hard labels in the middle (HALD); one vector an image or a class, mixed by area; a small network
of its own, in eight bits; the projector, its encoder public, its projections counted where they are ours.
`bytes` counts all that ships and is not public; `explained` is the share of the teacher's variance on these views.
Rows that FILE has already are kept: a run that was stopped goes on. One row holds one draw of one family.
"""
import argparse, copy, json, math, time
from dataclasses import asdict, replace
from pathlib import Path
import torch
import emoji, glyphs
from common import record
from vldistill_nb.compression import (Corrected, ImageLabels, SmallNet, class_means, few_bits, image_labels, quantised,
                                      top_k)
from vldistill_nb.data import load_data
from vldistill_nb.encoders import DualEncoder, dual_encoder, image_encoder
from vldistill_nb.lightlabels import load_deltas, pack_deltas
from vldistill_nb.projector import (LabelProjector, RankConfig, TransferConfig, align_encoder, explained, load_teachers,
                                    save_teachers, transfer)
from vldistill_nb.retrieval import summary
from vldistill_nb.softlabels import (ClassifierConfig, HardLabels, ModelLabels, StoredLabels, Views, class_data,
                                     classifier, random_images, score_classifier, train_classifier)

ARCH = "test_resnet"
SIZE = dict(glyphs=24, emoji=32)                                # pixels a side
TEACH = dict(glyphs=20, emoji=150)                              # epochs of the teacher
EPOCHS = {1: 100, 3: 50}                                        # of students, by images a class
BS = {1: 50, 3: 100}
LOOK = dict(glyphs=48, emoji=64)                                # side at which the public tower sees views
LESSONS = 25_000                                                # views that projectors and small networks learn
TEMPLATE = dict(glyphs="the {}", emoji="a picture of a {}")

class Bench:
    "A data set, its teacher, and one draw of images with the table of its views."
    def __init__(self, name, ipc, draw, a):
        if name == "glyphs": glyphs.write("runs/glyphs", SIZE[name])
        else: emoji.write(a.sets, "runs/emoji", SIZE[name])
        self.name, self.ipc, self.draw, self.keep = name, ipc, draw, Path(a.keep)
        self.data = class_data(load_data(f"folder:runs/{name}", size=SIZE[name], progress=False))
        self.teacher = self._teacher()
        self.best = ModelLabels(self.teacher)
        self.images = random_images(self.data.train, ipc, seed=draw)
        self.cfg = self.recipe(epochs=EPOCHS[ipc], bs=BS[ipc], seed=100 + draw)
        self.views = Views(self.images, self.cfg)
        self.own = Views(self.images, self.recipe(bs=50, seed=200 + draw))            # never those of students
        self.epochs = math.ceil(LESSONS / len(self.images))
        self.table = StoredLabels.record(self.views, self.teacher, EPOCHS[ipc])
        self.lessons = StoredLabels.record(self.own, self.teacher, self.epochs)

    def recipe(self, **changes):
        "How classifiers learn here; letters are not mirrored."
        return ClassifierConfig(arch=ARCH, lr=2e-3, schedule="cosine", flip=self.name == "emoji", **changes)

    def _teacher(self):
        "The last of one run on all real images: read if it is there, else trained and kept."
        file, n = self.keep / f"compression-{self.name}.safetensors", len(self.data.classes)
        if not file.exists():
            cfg = self.recipe(epochs=TEACH[self.name], bs=64, smoothing=0.1)
            net = classifier(ARCH, n, seed=0)
            state = train_classifier(net, Views(self.data.train, cfg), HardLabels(), keep=1).states[0]
            self.keep.mkdir(parents=True, exist_ok=True)
            save_teachers(file, ARCH, state, data=self.data.fingerprint)
        return load_teachers(file, n, data=self.data.fingerprint).nets[-1]

    def score(self, net): return score_classifier(net, self.data.test)["top1"]

    def students(self, source, cfg, n):
        "Top-1 on test of students that share views and labels."
        nets = [classifier(ARCH, len(self.data.classes), seed=1000 * self.draw + s) for s in range(n)]
        train_classifier(nets, self.views, source, cfg)
        return [self.score(net) for net in nets]

    def explains(self, source):
        "Share of the teacher's variance on views of students."
        passes = range(math.ceil(1500 / len(self.images)))
        return round(explained(source, self.table, self.views, passes), 4)

# A family makes of a bench: labels, bytes, and how students differ from the recipe.

def small(b, width):
    "A network of its own, taught on other views of the same images."
    net = SmallNet(width, len(b.data.classes))
    cfg = b.recipe(epochs=b.epochs, bs=50, seed=200 + b.draw, beta=0.0, weight_decay=0.0)
    train_classifier(net, b.own, b.lessons, replace(cfg, lr=6e-3))
    net, size = quantised(net)
    return ModelLabels(net), size

def public(b, look, aligned):
    "The public tower; with projections of our own if a head is to start from class names."
    spec = f"lite0@{look}"
    if not aligned: return dual_encoder(spec, "tiny", embed_dim=16)                   # neither text nor projection is used
    return align_encoder(dual_encoder(spec, "minilm", embed_dim=64), load_data("openmoji", progress=False).train)

def projector(b, *, head=32, conv=0, look=None, raw=True, base=None):
    "A projector taught on other views of the same images; a base of labels per image is what it corrects."
    encoder = public(b, look or LOOK[b.name], not raw)
    ranks = RankConfig(conv=conv, head=head)
    p = LabelProjector(encoder, b.data.classes, template=TEMPLATE[b.name], ranks=ranks, raw=raw)
    target = b.lessons if base is None else Corrected(b.lessons, base, -1)
    transfer(p, b.own, target, TransferConfig(epochs=b.epochs if conv else math.ceil(8000 / len(b.images)), ce=0))
    deltas = pack_deltas(p, "int8")
    size = sum(t.nbytes for t in deltas.values())
    if not raw: size += sum(t.nbytes for k, t in encoder.state_dict().items() if k.startswith(("img_proj", "txt_proj")))
    labels = load_deltas(p, deltas).as_labels()
    return (labels, size) if base is None else (Corrected(labels, base), size + base.nbytes)

def means(b): return class_means(image_labels(b.own, b.best, 8), b.images)

def table_of(b, make): labels = make(b.table); return labels, labels.nbytes

def pooled(b, epochs, bits):
    labels = few_bits(StoredLabels(b.table.table[:epochs], b.table.key), bits)
    return labels, labels.nbytes

def sized(labels): return labels, labels.nbytes

KL, GIFT = dict(loss="kl", beta=0.0), dict(loss="cosine")
FAMILIES = {
    "hard": lambda b: (HardLabels(), 0, {}),
    "hard, smoothed": lambda b: (HardLabels(), 0, dict(smoothing=0.1)),
    "stored": lambda b: (b.table, b.table.nbytes, {}),
    "stored, KL": lambda b: (b.table, b.table.nbytes, KL),
    "stored, cosine": lambda b: (b.table, b.table.nbytes, GIFT),
    "4 bits": lambda b: (*sized(few_bits(b.table, 4)), {}),
    "2 bits": lambda b: (*sized(few_bits(b.table, 2)), {}),
    "top 5, KL": lambda b: (*sized(top_k(b.table, 5)), KL),
    "pruned, 10 epochs": lambda b: (*pooled(b, 10, 4), dict(pool=10)),
    "pruned, 3 epochs": lambda b: (*pooled(b, 3, 4), dict(pool=3)),
    "HALD, 10 epochs": lambda b: (*pooled(b, 10, 4), dict(pool=10, hard=(0.25, 0.75), smoothing=0.1)),
    "class means": lambda b: (*sized(means(b)), {}),
    "image labels": lambda b: (*sized(image_labels(b.own, b.best, 8)), {}),
    "small net, 16": lambda b: (*small(b, 16), {}),
    "small net, 32": lambda b: (*small(b, 32), {}),
    "projector, head": lambda b: (*projector(b), {}),
    "projector, means + head": lambda b: (*projector(b, base=means(b)), {}),
    "projector, corrected": lambda b: (*projector(b, conv=8, head=64), {}),
}

def row_of(b, family, n):
    "One draw of one family."
    start = time.perf_counter()
    labels, size, changes = FAMILIES[family](b)
    share = b.explains(labels) if family not in ("hard", "hard, smoothed", "top 5, KL") else None
    tops = b.students(labels, replace(b.cfg, **changes), n)
    return dict(data=b.name, ipc=b.ipc, draw=b.draw, family=family, bytes=size, table=b.table.nbytes, explained=share,
                teacher=b.score(b.teacher), seconds=round(time.perf_counter() - start), top1=summary([dict(t=t) for t in tops])["t"])

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--data", nargs="+", default=["glyphs", "emoji"], choices=list(SIZE))
    ap.add_argument("--ipc", type=int, nargs="+", default=[1, 3], choices=list(EPOCHS))
    ap.add_argument("--draws", type=int, default=3), ap.add_argument("--students", type=int, default=5)
    ap.add_argument("--only", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    ap.add_argument("--sets", default="runs/emoji-sets"), ap.add_argument("--keep", default="runs/compression")
    ap.add_argument("--json", required=True)
    a = ap.parse_args()
    rows = json.loads(Path(a.json).read_text())["rows"] if Path(a.json).exists() else []
    of = lambda r: (r["data"], r["ipc"], r["draw"], r["family"])
    for draw, ipc, name in ((d, i, n) for d in range(a.draws) for i in a.ipc for n in a.data):
        todo = [f for f in a.only if (name, ipc, draw, f) not in set(map(of, rows))]
        bench = Bench(name, ipc, draw, a) if todo else None
        for family in todo:
            rows.append(row_of(bench, family, a.students))
            r = rows[-1]
            print(f"{name} {ipc} draw {draw} {family:24} {r['top1']['mean']:5.1f} ± {r['top1']['std']:.1f}  explains "
                  f"{r['explained']}  {r['bytes']:,} bytes  {r['seconds']} s", flush=True)
            record(a.json, sorted(rows, key=of), licences=dict(glyphs=glyphs.LICENCE, emoji=emoji.LICENCE),
                   student=ARCH, epochs=EPOCHS, look=LOOK, lessons=LESSONS)

if __name__ == "__main__": main()
