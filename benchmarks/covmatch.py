"""One step of CovMatch with lite0 at 64 px and MiniLM: time and memory of a plain textbook version, and of ours.

    python benchmarks/covmatch.py [--pairs 100 500] [--ways textbook online bank] [--repeat 3] [--json FILE]

Every number comes from a process of its own. `textbook` is algorithm 1 written down directly: texts padded to 32
tokens, all pairs in one graph, a real batch of 128 encoded for the statistics and learned from by the online model.
`online` is `CovMatch`; `bank` is `BankMatching`, whose states are recorded by a process before (what a state costs is
said once; all runs share them). Seconds are of processor time over the number of threads. Memory is the peak of
the process less its peak before the steps. The floor counts the FLOPs that no method can avoid, the passes of the
synthetic pairs forward and back to pixels and embeddings without padding, over the measured peak of this machine.
"""
import argparse, json, subprocess, sys, tempfile, time
from common import matmul_rate, peak, record

WAYS = ("textbook", "online", "bank")
BATCH, LENGTH = 128, 32

def textbook(enc, data, pairs):
    "A function that does one step of algorithm 1, as one would first write it."
    import copy, torch
    from torch.nn import functional as F
    net = copy.deepcopy(enc).to(memory_format=torch.contiguous_format).requires_grad_(False)
    weights = [p for k, p in net.named_parameters() if not k.startswith("txt_enc.emb")]
    opt_net = torch.optim.SGD(weights, lr=0.01, momentum=0.9, weight_decay=5e-4)
    imgs = pairs.imgs.clone().requires_grad_()
    padded = F.pad(pairs.txts.emb, (0, 0, 0, LENGTH - pairs.txts.emb.shape[1]))
    mask = F.pad(pairs.txts.mask, (0, LENGTH - pairs.txts.mask.shape[1]))
    emb = padded.clone().requires_grad_()
    opt = torch.optim.SGD([imgs, emb], lr=1.0, momentum=0.5)
    norm = lambda x: (x - net.img_enc.mean) / net.img_enc.std
    def cov(v, l): return (v - v.mean(0)).T @ (l - l.mean(0)) / (len(v) - 1)
    def step(k):
        at = torch.randperm(data.n_txt, generator=torch.Generator().manual_seed(k))[:BATCH]
        caps, real = [data.txts[i] for i in at.tolist()], data.pixels(data.img_of_txt[at])
        txt = net.txt_enc.embed(caps, LENGTH, pad=True)
        net.eval().requires_grad_(False)
        with torch.no_grad(): v, l = net.img_enc.net(norm(real)), net.txt_enc.body(txt.emb, txt.mask)
        a, b = net.img_enc.net(norm(imgs)), net.txt_enc.body(emb, mask)
        gap = lambda proj, x, y: (proj(x).mean(0) - proj(y).mean(0)).square().sum()
        loss = (2 * cov(v, l) - cov(a, b)).square().sum() + 0.1 * (gap(net.img_proj, v, a) + gap(net.txt_proj, l, b))
        opt.zero_grad(); loss.backward(); opt.step()
        net.train().requires_grad_(True)
        x = F.normalize(net.img_proj(net.img_enc.net(norm(real))), dim=-1)
        y = F.normalize(net.txt_proj(net.txt_enc.body(txt.emb, txt.mask)), dim=-1)
        logits, own = x @ y.T / 0.07, torch.arange(BATCH)
        opt_net.zero_grad()
        ((F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2).backward()
        opt_net.step()
    return step

STATES = (0, 2)

def bank(folder):
    "A small bank, and seconds for each of its states."
    import torch
    from vldistill_nb.covmatch import BankConfig, record_bank
    from vldistill_nb.data import load_data
    from vldistill_nb.encoders import dual_encoder
    data, enc, t = load_data("openmoji").train, dual_encoder("lite0", "minilm"), time.process_time()
    record_bank(enc, data, folder, BankConfig(steps=STATES))
    each = (time.process_time() - t) / torch.get_num_threads() / len(STATES)
    print(f"a state of the bank: {each:.0f} s, once for all runs", flush=True)

def ours(enc, data, pairs, way, folder):
    "The same for our two objectives, under the library's own loop."
    from vldistill_nb.covmatch import BankConfig, BankMatching, CovMatch, CovMatchConfig, open_bank
    from vldistill_nb.distill import DistillConfig, distill
    if way == "bank":
        fit = BankMatching(open_bank(enc, data, folder, BankConfig(steps=STATES)), enc)
        for i in range(len(STATES)): fit.matching(i)
    else: fit = CovMatch(enc, data, CovMatchConfig())
    return lambda n: distill(pairs, fit, DistillConfig(steps=n, schedule="constant"))

def one(way, n, repeat, folder):
    "The numbers of one way, in this process."
    import torch
    from vldistill_nb.data import load_data
    from vldistill_nb.distill import initial_pairs
    from vldistill_nb.encoders import dual_encoder
    data, enc = load_data("openmoji").train, dual_encoder("lite0", "minilm")
    pairs = initial_pairs(data, n, enc, depth="embeddings")
    if way == "textbook":
        step = textbook(enc, data, pairs)
        run = lambda k: [step(i) for i in range(k)]
    else: run = ours(enc, data, pairs, way, folder)
    first = peak()
    run(1)
    t, wall = time.process_time(), time.perf_counter()
    run(repeat)
    seconds = (time.process_time() - t) / torch.get_num_threads() / repeat
    print(json.dumps(dict(way=way, pairs=n, seconds=seconds, wall=(time.perf_counter() - wall) / repeat,
                          extra_mib=peak() - first, peak_mib=peak())))

def floor(n):
    "FLOPs of the synthetic passes, and this machine's measured peak."
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from vldistill_nb.data import load_data
    from vldistill_nb.distill import initial_pairs
    from vldistill_nb.encoders import TextEmb, dual_encoder
    data, enc = load_data("openmoji").train, dual_encoder("lite0", "minilm").requires_grad_(False)
    pairs = initial_pairs(data, 100, enc, depth="embeddings")
    x, e = pairs.imgs.requires_grad_(), pairs.txts.emb.requires_grad_()
    with FlopCounterMode(display=False) as count:
        enc.encode_image(x).sum().backward()
        for i in range(100):                        # one by one: no padding at all
            size = int(pairs.txts.mask[i].sum())
            enc.encode_text(TextEmb(e[i:i + 1, :size], pairs.txts.mask[i:i + 1, :size])).sum().backward()
    return count.get_total_flops() * n / 100, matmul_rate()

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--pairs", type=int, nargs="+", default=[100, 500]), ap.add_argument("--json")
    ap.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS), ap.add_argument("--repeat", type=int, default=3)
    ap.add_argument("--one", metavar="FOLDER")
    a = ap.parse_args()
    if a.one: return one(a.ways[0], a.pairs[0], a.repeat, a.one)
    import torch
    rows, tmp = [], tempfile.TemporaryDirectory()
    if "bank" in a.ways: bank(tmp.name)
    for n in a.pairs:
        flops, rate = floor(n)
        print(f"{n} pairs, {torch.get_num_threads()} threads; synthetic passes {flops / 1e9:.0f} GFLOP, "
              f"floor {flops / rate:.2f} s at the measured {rate / 1e9:.0f} GFLOP/s", flush=True)
        for way in a.ways:
            cmd = [sys.executable, __file__, "--one", tmp.name, "--pairs", n, "--ways", way, "--repeat", a.repeat]
            done = subprocess.run([*map(str, cmd)], capture_output=True, text=True)
            if done.returncode: print(f"  {way:9} failed: {done.stderr[-300:]}"); continue
            r = json.loads(done.stdout.splitlines()[-1]) | dict(floor=flops / rate)
            base = next((b for b in rows if b["way"] == "textbook" and b["pairs"] == n), None)
            ratio = lambda k: r[k] / base[k]
            if base: r |= dict(time_ratio=ratio("seconds"), memory_ratio=ratio("extra_mib"))
            rows.append(r)
            memory = f"{r['extra_mib']:6.0f} MiB (process {r['peak_mib']:.0f})"
            print(f"  {way:9} {r['seconds']:6.2f} s a step (wall {r['wall']:.2f})  {memory}"
                  + (f"  {r['time_ratio']:.2f} x time, {r['memory_ratio']:.2f} x memory" if base else ""), flush=True)
    if a.json: record(a.json, rows)

if __name__ == "__main__": main()
