"""One matching step on NFNet-l0 with random weights: time and memory of the ways to get its gradient.

    python benchmarks/trajectory.py [--side 96] [--pairs 16] [--steps 2 8] [--ways unroll central ...] [--json FILE]

Every number comes from a process of its own. `unroll` is the textbook (automatic differentiation through all inner
steps), and what the others are divided by; beyond 8 steps it needs more than 24 GiB and is left out. Seconds are of
processor time over the number of threads, which other users of a machine disturb less than the clock on the wall.
Memory is the peak of the process less its peak before the step.
"""
import argparse, json, subprocess, sys, time
from common import matmul_rate, peak, record

WAYS = ("unroll", "double", "forward", "central", "onesided", "tesla")

def one(way, side, pairs, steps):
    "The numbers of one way, in this process."
    import torch
    from torch.nn import functional as F
    from torch.func import functional_call
    from vldistill_nb.contrast import info_nce
    from vldistill_nb.encoders import dual_encoder
    from vldistill_nb.retrieval import moving
    from vldistill_nb.trajectory import GradConfig, matching_grad
    enc = dual_encoder("timm:nfnet_l0", "tiny", pretrained=False, proj="lors-text")
    g = torch.Generator().manual_seed(0)
    start = {k: p.detach() for k, p in moving(enc, "image").items()}
    target = {k: p + 1e-3 * p.std().nan_to_num(1) * torch.randn(p.shape, generator=g) for k, p in start.items()}
    leaf = dict(imgs=torch.rand(pairs, 3, side, side, generator=g), txts=torch.randn(pairs, 64, generator=g))
    loss = lambda theta, x, k: info_nce(*functional_call(enc, theta, (x["imgs"], x["txts"])))
    rates = {s: torch.tensor(0.01) for s in ("img", "txt")}
    cfg = GradConfig(mode=way) if way in ("unroll", "tesla") else GradConfig(hvp=way)
    t, wall, first = time.process_time(), time.perf_counter(), peak()
    m = matching_grad(loss, (start, target), leaf, rates, steps, cfg)
    seconds, extra = (time.process_time() - t) / torch.get_num_threads(), peak() - first
    weights = sum(p.numel() * 4 for p in start.values()) / 2**20
    grads = torch.cat([m.grads["imgs"].flatten(), m.grads["txts"].flatten()])
    torch.save(grads, f"{sys.argv[-1]}")
    print(json.dumps(dict(way=way, steps=steps, seconds=seconds, wall=time.perf_counter() - wall, extra_mib=extra,
                          weights_mib=weights, loss=m.loss.item())))

def floor(side, pairs):
    "FLOPs of a forward and backward pass, and this machine's measured peak."
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from vldistill_nb.encoders import dual_encoder
    enc = dual_encoder("timm:nfnet_l0", "tiny", pretrained=False, proj="lors-text")
    with FlopCounterMode(display=False) as count: enc.encode_image(torch.rand(pairs, 3, side, side)).sum().backward()
    return count.get_total_flops(), matmul_rate()

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--side", type=int, default=96), ap.add_argument("--pairs", type=int, default=16)
    ap.add_argument("--steps", type=int, nargs="+", default=[2, 8])
    ap.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    ap.add_argument("--json"), ap.add_argument("--one", nargs=2)
    a = ap.parse_args()
    if a.one: return one(a.ways[0], a.side, a.pairs, a.steps[0])
    import tempfile, torch
    flops, rate = floor(a.side, a.pairs)
    print(f"nfnet_l0, {a.pairs} pairs at {a.side} px, {torch.get_num_threads()} threads; one pass forward and back: "
          f"{flops / 1e9:.0f} GFLOP, {flops / rate:.2f} s at the measured {rate / 1e9:.0f} GFLOP/s")
    rows = []
    for steps in a.steps:
        with tempfile.TemporaryDirectory() as tmp:
            for way in a.ways:
                if way == "unroll" and steps > 8: continue
                cmd = [sys.executable, __file__, "--side", a.side, "--pairs", a.pairs, "--steps", steps, "--ways", way]
                done = subprocess.run([*map(str, cmd), "--one", "it", f"{tmp}/{way}"], capture_output=True, text=True)
                if done.returncode: print(f"{steps:>3} steps  {way:8} failed: {done.stderr[-200:]}"); continue
                r = json.loads(done.stdout.splitlines()[-1])
                best = next(w for w in ("unroll", "double", *a.ways) if w in a.ways and (w != "unroll" or steps <= 8))
                mine, ref = (torch.load(f"{tmp}/{w}").double() for w in (way, best))
                base = next((b for b in rows if b["way"] == "unroll" and b["steps"] == steps), None)
                passes = 3 if way == "central" else 2      # forward-and-backward passes a step, at least
                r |= dict(error=((mine - ref).norm() / ref.norm()).item(), floor=passes * steps * flops / rate,
                          cosine=torch.nn.functional.cosine_similarity(mine, ref, 0).item())
                if base: r |= dict(time_ratio=r["seconds"] / base["seconds"],
                                   memory_ratio=r["extra_mib"] / base["extra_mib"])
                rows.append(r)
                print(f"{steps:>3} steps  {way:8} {r['seconds']:7.1f} s (wall {r['wall']:.1f})  "
                      f"{r['extra_mib']:7.0f} MiB  (parameter vectors {(steps + 1) * r['weights_mib']:.0f} MiB)  "
                      f"floor {r['floor']:.1f} s  "
                      f"error {r['error']:.0e}, cosine {r['cosine']:.5f}"
                      + (f"  {r['time_ratio']:.2f} x time, {r['memory_ratio']:.2f} x memory" if base else ""),
                      flush=True)
    if a.json: record(a.json, rows, torch=torch.__version__, flops=flops, rate=rate)

if __name__ == "__main__": main()
