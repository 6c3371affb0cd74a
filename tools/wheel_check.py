"""Does the installed library work, away from its sources? Imports every module, reads a CSV, copies the course;
`--demo` also runs the demo in small, with the packaged weights. Run it with the Python that has the
library installed."""
import importlib, os, pkgutil, subprocess, sys, tempfile
from pathlib import Path

OPTIONAL = {'report'}                            # modules that need an extra: here matplotlib

def modules():
    "Import every module; say which could not be."
    import vldistill_nb
    missing = []
    for m in pkgutil.iter_modules(vldistill_nb.__path__):
        try: importlib.import_module(f'vldistill_nb.{m.name}')
        except ModuleNotFoundError as e:
            if m.name not in OPTIONAL: raise
            missing.append(f'{m.name} (no {e.name})')
    print('imported every module', *(['but', *missing] if missing else []))

def command(*words):
    "Run the command as a user would."
    subprocess.run([sys.executable, '-m', 'vldistill_nb.cli', *words], check=True)

def main():
    start = os.getcwd()
    with tempfile.TemporaryDirectory() as tmp:
        os.chdir(tmp)                            # nothing of the repository is on the path
        os.environ['XDG_CACHE_HOME'] = tmp
        modules()
        from PIL import Image
        for i in range(12): Image.new('RGB', (20, 20), (20 * i, 90, 200)).save(f'{i}.png')
        Path('c.csv').write_text('image,caption\n' + ''.join(f'{i}.png,colour {i}\n' for i in range(12)))
        command('data', 'csv:c.csv')
        command('notebooks', 'course')
        missing = [n for n in ('index.ipynb', '02_contrast.ipynb', 'results/budgets.json', 'images/hero.png')
                   if not Path('course', n).is_file()]
        if missing: sys.exit(f'the course lacks {missing}')
        if '--demo' in sys.argv:
            command('demo', '--data', 'tiny', '--pairs', '10', '--steps', '3', '--seeds', '1', '--out', 'demo')
        os.chdir(start)                          # Windows removes no folder that somebody stands in

if __name__ == '__main__': main()
