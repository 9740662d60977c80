# SPDX-License-Identifier: Apache-2.0
# Reads libFuzzer's merge control file (written with -set_cover_merge=1) and prints the inputs to keep: again and again the one
# that adds most features per byte to those picked so far, until none adds any or there are enough (-v files=N -v bytes=N).
# Seeds of fuzz/corpus that somebody named come first, whatever they add; of all others only those are looked at whose names
# are in a file (-v merged=FILE): what libFuzzer itself would keep, a tenth perhaps of all there are.
# The file: number of inputs, number of those in the first corpus, their names, then per input "STARTED index size" and
# "FT index feature...".
NR == 1 { count = $1; next }
NR == 2 { next }
NR <= count + 2 { name[NR - 3] = $0; next }
$1 == "STARTED" { size[$2] = $3 }
$1 == "FT" { features[$2] = $0 }
function pick(i,    n, j) {
    n = split(features[i], parts, " ")
    for (j = 3; j <= n; j++)
        covered[parts[j]] = 1
    total += size[i]
    picked++
    print name[i]
    delete gain[i]
}
function is_named(path) {
    return path ~ /^fuzz\/corpus\// && path !~ /\/[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/
}
END {
    # An input's gain only falls as others are picked, so a stale gain is an upper bound: look anew only at the best.
    for (i in features)
        gain[i] = split(features[i], parts, " ") - 2
    while ((getline file <merged) > 0)
        kept[file] = 1
    for (i in gain) {
        file = name[i]
        sub(/.*\//, "", file)
        if (!(file in kept) && name[i] !~ /^fuzz\/corpus\//)
            delete gain[i]
    }
    picked = total = 0
    for (i in features)
        if (is_named(name[i]))
            pick(i)
    while (picked < files) {
        best = ""
        while (1) {
            top = ""
            value = 0
            for (i in gain) {
                worth = gain[i] / (200 + size[i])
                if (worth > value) {
                    value = worth
                    top = i
                }
            }
            if (top == "" || top == best)
                break
            n = split(features[top], parts, " ")
            fresh = 0
            for (j = 3; j <= n; j++)
                if (!(parts[j] in covered))
                    fresh++
            gain[top] = fresh
            best = top
        }
        if (top == "")
            break
        if (total + size[top] > bytes) {
            delete gain[top]
            continue
        }
        pick(top)
    }
}
