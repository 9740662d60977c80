// SPDX-License-Identifier: Apache-2.0

package mlsel

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// nanoseconds converts a count that a Duration may not hold.
func nanoseconds(n uint64) time.Duration {
	if n > math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(n)
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// WritePrometheus writes the metrics in Prometheus' text format, under the names that the mlsel command uses.
func (m *Metrics) WritePrometheus(w io.Writer) error {
	out := bufio.NewWriter(w)
	family := func(name, kind, help string) {
		fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	plain := func(name, kind, help string, value uint64) {
		family(name, kind, help)
		fmt.Fprintf(out, "%s %d\n", name, value)
	}
	plain("mlsel_requests_total", "counter", "Requests routed, answered or not.", m.Requests)
	plain("mlsel_request_errors_total", "counter", "Requests without an answer.", m.Errors)
	plain("mlsel_requests_unmatched_total", "counter", "Requests that no decision matched and no default.", m.NoDecision)
	plain("mlsel_requests_default_total", "counter", "Requests answered by the default.", m.Defaults)
	plain("mlsel_config_generation", "gauge", "Number of the configuration in use.", m.Generation)
	family("mlsel_config_reloads_total", "counter", "Reloads of the configuration, by result.")
	fmt.Fprintf(out, "mlsel_config_reloads_total{result=\"success\"} %d\n", m.Reloads)
	fmt.Fprintf(out, "mlsel_config_reloads_total{result=\"failure\"} %d\n", m.FailedReloads)

	counter := func(name, help, labels string, value func(*DecisionMetrics) uint64) {
		if help != "" {
			family(name, "counter", help)
		}
		for i := range m.Decisions {
			d := &m.Decisions[i]
			fmt.Fprintf(out, "%s{decision=\"%s\"%s} %d\n", name, labelEscapes.Replace(d.Name), labels, value(d))
		}
	}
	counter("mlsel_decision_requests_total", "Requests that a decision was asked for.", "",
		func(d *DecisionMetrics) uint64 { return d.Requests })
	counter("mlsel_decision_errors_total", "Requests that a decision could not answer.", "",
		func(d *DecisionMetrics) uint64 { return d.Errors })
	counter("mlsel_decision_scored_total", "Requests answered by the choice of a decision's selector.", "",
		func(d *DecisionMetrics) uint64 { return d.Scored })
	counter("mlsel_decision_fallbacks_total", "Requests answered without the selector's choice, by reason.",
		`,reason="selector_failed"`, func(d *DecisionMetrics) uint64 { return d.SelectorFailed })
	counter("mlsel_decision_fallbacks_total", "", `,reason="unknown_models"`,
		func(d *DecisionMetrics) uint64 { return d.UnknownModels })
	counter("mlsel_decision_fallbacks_total", "", `,reason="low_confidence"`,
		func(d *DecisionMetrics) uint64 { return d.LowConfidence })
	counter("mlsel_decision_category_fallbacks_total", "Requests whose category counted as other.", "",
		func(d *DecisionMetrics) uint64 { return d.CategoryFellBack })

	family("mlsel_decision_selections_total", "counter", "How often a decision answered with a model.")
	for i := range m.Decisions {
		for _, s := range m.Decisions[i].Selections {
			fmt.Fprintf(out, "mlsel_decision_selections_total{decision=\"%s\",model=\"%s\"} %d\n",
				labelEscapes.Replace(m.Decisions[i].Name), labelEscapes.Replace(s.Served), s.Count)
		}
	}
	family("mlsel_decision_duration_seconds", "histogram", "Time to route a request, by decision.")
	for i := range m.Decisions {
		m.Decisions[i].writeHistogram(out)
	}
	return out.Flush()
}

func (d *DecisionMetrics) writeHistogram(w io.Writer) {
	const name = "mlsel_decision_duration_seconds"
	decision := labelEscapes.Replace(d.Name)
	total := uint64(0)
	for i, bound := range LatencyBounds() {
		if i < len(d.Buckets) {
			total += d.Buckets[i]
		}
		le := strconv.FormatFloat(bound, 'g', -1, 64)
		fmt.Fprintf(w, "%s_bucket{decision=\"%s\",le=\"%s\"} %d\n", name, decision, le, total)
	}
	fmt.Fprintf(w, "%s_sum{decision=\"%s\"} %.9f\n", name, decision, d.Latency.Seconds())
	fmt.Fprintf(w, "%s_count{decision=\"%s\"} %d\n", name, decision, total)
}
