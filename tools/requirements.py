"""Requirements from settings.ini, one a line: `python tools/requirements.py core|all [lowest|latest]`.

`core` is what every module needs, `all` what a plain install brings; `lowest` pins each to its lower bound."""
import sys
from configparser import ConfigParser
from pathlib import Path

def requirements(which, versions='latest'):
    "The requirements of an install, perhaps pinned to their lower bounds."
    ini = ConfigParser(delimiters=['='])
    ini.read(Path(__file__).parent.parent/'settings.ini', encoding='utf-8')
    names = ['requirements'] + ['demo_requirements', 'report_requirements'] * (which == 'all')
    lines = [r for name in names for r in ini['DEFAULT'][name].split()]
    return [r.replace('>=', '==') for r in lines] if versions == 'lowest' else lines

if __name__ == '__main__': print('\n'.join(requirements(*sys.argv[1:])))
