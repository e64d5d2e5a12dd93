package clients

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
)

var long = flag.Bool("long", false, "try all cells")

// TestClients has every client carry out its cells, all clients at once.
func TestClients(t *testing.T) {
	desk := newDesk(t, StartGateway(t))
	desk.await(t)
	var mu sync.Mutex
	cells, failed := 0, 0
	t.Cleanup(func() { fmt.Printf("bar: clients=%d failed=%d\n", cells, failed) })
	next := 0
	for _, client := range All {
		chosen := client.cells(*long)
		first := next
		next += len(chosen)
		t.Run(client.Name, func(t *testing.T) {
			t.Parallel()
			bad := carryOut(t, desk, first, chosen)
			mu.Lock()
			defer mu.Unlock()
			cells, failed = cells+len(chosen), failed+bad
		})
	}
}

// carryOut runs the cells of one client and returns how many failed. Their ids begin with first.
func carryOut(t *testing.T, desk *Desk, first int, cells []Cell) (failed int) {
	jobs := make([]Job, len(cells))
	for i, cell := range cells {
		jobs[i] = desk.job(first+i, cell)
	}
	reports := map[int]Report{}
	cells[0].Client.Run(t, jobs, func(r Report) { reports[r.ID] = r })
	for i, cell := range cells {
		report, is := reports[first+i]
		if !is {
			report.Error = "hangs: the client reports nothing"
		}
		if findings := cell.findings(report); len(findings) > 0 {
			failed++
			t.Errorf("%s: %s", cell, findings)
		}
	}
	t.Logf("%d cells, %d failed", len(cells), failed)
	return failed
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}
