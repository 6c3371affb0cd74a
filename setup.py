"""Everything comes from settings.ini; this file only hands it to setuptools."""
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

here = Path(__file__).parent
ini = ConfigParser(delimiters=['='])
ini.read(here/'settings.ini', encoding='utf-8')
cfg = dict(ini['DEFAULT'])
END = '_requirements'
extras = {k.removesuffix(END): v.split() for k, v in cfg.items() if k.endswith(END)}
home, site = cfg['git_url'], cfg['doc_host'] + cfg['doc_baseurl']

def absolute(text):
    "The README with links that lead somewhere from any page."
    text = re.sub(r'!\[([^]]*)\]\((?!https?:)([^)]+)\)', rf'![\1]({home}/raw/{cfg["branch"]}/\2)', text)
    return re.sub(r'(?<!!)\[([^]]*)\]\((?!https?:|#)([^)]+)\)', rf'[\1]({home}/blob/{cfg["branch"]}/\2)', text)

class Build(build_py):
    "The package, with the course inside, which `vldistill notebooks` copies."
    def run(self):
        super().run()
        if self.editable_mode: return                              # a clone has the course beside the package
        nbs, course = here/cfg['nbs_path'], Path(self.build_lib)/cfg['lib_path']/'course'
        for part in ('*.ipynb', 'results/**/*.json', 'images/*'):
            for p in nbs.glob(part):
                (course/p.relative_to(nbs)).parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(p), str(course/p.relative_to(nbs)))

minors = range(int(cfg['min_python'].split('.')[1]), int(cfg['max_python'].split('.')[1]) + 1)
if __name__ == '__main__': setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'],
    author=cfg['author'], author_email=cfg['author_email'], url=home, keywords=cfg['keywords'].split(),
    project_urls={'Documentation': site, 'Source': home, 'Issues': home + '/issues'},
    license='Apache-2.0', license_files=['LICENSE', 'NOTICE'],
    long_description=absolute((here/'README.md').read_text(encoding='utf-8')),
    long_description_content_type='text/markdown',
    classifiers=['Development Status :: 3 - Alpha', 'Intended Audience :: Science/Research',
                 'Operating System :: OS Independent', 'Topic :: Scientific/Engineering :: Artificial Intelligence',
                 'Typing :: Typed', *(f'Programming Language :: Python :: 3.{n}' for n in minors)],
    packages=find_packages(include=[cfg['lib_path'] + '*']), package_data={cfg['lib_path']: ['py.typed']},
    cmdclass={'build_py': Build},
    python_requires='>=' + cfg['min_python'],
    install_requires=[*cfg['requirements'].split(), *extras['demo'], *extras['report']],
    extras_require=extras,
    entry_points={'console_scripts': cfg['console_scripts'].split(),
                  'nbdev': [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"]},
    zip_safe=False)
