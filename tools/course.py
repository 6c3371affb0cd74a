"""The course as one thing: the order of its pages, the map on top of each, and the words and papers that pages link.

A section whose heading stands below a comment `<!-- page: NAME · TITLE -->` gets a page of its own, until the next
heading that is as high. The site's build (tools/docs_root.py) calls `dress` on every page. The words are the table in
nbs/23_glossary.ipynb, the papers the headings of nbs/24_bibliography.ipynb; both are only written there.
`python tools/course.py` draws nbs/images/map.svg and fills in which chapters name a paper; `python tools/check.py` says
if that was forgotten.
"""
import functools, html, json, re
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
import yaml

ROOT = Path(__file__).resolve().parent.parent
NBS = ROOT/'nbs'

# The order of pages

@dataclass(frozen=True)
class Page:
    "A page of the site: its name, what the sidebar calls it, and its notebook."
    name: str
    text: str
    book: str
    @property
    def whole(self): return page_name(self.book) == self.name         # or a section's own
    @property
    def lit(self): return LIT[page_name(self.book)]
    @property
    def label(self): return self.text.split(' · ')[0]                  # `8b`, or the whole text

def page_name(book): return re.sub(r'^\d+[b-z]?_', '', Path(book).stem)

OWN_PAGE = re.compile(r'<!-- page: (\w+) · (.+?) -->\n')

def sections(cells):
    "Cells by page: the notebook's own under '', with a line where a section went to a page of its own."
    found, into, depth = {'': []}, '', 9
    for c in cells:
        heading = re.match(r'(?:<!--.*?-->\s*)*(#+) ', c['source']) if c['cell_type'] == 'markdown' else None
        if heading:
            marked, level = OWN_PAGE.match(c['source']), len(heading[1])
            if marked: into, depth = marked[1], level
            elif level <= depth: into, depth = '', 9
            if marked and into not in found:
                line = f'[{marked[2]}]({into}.html) has a page of its own.'
                found[''].append(dict(cell_type='markdown', metadata={}, source=line))
        found.setdefault(into, []).append(c)
    return found

def cut_off(book):
    "The pages that sections of a notebook have for themselves, with their titles."
    return dict(OWN_PAGE.findall('\n'.join(cells(book))))

@functools.cache
def pages():
    "The pages in reading order, which is the sidebar's."
    books = {page_name(p): p.name for p in sorted(NBS.glob('*.ipynb'))}
    books |= {name: book for book in [*books.values()] for name in cut_off(book)}
    def walk(items):
        for i in items:
            if 'contents' in i: yield from walk(i['contents'])
            elif (name := Path(i['href']).stem) in books: yield Page(name, i['text'], books[name])
    sidebar = yaml.safe_load((ROOT/'_quarto.yml').read_text(encoding='utf-8'))['website']['sidebar']
    return tuple(walk(sidebar['contents']))

@functools.cache
def cells(book):
    "The Markdown cells of a notebook, as text."
    found = json.loads((NBS/book).read_text(encoding='utf-8'))['cells']
    return tuple(''.join(c['source']) for c in found if c['cell_type'] == 'markdown')

def next_link(texts):
    "The first notebook that is linked where a chapter says what comes next; None if it does not say."
    for t in reversed(texts):
        if m := list(re.finditer(r'^(?:\*\*)?Next\b|^## What comes next$', t, re.M)):
            link = re.search(r'\]\(([\w.]+\.ipynb)', t[m[-1].end():])
            return link and link[1]

# The map

@dataclass(frozen=True)
class Box:
    "A box of the map: what it says, where it leads, and where it stands (column and row)."
    text: str
    page: str
    x: float
    y: float

WIDE, HIGH, GAP = 72, 34, 13
BOXES = dict(pairs=Box('real|pairs', 'data', 0, 1), data=Box('PairData', 'store', 1, 1),
             towers=Box('towers', 'encoders', 2, 1), features=Box('features', 'contrast', 3, 1),
             statistics=Box('statistics', 'covariance', 4, 0), experts=Box('expert|paths', 'experts', 4, 1),
             teacher=Box('teacher', 'softlabels', 4, 2), objective=Box('objective', 'trajectory', 5, 1),
             synthetic=Box('synthetic|pairs', 'distill', 6, 1), artifact=Box('artifact', 'distilled', 7, 1),
             student=Box('fresh|student', 'retrieval', 8, 1), recall=Box('recall', 'results', 9, 1))
ARROWS = ('pairs data', 'data towers', 'towers features', 'features statistics', 'features experts',
          'features teacher', 'statistics objective', 'experts objective', 'teacher objective',
          'objective synthetic', 'synthetic artifact', 'artifact student', 'student recall')
ARROWS = tuple(tuple(a.split()) for a in ARROWS)
MADE_OF = 'pixels, text vectors, similarities, rates'                  # a synthetic pair
LIT = {k: v.split() for k, v in dict(                                  # pages about all of it light nothing
    data='pairs data', store='data', feed='data', devices='', share='', scenes='pairs', encoders='towers features',
    contrast='features', retrieval='student recall', distilled='artifact', exchange='artifact',
    coresets='features', distill='objective synthetic', experts='experts', trajectory='experts objective',
    stack='experts objective', papers='', lora='experts objective', covariance='statistics objective',
    covmatch='towers statistics objective', labels='teacher student', softlabels='teacher student',
    projector='teacher', lightlabels='teacher artifact', compression='teacher artifact', teachers='teacher',
    config='', pipeline='', labelling='teacher artifact student', evidence='recall', bench='student recall',
    plan='', demo='',
    command='', label_commands='teacher artifact student', cli='',
    explore='synthetic', notebooks='', sources='pairs data', classfolders='pairs data', exercises='',
    results='recall', reading_group='', reproduce='recall', glossary='', bibliography='', report='recall',
    index='').items()}

def place(box): return 1 + box.x * (WIDE + GAP), 1 + box.y * (HIGH + 8)

def said(key): return BOXES[key].text.replace('|', ' ')

def arrow(a, b):
    "A line from the right side of one box to the left side of another, with a head."
    (x, y), (u, v) = place(BOXES[a]), place(BOXES[b])
    x, y, v = x + WIDE, y + HIGH / 2, v + HIGH / 2
    return f'<path class="arrow" d="M{x:g} {y:g}L{u - 2:g} {v:g}m-5 -4l5 4l-5 4"/>'

def drawn(key, lit, link):
    "One box, as a link to its page where pages are near."
    box, (x, y) = BOXES[key], place(BOXES[key])
    lines = box.text.split('|')
    words = ''.join(f'<tspan x="{x + WIDE / 2:g}" y="{y + HIGH / 2 + 4.5 + 14 * (i - (len(lines) - 1) / 2):g}">{l}'
                    f'{" " * (l != lines[-1])}</tspan>' for i, l in enumerate(lines))
    what = f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="6"/><text>{words}</text>'
    here = ' class="lit"' if key in lit else ''
    return f'<a href="{box.page}.html"{here}>{what}</a>' if link else f'<g{here}>{what}</g>'

def drawing(lit=(), link=True):
    "The map as SVG, with some boxes lit."
    width, height = 10 * WIDE + 9 * GAP + 2, 3 * HIGH + 2 * 8 + 2
    x = place(BOXES['synthetic'])[0] + WIDE / 2
    label = 'Map: how a pair flows from real pairs to the recall of a fresh student'
    parts = [*(arrow(*a) for a in ARROWS), *(drawn(k, lit, link) for k in BOXES),
             f'<text class="small" x="{x:g}" y="{place(BOXES["teacher"])[1] + 9:g}">{MADE_OF}</text>']
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="group" '
            f'aria-label="{label}">{"".join(parts)}</svg>')

STYLE = ('svg{color-scheme:light dark;color:light-dark(#1f2933,#e4e7eb);font:13px system-ui,sans-serif}'
         'rect{fill:none;stroke:currentColor}text{fill:currentColor;text-anchor:middle}'
         '.small{font-size:11px}.arrow{fill:none;stroke:currentColor}')

def picture():
    "The map as a file, for who reads notebooks or the README."
    return drawing(link=False).replace('role="group"', 'role="img"').replace('>', f'><style>{STYLE}</style>', 1) + '\n'

def links(keys): return ', '.join(f'<a href="{BOXES[k].page}.html">{said(k)}</a>' for k in keys)

def where(lit):
    "The map in words: the lit boxes and their neighbours."
    if not lit: return f'This page: <strong>all of it</strong><span class="chain">: {links(BOXES)}</span>.'
    before = dict.fromkeys(a for a, b in ARROWS if b in lit and a not in lit)
    after = dict.fromkeys(b for a, b in ARROWS if a in lit and b not in lit)
    here = ', '.join(f'<strong>{said(k)}</strong>' for k in lit)
    return (f'This page: {here}.' + (f' Before it: {links(before)}.' if before else '')
            + (f' After it: {links(after)}.' if after else ''))

@functools.cache
def repository():
    "Owner, name and branch, from settings.ini."
    ini = ConfigParser(delimiters=['='])
    ini.read(ROOT/'settings.ini', encoding='utf-8')
    return '{user}/{repo}/blob/{branch}'.format(**ini['DEFAULT'])

def map_of(page):
    "What stands on top of a page: the map, the map in words, and the way into a hosted notebook."
    colab = f'https://colab.research.google.com/github/{repository()}/nbs/{page.book}'
    return (f'<nav class="course-map" aria-label="Where this page stands">{drawing(page.lit)}'
            f'<p>{where(page.lit)} <a class="launch" href="{colab}" title="Runs on a machine of Google’s; '
            f'begin with: !pip install vldistill_nb; vldistill notebooks .">Open in Colab</a></p></nav>')

# Words and papers

@dataclass(frozen=True)
class Word:
    "What a page links when it first mentions it: the spellings, the place of the entry, and what hovering says."
    forms: tuple
    href: str
    title: str
    paper: bool = False

def slug(name): return re.sub(r'[^\w-]+', '-', name.lower()).strip('-')

def plain(text):
    "Markdown as it is read."
    text = re.sub(r'<!--.*?-->', '', text, flags=re.S)
    return ' '.join(re.sub(r'[*`$]', '', re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', text)).split())

@functools.cache
def glossary():
    "The words of the glossary's table. A comment behind a word lists the spellings to link; `-` is none."
    rows = re.findall(r'^\| \*\*(.+?)\*\*(?:<!-- (.+?) -->)? \| (.+?) \|', '\n'.join(cells('23_glossary.ipynb')), re.M)
    def forms(name, given): return tuple(f for f in given.split(', ') if f != '-') if given else (name, f'{name}s')
    return tuple(Word(forms(name, given), f'glossary.html#{slug(name)}', re.sub(r' \([^()]*\)$', '', plain(said)))
                 for name, given, said in rows)

ENTRY = re.compile(r'^### (.+?)\n\n(.+?)\n\n(.+?)\n\n(Named in: .*)$', re.S)       # a cell of the bibliography

@functools.cache
def papers():
    "The papers of the bibliography, under all their names."
    found = filter(None, map(ENTRY.match, cells('24_bibliography.ipynb')))
    names = lambda m: (m[1], *re.findall(r'Also called ([\w-]+)', m[2]))
    return tuple(Word(names(m), f'bibliography.html#{m[1]}', plain(m[2]), True) for m in found)

def pattern(words):
    "An expression that finds any spelling of these words; those of the glossary may begin with a capital."
    def spelt(f, paper): return re.escape(f) if paper else f'[{f[0].upper()}{f[0]}]{re.escape(f[1:])}'
    forms = sorted(((f, w) for w in words for f in w.forms), key=lambda x: -len(x[0]))
    found = {f if w.paper else f.lower(): w for f, w in forms}
    look = re.compile(r'(?<![\w-])(?:' + '|'.join(spelt(f, w.paper) for f, w in forms) + r')(?![\w+-])')
    return look, lambda f: found.get(f) or found[f.lower()]

# Elements that stay as they are; then any other tag
KEPT = re.compile(r'<!--.*?-->|<(script|style|svg|pre|code|a|h[1-6]|button|summary|figcaption|header|nav)\b.*?</\1\s*>'
                  r'|<span[^>]*\bmath\b.*?</span>|<(/?)(\w+)([^>]*)>', re.S)

def linked(text, words):
    "HTML in which the first mention of each word in running text is a link; papers also in tables."
    if not words: return text
    look, word_of = pattern(words)
    open_, outputs, seen, out, at = dict(p=0, li=0, td=0), [], set(), [], 0
    def link(m):
        w = word_of(m[0])
        if w in seen or not (w.paper or open_['p'] or open_['li']) or (open_['td'] and not w.paper): return m[0]
        seen.add(w)
        kind = 'paper' if w.paper else 'term'
        return f'<a class="{kind}" href="{w.href}" title="{html.escape(w.title)}">{m[0]}</a>'
    for m in KEPT.finditer(text):
        said, at = text[at:m.start()], m.end()
        out += [look.sub(link, said) if any(open_.values()) and not any(outputs) else said, m[0]]
        if m[1] == 'a': seen |= {word_of(f) for f in look.findall(m[0]) if word_of(f).paper}     # the author's own link
        if m[3] == 'div': outputs.append('cell-output' in m[4]) if not m[2] else outputs and outputs.pop()
        elif m[3] in open_: open_[m[3]] = max(0, open_[m[3]] + (-1 if m[2] else 1))
    return ''.join(out) + text[at:]

def entries(text):
    "Where a rendered bibliography has its entries: the ids of its headings by what they say."
    return {html.unescape(re.sub('<[^>]+>', '', h)).strip(): i
            for i, h in re.findall(r'<section id="([^"]+)"[^>]*>\s*<h3[^>]*>(.*?)</h3>', text, re.S)}

def vocabulary(ids):
    "All words that pages link, given the ids of the bibliography's entries."
    return (*glossary(), *(Word(w.forms, f'bibliography.html#{ids[w.forms[0]]}', w.title, True) for w in papers()
                           if w.forms[0] in ids))

def dress(text, name, words):
    "Put the map on a page, and link what it mentions; a page that was dressed before stays as it is."
    page = next((p for p in pages() if p.name == name), None)
    if page is None or 'class="course-map"' in text: return text
    at = text.index('</header>', text.index('id="title-block-header"')) + len('</header>')
    head, body = text[:at], text[at:]
    body = re.sub(r'<div class="quarto-figure(?:(?!</?div).)*?images/map\.svg.*?</div>', '', body, flags=re.S)
    if name == 'glossary':                                             # a row can be pointed at
        row = r'<tr([^>]*)>(\s*<td[^>]*><strong>([^<]+)</strong>)'
        body = re.sub(row, lambda m: f'<tr id="{slug(m[3])}"{m[1]}>{m[2]}', body)
    own = dict(glossary='glossary.html', bibliography='bibliography.html').get(name, ' ')
    return head + map_of(page) + linked(body, [w for w in words if not w.href.startswith(own)])

def mentions(texts, word):
    "Does a chapter name a paper, or link it?"
    said = re.sub(r'```.*?```|`[^`\n]*`|<!--.*?-->', ' ', '\n\n'.join(texts), flags=re.S)
    return bool(re.search(r'(?<![\w-])(?:' + '|'.join(map(re.escape, word.forms)) + r')(?![\w+-])', said))

def named_in(text):
    "A cell of the bibliography with the chapters that name its paper."
    m = ENTRY.match(text)
    if not m: return text
    word = next(w for w in papers() if w.forms[0] == m[1])
    link = re.search(r'\]\((https?://[^)]+)\)', m[2])[1]
    others = [p for p in pages() if p.whole and p.name not in ('glossary', 'bibliography')]
    found = [p for p in others if mentions(cells(p.book), word) or link in '\n'.join(cells(p.book))]
    return text[:m.start(4)] + 'Named in: ' + ', '.join(f'[{p.label}]({p.book})' for p in found) + '.'

def main():
    (NBS/'images'/'map.svg').write_text(picture(), encoding='utf-8')
    path = NBS/'24_bibliography.ipynb'
    book = json.loads(path.read_text(encoding='utf-8'))
    for c in book['cells']:
        if c['cell_type'] == 'markdown': c['source'] = named_in(''.join(c['source'])).splitlines(keepends=True)
    path.write_text(json.dumps(book, sort_keys=True, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')

if __name__ == '__main__': main()
