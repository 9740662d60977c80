# SPDX-License-Identifier: Apache-2.0
# make_records.awk: writes made-up benchmark records, one JSON object a line: what four models answered to N questions,
# how good that was, how long it took and what it cost. The same variables give the same records everywhere.
#
#     awk -v n=600 -v seed=1 -f examples/make_records.awk >records.jsonl
#
# Nothing was asked and nothing measured: each model has a chance to be right that depends on the subject and on how
# hard the question is. What can be learned from such records is which model is good at what.

# Numbers from 0 to 1 (a multiplicative generator of Park and Miller; every product stays exact in double).
function uniform() { state = (state * 16807) % 2147483647; return state / 2147483647 }
function pick(list,    words, count) { count = split(list, words, "|"); return words[1 + int(uniform() * count)] }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307 * uniform()) }

# A question of a subject: a pattern whose *letters are replaced by words of the subject.
function question(subject,    text, thing, other) {
    text = pick(patterns[subject])
    thing = pick(things[subject])
    do other = pick(things[subject]); while (other == thing)
    gsub(/\*a/, thing, text)
    gsub(/\*b/, other, text)
    gsub(/\*n/, 2 + int(uniform() * 97), text)
    gsub(/\*m/, 2 + int(uniform() * 97), text)
    return text
}

BEGIN {
    if (n == "") n = 600
    if (seed == "") seed = 1
    state = 1 + (seed * 7919) % 2147483646
    for (i = 0; i < 20; i++) uniform()

    count = split("math|computer science|history|law|biology|economics", subjects, "|")
    patterns["math"] = "Solve *nx + *m = 0 for x|What is the derivative of *nx^2 + the *a|Compute the *a of *n and *m|Prove that the *a of *n numbers is at most *m|Integrate *a over the interval from 0 to *n"
    things["math"] = "sum|product|square root|logarithm|determinant|greatest common divisor|variance|limit|matrix|polynomial"
    patterns["computer science"] = "Write a function that returns the *a of a *b|Why does this *a throw an exception when the *b is empty?|Implement a *a with a *b in Python|What is the complexity of searching a *a with *n elements?|Fix the bug in the loop over the *a"
    things["computer science"] = "linked list|hash table|binary tree|string|queue|iterator|pointer|array|regular expression|database index"
    patterns["history"] = "When did the *a begin, and who opposed the *b?|Describe the causes of the *a|Who led the *a after the *b?|What did the treaty say about the *a?"
    things["history"] = "French Revolution|Roman Republic|Ottoman Empire|Industrial Revolution|Cold War|Reformation|Ming dynasty|Congress of Vienna|Silk Road|Thirty Years War"
    patterns["law"] = "Is a *a valid without a *b?|What must a plaintiff prove about the *a?|Can the court set aside a *a because of a *b?|Explain the difference between a *a and a *b"
    things["law"] = "contract|will|trust|tort|easement|mortgage|guarantee|statute|injunction|testimony"
    patterns["biology"] = "What is the role of the *a in the *b?|How does a *a differ from a *b?|Which enzyme acts on the *a?|Describe what happens to the *a during cell division"
    things["biology"] = "mitochondrion|ribosome|chloroplast|membrane|nucleus|neuron|protein|chromosome|bacterium|antibody"
    patterns["economics"] = "What happens to the *a when the *b rises by *n percent?|Explain how a central bank changes the *a|Why would a *a lower the *b?|Compare the *a of two countries that trade"
    things["economics"] = "interest rate|exchange rate|tariff|inflation|money supply|unemployment|budget deficit|demand curve|wage|subsidy"

    models = split("codellama-7b|llama-3.2-1b|llama-3.2-3b|mistral-7b", names, "|")
    # chance to be right at a question of middling difficulty, by subject in the order above
    split("0.72 0.86 0.35 0.30 0.40 0.42", chance1)
    split("0.40 0.38 0.42 0.38 0.45 0.40", chance2)
    split("0.58 0.55 0.56 0.50 0.60 0.66", chance3)
    split("0.50 0.52 0.78 0.74 0.70 0.60", chance4)
    split("2.1 0.4 0.9 2.3", seconds)
    split("0.20 0.04 0.06 0.20", price) # dollars for a million tokens

    for (i = 1; i <= n; i++) {
        s = 1 + int(uniform() * count)
        do text = question(subjects[s]); while (text in seen && ++tries < 1000 * n)
        seen[text] = 1
        difficulty = normal()
        tokens = 150 + int(250 * uniform())
        for (m = 1; m <= models; m++) {
            chance = m == 1 ? chance1[s] : m == 2 ? chance2[s] : m == 3 ? chance3[s] : chance4[s]
            odds = log(chance / (1 - chance)) - 0.9 * difficulty
            right = uniform() < 1 / (1 + exp(-odds)) ? 1 : 0
            latency = seconds[m] * exp(0.35 * normal()) * tokens / 275
            printf "{\"query\":\"%s\",\"category\":\"%s\",\"model_name\":\"%s\",\"performance\":%d,\"response_time\":%.3f,\"cost\":%.7f}\n", \
                text, subjects[s], names[m], right, latency, price[m] * tokens / 1e6
        }
    }
}
