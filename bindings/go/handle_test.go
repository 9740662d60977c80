// SPDX-License-Identifier: Apache-2.0

package mlsel

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestHandleWaitsForTheLastCall(t *testing.T) {
	var h handle
	first, second := h.enter(), h.enter()
	if first == nil || second == nil {
		t.Fatal("an open handle lets nobody in")
	}
	done := make(chan bool)
	go func() { done <- h.shut() }()
	for !h.closed.Load() {
		time.Sleep(time.Millisecond)
	}
	if h.enter() != nil {
		t.Error("a closed handle lets somebody in")
	}
	first.leave()
	select {
	case <-done:
		t.Fatal("shut while there is a call inside")
	case <-time.After(50 * time.Millisecond):
	}
	second.leave()
	if !<-done {
		t.Error("the first to shut is not told so")
	}
	if h.shut() {
		t.Error("shut twice")
	}
}

// What is freed after shut is never in use: the race detector sees a read beside the write below, if there is one.
func TestHandleGuards(t *testing.T) {
	for round := 0; round < 200; round++ {
		var h handle
		var group sync.WaitGroup
		var inside atomic.Int64
		object := 1
		for g := 0; g < 8; g++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					s := h.enter()
					if s == nil {
						return
					}
					inside.Add(1)
					if object != 1 {
						t.Error("used after it was freed")
					}
					inside.Add(-1)
					s.leave()
				}
			}()
		}
		h.shut()
		if inside.Load() != 0 {
			t.Error("shut while there is a call inside")
		}
		object = 0
		group.Wait()
	}
}
