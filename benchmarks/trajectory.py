"""One matching step: time and memory of the engine against the textbook, and memory as the set grows.

    python benchmarks/trajectory.py [--side 96] [--pairs 16] [--steps 2 8 32] [--ways WAY ...] [--json FILE]
    python benchmarks/trajectory.py --growth [--json FILE]

NFNet-l0 with random weights moves as a whole. Every number comes from a process of its own. `textbook` is automatic
differentiation through all inner steps, a dictionary of tensors at a time, and what the others are divided by; beyond
8 steps it needs more than 24 GiB, and only the engine runs. `checkpoint` takes each step again on the way
back with PyTorch's own function, `engine` with ours.
Seconds are of processor time over the number of threads, which other users of a machine disturb less than the clock on
the wall. Memory is the peak of the process less its peak before the step; large blocks go back to the system once they
are free, so that it is the method's and not that of a heap in pieces. `--growth` holds lite0 still, at 224 px, and
matches sets of 100 and of 500 pairs through its features.
"""
import argparse, json, os, subprocess, sys, tempfile, time
from common import matmul_rate, peak, record

WAYS = ("textbook", "checkpoint", "engine", "tesla")

def one_step(loss, theta, rates):
    "A step of plain SGD; names begin with the side."
    import torch
    grads = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
    return {k: v - rates[k[:3]] * g for (k, v), g in zip(theta.items(), grads)}

def textbook(loss_fn, start, rates, steps):
    "The whole run in one graph."
    theta = {k: v.clone().requires_grad_() for k, v in start.items()}
    for _ in range(steps): theta = one_step(loss_fn(theta), theta, rates)
    return theta

def stock(loss_fn, start, rates, steps):
    "The engine's steps under PyTorch's checkpoint."
    from torch.utils.checkpoint import checkpoint
    theta = {s: v.clone().requires_grad_() for s, v in start.items()}
    for k in range(steps):
        def step(*v, k=k):
            now = dict(zip(start, v))
            return tuple(one_step(loss_fn(now, k), now, rates).values())
        theta = dict(zip(start, checkpoint(step, *theta.values(), use_reentrant=False)))
    return theta

def moving_tower(way, side, pairs, steps, out):
    "The numbers of one way, in this process."
    import torch
    from torch.func import functional_call
    from vldistill_nb.contrast import info_nce
    from vldistill_nb.encoders import dual_encoder
    from vldistill_nb.retrieval import moving
    from vldistill_nb.trajectory import Layout, detached, match_loss, unroll
    enc = dual_encoder("timm:nfnet_l0", "tiny", pretrained=False, proj="lors-text").requires_grad_(False)
    g = torch.Generator().manual_seed(0)
    start = {k: p.detach() for k, p in moving(enc, "image").items()}
    target = {k: p + 1e-3 * p.std().nan_to_num(1) * torch.randn(p.shape, generator=g) for k, p in start.items()}
    x, y = torch.rand(pairs, 3, side, side, generator=g), torch.randn(pairs, 64, generator=g)
    x.requires_grad_(), y.requires_grad_()
    eta = {s: torch.tensor(0.01, requires_grad=True) for s in ("img", "txt")}
    lay, loss_of = Layout({k: v.shape for k, v in start.items()}), lambda n: info_nce(*functional_call(enc, n, (x, y)))
    ours = lambda theta, k: loss_of(lay.named(theta))
    begin, goal = lay.flat(start), lay.flat(target)
    t, wall, first = time.process_time(), time.perf_counter(), peak()
    if way == "textbook": end = lay.flat(textbook(loss_of, start, eta, steps))
    elif way == "checkpoint": end = stock(ours, begin, eta, steps)
    else: end = unroll(ours, begin, eta, steps, weights_at=detached if way == "tesla" else None, rerun=True)
    loss, _ = match_loss(end, begin, goal)
    leaf = [x, y, *eta.values()]
    loss.backward(inputs=leaf)
    seconds, extra = (time.process_time() - t) / torch.get_num_threads(), peak() - first
    torch.save(torch.cat([v.grad.flatten() for v in leaf[:2]]), out)
    return dict(way=way, steps=steps, seconds=seconds, wall=time.perf_counter() - wall, extra_mib=extra,
                loss=loss.item(), weights_mib=sum(p.numel() * 4 for p in start.values()) / 2**20)

def frozen_tower(side, pairs, steps):
    "Peak memory of a step on features, beyond the pictures, their gradient and the networks."
    import torch
    from torch.func import functional_call
    from vldistill_nb.contrast import info_nce
    from vldistill_nb.distill import shared_feats
    from vldistill_nb.encoders import dual_encoder
    from vldistill_nb.retrieval import moving
    from vldistill_nb.trajectory import Layout, match_loss, unroll
    enc = dual_encoder("lite0", "tiny").eval().requires_grad_(False)
    tower, g = enc.img_enc.folded(), torch.Generator().manual_seed(0)
    x = torch.rand(pairs, 3, side, side, generator=g).requires_grad_()
    x.grad = torch.ones_like(x).zero_()     # in memory before the step, like the pictures
    y, eta = torch.randn(pairs, 64, generator=g), {s: torch.tensor(0.1) for s in ("img", "txt")}
    heads = {k: p.detach() for k, p in moving(enc, "probe").items()}
    lay = Layout({k: v.shape for k, v in heads.items()})
    start = lay.flat(heads)
    target = {s: v + 0.01 for s, v in start.items()}
    first = peak()
    feats = shared_feats(tower, x, 25, held=25)
    pick = torch.arange(min(100, pairs))
    loss_fn = lambda theta, k: info_nce(*functional_call(enc, lay.named(theta), (feats[pick], y[pick])))
    end = unroll(loss_fn, start, eta, steps)
    match_loss(end, start, target)[0].backward(inputs=[x])
    return dict(way="frozen", pairs=pairs, steps=steps, extra_mib=peak() - first, pictures_mib=x.numel() * 4 / 2**20)

def floor(side, pairs):
    "FLOPs of a forward and backward pass, and this machine's measured peak."
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from vldistill_nb.encoders import dual_encoder
    enc = dual_encoder("timm:nfnet_l0", "tiny", pretrained=False, proj="lors-text")
    with FlopCounterMode(display=False) as count: enc.encode_image(torch.rand(pairs, 3, side, side)).sum().backward()
    return count.get_total_flops(), matmul_rate()

def fresh_process(*words):
    "What `--one` prints there; None where it did not come to an end."
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**16)}
    done = subprocess.run([sys.executable, __file__, *map(str, words)], capture_output=True, text=True, env=env)
    if done.returncode: return print(f"{words}: failed: {done.stderr[-200:]}")
    return json.loads(done.stdout.splitlines()[-1])

def growth(file):
    "Memory of a step on sets of two sizes."
    rows = []
    for pairs in (100, 500):
        r = fresh_process("--side", 224, "--pairs", pairs, "--steps", 8, "--one", "frozen")
        if r is None: continue
        rows.append(r)
        print(f"lite0 stands still, {pairs} pairs at 224 px: {r['extra_mib']:.0f} MiB "
              f"besides pictures of {r['pictures_mib']:.0f} MiB", flush=True)
    if file: record(file, rows)

def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--side", type=int, default=96), ap.add_argument("--pairs", type=int, default=16)
    ap.add_argument("--steps", type=int, nargs="+", default=[2, 8, 32])
    ap.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    ap.add_argument("--growth", action="store_true"), ap.add_argument("--json"), ap.add_argument("--one")
    a = ap.parse_args()
    if a.one == "frozen": return print(json.dumps(frozen_tower(a.side, a.pairs, a.steps[0])))
    if a.one: return print(json.dumps(moving_tower(a.ways[0], a.side, a.pairs, a.steps[0], a.one)))
    if a.growth: return growth(a.json)
    import torch
    flops, rate = floor(a.side, a.pairs)
    print(f"nfnet_l0, {a.pairs} pairs at {a.side} px, {torch.get_num_threads()} threads; one pass forward and back: "
          f"{flops / 1e9:.0f} GFLOP, {flops / rate:.2f} s at the measured {rate / 1e9:.0f} GFLOP/s")
    rows = []
    for steps in a.steps:
        with tempfile.TemporaryDirectory() as tmp:
            for way in a.ways:
                if way != "engine" and steps > 8: continue
                size = ("--side", a.side, "--pairs", a.pairs, "--steps", steps)
                r = fresh_process(*size, "--ways", way, "--one", f"{tmp}/{way}")
                if r is None: continue
                base = next((b for b in rows if (b["way"], b["steps"]) == ("textbook", steps)), None)
                r |= dict(floor=3 * steps * flops / rate)      # forward and back, and the way back through both
                if base:
                    mine, ref = (torch.load(f"{tmp}/{w}", weights_only=True).double() for w in (way, "textbook"))
                    r |= dict(error=((mine - ref).norm() / ref.norm()).item(),
                              cosine=torch.nn.functional.cosine_similarity(mine, ref, 0).item(),
                              time_ratio=r["seconds"] / base["seconds"],
                              memory_ratio=r["extra_mib"] / base["extra_mib"])
                rows.append(r)
                print(f"{steps:>3} steps  {way:8} {r['seconds']:7.1f} s (wall {r['wall']:.1f}, "
                      f"floor {r['floor']:.1f})  {r['extra_mib']:7.0f} MiB  "
                      f"(parameter vectors {(steps + 1) * r['weights_mib']:.0f} MiB)"
                      + (f"  error {r['error']:.0e}, cosine {r['cosine']:.5f}  {r['time_ratio']:.2f} x time, "
                         f"{r['memory_ratio']:.2f} x memory" if "error" in r else ""), flush=True)
    if a.json: record(a.json, rows, torch=torch.__version__, flops=flops, rate=rate)

if __name__ == "__main__": main()
