/* SPDX-License-Identifier: Apache-2.0 */
/* What the fast ways through a one-vs-one SVM share. */
#ifndef MLSEL_CPU_SVM_H
#define MLSEL_CPU_SVM_H

#include "state.h"

/* Kernel values of the vectors [first, first + count) in place of their dot products with one query. */
void mlsel_i_svm_kernel(const cpu_state *state, double squared_norm, uint64_t first, size_t count, float *values);

/* Bound on the error of a kernel value, relative for RBF, absolute for linear; INFINITY where it is too large or the
 * query's norm is out of bounds. dots_error: of the dot products. */
double mlsel_i_svm_kernel_error(const cpu_state *state, double dots_error, double squared_norm);

/* Bound on the error of a decision value. weighted: sum of the kernel values times coef_bounds. */
double mlsel_i_svm_decision_error(const cpu_state *state, double kernel_error, double weighted);

#endif
