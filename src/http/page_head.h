/* SPDX-License-Identifier: Apache-2.0 */
/* page_head - how the status page looks: dark or light as the reader has it, tables
 * that scroll by themselves on a phone. */
#ifndef PETIOLE_PAGE_HEAD_H
#define PETIOLE_PAGE_HEAD_H

static const char page_head[] =
    "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
    "<meta http-equiv=refresh content=5>\n"
    "<style>\n"
    ":root{color-scheme:light dark;--b:#fff;--f:#1d2420;--m:#667069;--l:#e2e6e3;"
    "--g:#1c7c3f;--r:#b3261e;--p:#f4f6f4}\n"
    "@media(prefers-color-scheme:dark){:root{--b:#151917;--f:#e3e8e4;--m:#93a097;"
    "--l:#2c332f;--g:#67c587;--r:#ff8a80;--p:#1d2320}}\n"
    "body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--b);"
    "color:var(--f);font:15px/1.45 system-ui,sans-serif}\n"
    "h1{display:inline;font-size:1.35rem;margin:0 .6rem 0 0;overflow-wrap:anywhere}\n"
    "h2{font-size:1rem;margin:1.6rem 0 .4rem}\n"
    "header p,footer,.none{color:var(--m);margin:.3rem 0;font-size:.85rem;"
    "overflow-wrap:anywhere}\n"
    "footer{margin-top:2rem}a{color:inherit}\n"
    ".state{display:inline-block;padding:0 .5rem;border-radius:1rem;border:1px solid}\n"
    ".good{color:var(--g)}.bad{color:var(--r)}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(7.3rem,1fr));"
    "gap:.5rem;margin:1rem 0}\n"
    "dl div{background:var(--p);border-radius:.4rem;padding:.5rem .7rem}\n"
    "dt{color:var(--m);font-size:.8rem}dd{margin:0;font-size:1.3rem;"
    "font-variant-numeric:tabular-nums}\n"
    "small{color:var(--m);font-size:.8rem}\n"
    ".t{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.87rem}\n"
    "th{color:var(--m);font-weight:normal;text-align:left}\n"
    "th,td{padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--l);"
    "vertical-align:top;white-space:nowrap}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".w,.e{white-space:normal;overflow-wrap:anywhere;min-width:7rem}.e{color:var(--r)}"
    "\n"
    ".i{color:var(--m);font:.8rem ui-monospace,monospace}\n"
    ".q{display:inline-block;background:var(--p);border-radius:.3rem;"
    "padding:.1rem .5rem;margin:.1rem 0}\n"
    "</style>\n";

#endif
