/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <string.h>

double bench_share(const bench_row *row) {
    const double ratio = row->time.b_over_a;
    return row->bound == BENCH_BOUND_FMA ? ratio * row->flops / row->fma_flops : ratio;
}

static const char *bound_name(bench_bound bound) {
    static const char *const names[] = {"read", "fma", "copy", "product", "none"};
    return names[bound];
}

/* --- table ------------------------------------------------------------------------------------------------------- */

/* Microseconds with about four digits. */
static void print_micros(FILE *out, double nanoseconds) {
    const double us = nanoseconds / 1e3;
    fprintf(out, " %10.*f", us < 10 ? 3 : us < 100 ? 2 : us < 10000 ? 1 : 0, us);
}

static void print_machine(FILE *out, const bench_machine *machine, const char *bounds,
                          const mlsel_device_info *device) {
    fprintf(out, "processor   %s, %ld cores, %s\n", machine->processor, machine->processors, machine->caches);
    fprintf(out, "system      %s, huge pages %s, load average %.2f\n", machine->kernel, machine->huge_pages,
            machine->load);
    fprintf(out, "library     %s\n", machine->library);
    fprintf(out, "bounds      %s vectors, %s\n", bounds, machine->compiler);
    if (device != NULL)
        fprintf(out, "device      %s: %s, %.1f GiB\n", device->name, device->description,
                (double)device->memory_bytes / 0x1p30);
    fprintf(
        out,
        "\nPer query: microseconds (median, 99 of 100 below, least), bytes that must be read, GFLOP/s. Share of the\n"
        "bound: of summing the same bytes (read) or of multiplying and adding on registers (fma), in the same "
        "turns;\non a card of copying the queries there and the answers back (copy), or of multiplying what has to "
        "be\n(product, by cuBLASLt in the row's precision, without TF32), whichever takes longer.\n\n");
}

static void print_head(FILE *out) {
    fprintf(out, "%-24s %-11s %-9s %5s %-6s %10s %10s %10s %11s %11s %9s  %-7s %6s\n", "case", "isa", "precision",
            "batch", "query", "median", "p99", "min", "queries/s", "bytes", "GFLOP/s", "bound", "share");
}

static void print_query_row(FILE *out, const bench_row *row) {
    const bench_stats *a = &row->time.a;
    const double batch = (double)row->batch;
    fprintf(out, "%-24s %-11s %-9s %5zu %-6s", row->name, row->isa, row->precision, row->batch, row->query);
    print_micros(out, a->median / batch);
    print_micros(out, a->p99 / batch);
    print_micros(out, a->min / batch);
    fprintf(out, " %11.0f %11.0f %9.1f  %-7s %6.2f\n", 1e9 * batch / a->median, row->bytes / batch,
            row->flops / a->median, bound_name(row->bound), bench_share(row));
}

static void print_load_row(FILE *out, const bench_row *row) {
    const bench_stats *a = &row->time.a;
    fprintf(out, "%-24s %-11s %-9s %5s %-6s", row->name, row->isa, row->precision, "", "");
    print_micros(out, a->median);
    print_micros(out, a->p99);
    print_micros(out, a->min);
    fprintf(out, " %11s %11.0f %9s  %-7s %6.2f  %.2f GB/s", "", row->bytes, "", "read", bench_share(row),
            row->bytes / a->median);
    if (row->extra_memory >= 0)
        fprintf(out, ", %.2f bytes of memory per byte", row->extra_memory);
    fputc('\n', out);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void json_string(FILE *out, const char *key, const char *value) {
    fprintf(out, "\"%s\": \"", key);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            fputc('\\', out);
        if ((unsigned char)*p >= 0x20)
            fputc(*p, out);
    }
    fputc('"', out);
}

static void json_machine(FILE *out, const bench_machine *machine, const char *bounds, const mlsel_device_info *device) {
    fputs("{\"machine\": {", out);
    json_string(out, "processor", machine->processor);
    fprintf(out, ", \"processors\": %ld, ", machine->processors);
    json_string(out, "caches", machine->caches);
    fputs(", ", out);
    json_string(out, "kernel", machine->kernel);
    fputs(", ", out);
    json_string(out, "huge_pages", machine->huge_pages);
    fprintf(out, ", \"load_average\": %.2f, ", machine->load);
    json_string(out, "library", machine->library);
    fputs(", ", out);
    json_string(out, "compiler", machine->compiler);
    fputs(", ", out);
    json_string(out, "bounds", bounds);
    if (device != NULL) {
        fputs(", ", out);
        json_string(out, "device", device->name);
        fputs(", ", out);
        json_string(out, "card", device->description);
    }
    fputs("}}\n", out);
}

static void json_row(FILE *out, const bench_row *row) {
    const bench_stats *a = &row->time.a, *b = &row->time.b;
    const double batch = row->batch == 0 ? 1 : (double)row->batch;
    fputs("{", out);
    json_string(out, "case", row->name);
    const char *const texts[][2] = {{"kind", row->kind},     {"isa", row->isa},     {"precision", row->precision},
                                    {"scored", row->scored}, {"query", row->query}, {"read_way", row->read_way}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fputs(", ", out);
        json_string(out, texts[i][0], texts[i][1]);
    }
    fprintf(out, ", \"batch\": %zu, \"threads\": %u, \"median_us\": %.6g, \"p99_us\": %.6g, \"min_us\": %.6g",
            row->batch, row->threads, a->median / batch / 1e3, a->p99 / batch / 1e3, a->min / batch / 1e3);
    fprintf(out, ", \"samples\": %zu, \"calls_per_sample\": %zu, \"queries_per_s\": %.6g", a->samples, a->group,
            1e9 * batch / a->median);
    fprintf(out, ", \"bytes_per_query\": %.0f, \"flops_per_query\": %.0f", row->bytes / batch, row->flops / batch);
    fprintf(out, ", \"bound\": \"%s\", \"bound_median_us\": %.6g, \"bound_p99_us\": %.6g, \"bound_min_us\": %.6g",
            bound_name(row->bound), b->median / 1e3, b->p99 / 1e3, b->min / 1e3);
    if (row->bound == BENCH_BOUND_FMA)
        fprintf(out, ", \"gflops\": %.6g, \"peak_gflops\": %.6g", row->flops / a->median, row->fma_flops / b->median);
    else if (row->bound == BENCH_BOUND_PRODUCT)
        fprintf(out, ", \"gflops\": %.6g, \"peak_gflops\": %.6g", row->flops / a->median, row->flops / b->median);
    else if (row->bound == BENCH_BOUND_READ)
        fprintf(out, ", \"bound_gb_per_s\": %.6g", row->bytes / b->median);
    fprintf(out, ", \"share\": %.4f", bench_share(row));
    if (row->extra_memory >= 0)
        fprintf(out, ", \"memory_per_byte\": %.4f", row->extra_memory);
    fputs("}\n", out);
}

/* --- both -------------------------------------------------------------------------------------------------------- */

void bench_report_machine(const bench_report *report, const bench_machine *machine, const char *bounds,
                          const mlsel_device_info *device) {
    if (report->table != NULL) {
        print_machine(report->table, machine, bounds, device);
        print_head(report->table);
        fflush(report->table);
    }
    if (report->json != NULL)
        json_machine(report->json, machine, bounds, device);
}

void bench_report_row(bench_report *report, const bench_row *row) {
    if (report->table != NULL) {
        if (report->last_name[0] != '\0' && strcmp(report->last_name, row->name) != 0)
            fputc('\n', report->table);
        if (row->batch == 0)
            print_load_row(report->table, row);
        else
            print_query_row(report->table, row);
        fflush(report->table);
    }
    snprintf(report->last_name, sizeof report->last_name, "%s", row->name);
    if (report->json != NULL) {
        json_row(report->json, row);
        fflush(report->json);
    }
}
