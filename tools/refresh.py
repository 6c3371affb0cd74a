"""Run notebooks and store what they print and draw: python tools/refresh.py [nbs/00_data.ipynb ...] (all by default).

Each runs in a fresh process, with nbdev's rules for what to skip (`#| eval: false`, `#| slow`, `#| gpu`); a notebook
that raises is left as it was. What goes to stderr (progress bars, warnings) is not stored. `--slow` also runs the
flagged cells.
"""
import os, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

def refresh(path, force=()):
    "Run one notebook in this process, from its own folder, and write it back."
    from execnb.nbio import read_nb, write_nb
    from execnb.shell import CaptureShell
    from nbdev.config import get_config
    from nbdev.process import extract_directives
    flags = set(get_config().tst_flags.split()) - set(force)
    def skip(cell):
        if cell.cell_type != 'code': return True
        d = extract_directives(cell, remove=False)
        return d.get('eval:', [''])[0].lower() == 'false' or bool(flags & d.keys())
    nb, shell = read_nb(path), CaptureShell(path)
    os.chdir(path.parent)
    try: shell.run_all(nb, exc_stop=True, preproc=skip)
    except Exception: sys.exit(f'{shell.prettytb(fname=path)}\n{path.name}: failed, left as it was')
    for c in nb.cells:
        if c.cell_type == 'code': c.outputs = [o for o in c.outputs if o.get('name') != 'stderr']
    write_nb(nb, path)

def main():
    args = [a for a in sys.argv[1:] if not a.startswith('--')]
    paths = [Path(a).resolve() for a in args] or sorted((ROOT/'nbs').glob('*.ipynb'))
    if '--one' in sys.argv: return refresh(paths[0], ('slow', 'gpu') if '--slow' in sys.argv else ())
    env = dict(os.environ, IN_TEST='1', MPLBACKEND='agg')
    failed = 0
    for p in paths:
        print(p.name, flush=True)
        cmd = [sys.executable, __file__, str(p), '--one'] + ['--slow'] * ('--slow' in sys.argv)
        ok = subprocess.run(cmd, env=env, cwd=ROOT).returncode == 0
        if ok: subprocess.run([Path(sys.executable).parent/'nbdev_clean', '--fname', str(p)], cwd=ROOT, check=True)
        failed += not ok
    sys.exit(f'{failed} of {len(paths)} failed' if failed else None)

if __name__ == '__main__': main()
