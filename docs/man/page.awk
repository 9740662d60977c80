# SPDX-License-Identifier: Apache-2.0
# page.awk -v command=NAME -v summary=TEXT -v version=VERSION -v exits=FILE -v extra=FILE: turns a help of the mlsel command
# into a manual page. command is "" for mlsel itself. `exits` is the part of `mlsel --help` after "Exit codes:", `extra` a
# page's own sections (docs/man/NAME.man).
#
# What a help looks like: "Usage:", paragraphs at the margin, and blocks indented by two blanks: entries of a tag and, two
# blanks or a line further, its explanation. A line at the margin that ends in ":" and has a block below it is its title.

function escape(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/\047/, "\\(aq", text)
    gsub(/`/, "\\(ga", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/~/, "\\(ti", text)
    return text
}
function guard(line) { return line ~ /^[.\047]/ ? "\\&" line : line }

# Text for filling: options and commands bold, `mlsel X --help` as a reference to that page, other quoted code bold.
function prose(text,    result, before, code, name) {
    result = ""
    while (match(text, /`[^`]*`/)) {
        before = substr(text, 1, RSTART - 1)
        code = substr(text, RSTART + 1, RLENGTH - 2)
        text = substr(text, RSTART + RLENGTH)
        result = result options(before)
        if (code ~ /^mlsel [a-z]+( --help)?$/) {
            split(code, name, " ")
            result = result "\\fBmlsel\\-" name[2] "\\fR(1)"
        } else
            result = result "\\fB" escape(code) "\\fR"
    }
    return result options(text)
}
function options(text,    result) {
    result = ""
    while (match(text, /(^|[^A-Za-z0-9-])--?[a-z][a-z0-9-]*/)) {
        if (substr(text, RSTART, 1) != "-") {
            result = result escape(substr(text, 1, RSTART))
            text = substr(text, RSTART + 1)
            RLENGTH--
            RSTART = 1
        } else {
            result = result escape(substr(text, 1, RSTART - 1))
            text = substr(text, RSTART)
        }
        result = result "\\fB" escape(substr(text, 1, RLENGTH)) "\\fR"
        text = substr(text, RLENGTH + 1)
    }
    return result escape(text)
}

# A tag or a line of usage: words in capitals are placeholders, in italics; everything else is typed, in bold.
function typed(text,    result, word) {
    result = ""
    while (match(text, /[A-Za-z0-9_.=:<>*$\/-]+/)) {
        result = result escape(substr(text, 1, RSTART - 1))
        word = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (word ~ /^\.\.\.$/ || word == "options")
            result = result escape(word)
        else if (match(word, /\.\.\.$/))
            result = result "\\fI" escape(substr(word, 1, RSTART - 1)) "\\fR..."
        else if (word ~ /^[A-Z][A-Z0-9_.=\/]*$/)
            result = result "\\fI" escape(word) "\\fR"
        else
            result = result "\\fB" escape(word) "\\fR"
    }
    return result escape(text)
}

function put(section, line) { body[section] = body[section] line "\n" }

# --- the parts of a help ---

function end_paragraph(    to) {
    if (paragraph == "")
        return
    to = paragraph ~ /^Exit code/ ? "exit" : section
    put(to, ".PP")
    put(to, guard(prose(paragraph)))
    paragraph = ""
}
function end_entry() {
    if (tag == "")
        return
    put(section, ".TP")
    put(section, guard(typed(tag)))
    put(section, guard(prose(tag == "-h, --help" ? "show a help that is shorter than this page" : text)))
    tag = text = ""
}
# An entry's first line, without its indentation
function begin_entry(line,    at) {
    end_entry()
    at = match(line, /[^ ]  +[^ ]/)
    if (!at && match(line, /^--[a-z-]+ [A-Z]+ [a-z]/)) # a tag that fills the column
        at = RLENGTH - 2
    tag = at ? substr(line, 1, at) : line
    text = at ? substr(line, at + 1) : ""
    sub(/^ +/, "", text)
}
function join(a, b) { return a == "" ? b : a " " b }

# The block titled `line` begins.
function begin_block(line,    at) {
    end_paragraph()
    sub(/:$/, "", line)
    is_options = ahead ~ /^  -/
    if (is_options) {
        section = "options"
        seen_options = 1
        at = index(line, " (") # a remark behind the title
        if (line != "Options")
            put(section, ".SS \"" escape(at ? substr(line, 1, at - 1) : line) "\"")
        if (at)
            put(section, guard(prose(substr(line, at + 1))))
    } else if (command == "" && line != "Exit codes") {
        section = "commands"
        put(section, ".SS \"" escape(line) "\"")
    } else if (line == "Exit codes") {
        section = "codes"
        seen_codes = 1
    } else {
        section = seen_options ? "notes" : "description"
        put(section, ".PP")
        put(section, guard(prose(line ":")))
    }
    in_block = 1
}
function prose_section() { return seen_options ? "notes" : "description" }

FNR == 1 { file++ }
file == 1 { help[FNR] = $0; lines = FNR; next }
file == 2 { exit_lines = exit_lines $0 "\n"; next }
{ # the page's own sections, by their .SH lines
    if ($1 == ".SH") {
        name = $0
        sub(/^\.SH +/, "", name)
        own_order[++own_count] = name
    } else if ($0 !~ /^\.\\"/ && name != "")
        own[name] = own[name] $0 "\n"
}

function read_help(    i, line) {
    section = "description"
    for (i = 1; i <= lines; i++) {
        line = help[i]
        ahead = help[i + 1]
        if (mode == "" || mode == "usage") {
            if (line ~ /^(Usage: |       )mlsel/) {
                mode = "usage"
                sub(/^(Usage: |       )/, "", line)
                put("synopsis", put_br++ ? ".br\n" guard(typed(line)) : guard(typed(line)))
                continue
            }
            mode = "text"
        }
        if (mode == "examples") {
            sub(/^  /, "", line)
            put("examples", guard(escape(line)))
        } else if (line == "Examples:") {
            end_entry(); end_paragraph()
            mode = "examples"
        } else if (line == "") {
            end_entry(); end_paragraph()
            in_block = 0
            section = prose_section()
            if (ahead ~ /^  -/) { # options that belong to no group
                section = "options"
                in_block = 1
                put(section, ".SS General")
            }
        } else if (line ~ /^[^ ]/ && line ~ /:$/ && ahead ~ /^  [^ ]/) {
            end_entry()
            if (paragraph != "") { # the last line of a paragraph
                paragraph = join(paragraph, line)
                end_paragraph()
                in_block = 1
                section = prose_section()
            } else
                begin_block(line)
        } else if (in_block && line ~ /^  [^ ]/)
            begin_entry(substr(line, 3))
        else if (in_block && line ~ /^   /) {
            sub(/^ +/, "", line)
            text = join(text, line)
        } else {
            if (in_block) {
                end_entry()
                in_block = 0
                section = prose_section()
            }
            paragraph = join(paragraph, line)
        }
    }
    end_entry(); end_paragraph()
}

function read_exit_codes(    i, n, all, line) {
    n = split(exit_lines, all, "\n")
    section = "codes"
    for (i = 1; i <= n; i++) {
        line = all[i]
        if (line ~ /^  [^ ]/)
            begin_entry(substr(line, 3))
        else if (line ~ /^   /) {
            sub(/^ +/, "", line)
            text = join(text, line)
        }
    }
    end_entry()
}

function show(title, content) {
    if (content != "")
        printf ".SH %s\n%s", title, content
    delete own[title]
}

END {
    page = command == "" ? "mlsel" : "mlsel-" command
    read_help()
    if (!seen_codes)
        read_exit_codes()
    title = toupper(page)
    printf ".\\\" SPDX-License-Identifier: Apache-2.0\n"
    printf ".\\\" Made from `mlsel%s --help` and docs/man/%s.man.\n", command == "" ? "" : " " command, command == "" ? "mlsel" : command
    printf ".TH %s 1 \"\" \"mlsel %s\" \"mlsel\"\n", escape(title), version
    printf ".nh\n.if n .ad l\n" # no option is divided at the end of a line
    printf ".SH NAME\n%s \\- %s\n", escape(page), escape(summary)
    printf ".SH SYNOPSIS\n%s", body["synopsis"]
    sub(/^\.PP\n/, "", body["description"])
    show("DESCRIPTION", body["description"] own["DESCRIPTION"])
    show("COMMANDS", body["commands"])
    show("OPTIONS", body["options"] own["OPTIONS"])
    sub(/^\.PP\n/, "", body["notes"])
    show("NOTES", body["notes"] own["NOTES"])
    show("EXIT STATUS", body["codes"] body["exit"] own["EXIT STATUS"])
    show("ENVIRONMENT", own["ENVIRONMENT"])
    show("FILES", own["FILES"])
    show("EXAMPLES", ".nf\n" body["examples"] ".fi\n" own["EXAMPLES"])
    show("SEE ALSO", own["SEE ALSO"])
    for (i = 1; i <= own_count; i++)
        if (own_order[i] in own) {
            printf "page.awk: %s: no place for a section \"%s\"\n", page, own_order[i] >"/dev/stderr"
            exit 1
        }
}
