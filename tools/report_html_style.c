/* SPDX-License-Identifier: Apache-2.0 */
#include "report_html_style.h"

#include <stddef.h>

/* Colours of kinds are those of M. Okabe and K. Ito (2008), of models those of P. Tol's "muted" scheme (2021): both are
 * told apart with colour-blind eyes. Those too dark for a dark page are lighter there. */
/* clang-format off */
const char *const report_html_style[] = {
    ":root{color-scheme:light dark;--page:#fff;--ink:#1c2024;--soft:#5b6470;--line:#e3e6ea;--card:#f6f7f9;"
    "--selector:#0072b2;--oracle:#7a4fa3;--group:#d55e00;--single:#6b7280;--random:#9a8c00;"
    "--c0:#332288;--c1:#88ccee;--c2:#44aa99;--c3:#117733;--c4:#ddcc77;--c5:#cc6677;--c6:#aa4499;--c7:#999933;"
    "--c8:#882255;--c9:#b8bec6}\n",
    "@media (prefers-color-scheme:dark){:root{--page:#15181c;--ink:#e7eaee;--soft:#a2abb7;--line:#2f353d;"
    "--card:#1d2126;--selector:#56b4e9;--oracle:#c9a3e8;--group:#f08a3c;--single:#a2abb7;--random:#d8c83a;"
    "--c0:#7b6fd6;--c3:#2fa457;--c8:#c2508b;--c9:#5d6672}}\n",
    "@media print{:root{--page:#fff;--ink:#000;--soft:#444;--line:#ccc;--card:#fff}"
    "section,figure,.card{break-inside:avoid}.card{border:1px solid var(--line)}main{max-width:none;padding:0}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}.scroll{overflow:visible}table{font-size:9px}}\n",
    "*{box-sizing:border-box}\n",
    "body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Helvetica Neue\",\"Noto Sans\",\"Liberation Sans\",Arial,sans-serif}\n",
    "main{max-width:1120px;margin:0 auto;padding:40px 32px 64px}\n",
    "h1{font-size:30px;line-height:1.2;margin:0 0 24px;letter-spacing:-.01em}\n",
    "h2{font-size:21px;line-height:1.3;margin:56px 0 4px}\n",
    "h3{font-size:16px;margin:24px 0 6px}\n",
    "p.caption{margin:0 0 14px;color:var(--soft);max-width:84ch}\n",
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px;margin:0 0 22px}\n",
    ".card{background:var(--card);border-radius:10px;padding:14px 18px;min-width:0}\n",
    ".card .name{color:var(--soft);font-size:14px}\n",
    ".card .figure{font-size:30px;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}\n",
    ".card .note{color:var(--soft);font-size:13px;overflow-wrap:anywhere}\n",
    "dl.facts{display:flex;flex-wrap:wrap;gap:6px 32px;margin:0;font-size:14px}\n",
    "dl.facts div{display:flex;gap:8px}dt{color:var(--soft)}dd{margin:0;font-variant-numeric:tabular-nums;"
    "overflow-wrap:anywhere}\n",
    "svg{display:block;width:100%;height:auto;overflow:visible;font-family:inherit}\n",
    "svg text{fill:var(--ink);font-size:13.5px}svg .label{paint-order:stroke;stroke:var(--page);stroke-width:3px;"
    "stroke-linejoin:round}\n",
    "svg .tick,svg .note,svg .value{fill:var(--soft);font-size:12.5px;font-variant-numeric:tabular-nums}\n",
    "svg .axis{fill:var(--soft);font-size:13.5px}svg .strong{font-weight:650}svg .small{font-size:12.5px;"
    "fill:var(--soft)}\n",
    ".grid{stroke:var(--line);stroke-width:1}.leader{stroke:var(--soft);stroke-width:.8}.zero{stroke:var(--soft);stroke-width:1.2}"
    ".reference{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 4;fill:none}\n",
    ".selector{--k:var(--selector)}.oracle{--k:var(--oracle)}.group{--k:var(--group)}.single{--k:var(--single)}"
    ".random{--k:var(--random)}.over{--k:var(--ink)}\n",
    "svg circle,svg path,svg rect.selector,svg rect.group{fill:var(--k);stroke:var(--page);stroke-width:1.2}\n",
    "svg .ring{fill:var(--page);stroke:var(--k);stroke-width:2}\n",
    ".whisker{stroke:var(--k);stroke-width:1.8}.dash1{stroke-dasharray:7 4}.dash2{stroke-dasharray:2 3.5}.dash3{"
    "stroke-dasharray:9 3 2 3}svg.key{display:inline-block;width:34px;height:8px;margin-right:8px;"
    "vertical-align:middle}.curve{fill:none;stroke:var(--k);stroke-width:2;"
    "stroke-linejoin:round}\n",
    "svg rect.seg{stroke:var(--page);stroke-width:1}\n",
    ".c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}"
    ".c5{fill:var(--c5)}.c6{fill:var(--c6)}.c7{fill:var(--c7)}.c8{fill:var(--c8)}.c9{fill:var(--c9)}\n",
    ".b0{background:var(--c0)}.b1{background:var(--c1)}.b2{background:var(--c2)}.b3{background:var(--c3)}"
    ".b4{background:var(--c4)}.b5{background:var(--c5)}.b6{background:var(--c6)}.b7{background:var(--c7)}"
    ".b8{background:var(--c8)}.b9{background:var(--c9)}\n",
    "ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 22px;padding:0;margin:0 0 8px;font-size:14px}\n",
    "ul.legend li{overflow-wrap:anywhere}.swatch{display:inline-block;width:12px;height:12px;border-radius:3px;"
    "margin-right:7px;vertical-align:-1px}\n",
    ".grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:28px}figure{margin:0;"
    "max-width:480px}"
    "figcaption{font-size:14px;color:var(--soft);margin-bottom:6px;overflow-wrap:anywhere}"
    "figcaption b{color:var(--ink)}\n",
    ".scroll{overflow-x:auto;margin:12px 0}table{border-collapse:collapse;font-size:13px;"
    "font-variant-numeric:tabular-nums;min-width:100%}\n",
    "th,td{padding:5px 0 5px 12px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}"
    "th{font-weight:500}thead th{color:var(--soft);font-weight:500;border-bottom:1.5px solid var(--soft);"
    "vertical-align:bottom;white-space:normal}\n",
    "th:first-child{text-align:left;position:sticky;left:0;background:var(--page);padding-left:0}"
    "tr.row-selector th{font-weight:650}abbr{text-decoration:none}\n",
    "#notes ul{padding-left:20px;color:var(--soft);font-size:14.5px;max-width:80ch}#notes li{margin:4px 0}\n",
    NULL};
/* clang-format on */
