#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_links.py [FOLDER]: whether the relative links of all Markdown files below FOLDER (default: this repository) lead to
files that are there, and their anchors to headings; whether the pages of docs/ that other files name are there; and whether
docs/README.md lists all pages."""
import os
import re
import subprocess
import sys

root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), ".."))
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
OTHER_SITE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
NAMED_PAGE = re.compile(r"(?<![\w./-])docs/[\w/-]+\.md\b")


def tracked():
    """The files of the repository: what git knows or would add; without git, what is there."""
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             check=True, capture_output=True).stdout.decode()
        return sorted(name for name in set(out.split("\0")) if name and os.path.isfile(os.path.join(root, name)))
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if f not in (".git", "build")]
            found += [os.path.relpath(os.path.join(folder, f), root) for f in files]
        return sorted(found)


def lines_of(path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read().splitlines()


def text_lines(path):
    """(number, line) of what is no code block, without code in backquotes."""
    fence = None
    for number, line in enumerate(lines_of(path), 1):
        mark = re.match(r"^ {0,3}(`{3,}|~{3,})", line)
        if fence is not None:
            if mark and mark.group(1)[0] == fence[0] and len(mark.group(1)) >= len(fence):
                fence = None
        elif mark:
            fence = mark.group(1)
        else:
            yield number, line


def without_code(line):
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)


def anchors(path, cache={}):
    """The names that GitHub gives to a file's headings."""
    if path not in cache:
        seen, names = {}, set()
        for _, line in text_lines(path):
            heading = HEADING.match(line)
            names.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
            if not heading:
                continue
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(2)).replace("`", "").replace("*", "")
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            names.add(slug if count == 0 else f"{slug}-{count}")
        cache[path] = names
    return cache[path]


def problem_of(source, target):
    if OTHER_SITE.match(target) or target.startswith("//"):
        return None
    path, _, anchor = target.partition("#")
    file = os.path.normpath(os.path.join(os.path.dirname(source), path)) if path else source
    if path.startswith("/") or file.startswith(".."):
        return "leads out of the repository"
    if not os.path.exists(os.path.join(root, file)):
        return f"there is no {file}"
    if anchor and file.endswith(".md") and anchor not in anchors(file):
        return f"{file} has no heading #{anchor}"
    return None


def main():
    files, links, problems = tracked(), 0, []
    for source in files:
        if source.endswith(".md"):
            for number, line in text_lines(source):
                text = without_code(line)
                for target in LINK.findall(text) + DEFINITION.findall(text):
                    links += 1
                    problem = problem_of(source, target)
                    if problem:
                        problems.append(f"{source}:{number}: {target}: {problem}")
        elif source.endswith((".c", ".h", ".go", ".sh", ".py", ".txt", ".cmake", ".man", ".in", ".yml", ".cu", ".m", ".metal")):
            try:
                for number, line in enumerate(lines_of(source), 1):
                    for page in NAMED_PAGE.findall(line):
                        links += 1
                        if not os.path.exists(os.path.join(root, page)):
                            problems.append(f"{source}:{number}: there is no {page}")
            except UnicodeDecodeError:
                pass
    listed = set(LINK.findall("\n".join(line for _, line in text_lines("docs/README.md"))))
    for page in files:
        if re.fullmatch(r"docs/[^/]+\.md", page) and page != "docs/README.md" and os.path.basename(page) not in listed:
            problems.append(f"{page} is not listed in docs/README.md")
    for problem in problems:
        print(problem)
    if links < 50:
        print(f"only {links} links found: this check no longer sees them")
        return 1
    print(f"links: {links} checked, {len(problems)} broken")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
