// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package mlsel_test

import (
	"testing"
	"time"

	"mlsel"
	"mlsel/internal/cloop"
)

// BenchmarkOverhead tells what a call costs from Go beyond the same call in a loop of C, for one query of 1038 values, and
// for a request with two signals that a router answers.
//
//	go-ns/op        from Go
//	c-ns/op         in a loop of C
//	overhead-ns/op  the difference
func BenchmarkOverhead(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(algorithm, func(b *testing.B) {
			m := load(b, artifact(algorithm), nil)
			c, err := cloop.Load(artifact(algorithm))
			if err != nil {
				b.Fatal(err)
			}
			defer c.Release()
			x := features(b, m, queries(b)[0])
			overhead(b, func() error { _, err := m.Select(x, nil); return err },
				func(rounds int) error { return c.Select(x, rounds) })
		})
	}
	b.Run("route", func(b *testing.B) {
		r := openRouter(b, nil)
		c, err := cloop.Open(config)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Release()
		q := queries(b)[2] // to the last decision, and KMeans
		request := mlsel.Request{Embedding: q.Embedding, Category: q.Category,
			Signals: []mlsel.Signal{{Type: "language", Name: "en"}, {Type: "keyword", Name: "casual"}}}
		overhead(b, func() error { _, err := r.Route(&request); return err },
			func(rounds int) error { return c.Route(q.Embedding, q.Category, rounds) })
	})
}

// overhead lets the two take turns in blocks. The fastest block of each counts, so that other load on the machine counts
// little.
func overhead(b *testing.B, fromGo func() error, inC func(rounds int) error) {
	const block = 200
	fastest := [2]time.Duration{1 << 62, 1 << 62}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += block {
		start := time.Now()
		for i := 0; i < block; i++ {
			if err := fromGo(); err != nil {
				b.Fatal(err)
			}
		}
		fastest[0] = least(fastest[0], time.Since(start))
		start = time.Now()
		if err := inC(block); err != nil {
			b.Fatal(err)
		}
		fastest[1] = least(fastest[1], time.Since(start))
	}
	b.ReportMetric(0, "ns/op") // of both together: means nothing
	b.ReportMetric(float64(fastest[0].Nanoseconds())/block, "go-ns/op")
	b.ReportMetric(float64(fastest[1].Nanoseconds())/block, "c-ns/op")
	b.ReportMetric(float64((fastest[0]-fastest[1]).Nanoseconds())/block, "overhead-ns/op")
}

func least(a, b time.Duration) time.Duration {
	if a < b {
		return a
	}
	return b
}

// BenchmarkEmptyCall is what Go's way into C and back costs by itself.
func BenchmarkEmptyCall(b *testing.B) {
	for i := 0; i < b.N; i++ {
		cloop.Nothing()
	}
}

func BenchmarkSelectParallel(b *testing.B) {
	m := load(b, artifact("kmeans"), nil)
	x := features(b, m, queries(b)[0])
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.Select(x, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
