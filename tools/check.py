"""What CI checks. `python tools/check.py` looks at the structure (seconds); `--all` also runs every notebook and
builds the site (minutes). One line per check, every complaint below it, and at the end `N passed, N failed`."""
import ast, atexit, filecmp, html.parser, importlib, json, multiprocessing, os, re, shutil, statistics, subprocess, sys
import tempfile, time, urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cite, course

ROOT = Path(__file__).resolve().parent.parent
NBS, LIB, SITE = ROOT/'nbs', ROOT/'vldistill_nb', ROOT/'_docs'
BIN = Path(sys.executable).parent
ENV = dict(os.environ, OMP_NUM_THREADS='1', MPLBACKEND='agg', HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false',
           PYTHONWARNINGS='ignore', PATH=f'{BIN}{os.pathsep}{os.environ.get("PATH", "")}')
WORKERS, PATIENCE = 2, 600                        # notebooks at a time; seconds before one is given up
# The highest chapter that a module may import (a chapter not named here: anything lower).
CEILING = dict(data=0.1, share=0, feed=0.1, devices=0, scenes=0.1, encoders=0.3, retrieval=2, distilled=2,
               coresets=4, distill=4, experts=4, trajectory=7, stack=8, papers=8.1, lora=8.2, covariance=6, covmatch=10,
               softlabels=6, projector=11, lightlabels=11.1, compression=11.2, teachers=11.3, config=0.3,
               pipeline=11.6, labelling=11.7, evidence=11.8, bench=11.9, plan=12.1, demo=12.4,
               explore=12.3, command=12.4, label_commands=12.5, notebooks=12.6, cli=12.9, sources=13, classfolders=14,
               exchange=4)
COMMANDS = 'cli', 'label_commands'                # modules whose functions are commands: many parameters
TABLE = re.compile(r'^\s*\|.*$', re.M)
PASSING = re.compile(r'```.*?```|\$\$.*?\$\$|<details>.*?</details>|<[^>]+>|\]\([^)]*\)', re.S)

class Notebook:
    "A notebook as the checks see it: its cells, number, module and exported code."
    def __init__(self, path):
        self.path, self.name = path, path.name
        self.cells = json.loads(path.read_text(encoding='utf-8'))['cells']
        for c in self.cells: c['source'] = ''.join(c['source'])
        m = re.match(r'(\d\d)([b-z]?)_', path.name)            # 10b comes after 10
        self.number = int(m[1]) + ('abcdefghij'.find(m[2]) / 10 if m[2] else 0) if m else None
        self.code = [c for c in self.cells if c['cell_type'] == 'code']
        self.prose = [c for c in self.cells if c['cell_type'] == 'markdown']
        self.exported = [c for c in self.code if re.search(r'^#\|\s*exports?\s*$', c['source'], re.M)]
        exp = [m[1] for c in self.code if (m := re.search(r'^#\|\s*default_exp\s+(\w+)', c['source'], re.M))]
        self.module = exp[0] if exp else None

def at(nb, c, why): return f'{nb.name} cell {c["id"]}: {why}'

PARAMETER = re.compile(r'\s+\*?\w+\s*[:=][^#]*,\s*#')   # a docment of its own line: documentation, not code

def lines(src):
    "Lines of code: no blanks, no directives, no parameter with its comment on a line of its own."
    return [l for l in src.splitlines() if l.strip() and not l.startswith('#|') and not PARAMETER.match(l)]

def imported(src):
    "Names of the library's modules that a piece of Python imports."
    plain = re.sub(r'^\s*[%!].*$', '', src, flags=re.M)
    try: tree = ast.parse(plain)
    except SyntaxError: return set()
    found = set()
    for n in ast.walk(tree):
        if isinstance(n, ast.Import):
            found |= {a.name.split('.')[1] for a in n.names if a.name.startswith('vldistill_nb.')}
        if not isinstance(n, ast.ImportFrom): continue
        mod = n.module or ''
        if n.level == 0 and not mod.startswith('vldistill_nb'): continue
        sub = mod if n.level else mod.removeprefix('vldistill_nb').lstrip('.')
        found |= {sub.split('.')[0]} if sub else {a.name for a in n.names}
    return found

# Each check takes the notebooks and yields complaints; its docstring is the line printed.

def in_step(nbs):
    "the library is what nbdev_export makes of the notebooks"
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        shutil.copy(ROOT/'settings.ini', tmp)
        shutil.copytree(NBS, tmp/'nbs', ignore=shutil.ignore_patterns('.*', 'images'))
        (tmp/LIB.name).mkdir()
        yield from failure([BIN/'nbdev_export'], cwd=tmp)
        names = {p.name for d in (LIB, tmp/LIB.name) for p in d.glob('*.py')} - {'__main__.py'}   # by hand: four lines
        match, differ, gone = filecmp.cmpfiles(LIB, tmp/LIB.name, names, shallow=False)
        yield from (f'{LIB.name}/{n}: run nbdev_export' for n in sorted(differ + gone))

def clean(nbs):
    "notebooks are clean, with unique cell ids and no errors stored"
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        shutil.copy(ROOT/'settings.ini', tmp)
        shutil.copytree(NBS, tmp/'nbs', ignore=shutil.ignore_patterns('.*', 'images'))
        yield from failure([BIN/'nbdev_clean'], cwd=tmp)
        for nb in nbs:
            if nb.path.read_bytes() != (tmp/'nbs'/nb.name).read_bytes():
                yield f'{nb.name}: run nbdev_clean'
    for nb in nbs:
        ids = [c.get('id') for c in nb.cells]
        if None in ids or len(set(ids)) < len(ids): yield f'{nb.name}: cell ids missing or repeated'
        if any(o['output_type'] == 'error' for c in nb.code for o in c['outputs']): yield f'{nb.name}: stores an error'

def outputs(nbs):
    "stored outputs: at most 500 kB a notebook, no paths of a machine, no progress bars"
    here = [re.escape(str(p)) for p in (ROOT, Path.home(), Path(tempfile.gettempdir())) if len(str(p)) > 1]
    there = [r'(?<![\w.])/(?:home|Users|root|tmp|mnt|var/folders)/\w', 'site-packages', r'[A-Z]:\\+Users']
    path = re.compile('|'.join(here + there))
    bar = re.compile(r'\d+%\||\d(?:it/s|s/it)\b|Wall time|CPU times')
    for nb in nbs:
        if (size := nb.path.stat().st_size) > 500_000: yield f'{nb.name}: {size // 1000} kB'
        for c in nb.code:
            said = [{k: v for k, v in (o.get('data') or o).items() if k != 'image/png'} for o in c['outputs']]
            for m in filter(None, (r.search(json.dumps(said)) for r in (path, bar))):
                yield at(nb, c, f'prints "{m[0]}"')

def budget(nbs):
    "exported cells: median 8 lines, at most 25 (dataclasses and commands 40); lines at most 120 wide"
    longer = {'06_distill.ipynb': 9, '08_trajectory.ipynb': 13, '08c_papers.ipynb': 11, '12b_report.ipynb': 9,
              '13_cli.ipynb': 15, '11g_config.ipynb': 10, '12_bench.ipynb': 9, '11h_pipeline.ipynb': 10,
    # still to be brought down to 8; commands are mostly their parameters
              '11i_labelling.ipynb': 10, '12d_demo.ipynb': 10, '12e_explore.ipynb': 10,
              '12f_command.ipynb': 10, '12g_label_commands.ipynb': 23}
    for nb in nbs:
        text = lambda c: any(s in c['source'] for s in ('STYLE', 'SCRIPT', 'Template('))   # of a page
        sizes = [len(lines(c['source'])) for c in nb.exported]
        mid = statistics.median([n for n, c in zip(sizes, nb.exported) if not text(c)] or [0])
        if mid > longer.get(nb.name, 8): yield f'{nb.name}: median of {mid} lines'
        for c, n in zip(nb.exported, sizes):
            long = nb.module in COMMANDS or '@dataclass' in c['source'] or text(c)
            cap = 40 if long else 25
            if n > cap: yield at(nb, c, f'{n} lines, cap {cap}')
        for c in nb.code:
            wide = max(map(len, c['source'].splitlines()), default=0)
            if wide > 120: yield at(nb, c, f'{wide} characters wide')
    for p in sorted((ROOT/'tools').glob('*.py')):
        for i, l in enumerate(p.read_text(encoding='utf-8').splitlines(), 1):
            if len(l) > 120: yield f'tools/{p.name}:{i}: {len(l)} characters wide'

def prose(nbs):
    "prose cells: at most 120 words, no citations or cross references that only quarto resolves"
    for nb in nbs:
        for c in nb.prose:
            said = re.sub(r'<!--.*?-->', '', c['source'], flags=re.S)
            bare = re.sub(r'`[^`]*`', 'x', PASSING.sub(' ', TABLE.sub('', said)))
            if (n := len(bare.split())) > 120: yield at(nb, c, f'{n} words')
            if m := re.search(r'(?<!\w)@(?:fig|tbl|eq|sec|lst)-\w+|\[-?@\w+', bare): yield at(nb, c, m[0])

def numbers(nbs):
    "numbers in prose agree with the records that they name"
    for nb in nbs:
        for cell, text, record, marker in cite.mend(nb.path):
            yield f'{nb.name} cell {cell}: {text}, recorded {record} ({marker})'

def noticed(nbs):
    "the check of numbers notices one changed digit"
    digit = re.compile(r'\d(?=<!--= )')
    nb = next((nb for nb in nbs if any(digit.search(c['source']) for c in nb.prose)), None)
    if nb is None: yield 'no number names its record'; return
    with tempfile.TemporaryDirectory() as tmp:
        copy, said = Path(tmp)/nb.name, nb.path.read_text(encoding='utf-8')
        copy.write_text(digit.sub(lambda m: str((int(m[0]) + 1) % 10), said, count=1), encoding='utf-8')
        n = len(list(numbers([Notebook(copy)]))) - len(list(numbers([nb])))
        if n != 1: yield f'{nb.name}: {n} complaints'

# Cells whose numbers are still without a record: to be mended, never added to.
LOOSE = {}

def loose(source):
    "Does a cell hold x ± y, or a table with three decimal numbers, that names no record and does not say why?"
    if re.search(r'<!--(?:published: \S+?|not measured)-->', source): return False
    bare = cite.MARKED.sub(lambda m: '`' if m['ticks'] else '', source)
    decimals = [c for row in TABLE.findall(bare) for c in row.split('|') if re.search(r'\d\.\d', c)]
    return bool(re.search(r'\d[\s*]*±|±[\s*]*\d', bare)) or len(decimals) > 2

def recorded(nbs):
    "measured numbers in prose name their record"
    still = {(nb.name, c['id']): 1 for nb in nbs for c in nb.prose if loose(c['source'])}
    known = {(name, cell) for name, cells in LOOSE.items() for cell in cells.split()}
    yield from (f'{name} cell {cell}: numbers without a record' for name, cell in still if (name, cell) not in known)
    yield from (f'{name} cell {cell}: take it out of LOOSE' for name, cell in sorted(known - still.keys()))

def downward(nbs):
    "chapters import only what comes before them"
    number = {nb.module: nb.number for nb in nbs if nb.module}
    for nb in nbs:
        if nb.number is None: continue
        for c in nb.code:
            top = CEILING.get(nb.module, nb.number - 1) if c in nb.exported else nb.number
            for mod in sorted(imported(c['source']) & number.keys()):
                if number[mod] > top:
                    yield at(nb, c, f'imports {mod} ({number[mod]:02}), may go up to {top:02}')

def explicit(nbs):
    "exported cells name what they import, and import it in cells of their own"
    for nb in nbs:
        for c in nb.exported:
            try: body = ast.parse(c['source']).body
            except SyntaxError as e: yield at(nb, c, e); continue
            is_import = [isinstance(n, (ast.Import, ast.ImportFrom)) for n in body]
            star = any(a.name == '*' for n in body if isinstance(n, ast.ImportFrom) for a in n.names)
            if star: yield at(nb, c, 'import *')
            if any(is_import) and not all(is_import): yield at(nb, c, 'imports and other code in one cell')

def documented(nbs):
    "public functions: a docstring, types and a comment on every parameter (none begins with `of`), at most 6 of them"
    for nb in nbs:
        for c in nb.exported:
            src = c['source'].splitlines()
            try: body = ast.parse(c['source']).body
            except SyntaxError: continue
            for f in (n for n in body if isinstance(n, ast.FunctionDef) and not n.name.startswith('_')):
                args = f.args.posonlyargs + f.args.args + f.args.kwonlyargs
                patched = any('patch' in ast.unparse(d) for d in f.decorator_list)
                if patched: args = args[1:]
                said = lambda n: '#' in src[n.end_lineno - 1]
                bad = [a.arg for a in args if not (a.annotation and said(a))]
                prop = any('prop' in ast.unparse(d) for d in f.decorator_list)      # its docstring says what it returns
                returns = f.returns and (prop or said(f.returns) or ast.unparse(f.returns) == 'None')
                if not returns: bad.append('the return')
                if not ast.get_docstring(f): bad.append('a docstring')
                half = re.compile(r'# (?:of|likewise)\b')                              # half a sentence
                bad += [f'{a.arg} in words of its own' for a in args if half.search(src[a.end_lineno - 1])]
                if bad: yield f'{nb.name}: {f.name} does not say {", ".join(bad)}'
                if len(args) > 6 and nb.module not in COMMANDS: yield f'{nb.name}: {f.name} has {len(args)} parameters'

def orphans(nbs):
    "every module has its notebook, and is used by a later one or the command"
    used = set().union(*(imported(c['source']) for nb in nbs for c in nb.code))
    used |= {m for nb in nbs for c in nb.code for m in re.findall(r'_of\("(\w+)", ', c['source'])}   # on first use
    modules = {p.stem for p in LIB.glob('[a-z]*.py')}
    made = {nb.module for nb in nbs if nb.module}
    yield from (f'{m}.py: no notebook' for m in sorted(modules - made))
    yield from (f'{m}: exported, but not there' for m in sorted(made - modules))
    yield from (f'{m}: nobody uses it' for m in sorted(modules & made - used - {'cli'}))

def listed(nbs):
    "the site's sidebar has every page"
    cfg = (ROOT/'_quarto.yml').read_text(encoding='utf-8')
    for page in (p for nb in nbs for p in (course.page_name(nb.name), *course.cut_off(nb.name))):
        if f'docs/{page}.ipynb' not in cfg: yield f'_quarto.yml: docs/{page}.ipynb is missing'

def onward(nbs):
    "what a chapter says comes next is the next page of the sidebar"
    order = course.pages()
    for page, then in zip(order, order[1:]):
        said = course.next_link(course.cells(page.book))
        if page.whole and then.whole and said != then.book:
            yield f'{page.book}: next is {said}, the sidebar has {then.book}'

def charted(nbs):
    "the map knows every page; picture, glossary and bibliography are up to date"
    names = {p.name for p in course.pages()}
    whole = {p.name for p in course.pages() if p.whole}
    yield from (f'tools/course.py: LIT has no {n}' for n in sorted(whole - course.LIT.keys()))
    yield from (f'tools/course.py: {b.text} leads to {b.page}, which is no page' for b in course.BOXES.values()
                if b.page not in names)
    if (NBS/'images'/'map.svg').read_text(encoding='utf-8') != course.picture(): yield 'map.svg: run tools/course.py'
    for text in course.cells('24_bibliography.ipynb'):
        if course.named_in(text) != text: yield f'{text.splitlines()[0]}: run tools/course.py'
    words = [w.href.partition('#')[2] for w in course.glossary()]
    if len(words) < 40 or words != sorted(set(words)): yield 'glossary: at least 40 words, each once, in order'
    spelt = [f.lower() for w in (*course.glossary(), *course.papers()) for f in w.forms]
    yield from (f'{f}: two entries link it' for f in sorted({f for f in spelt if spelt.count(f) > 1}))

# A page in small, what its build makes of it, and words to do it with
SMALL = '''<h2>An expert</h2><p>Experts, <code>expert</code> and <span class="math">\\(expert\\)</span>; an expert.
<a href="x">the VLDD paper</a>, VLDD, LoRS.</p><div class="cell-output"><div><p>student</p></div></div><ul><li>A fresh
student; PTM-ST, co-student, LoRA+</li></ul><table><tr><td>a head, AMD</td></tr></table><pre>AMD</pre>'''
WORDS = [course.Word((n, f'{n}s'), f'g#{n}', 'said "so"') for n in ('expert', 'student', 'head')]
WORDS += [course.Word((n,), f'b#{n}', 'by A & B', True) for n in ('VLDD', 'LoRS', 'AMD', 'PTM', 'LoRA')]

def dressed_up(nbs):
    "the build links first mentions, in running text only"
    made = course.linked(SMALL, WORDS)
    want = [('g#expert', 'Experts'), ('b#LoRS', 'LoRS'), ('g#student', 'student'), ('b#AMD', 'AMD')]
    got = re.findall(r'<a class="(?:term|paper)" href="([^"]+)" title="[^"]*">([^<]*)</a>', made)
    if got != want: yield f'linked {got}'
    if re.sub(r'<a class="(?:term|paper)".*?>(.*?)</a>', r'\1', made) != SMALL: yield 'linking changed the text'
    if course.linked(made, []) != made: yield 'a page without words is changed'
    head = '<header id="title-block-header"><h1>T</h1></header>'
    page = course.dress(f'<main>{head}<p>An expert.</p></main>', 'trajectory', WORDS)
    if page.count('class="lit"') != 2 or '/blob/main/nbs/08_trajectory.ipynb"' not in page: yield 'the map is wrong'
    if course.dress(page, 'trajectory', WORDS) != page: yield 'a page is dressed twice'
    if course.next_link(['Next: [a](1.ipynb), [b](2.ipynb)', '## Limits']) != '1.ipynb': yield 'the next link is lost'
    mark = '<!-- page: apart · Own page -->\n'
    texts = ['# A', f'{mark}## B', '### C', '## D', f'{mark}### E', '### F']
    parts = course.sections([dict(cell_type='markdown', source=t) for t in texts])
    said = {k: [c['source'].split()[-1] for c in cs] for k, cs in parts.items()}
    if said != {'': ['A', 'own.', 'D', 'F'], 'apart': ['B', 'C', 'E']}: yield f'sections: {said}'
    if course.next_link(['The next one: [a](1.ipynb)']) is not None: yield 'a next link out of nothing'

HIDDEN = re.compile(r'^#\|\s*(?:hide|export|default_exp)\b', re.M)

def brief(nbs):
    "a page shows at most 60 cells, folded checks aside; what only checks folds, and nothing else"
    from docs_pages import folds
    code = lambda source, outputs=(): dict(cell_type='code', source=source, outputs=outputs)
    for want, c in ((True, code('x = f(2)\ntest_eq(x, 4)')), (True, code('for x in y:\n    assert x')),
                    (False, code('x = f(2)')), (False, code('test_eq(f(2), 4)', ['4'])), (False, code('!ls')),
                    (False, code('#| exports\nassert f'))):
        if folds(c) != want: yield f'folded is {not want}: {c["source"]}'
    longer = {'03_retrieval.ipynb': 63}           # still to be brought down
    parts = {f'{nb.name} {part}'.strip(): cells for nb in nbs for part, cells in course.sections(nb.cells).items()}
    for page, cells in parts.items():
        shown = sum(not HIDDEN.search(c['source']) and not folds(c) for c in cells)
        if shown > longer.get(page, 60): yield f'{page}: {shown} cells'

def imports(nbs):
    "every module can be imported by itself"
    mods = sorted(p.stem for p in LIB.glob('[a-z]*.py'))
    with ThreadPoolExecutor(WORKERS) as pool:
        tried = pool.map(lambda m: list(apart(run_import, m)), mods)
        for m, complaints in zip(mods, tried): yield from (f'{m}: {e}' for e in complaints)

def readme(nbs):
    "README.md is what the index notebook says, and links only to what is there"
    yield from failure([sys.executable, 'tools/readme.py', '--check'])
    said = (ROOT/'README.md').read_text(encoding='utf-8')
    for link in re.findall(r'(?:\]\(|(?:src|href)=")([^():"\s#]+)(?=[)"#])', said):
        if not (ROOT/link).exists(): yield f'README.md: {link}'

def site(nbs):
    "the site builds without a warning"
    yield from failure([BIN/'smalldocs', 'render', '.', '--strict'])

class Page(html.parser.HTMLParser):
    "Collects the links and the ids of an HTML page."
    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text(encoding='utf-8'))
    def handle_starttag(self, tag, attrs):
        for k, v in attrs:
            if k in ('href', 'src') and v: self.links.append(v)
            if k in ('id', 'name') and v: self.ids.add(v)

def links(nbs):
    "the site's local links lead to pages and headings that exist"
    pages = {p.resolve(): Page(p) for p in SITE.rglob('*.html')}
    if len(pages) < len(nbs): yield f'only {len(pages)} pages in {SITE.name}/'
    for p, page in pages.items():
        for link in dict.fromkeys(page.links):
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc or link == '#': continue
            dst = (p.parent/urllib.parse.unquote(url.path)).resolve() if url.path else p
            if dst.is_dir(): dst /= 'index.html'
            lost = url.fragment and dst in pages and urllib.parse.unquote(url.fragment) not in pages[dst].ids
            if lost or not dst.exists(): yield f'{p.relative_to(SITE.resolve())}: {link}'

class Mentions(html.parser.HTMLParser):
    "Collects where running text first mentions each of some names: (name, whether that is a link)."
    APART = ('code', 'pre', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'header', 'nav', 'svg', 'script', 'style', 'figcaption',
             'summary', 'button')
    def __init__(self, text, names):
        super().__init__()
        self.names = re.compile(rf'(?<![\w-])(?:{"|".join(map(re.escape, sorted(names, key=len)[::-1]))})(?![\w+-])')
        self.open, self.found = [], {}
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        kind = dict(attrs).get('class') or ''
        if tag not in ('br', 'img', 'input', 'hr', 'meta', 'link', 'path', 'rect', 'col'):
            self.open.append((tag, tag in self.APART or 'cell-output' in kind or 'math' in kind.split()))
    def handle_endtag(self, tag):
        while any(t == tag for t, _ in self.open) and self.open.pop()[0] != tag: pass
    def handle_data(self, data):
        tags = [t for t, _ in self.open]
        if any(apart for _, apart in self.open) or not {'p', 'li', 'td'} & {*tags}: return
        for name in self.names.findall(data): self.found.setdefault(name, 'a' in tags)

def guided(nbs):
    "every page of the site has the map, a hosted notebook, the next page; and links a paper where it first names it"
    order = course.pages()
    for page, then in zip(order, [*order[1:], None]):
        text = (SITE/'docs'/f'{page.name}.html').read_text(encoding='utf-8')
        if text.count('class="course-map"') != 1 or text.count('class="launch"') != 1: yield f'{page.name}: no map'
        onto = re.search(r'nav-page-next"><a href="([\w.]+)"', text)
        if (onto and onto[1]) != (then and f'{then.name}.html'): yield f'{page.name}: next is {onto and onto[1]}'
        if page.name == 'bibliography': continue
        seen, known = set(), {f: w for w in course.papers() for f in w.forms}
        for name, link in Mentions(text, known).found.items():
            if not link and known[name] not in seen: yield f'{page.name}: {name} is not linked'
            seen.add(known[name])

def failure(cmd, cwd=ROOT):
    "Run a command; yield the end of what it said if it failed."
    cmd = [str(c) for c in cmd]
    try: r = subprocess.run(cmd, cwd=cwd, env=ENV, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired: yield f'no end after {PATIENCE} s'; return
    said = (r.stdout + r.stderr).strip().splitlines()[-30:]
    if r.returncode: yield '\n    '.join(said) or f'exit status {r.returncode}'

# Notebooks and imports are tried in processes of their own, forked from one that has the heavy libraries already:
# to import them takes five seconds, a hundred times.
HEAVY = ['torch', 'torchvision', 'transformers', 'timm', 'peft', 'accelerate', 'safetensors.torch', 'datasets',
         'pandas', 'sklearn.cluster', 'matplotlib.pyplot', 'nbdev.test']
FORK = multiprocessing.get_context('forkserver')

def told(job, arg, said):
    "In a process of its own: do a job; what it says goes to a file."
    with open(said, 'w', encoding='utf-8') as f:
        for fd in (1, 2): os.dup2(f.fileno(), fd)
    multiprocessing.set_start_method(None, force=True)              # the one that everybody has
    done = job(arg)
    sys.stdout.flush(), sys.stderr.flush()
    atexit._run_exitfuncs()                                         # a forked process does not do that by itself
    os._exit(not done)

def apart(job, arg):
    "Do a job in a process of its own; yield the end of what it said if it failed."
    with tempfile.TemporaryDirectory() as tmp:
        said = Path(tmp)/'said'
        p = FORK.Process(target=told, args=(job, arg, said))
        p.start()
        p.join(PATIENCE)
        if p.is_alive(): p.kill(); yield f'no end after {PATIENCE} s'; return
        if p.exitcode:
            text = said.read_text(encoding='utf-8', errors='replace').strip().splitlines()[-30:]
            yield '\n    '.join(text) or f'exit status {p.exitcode}'

def run_import(module):
    "Import a module of the library from elsewhere."
    os.chdir(tempfile.gettempdir())
    return importlib.import_module(f'{LIB.name}.{module}')

def run_notebook(path):
    "What `nbdev_test` does with one notebook."
    from nbdev.config import get_config
    from nbdev.test import test_nb
    os.chdir(NBS)
    return test_nb(path, skip_flags=get_config().tst_flags.split(), basepath=ROOT)[0]

def notebook_runs(nbs):
    "Run every notebook, a few at a time; yield its name and time, and the complaints."
    def run(nb):
        start = time.monotonic()
        complaints = list(apart(run_notebook, nb.path))
        return f'{nb.name} runs ({time.monotonic() - start:.0f} s)', complaints
    with ThreadPoolExecutor(WORKERS) as pool: yield from pool.map(run, nbs)

def main():
    nbs = [Notebook(p) for p in sorted(NBS.glob('*.ipynb'))]
    tally = {True: 0, False: 0}
    def report(name, complaints):
        tally[not complaints] += 1
        print('FAIL' if complaints else 'ok  ', name, *(f'\n    {c}' for c in complaints[:20]), sep=' ', flush=True)
    def check(f): report(f.__doc__, list(f(nbs)))
    for f in (in_step, clean, outputs, budget, prose, numbers, noticed, recorded, downward, explicit, documented,
              orphans, listed, onward, charted, dressed_up, brief, readme): check(f)
    if '--all' in sys.argv:
        os.environ.update(ENV)
        FORK.set_forkserver_preload(HEAVY)
        check(imports)
        for name, complaints in notebook_runs(nbs): report(name, complaints)
        for f in (site, links, guided): check(f)
    print(f'{tally[True]} passed, {tally[False]} failed')
    sys.exit(bool(tally[False]))

if __name__ == '__main__': main()
