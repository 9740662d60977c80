/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between the parts of a configuration. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"

static void check_names(config_builder *b) {
    quoted q;
    label_set names = {0};
    const config *const c = b->out;
    uint32_t *first = mlsel_i_arena_alloc(b->reader.arena, c->n_decisions, sizeof *first);
    for (size_t i = 0; i < c->n_decisions && first != NULL; i++) {
        int32_t index = -1;
        const size_t before = names.count;
        const config_decision *const d = &c->decisions[i];
        if (d->name.text[0] == '\0')
            continue; /* reported when it was read */
        if (mlsel_i_labels_add(&names, d->name.text, &index, NULL) != MLSEL_OK) {
            b->no_memory = true;
            break;
        }
        if (names.count > before)
            first[index] = d->span.line;
        else
            mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "duplicate-decision", d->span, "give each its own name",
                             "decision %s is already defined on line %u", mlsel_i_quote(&q, d->name.text),
                             (unsigned)first[index]);
    }
    b->no_memory = b->no_memory || first == NULL;
    mlsel_i_labels_free(&names);
}

static void check_default_decision(config_builder *b) {
    quoted q;
    config *const c = b->out;
    const char *const name = c->default_decision.text;
    if (name == NULL || name[0] == '\0')
        return;
    near_name near = {.given = name};
    for (size_t i = 0; i < c->n_decisions; i++) {
        if (strcmp(c->decisions[i].name.text, name) == 0) {
            c->default_decision_index = (int32_t)i;
            return;
        }
        mlsel_i_near_offer(&near, c->decisions[i].name.text);
    }
    char advice[128];
    if (near.best != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%.80s\"?", near.best);
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "unknown-default", c->default_decision.span,
                     near.best != NULL ? advice : NULL, "there is no decision %s to be the default",
                     mlsel_i_quote(&q, name));
}

void mlsel_i_config_check(config_builder *b) {
    check_names(b);
    check_default_decision(b);
    if (!b->no_memory)
        mlsel_i_config_check_rules(b);
}
