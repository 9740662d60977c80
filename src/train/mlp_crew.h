/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for work in many small phases: a step of MLP training has some, of tens of microseconds each, and waking a
 * thread for each would take as long. So the threads of a team stay for a stretch of phases and wait for them awake.
 * One of them leads; the others take parts of what it announces, if they are there: a phase needs none of them.
 */
#ifndef MLSEL_MLP_CREW_H
#define MLSEL_MLP_CREW_H

#include <stdatomic.h>

#include "team.h"

typedef struct mlp_crew {
    thread_team *team; /* NULL: the leader is alone */
    /* Does a part of the phase `kind` of `layer`. */
    void (*work)(void *context, unsigned kind, size_t layer, size_t part);
    void *context;
    void (*lead)(void *argument); /* during a stretch */
    void *argument;
    bool helped;             /* others may be there */
    _Atomic uint64_t ticket; /* the phase, its parts, and the next part to be taken, in one word */
    _Atomic uint64_t done;   /* parts */
} mlp_crew;

/* Calls lead(argument), during which the other threads of the team help with phases. */
void mlsel_i_mlp_crew_stretch(mlp_crew *crew, void (*lead)(void *argument), void *argument);

/* Does all parts of a phase, of which there are less than 2^24; called by the leader. What was written before it is
 * seen by all parts, and what they write by what follows. */
void mlsel_i_mlp_crew_phase(mlp_crew *crew, unsigned kind, size_t layer, size_t n_parts);

#endif
