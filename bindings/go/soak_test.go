// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package mlsel_test

import (
	"flag"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mlsel"
)

// soakTime is what MLSEL_SOAK_SECONDS says, or two seconds.
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("MLSEL_SOAK_SECONDS")
	if text == "" {
		return 2 * time.Second
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		t.Fatalf("MLSEL_SOAK_SECONDS is %q, not a number of seconds", text)
	}
	return time.Duration(seconds) * time.Second
}

// held is what the process holds once what is no longer referred to has been collected.
type held struct {
	resident int // KiB
	files    int
	threads  int
}

// collect returns when what was no longer referred to has been released: finalizers run one after the other, those of
// one collection before those of the next.
func collect() {
	for i := 0; i < 2; i++ {
		done := make(chan struct{})
		runtime.SetFinalizer(&struct{ a [16]byte }{}, func(*struct{ a [16]byte }) { close(done) })
		runtime.GC()
		<-done
	}
}

func look(t *testing.T) (now held) {
	t.Helper()
	collect()
	debug.FreeOSMemory() // what the heap keeps for later is not counted
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	number := func(key string) int {
		_, rest, _ := strings.Cut(string(status), "\n"+key+":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			t.Fatalf("/proc/self/status has no %s", key)
		}
		n, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return held{number("VmRSS"), len(files), number("Threads")}
}

// soakWork is what goroutines do again and again, each answer compared with the first one.
type soakWork struct {
	name  string
	count atomic.Int64
	step  func(n int) error
}

type wrongAnswer struct{ what, got, want string }

func (w wrongAnswer) Error() string { return w.what + " answers " + w.got + ", at first " + w.want }

func sameAnswer(what, got, want string) error {
	if got != want {
		return wrongAnswer{what, got, want}
	}
	return nil
}

// soakWorks opens everything once and notes what it answers.
func soakWorks(t *testing.T) []*soakWork {
	all := queries(t)
	var models []*mlsel.Model
	var xs [][]float32 // the same for each model
	want := make([][]string, len(algorithms))
	for i, algorithm := range algorithms {
		m := load(t, artifact(algorithm), nil)
		models = append(models, m)
		xs, want[i] = choices(t, m, all)
	}
	batcher := newBatcher(t, models[0], &mlsel.BatcherOptions{MaxRunning: 1, AlwaysGroup: true})
	router := openRouter(t, &mlsel.RouterOptions{CollectMetrics: true})
	route := func(n int) error {
		q := n % len(all)
		got, err := router.Route(&mlsel.Request{Embedding: all[q].Embedding, Category: all[q].Category})
		if err != nil {
			return err
		}
		return sameAnswer("the router", got.Served, routed[q].served)
	}
	return []*soakWork{
		{name: "select", step: func(n int) error {
			i, q := n%len(models), n%len(xs)
			s, err := models[i].Select(xs[q], nil)
			if err != nil {
				return err
			}
			return sameAnswer(algorithms[i], s.Label, want[i][q])
		}},
		{name: "explain", step: func(n int) error {
			_, err := models[n%len(models)].Explain(xs[n%len(xs)], nil)
			return err
		}},
		{name: "group", step: func(n int) error {
			q := n % len(xs)
			s, err := batcher.Select(xs[q], nil)
			if err != nil {
				return err
			}
			return sameAnswer("the batcher", s.Label, want[0][q])
		}},
		{name: "route", step: route},
		{name: "load", step: func(n int) error {
			i, q := n%len(models), n%len(xs)
			m, err := mlsel.Load(artifact(algorithms[i]), nil)
			if err != nil {
				return err
			}
			s, err := m.Select(xs[q], nil)
			if err != nil {
				return err
			}
			if n%3 != 0 { // else it is left to the finalizer
				m.Close()
			}
			return sameAnswer("a model of its own", s.Label, want[i][q])
		}},
		{name: "reload", step: func(n int) error {
			time.Sleep(5 * time.Millisecond)
			return router.Reload("")
		}},
	}
}

// inOneArena says whether glibc has one arena, and runs the test in a process that has if not: with one for each thread,
// what malloc keeps depends on which thread frees what, and grows by more than TestSoak allows.
func inOneArena(t *testing.T) bool {
	const key = "MALLOC_ARENA_MAX"
	if os.Getenv(key) == "1" {
		return true
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.timeout=" + flag.Lookup("test.timeout").Value.String()}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), key+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("with %s=1: %v", key, err)
	}
	return false
}

// A process of Go under mixed load holds, however long it goes on, what it held after the first tenth. scripts/soak.sh
// lets this run for as long as wanted.
func TestSoak(t *testing.T) {
	if !inOneArena(t) {
		return
	}
	length := soakTime(t)
	works := soakWorks(t)
	var stop atomic.Bool
	var all sync.WaitGroup
	for _, work := range works {
		for g := 0; g < 4; g++ {
			all.Add(1)
			go func(work *soakWork, g int) {
				defer all.Done()
				for n := g; !stop.Load() && !t.Failed(); n++ {
					if err := work.step(n); err != nil {
						t.Errorf("%s: %v", work.name, err)
						return
					}
					work.count.Add(1)
				}
			}(work, g)
		}
	}
	start := time.Now()
	var first, last held
	most := 0
	for elapsed := time.Duration(0); elapsed < length && !t.Failed(); {
		time.Sleep(length / 60)
		elapsed = time.Since(start)
		last = look(t)
		line := ""
		for _, work := range works {
			line += " " + work.name + " " + strconv.FormatInt(work.count.Load(), 10)
		}
		t.Logf("%5.0f s:%s; %d KiB, %d files, %d threads", elapsed.Seconds(), line, last.resident, last.files, last.threads)
		if elapsed < length/10 || first.resident == 0 {
			first = last
		} else if last.resident > most {
			most = last.resident
		}
	}
	stop.Store(true)
	all.Wait()
	for _, work := range works {
		if work.count.Load() == 0 {
			t.Errorf("%s: nothing was done", work.name)
		}
	}
	// What allocators keep differs from time to time, the more so with a heap that is collected; a goroutine that loads
	// holds a file at times.
	if room := first.resident/10 + 16*1024; most > first.resident+room {
		t.Errorf("resident memory: %d KiB after the first tenth, %d KiB since", first.resident, most)
	}
	if last.files > first.files+8 || last.threads > first.threads+8 {
		t.Errorf("%d files and %d threads after the first tenth, %d and %d at the end", first.files, first.threads,
			last.files, last.threads)
	}
}
