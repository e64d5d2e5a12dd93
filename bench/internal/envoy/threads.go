package envoy

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Threads is the CPU time that the threads of a process have used.
type Threads struct {
	// Main takes configuration, flushes statistics, answers the admin interface.
	Main time.Duration
	// Others are the workers, which carry traffic, and helpers.
	Others time.Duration
}

// Since is what was used after an earlier look.
func (t Threads) Since(before Threads) Threads {
	return Threads{Main: t.Main - before.Main, Others: t.Others - before.Others}
}

// CPU reads what the kernel's scheduler has accounted, in nanoseconds (proc(5): schedstat; the
// fields of stat count in ticks of 10 ms, which is as much as is measured here).
func (p *Process) CPU() (t Threads, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.PID))
	if err != nil || len(files) == 0 {
		return t, fmt.Errorf("no threads of process %d: %w", p.PID, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return t, err // Envoy's threads live as long as it does
		}
		fields := strings.Fields(string(text))
		if len(fields) == 0 {
			return t, fmt.Errorf("%s is empty", file)
		}
		used, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return t, fmt.Errorf("%s: %w", file, err)
		}
		if filepath.Base(filepath.Dir(file)) == strconv.Itoa(p.PID) {
			t.Main = time.Duration(used)
		} else {
			t.Others += time.Duration(used)
		}
	}
	return t, nil
}
