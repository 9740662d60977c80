// SPDX-License-Identifier: Apache-2.0

package mlsel

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// A handle lets calls into a C object as long as it is open, and lets Close know when the last of them has left.
//
// Calls are counted in several places, chosen by the address of the goroutine's stack, so that processors do not contend
// for one cache line. A call counts itself first and looks at `closed` then; Close does it the other way round. So a
// call either sees that the handle is closed, or is seen by Close.
type handle struct {
	closed atomic.Bool
	inside [handleStripes]stripe
}

const handleStripes = 16 // a power of two

type stripe struct {
	calls atomic.Int64
	_     [120]byte // two cache lines, as processors fetch them in pairs
}

// enter returns where to leave, or nil if the handle is closed.
func (h *handle) enter() *stripe {
	var here byte
	address := uint64(uintptr(unsafe.Pointer(&here))) >> 10 // the smallest stacks are 2 KiB
	s := &h.inside[(address*0x9e3779b97f4a7c15>>32)%handleStripes]
	s.calls.Add(1)
	if h.closed.Load() {
		s.calls.Add(-1)
		return nil
	}
	return s
}

func (s *stripe) leave() { s.calls.Add(-1) }

// shut lets no more calls in and waits for those that are inside. Only the first caller gets true.
func (h *handle) shut() bool {
	if !h.mark() {
		return false
	}
	h.drain()
	return true
}

// mark lets no more calls in. Only the first caller gets true.
func (h *handle) mark() bool { return h.closed.CompareAndSwap(false, true) }

// drain waits for the calls that are inside.
func (h *handle) drain() {
	for i := range h.inside {
		pause := time.Microsecond
		for round := 0; h.inside[i].calls.Load() != 0; round++ {
			if round < 100 {
				runtime.Gosched()
				continue
			}
			time.Sleep(pause)
			if pause < time.Millisecond {
				pause *= 2
			}
		}
	}
}
