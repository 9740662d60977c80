#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes yaml/NAME.expected.json and good/NAME.expected.json: the files as PyYAML's own parser reads them.

PyYAML (Debian 12: python3-yaml) shares no code with libyaml when it is used without its C extension. Every scalar stays
a text, because PyYAML types scalars as YAML 1.1 does and the routers do not; merge keys are taken as merge keys.
"""
import json
import pathlib

import yaml


class TextLoader(yaml.SafeLoader):
    """Knows no types but the merge key."""


MERGE = "tag:yaml.org,2002:merge"
TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag == MERGE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def main():
    here = pathlib.Path(__file__).parent
    for folder in ("yaml", "good"):
        for path in sorted((here / folder).glob("*.yaml")):
            text = path.read_bytes().decode("utf-8")
            if path.name == "same_as_json.yaml":
                value = json.loads(text, parse_int=str)
            else:
                value = yaml.load(text, Loader=TextLoader)
            out = path.with_suffix(".expected.json")
            out.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
            print(out.name)


if __name__ == "__main__":
    main()
