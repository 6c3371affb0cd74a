"""Real pictures in number: how fast they are fed, and what students and teachers of all pairs need.

    python benchmarks/feed.py [--images 30000] [--side 224] [--json FILE]

A store of the size of Flickr30K is generated (at 224 px, 4.5 GB), with five captions a picture. Rates are images a
second of the *main thread's* processor time, in batches of 128; the device is `meta`, so that what a GPU would do is not
counted. Memory is that of fresh processes: `own` is the most that was not a page of a file, `all` also counts pages of
the store that were read, which the system takes back when it wants to. `floats` is what all pairs weigh as pixels in
memory, which is what `Pairs` without a store would need.
"""
import argparse, json, subprocess, sys, tempfile, threading, time
from pathlib import Path
from common import record

WORDS = "a the red blue small large dog cat house tree runs sits on under beside with".split()

def generated(folder, n, side):
    "A data set on disk: few pictures, many times."
    import numpy as np
    from vldistill_nb.data import PairData
    file, rng = Path(folder) / f"{n}x{side}.npy", np.random.default_rng(0)
    if not file.exists():
        some = rng.integers(0, 256, (64, side, side, 3), dtype=np.uint8)
        store = np.lib.format.open_memmap(file, "w+", np.uint8, (n, side, side, 3))
        for i in range(0, n, 64): store[i:i + 64] = some[:len(store[i:i + 64])]
        store.flush()
        del store
    caps = [[" ".join(rng.choice(WORDS, 8)) for _ in range(5)] for _ in range(n)]
    split = np.zeros(n, np.int8)
    split[-100:] = 2
    return PairData("generated", np.load(file, mmap_mode="r"), np.arange(n), caps, split, None, (), [""] * n, (0.5,) * 3,
                    (0.3,) * 3, f"generated-{n}", "")

def rate(data, way):
    "Images a second of this thread's processor time."
    import torch
    from vldistill_nb.data import train_transform
    from vldistill_nb.feed import StoredImages, batches
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:128 * 24].split(128)
    view = train_transform(data.size) if "views" in way else None
    if way == "pixels": feed = (data.pixels(at).to("meta") for at in order)
    elif way == "pixels, views":
        g = torch.Generator().manual_seed(0)
        feed = (view(data.pixels(at), generator=g).to("meta") for at in order)
    else: feed = batches(StoredImages(data), order, device="meta", view=view, workers=int(way[0]))
    next(feed)
    t, wall = time.thread_time(), time.perf_counter()
    seen = sum(len(x) for x in feed)
    return dict(way=way, images=seen, rate=seen / (time.thread_time() - t), wall=seen / (time.perf_counter() - wall))

def watched(peak):
    "Keep an eye on memory that is no page of a file."
    while True:
        with open("/proc/self/status") as f:
            now = {k: int(v.split()[0]) / 1024 for k, v in (l.split(":", 1) for l in f) if k in ("RssAnon", "VmHWM")}
        peak.update(own=max(peak["own"], now["RssAnon"]), all=now["VmHWM"])
        time.sleep(0.02)

def student(data, protocol):
    "What a student of all pairs takes, with its evaluation, or a teacher that says what belongs together."
    import torch
    from vldistill_nb.coresets import coreset_pairs
    from vldistill_nb.encoders import dual_encoder
    from vldistill_nb.retrieval import TeacherSim, evaluate_student, student_config, train_student
    enc, peak = dual_encoder("tiny", "tiny", embed_dim=128), dict(own=0, all=0)
    threading.Thread(target=watched, args=(peak,), daemon=True).start()
    time.sleep(0.1)
    before, train = dict(peak), data.train
    real = coreset_pairs(train, torch.arange(train.n_txt), stored=True)
    how = {} if protocol == "solved" else dict(steps=30)
    made = train_student(real, enc, student_config(protocol, **how))
    score = evaluate_student(made, data.test)["mean_recall"]
    if protocol == "full": TeacherSim(made, real[:100])
    return dict(way=protocol, pairs=len(real), before_mib=before["own"], own_mib=peak["own"], all_mib=peak["all"],
                floats_gb=len(real) * 3 * data.size**2 * 4 / 1e9, recall=score)

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--images", type=int, default=30_000), ap.add_argument("--side", type=int, default=224)
    ap.add_argument("--json"), ap.add_argument("--one", nargs=3)
    a = ap.parse_args()
    if a.one:
        what, way, folder = a.one
        return print(json.dumps(dict(rate=rate, student=student)[what](generated(folder, a.images, a.side), way)))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        generated(folder, a.images, a.side)
        jobs = [("rate", w) for w in ("pixels", "0 workers", "2 workers", "pixels, views", "2 workers, views")]
        for what, way in jobs + [("student", w) for w in ("solved", "probe", "image", "full")]:
            size = ("--images", str(a.images), "--side", str(a.side))
            done = subprocess.run([sys.executable, __file__, *size, "--one", what, way, folder], text=True,
                                  capture_output=True)
            if done.returncode: sys.exit(done.stderr[-2000:])
            rows.append(r := json.loads(done.stdout.splitlines()[-1]))
            print(f"{way:17} {r['rate']:8,.0f} images a main-thread second ({r['wall']:,.0f} a second)" if "rate" in r else
                  f"{way:17} {r['pairs']:,} pairs ({r['floats_gb']:.0f} GB of floats): own {r['own_mib']:,.0f} MiB "
                  f"(before {r['before_mib']:,.0f}), with the store's pages {r['all_mib']:,.0f}", flush=True)
    if a.json: record(a.json, rows, images=a.images, side=a.side)

if __name__ == "__main__": main()
